"""``miap phantom``: synthetic studies to try MIAP on."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from miap.cli.main import app


class Kind(StrEnum):
    """Which body part to make."""

    THIGH = "thigh"
    BRAIN = "brain"


@app.command()
def phantom(
    kind: Annotated[
        Kind, typer.Argument(help="thigh: PET/CT with a sarcoma; brain: T1, T1C, T2 and FLAIR with a glioblastoma.")
    ],
    output: Annotated[Path, typer.Option(help="Folder to make; it must not hold anything yet.")],
    seed: Annotated[int, typer.Option(help="Another number is another patient.")] = 0,
    nifti: Annotated[bool, typer.Option("--nifti", help="Write NIfTI instead of DICOM.")] = False,
) -> None:
    """Make a study of a made-up patient, with lesions of exactly known size and place (see its truth.json)."""
    from miap.errors import UsageError
    from miap.imaging.phantom import brain_mr, thigh_petct

    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UsageError(f"{output} is there already.", remedy="Choose another folder, or remove it first.")
    study = thigh_petct(seed) if kind is Kind.THIGH else brain_mr(seed)
    if nifti:
        study.write_nifti(output)
    else:
        study.write_dicom(output)
    typer.echo(f"{kind.value} phantom {seed} written to {output}")
