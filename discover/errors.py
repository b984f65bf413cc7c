"""Errors for people who can mend them."""


class InputError(Exception):
    """Bad input: one line that says what, where and how to mend it; the command line ends with exit code 2."""
