"""``miap``: every command, and the one place where errors become exit codes."""

import json
import os
import sys
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
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options before the command."""


def main() -> None:
    """Entry point: run a command; a `MiapError` becomes its message and exit code."""
    from miap.cli import commands  # noqa: F401 - registers the commands

    try:
        app()
    except MiapError as error:
        _explain(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _explain(error: MiapError) -> None:
    if "--json" in sys.argv:
        typer.echo(json.dumps({"error": error.message, "remedy": error.remedy, "exit_code": error.exit_code}), err=True)
        return
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(f"[bold red]Error:[/] {escape(error.message)}")
    if error.remedy:
        console.print(f"[dim]→[/] {escape(error.remedy)}")
