"""A trained model as a package on disk, and how to run it without torch."""
