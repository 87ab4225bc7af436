"""Multi-reader multi-case studies: several readers read the same cases with and without something new."""
