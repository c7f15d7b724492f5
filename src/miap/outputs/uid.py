"""Identifiers of results: the same inputs and the same result always get the same UID.

A step that is repeated after a crash, or a study that is sent twice, must not fill the archive with copies. So a
result's UIDs are computed from what it says and what it was made from, and never drawn at random (PS3.5 B.2, the
``2.25`` root over a UUID).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID, uuid5

from pydicom.uid import UID

from miap.findings.lesion import Findings

_NAMESPACE = UUID("6c7ad8b4-5f43-5d0e-9d53-0b7b3f0c8a4e")


def derived_uid(*parts: str) -> UID:
    """A DICOM UID that depends on ``parts`` and on nothing else.

    Args:
        parts: What the UID is derived from; their order and borders count.
    """
    return UID(f"2.25.{uuid5(_NAMESPACE, json.dumps(parts)).int}")


def findings_digest(findings: Findings, model: Mapping[str, Any]) -> str:
    """SHA-256 over a result and its model, blind to when and how fast it was made.

    Args:
        findings: Lesions, quality and lesion map.
        model: At least ``name`` and ``version``; ``sha256`` of its files where known.
    """
    said = {
        "lesions": [asdict(lesion) for lesion in findings.lesions],
        "quality": asdict(findings.quality),
        "model": [str(model.get(key, "")) for key in ("name", "version", "sha256")],
        "shape": findings.lesion_map.shape,
    }
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    digest.update(findings.lesion_map.astype("<u2").tobytes())
    return digest.hexdigest()
