"""What the tables promise: exact hashes, no patient, no formula, and text that machines can read again."""

import csv
import hashlib
import json
import platform
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError

import pytest

from miap import __version__
from miap.imaging.choice import Choice, Rejected
from miap.imaging.modality import Modality
from miap.outputs import manifest as module
from miap.outputs.json_file import write_json
from miap.outputs.manifest import FileRecord, Manifest, folder_records, identity_words, versions, write_manifest
from miap.outputs.table import COLUMNS, write_csv
from miap.outputs.uid import derived_uid

pytestmark = [pytest.mark.req("REQ-F-002"), pytest.mark.req("REQ-NF-S-001")]


@pytest.fixture
def manifest(synthetic):
    return Manifest(
        created=synthetic.when,
        inputs=[FileRecord("doe_jane/CT/2.dcm", 5, "b" * 64), FileRecord("DOE_JANE/CT/1.dcm", 4, "a" * 64)],
        choices=[
            Choice(
                Modality.CT,
                "series 3 of Doe^Jane",
                "most slices",
                0.97123,
                ("it is Jane's CT",),
                (Rejected("series 4", "older than Doe's"),),
            )
        ],
        model=synthetic.model | {"secret": "not told"},
        settings={"windows": 4},
        times_s={"segment": 1.23456},
        device="cpu",
        precision="bf16",
        outputs=[FileRecord("findings.json", 3, "c" * 64)],
        notes=["P-0042 has two CT series"],
        warnings=["Jane's PET is old", "Janet and Doelle stay"],
        withheld=identity_words("Doe^Jane^^Dr", "P-0042"),
    )


def test_a_record_holds_the_files_hash_size_and_relative_path(tmp_path):
    content = bytes(range(256)) * 9000
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.bin").write_bytes(content)
    record = FileRecord.of(tmp_path / "a" / "x.bin", root=tmp_path)
    assert record == FileRecord("a/x.bin", len(content), hashlib.sha256(content).hexdigest())
    assert FileRecord.of(tmp_path / "a" / "x.bin", root=tmp_path / "elsewhere").path == "x.bin"


def test_all_files_of_a_folder_are_recorded_in_order(tmp_path):
    for name in ("b", "a", "c/d"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert [record.path for record in folder_records(tmp_path)] == ["a", "b", "c/d"]


def test_the_manifest_tells_all_of_the_run(tmp_path, manifest):
    write_manifest(tmp_path / "manifest.json", manifest)
    text = (tmp_path / "manifest.json").read_text(encoding="utf-8")
    said = json.loads(text)
    assert text.endswith("}\n")
    assert list(said) == ["schema", "created", "inputs", "choices", "notes", "model", "settings", "device", "precision",
                          "versions", "times_s", "outputs", "warnings"]  # fmt: skip
    assert said["schema"] == "miap.manifest/1"
    assert said["created"] == "2026-11-23T14:05:09"
    assert said["model"] == {"name": "sarcoma-petct", "version": "1.2.0", "sha256": "ab" * 32}
    assert said["times_s"] == {"segment": 1.235}
    assert said["choices"][0]["role"] == "ct"
    assert said["choices"][0]["rejected"] == [{"series": "series 4", "reason": "older than [patient]'s"}]
    assert said["choices"][0]["confidence"] == 0.97
    assert said["choices"][0]["reasons"] == ["it is [patient]'s CT"]
    assert said["outputs"] == [{"path": "findings.json", "bytes": 3, "sha256": "c" * 64}]


def test_no_word_of_the_patients_identity_is_in_the_manifest(manifest):
    text = json.dumps(manifest.to_json())
    lowered = text.lower()
    assert "doe_" not in lowered
    assert "jane'" not in lowered
    assert "p-0042" not in lowered
    assert "Janet and Doelle stay" in text
    assert "[patient]_[patient]/CT/1.dcm" in text


def test_without_identity_nothing_is_struck(manifest):
    assert "DOE_JANE/CT/1.dcm" in json.dumps(replace(manifest, withheld=()).to_json())


def test_identity_words_are_whole_and_in_parts_longest_first():
    assert identity_words("Doe^Jane^^Dr=山田^花子", "P-1") == ["Doe^Jane^^Dr=山田^花子", "Jane", "Doe", "P-1"]


def test_versions_name_engines_only_where_they_were_used(monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.delitem(sys.modules, "monai", raising=False)
    monkeypatch.setattr(module, "version", lambda name: f"{name}-version")
    said = versions()
    assert said["miap"] == __version__
    assert said["python"] == platform.python_version()
    assert said["openvino"] == "openvino-version"
    assert "monai" not in said
    assert said["highdicom"] == "highdicom-version"


def test_a_package_without_metadata_has_version_unknown(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(module, "version", missing)
    assert versions()["pydicom"] == "unknown"


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_has_a_row_a_lesion_with_units_in_the_head(tmp_path, petct):
    write_csv(tmp_path / "l.csv", petct.findings)
    first, second = rows(tmp_path / "l.csv")
    assert tuple(first) == COLUMNS
    lesion = petct.findings.lesions[0]
    assert (first["lesion"], first["label"]) == ("1", "tumour")
    for column, value in (("volume_ml", lesion.volume_ml), ("longest_diameter_mm", lesion.longest.length_mm),
                          ("centroid_p_mm", lesion.centroid_mm[1]), ("extent_z_mm", lesion.extent_mm[2]),
                          ("suv_max", 9.1), ("tlg_g", 65.1), ("confidence", 0.913)):  # fmt: skip
        assert float(first[column]) == pytest.approx(value, abs=6e-4)
    assert second["suv_max"] == ""
    assert second["flags"] == "touches the border of the image"


@pytest.mark.req("REQ-NF-S-002")
@pytest.mark.parametrize("evil", ["=cmd|' /C calc'!A0", "+1", "-2+3", "@SUM(A1)", "\t=1", "  =1", "\r=1"])
def test_no_cell_starts_a_formula(tmp_path, petct, evil):
    lesions = (
        replace(
            petct.findings.lesions[0],
            label=evil,
            flags=(evil, 'a,"b'),
        ),
    )
    write_csv(tmp_path / "l.csv", replace(petct.findings, lesions=lesions))
    (row,) = rows(tmp_path / "l.csv")
    assert row["label"] == f"'{evil.strip()}"
    assert row["flags"] == f"'{evil.strip()}; a,\"b"


def test_uids_depend_on_their_parts_and_on_the_borders_between_them():
    assert derived_uid("a", "bc") == derived_uid("a", "bc")
    assert derived_uid("a", "bc") != derived_uid("ab", "c")
    assert derived_uid("a").is_valid
    assert len(derived_uid("a")) <= 64


def test_json_keeps_the_order_of_keys_and_refuses_what_json_cannot_say(tmp_path):
    write_json(tmp_path / "a.json", {"b": "é", "a": [1.5]})
    assert (tmp_path / "a.json").read_bytes() == '{\n  "b": "é",\n  "a": [\n    1.5\n  ]\n}\n'.encode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "b.json", {"confidence": float("nan")})
    assert not (tmp_path / "b.json").exists()
