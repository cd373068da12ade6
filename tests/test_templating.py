"""Articles in template texts, and what the banks that need one say of their entries."""

from __future__ import annotations

import pytest

from synth.catalog import Catalog
from synth.records import Entry
from synth.templating import compile_template, environment, render_template, with_article


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
    env = environment()
    template = compile_template(env, "{{ it | a }}", "here")
    assert render_template(template, "here", {"it": entry}) == text


def test_an_adjective_decides_the_article() -> None:
    assert with_article(Entry(text="umbrella"), "red") == "a red umbrella"
    assert with_article(Entry(text="car"), "orange") == "an orange car"
    assert with_article(Entry(text="boots", facts={"plural": "yes"}), "red") == "red boots"


@pytest.mark.parametrize("bank", ["scene", "style", "object", "clothes"])
def test_no_bank_that_is_used_with_articles_has_one_before_a_plural(bank: str) -> None:
    """ "a rooftop water tanks", "a macro photography"."""
    ending = ("tanks", " houses", "cliffs", "ruins", "fields", "shoes", "boots", "gloves", "photography", " art")
    texts = [with_article(entry) for entry in Catalog().bank(bank).entries]
    assert [text for text in texts if text.startswith(("a ", "an ")) and text.endswith(ending)] == []
