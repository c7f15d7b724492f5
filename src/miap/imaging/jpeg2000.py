"""JPEG 2000 decoded outside the interpreter's lock, so that slices decode side by side: a plug-in for pydicom.

pydicom's own plug-ins (GDCM, pylibjpeg, Pillow) hold the lock while they decode.
"""

import imagecodecs
from pydicom.pixels.decoders.base import DecodeRunner, get_decoder
from pydicom.uid import HTJ2K, JPEG2000, UID, HTJ2KLossless, HTJ2KLosslessRPCL, JPEG2000Lossless

NAME = "imagecodecs"
"""To be given as ``decoding_plugin``."""
SYNTAXES: frozenset[UID] = frozenset({JPEG2000, JPEG2000Lossless, HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL})
"""Transfer syntaxes it decodes."""

DECODER_DEPENDENCIES = dict.fromkeys(SYNTAXES, ("imagecodecs",))


def is_available(uid: str) -> bool:
    """Whether a transfer syntax is decoded, as pydicom asks a plug-in."""
    return uid in SYNTAXES


def _decode_frame(src: bytes, runner: DecodeRunner) -> bytearray:
    """One frame's pixels, in the container that the stream's precision needs (pydicom's plug-in protocol)."""
    pixels = imagecodecs.jpeg2k_decode(src, numthreads=1)
    if runner.photometric_interpretation in ("YBR_ICT", "YBR_RCT"):
        runner.set_option("photometric_interpretation", "RGB")
    runner.set_option("bits_allocated", 8 * pixels.dtype.itemsize)
    return bytearray(pixels.tobytes())


for _syntax in SYNTAXES:
    get_decoder(_syntax).add_plugin(NAME, (__name__, "_decode_frame"))
