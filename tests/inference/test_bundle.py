"""Bundles: what is loaded, what is refused, and which model a case gets."""

import json
import shutil
from pathlib import Path

import pytest

from miap.errors import InputError, NoModelError
from miap.imaging.modality import Modality
from miap.inference.bundle import Bundle, choose_bundle, find_bundles, starter_models
from tests.bundles import tiny_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return tiny_bundle(tmp_path / "tiny")


def _edit(bundle: Bundle, **changes: object) -> None:
    path = bundle.folder / "configs" / "metadata.json"
    metadata = json.loads(path.read_text())
    metadata["miap"].update(changes)
    path.write_text(json.dumps(metadata))


def test_a_bundle_knows_its_name_inputs_and_identity(bundle: Bundle) -> None:
    assert (bundle.name, bundle.version) == ("tiny", "0.1.0")
    assert bundle.card.inputs == (Modality.CT, Modality.PET)
    assert bundle.identity()["sha256"] == Bundle(bundle.folder).sha256


def test_other_weights_are_another_identity(bundle: Bundle) -> None:
    before = bundle.sha256
    shutil.copyfile(bundle.weights[1], bundle.weights[0])
    assert Bundle(bundle.folder).sha256 != before


@pytest.mark.req("REQ-NF-S-002")
@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        (["absent.safetensors"], "missing"),
        (["model.pkl"], "cannot be used as weights"),
        (["../../outside.safetensors"], "cannot be used as weights"),
    ],
)
def test_weights_that_are_missing_or_could_run_code_are_refused(
    bundle: Bundle, weights: list[str], reason: str
) -> None:
    (bundle.folder.parent / "outside.safetensors").write_bytes(b"")
    (bundle.folder / "models" / "model.pkl").write_bytes(b"")
    _edit(bundle, weights=weights)
    with pytest.raises(InputError, match=reason):
        Bundle(bundle.folder)


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize("changes", [{"inputs": ["xray"]}, {"threshold": 2}, {"surprise": 1}, {"preparation": {}}])
def test_wrong_metadata_is_refused_with_the_files_name(bundle: Bundle, changes: dict[str, object]) -> None:
    _edit(bundle, **changes)
    with pytest.raises(InputError, match=r"metadata\.json cannot be used"):
        Bundle(bundle.folder)


def test_a_folder_without_metadata_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model bundle"):
        Bundle(tmp_path)


def test_a_named_folder_hides_a_starter_model_of_the_same_name(tmp_path: Path) -> None:
    tiny_bundle(tmp_path / "mine", name="sarcoma-petct")
    assert find_bundles([tmp_path])["sarcoma-petct"].folder == tmp_path / "mine"


@pytest.mark.req("REQ-F-002")
def test_the_starter_models_load_and_name_what_they_need() -> None:
    needs = {bundle.name: set(bundle.card.inputs) for bundle in find_bundles([starter_models()]).values()}
    assert needs["sarcoma-petct"] == {Modality.CT, Modality.PET}
    assert needs["glioblastoma-t1c"] == {Modality.T1C}


@pytest.mark.req("REQ-F-002")
def test_the_model_that_uses_most_of_the_case_is_chosen(bundle: Bundle, tmp_path: Path) -> None:
    preparation = {"channels": [{"modality": "ct", "scale": "window", "low": -160, "high": 240}], "spacing": [8, 8, 8]}
    ct_only = tiny_bundle(tmp_path / "ct", name="a-ct", preparation=preparation)
    bundles = {b.name: b for b in (bundle, ct_only)}
    assert choose_bundle(bundles, [Modality.CT, Modality.PET]).name == "tiny"
    assert choose_bundle(bundles, [Modality.CT]).name == "a-ct"
    assert choose_bundle(bundles, [Modality.CT, Modality.PET], "a-ct").name == "a-ct"


@pytest.mark.req("REQ-F-007")
def test_a_model_that_needs_nothing_doubtful_comes_first(bundle: Bundle, tmp_path: Path) -> None:
    preparation = {"channels": [{"modality": "ct", "scale": "window", "low": -160, "high": 240}], "spacing": [8, 8, 8]}
    ct_only = tiny_bundle(tmp_path / "ct", name="a-ct", preparation=preparation)
    bundles = {b.name: b for b in (bundle, ct_only)}
    there = [Modality.CT, Modality.PET]
    assert choose_bundle(bundles, there, doubtful=[Modality.PET]).name == "a-ct"
    assert choose_bundle({"tiny": bundle}, there, doubtful=[Modality.PET]).name == "tiny", "there is nothing better"
    assert choose_bundle(bundles, there, "tiny", doubtful=[Modality.PET]).name == "tiny", "the user wants it"


@pytest.mark.req("REQ-NF-R-002")
def test_a_case_no_model_fits_is_told_what_each_model_needs(bundle: Bundle) -> None:
    with pytest.raises(NoModelError, match="which has CT") as refused:
        choose_bundle({"tiny": bundle}, [Modality.CT])
    assert "tiny needs CT and PET" in refused.value.remedy
    with pytest.raises(NoModelError, match="no model named 'other'"):
        choose_bundle({"tiny": bundle}, [Modality.CT], "other")
    with pytest.raises(NoModelError, match="no usable image"):
        choose_bundle({}, [])


def test_a_fold_is_judged_only_by_the_members_that_never_saw_it(bundle: Bundle) -> None:
    assert bundle.card.unseen_by(1) == (1,)
    assert bundle.card.unseen_by(7) == (0, 1)
    assert bundle.card.unseen_by(None) == (0, 1)
