"""One control per file: its id is the name of the file, and `ids.txt` lists those that must be there."""
