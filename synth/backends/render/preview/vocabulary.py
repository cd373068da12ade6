"""What words mean to the preview: a lexicon of phrases, each with the senses it may have.

The knowledge is data (`sprites.yaml`, `words.yaml`, `drawings.yaml` beside this module) so that a
curator, not a programmer, adds a synonym. The English short names of emoji come on top, after the
curated entries. One phrase may have several senses ("orange" is a fruit and a colour, "glass" a
thing and a material); which one is meant is decided in context by `resolve`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any

Phrase = tuple[str, ...]
LONGEST = 6
TONES = ("light", "medium-light", "medium", "medium-dark", "dark")

#: emoji short names that are everyday words with another meaning, or name no visible thing
_NOT_THINGS = frozenset(
    """Aquarius Aries Cancer Capricorn Gemini Leo Libra Ophiuchus Pisces Sagittarius Scorpio Taurus Virgo
    England Scotland Wales ZZZ plus minus divide multiply om soon link memo seat label copyright
    registered trade_mark infinity information construction collision customs vibration_mode
    passport_control desert sunset sunrise fog foggy cityscape milky_way prohibited warning mouth
    person man woman boy girl child hole beach_with_umbrella camping motorway snowboarder cool new
    free id back end on! top up! dizzy sparkle sparkles dashing_away radio_button ice
    performing_arts keyboard selfie wedding sparkler foot leg ear nose tongue bone wood rock
    water_closet person_standing mechanical_arm gear breast-feeding linked_paperclips
    part_alternation_mark input_numbers input_symbols splatter cyclone""".split()  # noqa: SIM905
)
_NOT_THING_PARTS = re.compile(
    r"button|arrow|square|circle|diamond|sign$|_flag|flag_|triangle|heart|o’clock|thirty|japanese|symbol"
    r"|keycap|hand|finger|fist|thumb|skin_tone|exclamation|question|mark$|face$|face_with|^face|curly_loop"
    r"|card_index|mailbox_with|speech|pile_of_poo|^no_|non-potable|couple|kiss|family|bubble$|currency"
)


@lru_cache(maxsize=65536)
def tokens(text: str) -> Phrase:
    """The words of `text` in order: lower case, without accents, possessives and punctuation."""
    plain = unicodedata.normalize("NFKD", text.lower().replace("’", "'"))
    plain = re.sub(r"'s\b|s'(?=\s)|'|[\u0300-\u036f]", "", plain)
    return tuple(re.findall(r"[a-z0-9]+", plain))


@lru_cache(maxsize=65536)
def singulars(word: str) -> Phrase:
    """`word` and what it may be the plural of, likeliest first."""
    irregular = _IRREGULAR.get(word)
    if irregular:
        return (word, irregular)
    found = [word]
    if word.endswith("ies") and len(word) > 4:
        found.append(word[:-3] + "y")
    if word.endswith("ves"):
        found += [word[:-3] + "f", word[:-3] + "fe"]
    if word.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
        found.append(word[:-2])
    if word.endswith("s") and not word.endswith("ss") and len(word) > 3:
        found.append(word[:-1])
    return tuple(found)


_IRREGULAR = {
    "men": "man", "women": "woman", "children": "child", "feet": "foot", "teeth": "tooth", "geese": "goose",
    "mice": "mouse", "oxen": "ox", "cacti": "cactus", "firemen": "fireman", "grey": "gray", "colour": "color",
    "policemen": "policeman", "fungi": "fungus", "gentlemen": "gentleman", "fishermen": "fisherman",
    "cowboys": "cowboy", "aeroplane": "airplane", "doughnut": "donut", "axe": "ax", "loaves": "loaf",
    "daisies": "daisy", "wolves": "wolf", "knives": "knife", "leaves": "leaf", "scarves": "scarf",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Match:
    """The words `start`..`end` of a keyword and the senses they may have: kind -> value."""

    start: int
    end: int
    senses: dict[str, str]


@dataclass(slots=True)
class Lexicon:
    """Phrases and senses, and the lists of names that layout rules refer to."""

    senses: dict[Phrase, dict[str, str]] = field(default_factory=dict)
    people: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    actions: dict[str, list[tuple[Phrase, str]]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    tones: dict[str, tuple[str, ...]] = field(default_factory=dict)
    drawings: dict[str, str] = field(default_factory=dict)
    habitats: dict[str, str] = field(default_factory=dict)
    lists: dict[str, frozenset[str]] = field(default_factory=dict)
    #: state -> name of a thing -> name of its picture in that state
    state_pictures: dict[str, dict[str, str]] = field(default_factory=dict)
    #: state -> file of what rises from a thing in that state, and the name of what is shown by it
    rising: dict[str, str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)

    def match(self, words: Phrase) -> list[Match]:
        """The longest known phrases from left to right; an unknown word has no senses."""
        found = []
        at = 0
        while at < len(words):
            for length in range(min(LONGEST, len(words) - at), 0, -1):
                senses = self._look_up(words[at : at + length])
                if senses:
                    break
            else:
                senses, length = {}, 1
            found.append(Match(at, at + length, senses))
            at += length
        return found

    def _look_up(self, phrase: Phrase) -> dict[str, str]:
        exact = self.senses.get(phrase)
        if exact:
            if (
                len(phrase) == 1 and phrase[0].endswith("s") and "sprite" not in exact
            ):  # "leaves": a material, and also many a leaf
                for single in singulars(phrase[0])[1:]:
                    exact = {**self.senses.get((single,), {}), **exact}
            return exact
        for last in singulars(phrase[-1])[1:]:
            senses = self.senses.get((*phrase[:-1], last))
            if senses:
                return senses
        if len(phrase) > 1:
            for first in singulars(phrase[0])[1:]:
                senses = self.senses.get((first, *phrase[1:]))
                if senses:
                    return senses
        return {}

    def add(self, words: str, kind: str, value: str) -> None:
        phrase = tokens(words)
        if phrase and len(phrase) <= LONGEST:
            self.senses.setdefault(phrase, {}).setdefault(kind, value)


def load(stems: Iterable[str]) -> Lexicon:
    """The lexicon for the pictures that are there (`stems`: code points of the SVG files)."""
    import emoji

    there = frozenset(stems)
    words = _read("words.yaml")
    lexicon = Lexicon(drawings=_read("drawings.yaml"))
    _name_pictures(lexicon, there, emoji.EMOJI_DATA)
    for name, text in _read("sprites.yaml").items():
        if name in lexicon.names:
            for phrase in _split(text):
                lexicon.add(phrase, "sprite", name)
    _add_people(lexicon, words)
    for kind, section in (
        ("scene", "scenes"), ("light", "light"), ("style", "styles"), ("colour", "colours"),
        ("material", "materials"), ("size", "sizes"), ("pose", "poses"), ("count", "counts"),
        ("tone", "tones"), ("state", "states"), ("cover", "covers"), ("ground", "grounds"),
    ):  # fmt: skip
        for value, text in words[section].items():
            for phrase in _split(text):
                lexicon.add(phrase, kind, str(value))
    for kind in ("colour_parts", "lit", "neutral", "prepositions", "verbs", "male", "female", "old"):
        for phrase in _split(words[kind]):
            lexicon.add(phrase, kind, phrase)
    for scene, text in words["habitats"].items():
        for name in _split(text):
            lexicon.habitats.setdefault(name, scene)
    lexicon.lists = {
        kind: frozenset(_split(words[kind]))
        for kind in ("aerial", "skyborne", "supports", "garments", "headgear", "holders", "generic_people")
    }
    lexicon.state_pictures = {
        state: {name: own for name, own in pictures.items() if own in lexicon.names}
        for state, pictures in words["state_pictures"].items()
    }
    lexicon.shown = {state: name for state, name in words["rising"].items() if name in lexicon.names}
    lexicon.rising = {state: lexicon.names[name] for state, name in lexicon.shown.items()}
    _add_short_names(lexicon, emoji.EMOJI_DATA)
    return lexicon


def _read(name: str) -> Any:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(files(__package__).joinpath(name).read_text(encoding="utf-8"), Loader=loader)


def _split(text: str) -> list[str]:
    return [part.strip().strip('"') for part in str(text).split(",")]


def _name_pictures(lexicon: Lexicon, there: frozenset[str], data: dict[str, dict[str, Any]]) -> None:
    """Names to files, and the five skin tones of a name, in the order of `TONES`."""
    lexicon.names = {
        stem: stem for stem in sorted(there) if stem.startswith(("E", "1F9D1-200D", "1F468-200D", "1F469-200D"))
    }
    lexicon.names |= {name: name for name in lexicon.drawings}
    toned: dict[str, dict[str, str]] = {}
    for text, entry in data.items():
        stem = _stem(text, there)
        name = entry["en"].strip(":")
        if not stem or entry.get("status") != 2:
            continue
        base, tone = _untone(name)
        if tone:
            toned.setdefault(base, {})[tone] = stem
        else:
            lexicon.names.setdefault(name, stem)
    for name, variants in toned.items():
        if all(tone in variants for tone in TONES):
            lexicon.tones[name] = tuple(variants[tone] for tone in TONES)


def _stem(text: str, there: frozenset[str]) -> str:
    full = "-".join(f"{ord(char):04X}" for char in text)
    bare = "-".join(f"{ord(char):04X}" for char in text if ord(char) != 0xFE0F)
    return full if full in there else bare if bare in there else ""


def _untone(name: str) -> tuple[str, str]:
    """("cook", "dark") of "cook_dark_skin_tone"; "" where there is no tone or more than one."""
    if name.count("skin_tone") != 1:
        return name, "several" if "skin_tone" in name else ""
    base, _, tone = name.removesuffix("_skin_tone").rpartition("_")
    return (base, tone) if tone in TONES else (name, "several")


def _add_people(lexicon: Lexicon, words: dict[str, Any]) -> None:
    for neutral, man, woman, text in words["people"]:
        for phrase in _split(text):
            lexicon.add(phrase, "person", neutral)
        if all(name in lexicon.names for name in (neutral, man, woman)):
            lexicon.people.setdefault(neutral, (neutral, man, woman))
    for neutral, man, woman, text in words["actions"]:
        if all(name in lexicon.names for name in (neutral, man, woman)):
            lexicon.people.setdefault(neutral, (neutral, man, woman))
            for phrase in _split(text):
                first, *rest = tokens(phrase)
                lexicon.actions.setdefault(first, []).append(((first, *rest), neutral))
    for candidates in lexicon.actions.values():
        candidates.sort(key=lambda item: (-len(item[0]), item))


def _add_short_names(lexicon: Lexicon, data: dict[str, dict[str, Any]]) -> None:
    for entry in data.values():
        name = entry["en"].strip(":")
        if name in lexicon.names and name not in _NOT_THINGS and not _NOT_THING_PARTS.search(name):
            phrase = name.replace("_", " ")
            known = lexicon.senses.get(tokens(phrase), {})
            if not known.keys() & {"sprite", "person", "scene", "prepositions", "size", "colour", "light"}:
                lexicon.add(phrase, "sprite", name)
