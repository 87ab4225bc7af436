"""From a recipe and a library to a model package."""
