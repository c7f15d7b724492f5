"""One colour a label, the same in pictures, tables and DICOM objects."""

_COLOURS = ("#19e3ff", "#ffd23f", "#ff7ac6", "#8cff66", "#ff9f45", "#b69cff")
"""Light and saturated, so that they stand out from grey images and from each other, also for colour-blind readers."""


def colour(label_value: int) -> str:
    """Colour of a label as ``#rrggbb``; after six labels the colours start again."""
    return _COLOURS[(label_value - 1) % len(_COLOURS)]


def rgb(label_value: int) -> tuple[int, int, int]:
    """Colour of a label as red, green and blue, 0 to 255."""
    red, green, blue = bytes.fromhex(colour(label_value)[1:])
    return red, green, blue
