"""``miap models``: what can be run, and what each model is good for."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from miap.cli.main import app

if TYPE_CHECKING:
    from miap.inference.bundle import Bundle
    from miap.settings import Settings

models = typer.Typer(help="Models: list them, read their cards.", no_args_is_help=True)
app.add_typer(models, name="models")

AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


@models.command("list")
def list_models(as_json: AsJson = False) -> None:
    """Show the installed models, what each needs and how it did on unseen patients."""
    from miap.cli.site import site_settings
    from miap.inference.bundle import find_bundles

    bundles = find_bundles(site_settings().models)
    if as_json:
        typer.echo(json.dumps([_entry(bundle) for bundle in bundles.values()], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("model", "version", "needs", "finds", "Dice (mean ± SD, unseen patients)")
    for bundle in bundles.values():
        entry = _entry(bundle)
        table.add_row(entry["name"], entry["version"], " + ".join(entry["needs"]), entry["finds"], _dice(bundle))
    console = Console()
    if bundles:
        console.print(table)
    else:
        console.print(
            "No models are installed. Set MIAP_MODELS to a folder of bundles, or train one with [bold]miap train[/]."
        )


@models.command("show")
def show_model(
    name: Annotated[str, typer.Argument(help="Name of an installed model, or a bundle's folder.")],
    as_json: AsJson = False,
) -> None:
    """Show a model's card: intended use, limits, figures, data, licence."""
    from miap.cli.site import site_settings

    bundle = find_model(name, site_settings())
    if as_json:
        typer.echo(json.dumps({**_entry(bundle), "metadata": bundle.metadata}, indent=2))
        return
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.text import Text

    card = bundle.folder / "docs" / "README.md"
    console = Console()
    console.print(Markdown(card.read_text()) if card.is_file() else Text(f"{bundle.name} has no card at {card}."))


def find_model(name: str, settings: "Settings") -> "Bundle":
    """The bundle in the folder ``name``, or the installed one of that name.

    Raises:
        NoModelError: There is neither.
    """
    from miap.errors import NoModelError
    from miap.inference.bundle import Bundle, find_bundles

    if (Path(name) / "configs" / "metadata.json").is_file():
        return Bundle(Path(name))
    bundles = find_bundles(settings.models)
    if name not in bundles:
        raise NoModelError(
            f"There is no model named {name!r}.", remedy=f"Choose one of: {', '.join(bundles) or 'none installed'}."
        )
    return bundles[name]


def _entry(bundle: "Bundle") -> dict[str, Any]:
    figures = bundle.card.metrics
    return {
        "name": bundle.name,
        "version": bundle.version,
        "needs": [m.value for m in bundle.card.inputs],
        "finds": bundle.card.title,
        "dice_mean": figures.get("dice_mean"),
        "dice_sd": figures.get("dice_sd"),
        "patients": figures.get("patients"),
        "how": figures.get("how"),
        "folder": str(bundle.folder),
    }


def _dice(bundle: "Bundle") -> str:
    figures = bundle.card.metrics
    if "dice_mean" not in figures:
        return "not measured"
    return f"{figures['dice_mean']:.2f} ± {figures['dice_sd'] or 0:.2f} ({figures['patients']})"
