"""A file that is never asked for more than it holds."""

import io
from pathlib import Path

_WORTH_ASKING = 2**16


class BoundedFile(io.BufferedReader):
    """A file opened for reading, whose `read` allocates no more than is left in it.

    Python allocates what it is asked for before it looks, and pydicom asks for what an element's length claims: four
    gigabytes, in a hostile file of one kilobyte.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._size = path.stat().st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to ``size`` bytes; all that are left with ``None`` or a negative number."""
        if size is not None and size > _WORTH_ASKING:
            size = min(size, max(0, self._size - self.tell()))
        return super().read(size)
