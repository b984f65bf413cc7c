"""`discover`: runs a command and turns what may go wrong into an exit code and words."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Sequence

import typer

from discover.cli.app import app
from discover.cli.interruption import Interrupted
from discover.errors import InputError

DONE, FAULT, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

# Newer typer carries its own click: its exceptions are reached through typer's
_ClickError: type[Exception] = typer.BadParameter.__mro__[2]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit code: 0 done, 2 bad input, 130 interrupted, 1 anything else."""
    if not sys.warnoptions:  # what libraries warn of is for programmers; PYTHONWARNINGS=default shows it
        warnings.simplefilter("ignore")
    words = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    try:
        code = app(args=words, prog_name="discover", standalone_mode=False)
    except InputError as error:
        return _say(str(error), BAD_INPUT)
    except Interrupted as interrupted:
        return _say(str(interrupted), INTERRUPTED)
    except (KeyboardInterrupt, typer.Abort):
        return _say("interrupted", INTERRUPTED)
    except BrokenPipeError:  # `discover hull DIR | head`: the reader has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAULT
    except _ClickError as error:
        return _say(_usage(error), BAD_INPUT)
    except Exception:  # the traceback is for whoever mends the program
        traceback.print_exc()
        return FAULT
    return code or DONE  # a command that leaves by typer.Exit gives its own


def _usage(error: BaseException) -> str:
    """What is wrong with the words typed, in one line."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "discover"
    text = " ".join(getattr(error, "format_message", error.__str__)().split()).rstrip(".")
    return f"{command}: {text}; see `{command} --help`"


def _say(text: str, code: int) -> int:
    print(text, file=sys.stderr)
    return code
