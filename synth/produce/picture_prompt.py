"""From the keywords a model wrote to the prompt a renderer gets (StableLLaVA, section 4.1).

Keywords at the start weigh most, so the planned subject comes first and is double-bracketed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synth.abilities import Ability
from synth.records import Entry
from synth.text import all_stems, content_stems, covers, in_words


def order_keywords(
    keywords: Sequence[str], plan: Mapping[str, Entry], ability: Ability, siblings: Sequence[Mapping[str, Entry]] = ()
) -> list[str]:
    """The words of the `prompt.prepend` slots, then keywords that speak of the leading slots, then the others in the
    model's order, then the words of the `prompt.append` slots where the model did not write them.

    What is prepended plans the picture. A keyword that says nothing beyond it, or shows what is prepended to the
    sample's other pictures (`siblings` are their plans), is left out, and so is one with a word of `write.leave_out`.
    """
    style = ability.prompt
    leading = [content_stems(text) for text in _texts(style.lead, plan)]

    def rank(keyword: str) -> int:
        stems = content_stems(keyword)
        return next((place for place, wanted in enumerate(leading) if covers(stems, wanted, 0.5)), len(leading))

    first = _texts(style.prepend, plan)
    planned = all_stems(first)
    others = all_stems(text for other in siblings for text in _texts(style.prepend, other)) - planned
    ordered = []
    for keyword in sorted(keywords, key=rank):
        stems = content_stems(keyword)
        known = bool(first) and stems <= planned
        if not (known or stems & others or any(in_words(keyword, word) for word in ability.write.leave_out)):
            ordered.append(keyword)
    last = [
        text
        for text in _texts(style.append, plan)
        if not any(content_stems(text) <= content_stems(one) for one in ordered)
    ]
    return [*first, *ordered, *last]


def _texts(slots: Sequence[str], plan: Mapping[str, Entry]) -> list[str]:
    """The texts of those slots that were drawn."""
    return [plan[slot].text for slot in slots if slot in plan]


def join_keywords(keywords: Sequence[str], emphasis: int) -> str:
    """`((most important)), next, ...`: the first `emphasis` keywords are double-bracketed."""
    return ", ".join(f"(({k}))" if place < emphasis else k for place, k in enumerate(keywords))
