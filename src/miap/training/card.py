"""The model card: what a person should know before trusting a bundle (Mitchell 2019), written from the run itself."""

from pathlib import Path

from miap.inference.bundle import Bundle
from miap.training.config import TrainConfig
from miap.training.evaluation import CaseScore, summary


def write_card(config: TrainConfig, bundle: Bundle, scores: list[CaseScore]) -> Path:
    """Write ``docs/README.md`` of a bundle from its recipe and out-of-fold scores; returns its path."""
    figures, card = summary(scores), config.card
    worst = sorted(scores, key=lambda s: s.dice)[:3]
    lines = [
        f"# {bundle.name} {bundle.version}",
        "",
        f"{card.title}. **Research use only; not a medical device.**",
        "",
        "## Intended use",
        "",
        card.intended_use,
        "",
        "## Limits",
        "",
        *(f"- {limit}" for limit in card.limits),
        "",
        "## How well it does",
        "",
        f"{bundle.card.metrics['how'].capitalize()}.",
        "Dice is against the reference outline on its own grid; a patient's examinations are averaged before the mean",
        "over patients is taken.",
        f"A voxel counts from a probability of {bundle.card.threshold:g} up, {_threshold(config)}.",
        "",
        "| | |",
        "|---|---|",
        f"| patients (examinations) | {figures['patients']} ({figures['cases']}) |",
        f"| Dice, mean ± SD over patients | **{figures['dice_mean']:.3f}** ± {figures['dice_sd'] or 0:.3f} |",
        f"| Dice, median | {figures['dice_median']:.3f} |",
        f"| Dice, range | {figures['dice_min']:.3f}–{figures['dice_max']:.3f} |",
        f"| lesions found (false) | {figures['lesions_found']} ({figures['lesions_false']}) |",
        f"| lesions missed | {figures['lesions_missed']} |",
        "",
        "| case | fold | Dice | outlined, ml | reference, ml | lesions | false | missed |",
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| {s.id} | {s.fold} | {s.dice:.3f} | {s.volume_ml:.1f} | {s.truth_ml:.1f} "
            f"| {s.lesions} | {s.false_lesions} | {s.missed_lesions} |"
            for s in scores
        ),
        "",
        "The same table comes from `miap evaluate` with this bundle and its data.",
        "",
        "## Where it fails",
        "",
        *(
            f"- {s.id}: Dice {s.dice:.3f}; outlined {s.volume_ml:.1f} ml of {s.truth_ml:.1f} ml, "
            f"{s.false_lesions} false and {s.missed_lesions} missed lesions."
            for s in worst
        ),
        "",
        "## How confidence was calibrated",
        "",
        "A logistic model of each lesion's probabilities and size, fitted to whether the lesions found on the left-out",
        "folds overlap a reference lesion (intersection over union of at least 0.1).",
        "",
        "## How it was made",
        "",
        f"`miap train recipes/{config.name}.yaml`: {config.network.name} {config.network.options}, patches of",
        f"{' × '.join(map(str, config.patch))} voxels at {_spacing(config)}, {config.iterations} iterations of "
        f"{config.batch}, Dice + cross-entropy, AdamW, averaged weights; {len(bundle.weights)} networks, one per fold, "
        "whose probabilities are averaged.",
        "",
        "## Data, licence, citation",
        "",
        f"{card.data}. {card.licence}.",
        "",
        *(f"- {citation}" for citation in card.citations),
        "",
    ]
    path = bundle.folder / "docs" / "README.md"
    path.write_text("\n".join(lines))
    return path


def _threshold(config: TrainConfig) -> str:
    return "chosen on the same left-out folds" if config.threshold is None else "as the recipe says"


def _spacing(config: TrainConfig) -> str:
    return " × ".join("native" if s is None else f"{s:g}" for s in config.spec.spacing) + " mm"
