"""From the keywords a model wrote to the prompt a renderer gets (StableLLaVA, section 4.1).

Keywords at the start weigh most, so the planned subject comes first and is double-bracketed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synth.abilities import Ability
from synth.records import Entry
from synth.text import content_stems, covers


def order_keywords(keywords: Sequence[str], plan: Mapping[str, Entry], ability: Ability) -> list[str]:
    """Keywords that speak of the leading slots first, otherwise in the model's order; the words of
    `prompt.append` slots are added at the end where the model did not write them."""

    leading = [content_stems(plan[slot].text) for slot in ability.prompt.lead if slot in plan]

    def rank(keyword: str) -> int:
        stems = content_stems(keyword)
        return next((place for place, wanted in enumerate(leading) if covers(stems, wanted, 0.5)), len(leading))

    ordered = sorted(keywords, key=rank)
    for slot in ability.prompt.append:
        if slot not in plan:
            continue
        extra = plan[slot].text
        wanted = content_stems(extra)
        if not any(wanted <= content_stems(keyword) for keyword in ordered):
            ordered.append(extra)
    return ordered


def join_keywords(keywords: Sequence[str], emphasis: int) -> str:
    """`((most important)), next, ...`: the first `emphasis` keywords are double-bracketed."""
    return ", ".join(f"(({k}))" if place < emphasis else k for place, k in enumerate(keywords))
