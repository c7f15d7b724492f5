"""``miap train`` and ``miap evaluate``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from miap.cli.main import app

if TYPE_CHECKING:
    from rich.progress import TaskID

    from miap.training.evaluation import CaseScore


@app.command()
def train(
    config: Annotated[Path, typer.Argument(help="Recipe (YAML).")],
    output: Annotated[Path, typer.Option(help="Folder of the run: checkpoints, weights and, at the end, the bundle.")],
    fold: Annotated[
        int | None, typer.Option(help="Train this fold only; without it all that are left, then write the bundle.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on where an earlier run stopped.")] = True,
) -> None:
    """Train a model by cross-validation and write it as a bundle with its card."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from miap.training.config import TrainConfig
    from miap.training.datalist import Datalist
    from miap.training.run import chosen_folds, finish_run, train_run

    recipe = TrainConfig.load(config)
    datalist = Datalist.load(recipe.datalist)
    folds = chosen_folds(datalist, fold)
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn()) as progress:
        for number in folds:
            task = progress.add_task(f"fold {number}", total=recipe.iterations, note="")

            def report(iteration: int, loss: float, task: "TaskID" = task) -> None:
                progress.update(task, completed=iteration, note=f"loss {loss:.3f}")

            train_run(recipe, datalist, number, output, resume=resume, report=report)
            if not progress.tasks[task].completed:
                progress.update(task, completed=recipe.iterations, note="trained before")
    if fold is None:
        bundle, scores = finish_run(recipe, datalist, output)
        _show(scores)
        typer.echo(f"Bundle: {bundle.folder}")


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="Name of an installed model, or a bundle's folder.")],
    datalist: Annotated[Path | None, typer.Option(help="Cases with ground truth; the bundle's own by default.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Score a model against ground truth; cases it was trained on are judged by the member that never saw them."""
    import json

    from miap.cli.models import find_model
    from miap.cli.site import site_settings
    from miap.inference.backend import choose_backend
    from miap.inference.segmenter import Segmenter
    from miap.training.datalist import Datalist
    from miap.training.evaluation import evaluate as score_all
    from miap.training.evaluation import row, summary

    settings = site_settings()
    bundle = find_model(model, settings)
    cases = Datalist.load(datalist or bundle.folder / "configs" / "datalist.json")
    segmenter = Segmenter(bundle, choose_backend(settings), memory_gb=settings.memory_gb)
    scores = score_all(bundle, cases, segmenter)
    if as_json:
        typer.echo(
            json.dumps({"model": bundle.identity(), "summary": summary(scores), "cases": [row(s) for s in scores]})
        )
    else:
        _show(scores)


def _show(scores: "list[CaseScore]") -> None:
    from rich.console import Console
    from rich.table import Table

    from miap.training.evaluation import summary

    table = Table("case", "fold", "Dice", "outlined, ml", "reference, ml", "lesions", "false", "missed")
    for s in scores:
        counts = (str(n) for n in (s.lesions, s.false_lesions, s.missed_lesions))
        fold = "" if s.fold is None else str(s.fold)
        table.add_row(s.id, fold, f"{s.dice:.3f}", f"{s.volume_ml:.1f}", f"{s.truth_ml:.1f}", *counts)
    figures = summary(scores)
    console = Console()
    console.print(table)
    console.print(
        f"Dice [bold]{figures['dice_mean']:.3f}[/] ± {figures['dice_sd'] or 0:.3f} over {figures['patients']} patients "
        f"(median {figures['dice_median']:.3f}, {figures['dice_min']:.3f} to {figures['dice_max']:.3f})"
    )
