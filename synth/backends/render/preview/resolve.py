"""From keywords to a storyboard: which picture, where, and how it is changed.

Nothing here draws. `reading` understands the words; here it is decided what becomes of them. A keyword counts
as drawn only if something of it is really in the storyboard.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from synth.backends.render.preview.reading import Reading, read_keyword
from synth.backends.render.preview.states import STATES
from synth.backends.render.preview.storyboard import Actor, Storyboard
from synth.backends.render.preview.vocabulary import TONES, Lexicon

MOST_OTHERS = 6


def resolve(keywords: Sequence[str], seed: int, lexicon: Lexicon) -> Storyboard:
    """The storyboard of a request; a pure function of its arguments."""
    reading = Reading()
    for index, keyword in enumerate(keywords):
        read_keyword(reading, index, keyword, lexicon)
    _merge_person_attributes(reading, lexicon)
    for actor in reading.actors:
        _cast(actor, reading, seed, lexicon)
    main = next((actor for actor in reading.actors if actor.keyword == 0), None)
    others = _distinct([actor for actor in reading.actors if actor is not main], main, lexicon)[:MOST_OTHERS]
    if main is None and not reading.scene and others:
        main = others.pop(0)
    habitat = lexicon.habitats.get(main.name, "studio") if main else "studio"
    scene = reading.scene or habitat
    used = set(reading.used) | {actor.keyword for actor in [main, *others] if actor}
    used |= {index for index, name in reading.scene_keywords if name == scene}
    lights = list(dict.fromkeys(name for _, name in reading.lights))[:3]
    used |= {index for index, name in reading.lights if name in lights}
    style = reading.styles[0][1] if reading.styles else ""
    used |= {index for index, name in reading.styles if name == style}
    drawn = tuple(keyword for index, keyword in enumerate(keywords) if index in used)
    return Storyboard(scene, main, others, lights, reading.wash, style, reading.ground, drawn)


def _distinct(actors: list[Actor], main: Actor | None, lexicon: Lexicon) -> list[Actor]:
    """Without pictures that are there already; a repeated thing is meant to be one thing.

    What rises from the subject is one as well ("a candle burning with a small flame").
    """
    seen = {main.name, *(lexicon.shown[state] for state in main.states & lexicon.shown.keys())} if main else set()
    seen.discard("")
    kept = []
    for actor in actors:
        if actor.name and actor.name in seen:
            continue
        seen.add(actor.name)
        kept.append(actor)
    return kept


def _merge_person_attributes(reading: Reading, lexicon: Lexicon) -> None:
    """("a chef", "elderly woman") is one person: the second keyword says who the chef is."""
    main = reading.actors[0] if reading.actors else None
    if main is None or not main.person or main.keyword != 0:
        return
    for actor in [actor for actor in reading.actors if actor.keyword and actor.person]:
        alone = sum(other.keyword == actor.keyword for other in reading.actors) == 1
        if alone and actor.count == 1 and actor.name in lexicon.lists["generic_people"]:
            if main.name in lexicon.lists["generic_people"]:
                main.name = actor.name
            reading.actors.remove(actor)
            reading.used.add(actor.keyword)


def _in_state(actor: Actor, chosen: str, lexicon: Lexicon) -> str:
    """The name of the picture that shows the thing in its states; what it does not show is left to treatments."""
    treatments = []
    for state in sorted(actor.states):
        own = lexicon.state_pictures.get(state, {}).get(actor.name)
        if own:
            chosen = own
        elif state in lexicon.rising:
            actor.rising = lexicon.rising[state]
        elif state in STATES:
            treatments.append(state)
    actor.treatments = tuple(treatments)
    return chosen


def _cast(actor: Actor, reading: Reading, seed: int, lexicon: Lexicon) -> None:
    """Choose the file: who stands for a person is drawn evenly where the words leave it open.

    The draw is of the seed and the name: the same chef, whatever else is in the picture.
    """
    if not actor.name:
        return
    which = tone = 0
    if actor.person:
        rng = random.Random(f"{seed}/{actor.name}")
        which, tone = rng.randrange(3), rng.randrange(5)
        family = lexicon.people.get(actor.name, (actor.name,) * 3)
        if actor.keyword == 0 or family[0] in lexicon.lists["generic_people"]:
            which = 2 if reading.female else 1 if reading.male else which
            if actor.keyword == 0 and reading.old and actor.name in ("person", "man", "woman"):
                family = ("older_person", "old_man", "old_woman")
            actor.gray = reading.old and actor.keyword == 0
            tone = TONES.index(reading.tone) if reading.tone else tone
        chosen = family[which]
    else:
        chosen = actor.name
    chosen = _in_state(actor, chosen, lexicon)
    variants = lexicon.tones.get(chosen, ())
    actor.picture = variants[tone] if variants else lexicon.names.get(chosen, "")
    if actor.person and not variants and chosen.startswith("E"):
        actor.picture += f"@{tone}"
