"""``miap analyze``: a study in, findings out."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from miap.cli.main import app
from miap.errors import UsageError

if TYPE_CHECKING:
    from miap.imaging.modality import Modality
    from miap.jobs.analyze import Result
    from miap.jobs.rendering import Extra

_MOST_FLAGS = 6


@app.command()
def analyze(
    output: Annotated[Path, typer.Option(help="Folder to make for the result; it appears whole or not at all.")],
    study: Annotated[
        list[Path] | None, typer.Argument(help="DICOM folders, files or zips, or NIfTI files named by modality.")
    ] = None,
    image: Annotated[
        list[str] | None, typer.Option(metavar="ROLE=FILE", help="Say what a file is: t1, t1c, t2, flair, ct or pet.")
    ] = None,
    series: Annotated[
        list[str] | None, typer.Option(metavar="ROLE=UID", help="Choose a series for a role, by UID or number.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Model to use; by default the one that fits what the study has.")
    ] = None,
    also: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES", help="More DICOM objects, by commas: rtstruct, parametric-map, secondary-capture."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace a result that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Find, outline and measure the tumours of one case, and write masks, measurements and a report."""
    if not study and not image:
        raise UsageError("There is nothing to analyse.", remedy="Name a study, or files with --image ROLE=FILE.")
    images = {role: Path(file) for role, file in _roles(image or [], "--image").items()}
    chosen = _roles(series or [], "--series")

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from miap.cli.site import site_settings
    from miap.jobs.analyze import Request, Step, analyze

    request = Request(tuple(study or ()), output, images, chosen, model, overwrite, _extras(also or ""))
    console = Console(stderr=True)
    columns = TextColumn("{task.description:10}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=as_json or not console.is_terminal) as progress:
        task = progress.add_task("start", total=len(Step))

        def report(step: Step, fraction: float) -> None:
            progress.update(task, description=step.value, completed=list(Step).index(step) + fraction)

        result = analyze(request, site_settings(), report=report)
    if as_json:
        typer.echo(json.dumps(result.findings.to_json(), ensure_ascii=False))
    else:
        _show(result)


def _extras(names: str) -> "frozenset[Extra]":
    from miap.jobs.rendering import Extra

    wanted = [name.strip().lower() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in list(Extra):
            raise UsageError(
                f"--also {name} is not understood.", remedy=f"Write --also with some of {', '.join(Extra)}."
            )
    return frozenset(Extra(name) for name in wanted)


def _roles(words: list[str], option: str) -> "dict[Modality, str]":
    from miap.imaging.modality import Modality

    roles: dict[Modality, str] = {}
    for word in words:
        role, _, value = word.partition("=")
        if not value or role.lower() not in list(Modality):
            raise UsageError(
                f"{option} {word} is not understood.",
                remedy=f"Write {option} ROLE=…, with a role of {', '.join(Modality)}.",
            )
        if Modality(role.lower()) in roles:
            raise UsageError(f"{option} names {role} twice.", remedy="Name each role once.")
        roles[Modality(role.lower())] = value
    return roles


def _show(result: "Result") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    findings, console = result.findings, Console()
    uptake = any(lesion.uptake for lesion in findings.lesions)
    table = Table("", "lesion", "volume", "longest × perpendicular", *(["SUVmax"] if uptake else []), "confidence")
    for lesion in findings.lesions:
        suv = [f"{lesion.uptake.suv_max:.1f}" if lesion.uptake else ""] if uptake else []
        size = f"{lesion.longest.length_mm:.0f} × {lesion.perpendicular.length_mm:.0f} mm"
        table.add_row(
            str(lesion.id), lesion.label, f"{lesion.volume_ml:.1f} ml", size, *suv, f"{lesion.confidence:.0%}"
        )
    if findings.lesions:
        console.print(table)
    else:
        console.print("[bold]No lesion found.[/] This does not rule disease out.")
    flags = findings.quality.flags
    for flag in flags[:_MOST_FLAGS]:
        console.print(f"[yellow]●[/] {escape(flag)}")
    if len(flags) > _MOST_FLAGS:
        console.print(f"[yellow]●[/] … and {len(flags) - _MOST_FLAGS} more, in the report.")
    for note in result.notes:
        console.print(f"[dim]● {escape(note)}[/]")
    seconds = sum(findings.timing_s.values())
    console.print(
        f"[dim]{result.bundle.name} {result.bundle.version}, {seconds:.1f} s. "
        "Research use only; not a medical device.[/]"
    )
    console.print(Text(f"Report: {result.folder / 'report.pdf'}"), soft_wrap=True)
