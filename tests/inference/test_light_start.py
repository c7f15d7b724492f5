"""With a converted network in the cache an analysis needs neither torch nor MONAI."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from miap.inference.backend import OpenVinoBackend
from tests.bundles import tiny_bundle
from tests.studies import petct

PROGRAM = """
    import json, sys
    from miap.cli.main import main
    try:
        main()
    except SystemExit as end:
        assert not end.code, end.code
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


@pytest.mark.req("REQ-NF-P-002")
@pytest.mark.parametrize("memory_gb", ["8", "0.01"], ids=["one pass", "windows"])
def test_a_cached_network_runs_without_torch(memory_gb: str, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    bundle = tiny_bundle(tmp_path / "models" / "tiny", members=1)
    OpenVinoBackend(tmp_path / "cache" / "openvino", "fp32").load(bundle, 0)
    ct, pet = petct().write_nifti(tmp_path / "study")
    site = {"MIAP_MODELS": tmp_path / "models", "MIAP_CACHE": tmp_path / "cache", "MIAP_PRECISION": "fp32"}
    images = ["--image", f"ct={ct}", "--image", f"pet={pet}"]
    words = [*images, "--output", str(tmp_path / "out"), "--model", "tiny"]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), "analyze", *words],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            **{k: str(v) for k, v in site.items()},
            "MIAP_BACKEND": "openvino",
            "MIAP_MEMORY_GB": memory_gb,
        },
    )
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stderr.splitlines()[-1]))
    assert "openvino" in loaded
    assert not loaded & {"torch", "monai", "safetensors"}
    assert "torch" not in json.loads((tmp_path / "out" / "manifest.json").read_text())["versions"]
