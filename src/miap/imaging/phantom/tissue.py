"""What tissues look like to each modality."""

from miap.imaging.modality import Modality

LEG: dict[str, tuple[float, float]] = {
    "air": (-1000.0, 0.0),
    "table": (60.0, 0.0),
    "skin": (25.0, 0.4),
    "fat": (-104.0, 0.25),
    "septum": (-88.0, 0.3),
    "muscle": (57.0, 0.6),
    "vessel": (44.0, 1.2),
    "nerve": (25.0, 0.5),
    "cortex": (1250.0, 0.3),
    "marrow": (-20.0, 0.5),
    "reactive": (42.0, 1.1),
    "tumour": (38.0, 8.0),
    "core": (24.0, 0.18),
}
"""HU (non-contrast, 120 to 140 kV) and FDG uptake in SUV; the core's uptake is a share of its tumour's."""

HEAD: dict[str, dict[Modality, float]] = {
    name: dict(zip((Modality.T1, Modality.T1C, Modality.T2, Modality.FLAIR), values, strict=True))
    for name, values in {
        "air": (0.0, 0.0, 0.0, 0.0),
        "skin": (1.0, 1.1, 0.8, 0.7),
        "fat": (2.2, 2.35, 1.6, 1.5),
        "muscle": (0.75, 0.95, 0.6, 0.6),
        "bone": (0.15, 0.18, 0.12, 0.15),
        "diploe": (1.2, 1.3, 0.8, 0.8),
        "csf": (0.33, 0.36, 4.2, 0.28),
        "dura": (0.7, 1.45, 0.9, 0.6),
        "white": (1.0, 1.0, 1.0, 1.0),
        "grey": (0.78, 0.86, 1.45, 1.3),
        "nucleus": (0.86, 0.92, 1.25, 1.2),
        "vessel": (0.7, 1.9, 0.4, 0.5),
        "choroid": (0.7, 1.75, 2.5, 1.0),
        "eye": (0.4, 0.4, 4.0, 0.5),
        "mucosa": (0.8, 1.4, 2.2, 1.8),
        "oedema": (0.82, 0.84, 2.5, 2.3),
        "tumour": (0.85, 1.65, 2.2, 2.2),
        "core": (0.62, 0.62, 3.0, 2.4),
    }.items()
}
"""Signal of each tissue over that of white matter; T1 and T1C at 1.5 T, spin echo."""
