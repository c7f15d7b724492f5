"""The words of many languages, as people write them into descriptions."""

import pytest

from miap.imaging.vocabulary import normal, said, table, without

pytestmark = pytest.mark.req("REQ-F-007")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AXT1post", "ax t1 post"), ("t1w+C", "t1 + c"), ("T2*_gre", "t2 star gre"), ("T1 w/o", "t1 without"),
        ("Ax T1 w/c", "ax t1 with c"), ("après", "apres"), ("Übersicht", "ubersicht"), ("KONTRASTSIZ", "kontrastsiz"),
        ("kontrastsız", "kontrastsiz"), ("po kontraście", "po kontrascie"), ("Ｔ２強調", "t2 強調"),
        ("T1-weighted", "t1 weighted"), ("sub-012_T1w", "t1"), ("T10 spine", "t10 spine"), ("POST1", "post1"), ("", ""),
        ("\x00[]{}", ""),
    ],
)  # fmt: skip
def test_descriptions_are_brought_to_one_spelling(text: str, expected: str) -> None:
    assert normal(text) == expected


def test_phrases_are_whole_words_and_stars_stand_for_the_rest() -> None:
    section = {"en": ["post", "gd*", "*flair"], "zh": ["增强"]}
    assert said("t1 post", section) == "post"
    assert said("posterior fossa", section) == ""
    assert said("t1 gadovist gdx", section) == "gdx"
    assert said("cubeflair", section) == "cubeflair"
    assert said(normal("T1增强扫描"), section) == normal("增强")
    assert without("t1 post op", {"any": ["post op"]}) == "t1"


def test_every_phrase_of_the_table_can_be_said() -> None:
    """A phrase that normalising changes would never match what it was written for."""
    sections = [*table()["weighting"].values(), *table()["contrast"].values(), *table()["other"].values()]
    sections += [table()[name] for name in ("uncorrected", "reformat", "sharp")]
    for section in sections:
        for key, phrases in section.items():
            if key in ("name", "modalities", "image_type", "sequence", "acquisition_contrast", "kernel"):
                continue
            for phrase in phrases if isinstance(phrases, list) else ():
                spoken = normal(phrase.replace("*", "x"))
                assert said(spoken, {"any": [phrase]}), phrase


def test_each_kind_without_a_role_has_a_name_and_modalities() -> None:
    for section in table()["other"].values():
        assert section["name"]
        assert set(section["modalities"]) <= {"MR", "CT", "PT"}
