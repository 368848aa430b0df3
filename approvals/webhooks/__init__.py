"""Other programs are told what happens to tickets: signed, again until they take it, and never inside our network."""
