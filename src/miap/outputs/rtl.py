"""Hebrew and Arabic text in the order and the letter forms in which it is drawn.

The PDF library draws characters one after the other from the left. A name in a right-to-left script must therefore be
handed over reversed, and Arabic letters in the form their neighbours ask for; a mirrored name is a wrong name.
"""

import re
import unicodedata
from functools import cache

_RTL = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_RUN = re.compile(rf"[{_RTL}](?:[{_RTL}\s'\-]*[{_RTL}])?")
_LAM, _ALEFS = "\u0644", "\u0622\u0623\u0625\u0627"


def visual(text: str) -> str:
    """``text`` with each right-to-left run shaped and reversed; the line itself runs from the left.

    A run is letters of such a script with what stands between them. Marks stay on their letters.
    """
    return _RUN.sub(lambda run: "".join(reversed(_shaped(run.group()))), text)


def _shaped(run: str) -> list[str]:
    """The run's letters in reading order, each in its contextual form with its marks after it."""
    clusters: list[tuple[str, str]] = []
    for character in run:
        if clusters and unicodedata.combining(character):
            letters, marks = clusters[-1]
            clusters[-1] = (letters, marks + character)
        elif clusters and clusters[-1] == (_LAM, "") and character in _ALEFS:
            clusters[-1] = (_LAM + character, "")
        else:
            clusters.append((character, ""))
    forms, letters_only = _forms(), [letters for letters, _ in clusters]
    shaped = []
    for i, (letters, marks) in enumerate(clusters):
        before = i > 0 and (letters_only[i - 1], "initial") in forms and (letters, "final") in forms
        after = i + 1 < len(clusters) and (letters, "initial") in forms and (letters_only[i + 1], "final") in forms
        form = {(True, True): "medial", (True, False): "final", (False, True): "initial"}.get(
            (before, after), "isolated"
        )
        shaped.append(forms.get((letters, form), letters) + marks)
    return shaped


@cache
def _forms() -> dict[tuple[str, str], str]:
    """Letters and form (isolated, final, initial, medial) to the presentation form, from Unicode's own data."""
    forms: dict[tuple[str, str], str] = {}
    for code in (*range(0xFB50, 0xFC00), *range(0xFE70, 0xFEFD)):
        kind, *letters = (unicodedata.decomposition(chr(code)) or "none").split()
        forms.setdefault(("".join(chr(int(letter, 16)) for letter in letters), kind.strip("<>")), chr(code))
    return forms
