"""What brackets in prompts mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.backends.render.emphasis import LARGEST, fragments, plain


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a cat", [("a cat", 1.0)]),
        ("", []),
        ("(cat)", [("cat", 1.1)]),
        ("((red fox)), snow", [("red fox", 1.21), (", snow", 1.0)]),
        ("a (red:1.3) fox", [("a ", 1.0), ("red", 1.3), (" fox", 1.0)]),
        ("(dim: .5)", [("dim", 0.5)]),
        ("((cat:1.3))", [("cat", 1.43)]),
        ("(a (red) fox)", [("a ", 1.1), ("red", 1.21), (" fox", 1.1)]),
        ("(a (red:1.5) fox:1.2)", [("a ", 1.2), ("red", 1.8), (" fox", 1.2)]),
        ("(loud:99)", [("loud", LARGEST)]),
        ("((half open", [("((half open", 1.0)]),
        ("closed)) once", [("closed)) once", 1.0)]),
        ("(a (b)", [("(a ", 1.0), ("b", 1.1)]),
        (r"smile \(:2\) and \\", [("smile (:2) and \\", 1.0)]),
        ("()", []),
        ("ratio 16:9, (wide)", [("ratio 16:9, ", 1.0), ("wide", 1.1)]),
        ("(none:0)", [("none", 0.0)]),
    ],
)
def test_fragments(prompt: str, expected: list[tuple[str, float]]) -> None:
    assert [(one.text, pytest.approx(one.weight)) for one in fragments(prompt)] == expected


def test_plain_text_has_neither_brackets_nor_weights() -> None:
    assert plain("((red fox:1.2)), (snow), glass") == "red fox, snow, glass"


@given(st.text(alphabet="ab(): .\\12", max_size=30))
def test_any_text_is_read_and_no_weight_is_absurd(prompt: str) -> None:
    found = fragments(prompt)
    assert all(piece.text and 0 <= piece.weight <= LARGEST for piece in found)
    assert plain(prompt.replace("(", "").replace(")", "").replace("\\", "")) == prompt.replace("(", "").replace(
        ")", ""
    ).replace("\\", "")
