"""MIAP: tumour detection and segmentation for hospitals and research groups."""

__version__ = "0.1.0"
