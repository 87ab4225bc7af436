"""One file per step of the history, named by its number."""
