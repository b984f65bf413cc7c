"""`python -m discover`: the command line where the script is not on the path."""

from discover.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
