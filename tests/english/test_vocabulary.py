"""A list of words stands once: what several modules need is in the vocabulary, and nobody lists it again.

Found are whole lists within one string or one display. Who lists all words of one but a few is not found.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from synth.english import vocabulary

ROOT = Path(__file__).parents[2]
READERS = [*sorted((ROOT / "synth" / "english").glob("*.py")), *sorted((ROOT / "filters").glob("*.py"))]
#: shorter ones are in many a sentence
LISTS = {
    name: {str(word) for word in words}
    for name, words in vars(vocabulary).items()
    if isinstance(words, tuple | frozenset | dict) and name.isupper() and len(words) > 2
}
#: who lists one again: in `grounding` each word decides which share of an answer was planned, so a word more in the
#: vocabulary must not get there unseen
ALLOWED = {("grounding", "USUALLY")}


def listed(source: str) -> Iterator[tuple[int, set[str]]]:
    """The words of each string and each display of strings, and the line where it begins; not those of docstrings."""
    tree = ast.parse(source)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Dict):
            parts = node.keys if isinstance(node, ast.Dict) else node.elts
            texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            yield node.lineno, set(texts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, set(re.findall(r"[a-z']+", node.value))


def repeated(source: str) -> list[str]:
    return [f"line {at}: {name}" for at, words in listed(source) for name, known in LISTS.items() if known <= words]


@pytest.mark.parametrize("file", [file for file in READERS if file.stem != "vocabulary"], ids=lambda file: file.stem)
def test_no_module_lists_again_what_the_vocabulary_has(file: Path) -> None:
    found = repeated(file.read_text(encoding="utf-8"))
    assert [line for line in found if (file.stem, line.rpartition(" ")[2]) not in ALLOWED] == []


def test_a_repeated_list_would_be_found() -> None:
    assert {"ARTICLES", "BE", "COLORS", "CARDINALS", "SHOW", "USUALLY", "VERBS"} <= LISTS.keys()
    assert repeated("WERE = ('was', 'is', 'been', 'are', 'were')\n") == ["line 1: BE"]
    assert repeated("X = 1\nP = r'\\b(?:is|was|are|were)\\b'\n") == ["line 2: BE"]
    assert repeated("WERE = ('was', 'is', 'were')\n") == []
    assert repeated("def f():\n    'it is, they are, was and were'\n") == []
