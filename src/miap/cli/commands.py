"""Imports every command module, which registers its commands with the application."""

from miap.cli import analyze, doctor, models, phantom, train

__all__ = ["analyze", "doctor", "models", "phantom", "train"]
