"""Torch modules, one paper a file."""
