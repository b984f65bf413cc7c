"""The command line: words in, exit codes out; everything printed is printed here."""

from discover.cli.entry import main

__all__ = ["main"]
