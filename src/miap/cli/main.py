"""``miap``: every command, and the one place where errors become messages and exit codes."""

import json
import os
import signal
import sys
import traceback
import warnings
from typing import Annotated

import typer

import miap
from miap.errors import MiapError

app = typer.Typer(
    name="miap",
    help="Tumour detection and segmentation. Research use only; not a medical device.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"miap {miap.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[  # noqa: ARG001 - its callback acts
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error, and the warnings of libraries.")] = False,
) -> None:
    """Options before the command."""
    if not debug and not sys.warnoptions:
        warnings.simplefilter("ignore")


def main() -> None:
    """Entry point: run a command; whatever goes wrong becomes one message and an exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        from miap.cli import commands  # noqa: F401 - registers the commands

        app(prog_name="miap")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except Exception as error:
        if "--debug" in sys.argv:
            traceback.print_exc()
        told = _told(error)
        _explain(told)
        sys.exit(told.exit_code)


def _terminate(number: int, _: object) -> None:
    """Leave as after an exception, so that nothing half-written stays behind."""
    sys.exit(128 + number)


def _told(error: Exception) -> MiapError:
    """An error as the user is told of it."""
    if isinstance(error, MiapError):
        return error
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("miap"):
        return MiapError(f"{error.name} is not installed.", remedy="miap doctor says what is missing.")
    if isinstance(error, OSError) and error.strerror:
        where = "" if error.filename is None else f": {error.filename}"
        return MiapError(f"{error.strerror}{where}.", remedy="Check the disk and the permissions.")
    return MiapError(
        f"MIAP failed: {type(error).__name__}: {error}".rstrip(": ") + ".",
        remedy="This is a fault of MIAP's. miap --debug COMMAND … shows where it happened; please report that.",
    )


def _explain(error: MiapError) -> None:
    if "--json" in sys.argv:
        typer.echo(json.dumps({"error": error.message, "remedy": error.remedy, "exit_code": error.exit_code}), err=True)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, soft_wrap=True)
    console.print(Text.assemble(("Error: ", "bold red"), error.message))
    if error.remedy:
        console.print(Text.assemble(("→ ", "dim"), error.remedy))
