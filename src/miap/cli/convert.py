"""``miap convert``: between DICOM series, NIfTI, segmentations and structure sets."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from miap.cli.main import app


class To(StrEnum):
    """What to write."""

    NIFTI = "nifti"
    DICOM = "dicom"
    SEG = "seg"
    RTSTRUCT = "rtstruct"


class Role(StrEnum):
    """What an image is."""

    T1 = "t1"
    T1C = "t1c"
    T2 = "t2"
    FLAIR = "flair"
    CT = "ct"
    PET = "pet"


@app.command()
def convert(
    inputs: Annotated[
        list[Path], typer.Argument(help="The inputs: DICOM folders, files or zips, or NIfTI files, of one patient.")
    ],
    output: Annotated[Path, typer.Option(help="File (.nii, .nii.gz, .dcm) or folder; appears whole or not at all.")],
    to: Annotated[To | None, typer.Option(help="What to write; by default as the output's name says.")] = None,
    series: Annotated[
        str | None, typer.Option(metavar="NUMBER|UID", help="The only series to convert, or that a mask lies on.")
    ] = None,
    like: Annotated[
        Path | None, typer.Option(metavar="STUDY", help="The study that a mask, contours or a new series belongs to.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Table of a mask's labels (miap.labels/1); by default the JSON beside it.")
    ] = None,
    role: Annotated[Role | None, typer.Option(help="What a NIfTI image is, where its name does not say.")] = None,
    suv: Annotated[bool, typer.Option("--suv", help="Write PET as SUV by body weight, as MIAP reads it.")] = False,
    identity: Annotated[
        bool, typer.Option("--identity", help="Let the JSON beside an image tell who the patient is, dates and UIDs.")
    ] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace what is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Convert DICOM series to NIfTI and back, and masks between NIfTI, DICOM segmentations and structure sets."""
    from rich.console import Console
    from rich.text import Text

    from miap.imaging.modality import Modality
    from miap.jobs.conversion import Conversion, Target, convert

    console = Console(stderr=True)
    wanted = Conversion(
        inputs=tuple(inputs),
        output=output,
        to=Target(to.value) if to else None,
        series=series,
        like=like,
        labels=labels,
        role=Modality(role.value) if role else None,
        suv=suv,
        identity=identity,
        overwrite=overwrite,
    )
    with console.status("reading headers") as status:
        done = convert(wanted, report=lambda name: status.update(Text(name)))
    if as_json:
        typer.echo(json.dumps({"files": [str(file) for file in done.files], "notes": list(done.notes)}))
        return
    out = Console(soft_wrap=True)
    for file in done.files[:20]:
        out.print(Text(str(file)))
    if len(done.files) > 20:
        out.print(Text(f"… {len(done.files)} files in {output}", style="dim"))
    for note in done.notes:
        out.print(Text(f"● {note}", style="dim"))
