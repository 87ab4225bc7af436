"""The command line: one verb per command, and each only parses, calls and prints.

Heavy libraries are imported inside the commands, so that `bregma --help` answers at once.
"""

from bregma.cli.app import main

__all__ = ["main"]
