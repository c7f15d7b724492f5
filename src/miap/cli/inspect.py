"""``miap inspect``: what a study holds, what each series is, and what can be run on it."""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from miap.cli.main import app

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

    from miap.errors import InputError
    from miap.imaging.companion import Companion
    from miap.imaging.inventory import Entry, Inventory, NiftiFile, Patient
    from miap.inference.bundle import Bundle


@app.command()
def inspect(
    study: Annotated[
        list[Path], typer.Argument(help="Folders, DICOM or NIfTI files, or zips; of any number of patients.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON (schema miap.inspect/1).")] = False,
) -> None:
    """Show what is there: patients, studies, series with their role and why, objects, and the models that fit."""
    from rich.console import Console
    from rich.progress import Progress

    from miap.cli.site import site_settings
    from miap.errors import InputError
    from miap.imaging.inventory import take_inventory
    from miap.inference.bundle import find_bundles
    from miap.jobs.inspection import to_json

    console = Console(stderr=True)
    work = tempfile.TemporaryDirectory(prefix="miap-")
    with work, Progress(console=console, transient=True, disable=as_json or not console.is_terminal) as progress:
        task = progress.add_task("reading headers", total=None)
        inventory = take_inventory(
            study,
            workdir=Path(work.name),
            report=lambda done, total: progress.update(task, completed=done, total=total),
        )
        bundles = list(find_bundles(site_settings().models).values())
    if as_json:
        typer.echo(json.dumps(to_json(inventory, bundles), ensure_ascii=False, indent=2))
    else:
        _show(inventory, bundles)
    if not inventory.usable:
        raise InputError(
            f"Nothing in {', '.join(map(str, study))} can be used.",
            remedy="Give a folder of CT, MR or PET series, or NIfTI files.",
        )


def _show(inventory: "Inventory", bundles: "list[Bundle]") -> None:
    from rich.console import Console
    from rich.tree import Tree

    console = Console()
    for patient in inventory.patients:
        name = str(patient.header.get("PatientName") or "").replace("^", " ").strip()
        identity = str(patient.header.get("PatientID") or "")
        title = (
            "NIfTI files"
            if patient.nifti
            else f"patient {' · '.join(filter(None, (identity, name))) or 'without name'}"
        )
        tree = Tree(_line(title, "bold"))
        for study in patient.studies:
            words = (_date(str(study.header.get("StudyDate") or "")), str(study.header.get("StudyDescription") or ""))
            branch = tree.add(_line(f"study {' · '.join(filter(None, words))}".strip(), "bold"))
            titles = {one.series_uid: one.title for one in study.companions}
            titles |= {str(one.header.get("SeriesInstanceUID")): one.title for one in patient.entries}
            for entry in study.series:
                _add_series(branch, entry)
            for companion in study.companions:
                _add_companion(branch, companion, titles)
        for file in patient.nifti:
            _add_nifti(tree, file)
        _add_models(tree, patient, bundles)
        console.print(tree)
    for problem in inventory.problems:
        console.print(_line(f"✘ {problem.message} → {problem.remedy}", "red"))
    if inventory.others:
        console.print(_line(f"{inventory.others} other file(s) are neither DICOM nor NIfTI.", "dim"))


def _add_series(branch: "Tree", entry: "Entry") -> None:
    found, header = entry.recognition, entry.header
    leaf = branch.add(_line(f"{header.get('Modality')} {entry.title}"))
    grid = []
    if "Columns" in header and "Rows" in header:
        grid.append(f"{header.Columns} × {header.Rows} × {entry.slices}")
    if entry.spacing is not None:
        grid.append(" × ".join(f"{value:.3g}" for value in entry.spacing) + " mm")
    if entry.orientation:
        grid.append(entry.orientation)
    if grid:
        leaf.add(_line(", ".join(grid), "dim"))
    style = "dim" if found.role is None else "yellow" if found.doubtful else "green"
    role = f"{found.kind}, {found.confidence:.0%}" if found.role else f"no role: {found.kind}"
    doubt = " (doubtful)" if found.doubtful else ""
    leaf.add(_line(f"{role}{doubt}" + (f": {found.because}" if found.reasons else ""), style))
    if entry.series is not None and entry.series.resampled:
        leaf.add(_line(f"when it is read, {entry.series.resampled}", "dim"))
    if entry.aside:
        leaf.add(_line(f"set aside: {entry.aside}", "dim"))
    _add_problem(leaf, entry.problem)


def _add_companion(branch: "Tree", companion: "Companion", titles: dict[str, str]) -> None:
    leaf = branch.add(_line(f"{companion.title} in {companion.file.name}"))
    if companion.contains:
        leaf.add(_line(f"contains {', '.join(companion.contains)}", "dim"))
    for uid in companion.refers_to:
        leaf.add(_line(f"refers to {titles.get(uid, f'a series that is not here: {uid}')}", "dim"))
    _add_problem(leaf, companion.problem)


def _add_nifti(tree: "Tree", file: "NiftiFile") -> None:
    from miap.imaging.orientation import plane

    leaf = tree.add(_line(file.file.name))
    if file.grid is not None:
        matrix = " × ".join(map(str, file.grid.shape))
        spacing = " × ".join(f"{value:.3g}" for value in file.grid.spacing)
        leaf.add(_line(f"{matrix}, {spacing} mm, {plane(file.grid.direction[:, 2])}", "dim"))
    if file.is_mask:
        leaf.add(_line("by its name a mask", "dim"))
    elif file.role is not None:
        leaf.add(_line(f"by its name {file.role.words}", "green"))
    else:
        leaf.add(_line("its name says no role; say it with --image ROLE=FILE", "dim"))
    _add_problem(leaf, file.problem)


def _add_models(tree: "Tree", patient: "Patient", bundles: "list[Bundle]") -> None:
    from miap.jobs.inspection import fits

    branch = tree.add(_line("models", "bold"))
    for fit in fits(patient, bundles):
        style = "dim" if not fit.runs else "yellow" if fit.doubtful else "green"
        leaf = branch.add(_line(f"{'✔' if fit.runs else '✘'} {fit.model} {fit.version} ({fit.title})", style))
        leaf.add(_line(fit.words, "dim"))
    if not bundles:
        branch.add(_line("none are installed", "dim"))


def _add_problem(leaf: "Tree", problem: "InputError | None") -> None:
    if problem is not None:
        leaf.add(_line(f"✘ {problem.message} → {problem.remedy}", "red"))


def _date(text: str) -> str:
    """A DICOM date as people write it; as it stands where it is none."""
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else text


def _line(text: str, style: str = "") -> "Text":
    """Text as it stands: what a header says is never taken for markup."""
    from rich.text import Text

    return Text("".join(c if c.isprintable() else " " for c in text), style=style)
