"""The API for programs: one module per noun. Every rule of the pages holds here: the same functions underneath."""
