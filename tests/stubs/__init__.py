"""Local stand-ins for things outside: HTTP servers that speak the model providers' wire formats."""
