"""From Hounsfield units to what a network sees, and back. Pure functions, no I/O, no torch."""
