"""One source of labels against another."""
