"""Pages: find within what the reader may see, bind a form, call one function, render."""
