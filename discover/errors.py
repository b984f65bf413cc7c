"""Errors for people who can mend them."""


class InputError(Exception):
    """Bad input: one line that says what, where and how to mend it; the command line ends with exit code 2."""

    def __init__(self, message: str) -> None:
        # A file name or a library's words may hold line breaks; the message stays one line
        super().__init__(" ".join(message.splitlines()))
