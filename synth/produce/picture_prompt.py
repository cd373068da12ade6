"""From the keywords a model wrote to the prompt a renderer gets (StableLLaVA, section 4.1).

Keywords at the start weigh most, so the planned subject comes first and is double-bracketed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synth.abilities import Ability
from synth.records import Entry
from synth.text import all_stems, content_stems, covers


def order_keywords(keywords: Sequence[str], plan: Mapping[str, Entry], ability: Ability) -> list[str]:
    """Keywords that speak of the leading slots first, otherwise in the model's order; the words of the
    `prompt.prepend` and `prompt.append` slots are added at the start and at the end where the model did not write
    them. A keyword that only says again a part of what is added at the start is left out."""
    style = ability.prompt
    leading = [content_stems(plan[slot].text) for slot in style.lead if slot in plan]

    def rank(keyword: str) -> int:
        stems = content_stems(keyword)
        return next((place for place, wanted in enumerate(leading) if covers(stems, wanted, 0.5)), len(leading))

    ordered = sorted(keywords, key=rank)
    first = _missing([plan[slot].text for slot in style.prepend if slot in plan], ordered)
    said = all_stems(first)
    # one of another script has no words that we know, and says something all the same
    ordered = [keyword for keyword in ordered if not (content_stems(keyword) and content_stems(keyword) <= said)]
    last = _missing([plan[slot].text for slot in style.append if slot in plan], ordered)
    return [*first, *ordered, *last]


def _missing(texts: Sequence[str], keywords: Sequence[str]) -> list[str]:
    """Those of `texts` whose words are not all in one of the keywords."""
    return [text for text in texts if not any(content_stems(text) <= content_stems(one) for one in keywords)]


def join_keywords(keywords: Sequence[str], emphasis: int) -> str:
    """`((most important)), next, ...`: the first `emphasis` keywords are double-bracketed."""
    return ", ".join(f"(({k}))" if place < emphasis else k for place, k in enumerate(keywords))
