"""Synthetic studies with lesions of exactly known volume and place, to prove a chain of programs with."""

from miap.imaging.phantom.brain import brain_mr
from miap.imaging.phantom.dicom_writer import write_series
from miap.imaging.phantom.grid import Plane, empty_grid
from miap.imaging.phantom.phantom import Phantom
from miap.imaging.phantom.shapes import Ellipsoid
from miap.imaging.phantom.study import Study
from miap.imaging.phantom.thigh import thigh_petct

__all__ = ["Ellipsoid", "Phantom", "Plane", "Study", "brain_mr", "empty_grid", "thigh_petct", "write_series"]
