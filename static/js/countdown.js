// Keeps the words beside a deadline true. The server wrote the first ones with its own clock; `data-now`
// on <html>-less pages is not needed, because the time of the response is close enough to the time of load.
