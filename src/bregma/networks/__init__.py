"""Networks, one paper a file. A network maps a `Batch` to `Outputs` and knows nothing of losses, recipes or devices."""
