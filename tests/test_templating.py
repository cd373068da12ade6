"""Articles in template texts, and what the banks that need one say of their entries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jinja2 import nodes

from synth.banks import KeywordBank
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


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (Entry(text="giraffe"), "giraffes"),
        (Entry(text="Japanese geta", facts={"plural": "yes"}), "Japanese geta"),
        (Entry(text="pixel art", facts={"mass": "yes"}), "pixel art"),
    ],
)
def test_plurals(entry: Entry, text: str) -> None:
    assert render_template(compile_template(environment(), "{{ it | plural }}", "here"), "here", {"it": entry}) == text


@pytest.fixture(scope="module")
def banks_in_sentences() -> dict[str, KeywordBank]:
    """The banks whose entries some template of ours puts behind an article or into the plural."""
    catalog, env, found = Catalog(), environment(), {}
    for name in catalog.names():
        ability = catalog.ability(name)
        banks = {slot_name: slot.bank for _, slot_name, slot in ability.slots() if slot.bank}
        for text in texts_of(ability.model_dump()):
            for one in env.parse(text).find_all(nodes.Filter):
                if one.name in ("a", "plural") and isinstance(one.node, nodes.Name | nodes.Getattr):
                    slot = one.node.name if isinstance(one.node, nodes.Name) else one.node.attr
                    if slot in banks:
                        found[banks[slot]] = catalog.bank(banks[slot])
    return found


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts_of(part)


#: end in -s and are one thing all the same
ONE = {"canvas", "crossroads", "rhinoceros"}
#: what has no plural where it heads a phrase
MASS = {
    "3d", "abstraction", "art", "astrophotography", "beadwork", "calligraphy", "claymation", "clothing", "cross-stitch",
    "embroidery", "enamel", "felting", "footage", "furniture", "glass", "imaging", "jewelry", "knitwear", "lomography",
    "macrame", "marquetry", "needlework", "origami", "photography", "porcelain", "pottery", "pyrography", "quilling",
    "stop-motion", "tooling",
}  # fmt: skip
#: where such a word is one thing
COUNTED = {"glass", "magnifying glass", "wine glass"}


def head(phrase: str) -> str:
    return re.split(r" (?:of|with|in|on|for|from|over|by|at) ", phrase)[0].split()[-1].lower()


def is_plural(phrase: str) -> bool:
    return re.search(r"[^sui]s$", head(phrase)) is not None and head(phrase) not in ONE


def test_what_takes_no_article_and_no_plural_says_so(banks_in_sentences: dict[str, KeywordBank]) -> None:
    """ "a rooftop water tanks", "a macro photography", "pixel arts"."""
    assert {"clothes", "object", "profession", "scene", "state", "style"} <= set(banks_in_sentences)
    for bank in banks_in_sentences.values():
        unmarked = [one.text for one in bank.entries if not {"plural", "mass"} & set(one.facts)]
        assert [one for one in unmarked if is_plural(one)] == [], f"{bank.name}: plural: yes"
        assert [one for one in unmarked if head(one) in MASS and one not in COUNTED] == [], f"{bank.name}: mass: yes"
        wrong = [one.text for one in bank.entries if "mass" in one.facts and is_plural(one.text)]
        assert wrong == [], f"{bank.name}: plural: yes, not mass"
        said = {one.facts[fact] for one in bank.entries for fact in ("plural", "mass") if fact in one.facts}
        assert said <= {"yes"}, bank.name
