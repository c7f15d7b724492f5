"""Makes the scripts that build the documentation importable, as mkdocs does."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
