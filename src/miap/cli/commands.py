"""Imports every command module, which registers its commands with the application."""

from miap.cli import analyze, convert, doctor, inspect, models, phantom, train

__all__ = ["analyze", "convert", "doctor", "inspect", "models", "phantom", "train"]
