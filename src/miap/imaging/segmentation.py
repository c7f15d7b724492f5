"""DICOM segmentations read back as masks (PS3.3 A.51, A.52): binary, fractional and label map."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.pixels.utils import iter_pixels, unpack_bits
from pydicom.uid import UID, SegmentationStorage
from scipy.ndimage import find_objects

from miap.errors import InputError
from miap.imaging.bounded import BoundedFile
from miap.imaging.coding import code, first_item
from miap.imaging.frames import FrameGrid, frame_grid, group
from miap.imaging.header import READ_ERRORS, number, read_header, sop_class, transfer_syntax
from miap.imaging.segment import Segment
from miap.imaging.volume import Array, Volume

LABEL_MAP_STORAGE = UID("1.2.840.10008.5.1.4.1.1.66.7")
"""Label Map Segmentation Storage (PS3.4 B.5)."""
SEGMENTATION_CLASSES = frozenset({SegmentationStorage, LABEL_MAP_STORAGE})
"""SOP classes `read_segmentation` reads."""

_MAX_FRAME_PIXELS = 2**26
_MAX_PACKED_PIXELS = 2**31
_MAX_BYTES = 2**30
"""Of all segments' boxes together."""
_PIXEL_TAGS = [
    "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns", "BitsAllocated", "BitsStored",
    "HighBit", "PixelRepresentation", "PlanarConfiguration", "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
    "PixelData",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Piece:
    """The part of a segment that one frame holds: pixels of shape (rows, columns), and where they begin."""

    slice: int
    row: int
    column: int
    pixels: Array


def read_segmentation(file: Path, onto: Volume | None = None) -> list[Segment]:
    """All segments of a DICOM segmentation as masks.

    Frames are placed by their own Image Position (Patient): no reference to a source image is needed, and they may
    come in any order, overlap, leave slices out or cover a part of the image. A fractional segment holds its values
    divided by Maximum Fractional Value.

    Args:
        file: A Segmentation or Label Map Segmentation object.
        onto: The grid wanted. Without, the object's own: the smallest that holds all frames, slices that are not
            stored being empty.

    Returns:
        By Segment Number; the background of a label map is left out. A segment without a frame is empty.

    Raises:
        InputError: The file is no segmentation, is damaged, does not say where its frames lie, refers to a segment it
            does not describe, shows one segment in two ways at one place, or lies outside ``onto``.
    """
    try:
        header = read_header(file)
        _check_class(header, file)
        grid = frame_grid(header, file, onto)
        if header.get("SegmentationType") == "FRACTIONAL" and np.prod(grid.shape) > _MAX_BYTES // 4:
            raise InputError(f"{file} claims fractions of {grid.shape} voxels.", remedy="Check the file.")
        described = {int(number(item, "SegmentNumber")): item for item in header.get("SegmentSequence") or ()}
        if not described:
            raise InputError(f"{file} describes no segment.", remedy="Export it again.")
        pieces = _pieces(header, file, grid, described)
        segments = _assembled(header, grid, described, pieces, file)
    except READ_ERRORS as error:
        raise InputError(
            f"{file} cannot be read as a segmentation ({error}).", remedy="Copy or export it again."
        ) from error
    if onto is None:
        return segments
    moved = [segment.onto(onto) for segment in segments]
    if all(one.is_empty for one in moved) and not all(one.is_empty for one in segments):
        raise InputError(f"{file} lies outside the image.", remedy="Give the image it was made on.")
    return moved


def _check_class(header: Dataset, file: Path) -> None:
    kind = sop_class(header)
    if kind not in SEGMENTATION_CLASSES:
        name = kind.name.removesuffix(" Storage")
        raise InputError(f"{file} is no segmentation but: {name}.", remedy="Give a DICOM SEG object.")
    if group(header, 0, "PlanePositionSlideSequence"):
        raise InputError(f"{file} is a segmentation of a microscopy slide.", remedy="Give one of a CT, MR or PET.")
    frame = number(header, "Rows") * number(header, "Columns")
    total = frame * number(header, "NumberOfFrames", 1)
    packed = transfer_syntax(header).is_encapsulated
    if frame > _MAX_FRAME_PIXELS or (packed and total > _MAX_PACKED_PIXELS):
        raise InputError(f"{file} claims {total:.0f} pixels.", remedy="Check the file.")


def _pieces(header: Dataset, file: Path, grid: FrameGrid, described: Mapping[int, Dataset]) -> dict[int, list[_Piece]]:
    """What each segment's frames hold, cropped to what is not 0."""
    found: dict[int, dict[int, _Piece]] = {one: {} for one in described}
    held = 0
    for frame, pixels in enumerate(_frames(header, file)):
        place = int(grid.slices[frame])
        for segment, piece in _regions(header, frame, pixels, place):
            if segment not in described:
                raise InputError(
                    f"{file} shows a segment {segment} in frame {frame + 1} that it does not describe.",
                    remedy="Export it again.",
                )
            known = found[segment].get(place)
            if known is None:
                found[segment][place] = piece
                held += piece.pixels.nbytes
            elif not _same(known, piece):
                raise InputError(
                    f"{file} shows segment {segment} in two ways at one place (frame {frame + 1}).",
                    remedy="Export one time point or one reader at a time.",
                )
        if held > _MAX_BYTES:
            raise InputError(f"{file} holds more than {_MAX_BYTES} voxels in its segments.", remedy="Split it.")
    return {segment: list(places.values()) for segment, places in found.items()}


def _same(one: _Piece, other: _Piece) -> bool:
    place = (one.row, one.column) == (other.row, other.column)
    return place and np.array_equal(one.pixels, other.pixels)


def _frames(header: Dataset, file: Path) -> Iterator[Array]:
    """Decoded frames, shape (rows, columns)."""
    with BoundedFile(file) as opened:
        dataset = pydicom.dcmread(opened, force=True, specific_tags=_PIXEL_TAGS)
    dataset.file_meta.TransferSyntaxUID = transfer_syntax(header)
    if dataset.get("SamplesPerPixel", 1) != 1 or dataset.get("PixelRepresentation", 0) != 0:
        raise InputError(f"{file} has pixels no segmentation has (colour or signed).", remedy="Export it again.")
    syntax = transfer_syntax(header)
    if dataset.BitsAllocated == 1 and syntax.is_little_endian and not syntax.is_encapsulated:
        yield from _packed(dataset)
    else:
        yield from iter_pixels(dataset, raw=True)


def _packed(dataset: Dataset) -> Iterator[Array]:
    """Frames of one bit a pixel, which need not begin at a whole byte (PS3.5 8.1.1).

    pydicom 3.0 loses the last bits of some of those when it takes frame after frame, and all at once are too many.
    """
    shape = int(dataset.Rows), int(dataset.Columns)
    size, data = shape[0] * shape[1], dataset.PixelData
    if 8 * len(data) < size * int(dataset.NumberOfFrames):
        raise ValueError(f"it has {len(data)} bytes of pixels for {dataset.NumberOfFrames} frames")
    for first in range(0, size * int(dataset.NumberOfFrames), size):
        bits = unpack_bits(data[first // 8 : (first + size + 7) // 8])
        yield np.asarray(bits[first % 8 : first % 8 + size]).reshape(shape)


def _regions(header: Dataset, frame: int, pixels: Array, place: int) -> Iterator[tuple[int, _Piece]]:
    """The segments in a frame, each cropped."""
    if header.get("SegmentationType") == "LABELMAP" or sop_class(header) == LABEL_MAP_STORAGE:
        padding = header.get("PixelPaddingValue")
        labels = pixels if not padding else np.where(pixels == padding, 0, pixels)
        for index, where in enumerate(find_objects(labels.astype(np.int32, copy=False)), 1):
            if where is not None:
                yield index, _Piece(place, where[0].start, where[1].start, (labels[where] == index).astype(np.uint8))
        return
    segment = int(number(group(header, frame, "SegmentIdentificationSequence"), "ReferencedSegmentNumber"))
    if header.get("SegmentationType") == "FRACTIONAL":
        most = number(header, "MaximumFractionalValue", 255)
        values = np.clip(pixels / np.float32(most), 0, 1).astype(np.float32)
    else:
        values = (pixels != 0).astype(np.uint8)
    (box,) = find_objects((values > 0).astype(np.uint8)) or (None,)
    if box is None:
        yield segment, _Piece(place, 0, 0, values[:0, :0])
    else:
        yield segment, _Piece(place, box[0].start, box[1].start, values[box].copy())


def _assembled(
    header: Dataset,
    grid: FrameGrid,
    described: Mapping[int, Dataset],
    pieces: Mapping[int, list[_Piece]],
    file: Path,
) -> list[Segment]:
    kind = np.float32 if header.get("SegmentationType") == "FRACTIONAL" else np.uint8
    whole, segments, held = grid.volume, [], 0
    for segment, item in sorted(described.items()):
        if _is_background(segment, item):
            continue
        parts = [piece for piece in pieces[segment] if piece.pixels.size]
        low, high = _bounds(parts)
        held += int(np.prod(high - low)) * np.dtype(kind).itemsize
        if held > _MAX_BYTES:
            raise InputError(f"{file} holds more than {_MAX_BYTES} voxels in its segments.", remedy="Split it.")
        array = np.zeros((high - low)[::-1], dtype=kind)
        for piece in parts:
            rows, columns = piece.pixels.shape
            row, column = piece.row - low[1], piece.column - low[0]
            array[piece.slice - low[2], row : row + rows, column : column + columns] = piece.pixels
        box = whole.crop(low, high).with_array(array.T[None])
        segments.append(_described(segment, item, box, whole))
    return segments


def _bounds(parts: list[_Piece]) -> tuple[Array, Array]:
    """First index and the one behind the last, (column, row, slice)."""
    if not parts:
        return np.zeros(3, dtype=int), np.ones(3, dtype=int)
    low = [(p.column, p.row, p.slice) for p in parts]
    high = [(p.column + p.pixels.shape[1], p.row + p.pixels.shape[0], p.slice + 1) for p in parts]
    return np.min(low, axis=0), np.max(high, axis=0)


def _is_background(segment: int, item: Dataset) -> bool:
    kind = code(item, "SegmentedPropertyTypeCodeSequence")
    return segment == 0 or (kind is not None and (kind.value, kind.scheme_designator) == ("125040", "DCM"))


def _described(segment: int, item: Dataset, box: Volume, grid: Volume) -> Segment:
    return Segment(
        number=segment,
        label=str(item.get("SegmentLabel") or f"segment {segment}").strip(),
        box=box,
        grid=grid,
        category=code(item, "SegmentedPropertyCategoryCodeSequence"),
        type=code(item, "SegmentedPropertyTypeCodeSequence"),
        anatomy=code(item, "AnatomicRegionSequence"),
        algorithm=_algorithm(item),
        tracking_uid=str(item.get("TrackingUID") or ""),
    )


def _algorithm(item: Dataset) -> str:
    known = first_item(item, "SegmentationAlgorithmIdentificationSequence")
    name = str(known.get("AlgorithmName") or item.get("SegmentAlgorithmName") or "")
    return f"{name} {known.get('AlgorithmVersion') or ''}".strip()
