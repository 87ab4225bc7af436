"""A reading for eyes and for machines: JSON by contract, a table in the terminal, CSV, and a page with pictures."""
