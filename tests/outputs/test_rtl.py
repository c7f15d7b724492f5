"""What right-to-left names promise: drawn in the right order, with joined letters."""

import unicodedata

import pytest

from miap.outputs.rtl import visual

pytestmark = pytest.mark.req("REQ-F-002")


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("Doe, Jane", "Doe, Jane"),
        ("יוסף", "ףסוי"),
        ("כהן, Dan", "ןהכ, Dan"),
        ("דוד כהן", "ןהכ דוד"),
        ("", ""),
    ],
)
def test_hebrew_runs_are_reversed_and_the_rest_stays(text, drawn):
    assert visual(text) == drawn


def test_marks_stay_on_their_letters():
    assert visual("בּא") == "אבּ"


def test_arabic_letters_take_the_form_their_neighbours_ask_for():
    names = [unicodedata.name(c) for c in reversed(visual("محمد"))]
    assert names == [
        "ARABIC LETTER MEEM INITIAL FORM",
        "ARABIC LETTER HAH MEDIAL FORM",
        "ARABIC LETTER MEEM MEDIAL FORM",
        "ARABIC LETTER DAL FINAL FORM",
    ]


def test_letters_that_do_not_join_forward_start_a_new_group():
    names = [unicodedata.name(c) for c in reversed(visual("داود"))]
    assert all(name.endswith("ISOLATED FORM") for name in names)


def test_lam_and_alef_become_one():
    assert unicodedata.name(visual("سلام")[1]) == "ARABIC LIGATURE LAM WITH ALEF FINAL FORM"


def test_persian_letters_join_too():
    assert [unicodedata.name(c) for c in visual("پژ")] == [
        "ARABIC LETTER JEH FINAL FORM",
        "ARABIC LETTER PEH INITIAL FORM",
    ]
