"""Data sets as their makers hand them out: one file each says what its folder looks like and turns it into parts."""
