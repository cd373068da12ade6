"""Articles in template texts, and what the banks that need one say of their entries."""

from __future__ import annotations

import pytest

from synth.catalog import Catalog
from synth.records import Entry
from synth.templating import compile_template, environment, render_template


def _with_article(entry: Entry, adjective: str = "") -> str:
    template = compile_template(environment(), "{{ it | a(adjective) }}", "here")
    return render_template(template, "here", {"it": entry, "adjective": adjective})


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (Entry(text="giraffe"), "a giraffe"),
        (Entry(text="oven"), "an oven"),
        (Entry(text="unicorn"), "a unicorn"),
        (Entry(text="hourglass"), "an hourglass"),
        (Entry(text="the moon"), "the moon"),
        (Entry(text="two cats"), "two cats"),
        (Entry(text="boots", facts={"plural": "yes"}), "boots"),
        (Entry(text="pixel art", facts={"mass": "yes"}), "pixel art"),
    ],
)
def test_articles(entry: Entry, text: str) -> None:
    assert _with_article(entry) == text


def test_an_adjective_decides_the_article() -> None:
    assert _with_article(Entry(text="umbrella"), "red") == "a red umbrella"
    assert _with_article(Entry(text="car"), "orange") == "an orange car"
    assert _with_article(Entry(text="boots", facts={"plural": "yes"}), "red") == "red boots"


@pytest.mark.parametrize("bank", ["scene", "style", "object", "clothes"])
def test_no_bank_that_is_used_with_articles_has_one_before_a_plural(bank: str) -> None:
    """ "a rooftop water tanks", "a macro photography"."""
    ending = ("tanks", " houses", "cliffs", "ruins", "fields", "shoes", "boots", "gloves", "photography", " art")
    texts = [_with_article(entry) for entry in Catalog().bank(bank).entries]
    assert [text for text in texts if text.startswith(("a ", "an ")) and text.endswith(ending)] == []
