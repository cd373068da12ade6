"""From keywords to a storyboard: which picture, where, and how it is changed.

Nothing here draws. The rules are shallow on purpose: longest known phrase first, modifiers belong
to the next thing named before a preposition, or else to the one named before. A keyword counts as
drawn only if something of it is really in the storyboard.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from synth.backends.render.preview.vocabulary import TONES, Lexicon, Match, Phrase, tokens

MOST_OTHERS = 6
_COMPARES = frozenset(
    {"as", "so", "than", "enough", "size", "taller", "bigger", "larger", "longer", "wider", "smaller"}
)
_ARTS = frozenset(
    {"sculpture", "statue", "carving", "figure", "art", "model", "figurine", "relief", "marquetry", "texture"}
)
_DISHES = frozenset({"bowl", "plate", "basket", "tray", "vase", "crate", "box"})
_LINKS = frozenset(
    {"a", "an", "the", "in", "on", "at", "with", "over", "to", "from", "into", "for", "of", "down", "up"}
)
_ACTS = frozenset({"playing", "doing", "making", "having", "taking", "practicing", "performing"})
_ON = frozenset({"on", "atop", "riding", "onto", "rides", "upon"})


@dataclass(slots=True)
class Actor:
    """One thing in the picture. `picture` is a file of the clip art, or "" for a labelled card."""

    keyword: int
    label: str
    name: str = ""
    picture: str = ""
    tint: str = ""
    material: str = ""
    size: str = ""
    count: int = 1
    heads: int = 1
    poses: set[str] = field(default_factory=set)
    relation: str = ""
    person: bool = False
    gray: bool = False


@dataclass(slots=True)
class Storyboard:
    """All that decides a picture, apart from its size and seed."""

    scene: str
    main: Actor | None
    others: list[Actor]
    lights: list[str]
    wash: str
    style: str
    drawn: tuple[str, ...]


@dataclass(slots=True)
class _Reading:
    """What has been understood so far."""

    actors: list[Actor] = field(default_factory=list)
    scene: str = ""
    scene_keywords: list[tuple[int, str]] = field(default_factory=list)
    lights: list[tuple[int, str]] = field(default_factory=list)
    styles: list[tuple[int, str]] = field(default_factory=list)
    wash: str = ""
    male: bool = False
    female: bool = False
    old: bool = False
    tone: str = ""
    used: set[int] = field(default_factory=set)


def clean(text: str, longest: int = 60) -> str:
    """`text` fit to be drawn: one line, no control, format or unassigned characters, not too long."""
    visible = "".join(" " if char.isspace() else char for char in text[: longest * 4] if _printable(char))
    line = " ".join(visible.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def _printable(char: str) -> bool:
    return char.isspace() or not unicodedata.category(char).startswith("C")


def resolve(keywords: Sequence[str], seed: int, lexicon: Lexicon) -> Storyboard:
    """The storyboard of a request; a pure function of its arguments."""
    rng = random.Random(seed)
    reading = _Reading()
    for index, keyword in enumerate(keywords):
        _read_keyword(reading, index, keyword, lexicon)
    _merge_person_attributes(reading, lexicon)
    for actor in reading.actors:
        _cast(actor, reading, rng, lexicon)
    main = next((actor for actor in reading.actors if actor.keyword == 0), None)
    others = _distinct([actor for actor in reading.actors if actor is not main], main)[:MOST_OTHERS]
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
    return Storyboard(scene, main, others, lights, reading.wash, style, drawn)


def _distinct(actors: list[Actor], main: Actor | None) -> list[Actor]:
    """Without pictures that are there already; a repeated thing is meant to be one thing."""
    seen = {main.name} if main and main.name else set()
    kept = []
    for actor in actors:
        if actor.name and actor.name in seen:
            continue
        seen.add(actor.name)
        kept.append(actor)
    return kept


def _read_keyword(reading: _Reading, index: int, keyword: str, lexicon: Lexicon) -> None:
    words = tokens(keyword)[:40]
    matches = lexicon.match(words)
    _note_people_words(reading, matches)
    _Parser(reading, index, words, matches, lexicon, keyword).run()


def _note_people_words(reading: _Reading, matches: list[Match]) -> None:
    for match in matches:
        senses = match.senses
        female = "female" in senses or senses.get("person") in ("woman", "girl", "old_woman")
        male = "male" in senses or senses.get("person") in ("man", "boy", "old_man")
        if not (reading.male or reading.female):
            reading.female, reading.male = female, male and not female
        reading.old |= "old" in senses or senses.get("person") in ("old_man", "old_woman", "older_person")
        reading.tone = reading.tone or senses.get("tone", "")


class _Parser:
    """Reads one keyword from left to right."""

    def __init__(
        self, reading: _Reading, index: int, words: Phrase, matches: list[Match], lexicon: Lexicon, text: str
    ) -> None:
        self.reading, self.index, self.words, self.matches = reading, index, words, matches
        self.lexicon, self.text = lexicon, text
        self.nouns: list[Actor] = []
        self.tint = self.material = self.size = ""
        self.count = self.heads = 1
        self.poses: set[str] = set()
        self.skip = False

    def run(self) -> None:
        acts = self.index == 0 and self._starts_with_act()
        if acts:  # "building a snowman" is about no building
            self.matches[0] = Match(0, 1, {})
        head = self._head() if self.index == 0 else -1
        for at, match in enumerate(self.matches):
            if at < head and self._describes(at, head):
                match = Match(
                    match.start,
                    match.end,
                    {k: v for k, v in match.senses.items() if k not in ("sprite", "person")},
                )
            self._step(at, match, at == head)
        self._flush()
        action = self._action()
        if action:
            self._act(action)
        elif acts and not any(actor.person for actor in self.nouns[:1]):
            self.nouns.insert(0, Actor(0, "person", "person", person=True))
        if self.index == 0 and not self.nouns and self.words and self.words[-1].endswith("ing"):
            self.nouns.append(Actor(0, "person", "person", person=True))
        if self.index == 0 and not self.nouns and not self._is_setting():
            self.nouns.insert(0, Actor(0, clean(self.text) or "?", size=self.size, tint=self.tint))
        elif self.index == 0 and self.nouns and head < 0 and not self.nouns[0].person and self._unknown_head():
            self._put_card_first()
        if self.index == 0 and self.nouns:
            self._promote()
            self.nouns[0].heads = max(self.nouns[0].heads, self.heads)
        self.reading.actors += self.nouns

    # --- one phrase at a time

    def _step(self, at: int, match: Match, is_head: bool) -> None:
        senses, word = match.senses, self.words[match.start]
        if word in ("no", "without") and match.end - match.start == 1:
            self.skip = True
            return
        if "prepositions" in senses and len(senses) == 1:
            self._flush()
            return
        if word in ("head", "heads") and self.nouns and "with" in self.words[max(0, match.start - 4) : match.start]:
            self.nouns[0].heads = min(max(self.count, 1), 3)
            self._reset()
            return
        noun_ahead = self._noun_follows(at)
        if self._modifier(at, match, noun_ahead, is_head):
            return
        if is_head or self._names_thing(at, match, noun_ahead):
            self._noun(at, match)
        elif "scene" in senses:
            self._scene(senses["scene"])
        elif "light" in senses:
            self.reading.lights.append((self.index, senses["light"]))
        elif "style" in senses:
            self.reading.styles.append((self.index, senses["style"]))
        elif "colour_parts" in senses and self.tint:
            self._flush()

    def _modifier(self, at: int, match: Match, noun_ahead: bool, is_head: bool) -> bool:
        senses, phrase = match.senses, self.words[match.start : match.end]
        is_thing = senses.keys() & {"sprite", "person"}
        if "style" in senses and self.index and self._only_style(at):
            self.reading.styles.append((self.index, senses["style"]))
            return True
        if "size" in senses:
            self._size(senses["size"], bool(set(phrase) & _COMPARES))
            return True
        if "count" in senses:
            after = self.words[match.end] if match.end < len(self.words) else ""
            if after == "headed":
                self.heads = min(int(senses["count"]), 3)
            elif not after.endswith("ed") and after not in (
                "piece",
                "decker",
                "point",
                "rotor",
                "wheel",
                "hump",
            ):
                self.count = max(self.count, int(senses["count"]))
            return True
        if "pose" in senses:
            self.poses.add(senses["pose"])
            return "sprite" not in senses
        if "colour" in senses and (noun_ahead or not is_thing) and not is_head:
            self._colour(at, senses["colour"])
            return True
        if "material" in senses and not is_head and (noun_ahead or self._made_of(match) or not is_thing):
            art = bool(set(self.words[match.end : match.end + 2]) & _ARTS)
            if (self._made_of(match) or noun_ahead or self.index == 0 or art) and not (
                "light" in senses and not self._made_of(match)
            ):
                self.material = senses["material"]
                if self._made_of(match):
                    self._flush()
                return True
        return False

    def _names_thing(self, at: int, match: Match, noun_ahead: bool) -> bool:
        senses = match.senses
        if "person" in senses:
            return True
        if "sprite" not in senses:
            return False
        if noun_ahead and self._noun_adjacent(at):
            return False
        if {"scene", "light"} & senses.keys():
            if "scene" in senses and self.reading.scene in ("", senses["scene"]):
                return False
            return "light" not in senses
        return True

    def _noun(self, at: int, match: Match) -> None:
        senses = match.senses
        if self.skip:
            self.skip = False
            return
        name = senses.get("sprite", "")
        person = "person" in senses and (not name or senses["person"] in self.lexicon.people)
        if person:
            name = senses["person"]
        label = " ".join(self.words[match.start : match.end])
        relation = self._relation(match, name)
        known = self.lexicon.senses.get(self.words[match.start : match.end], {})
        is_plural = self.words[match.end - 1].endswith("s") and not known.keys() & {"sprite", "person"}
        count = self.count if self.count > 1 else 3 if is_plural else 1
        self.nouns.append(
            Actor(self.index, label, name, "", self.tint, self.material, self.size, min(count, 9), 1,
                  set(self.poses) if not self.nouns else set(), relation, person)
        )  # fmt: skip
        self._reset(keep_pose=len(self.nouns) > 1)

    def _relation(self, match: Match, name: str) -> str:
        word = self.words[match.start]
        before = self.words[max(0, match.start - 4) : match.start]
        if not self.nouns:
            return ""
        if name in self.lexicon.lists["headgear"] and self.index == 0:
            return "top"
        if ("with" in before or "of" in before) and word in ("wing", "wings"):
            return "sides"
        if ("with" in before or "of" in before) and word in ("wheels", "wheel", "legs", "leg", "feet"):
            return "base"
        if self.index == 0 and len(self.nouns) == 1 and name not in self.lexicon.lists["aerial"]:
            tail = before[-3:]
            if set(tail) & {"inside", "in"} and self.nouns[0].size in ("tiny", "small"):
                return "around"
            if self.nouns[0].size in ("tiny", "giant"):
                return "reference"
            if set(tail) & _ON:
                return "under"
            if "inside" in tail:
                return "around"
        return ""

    def _size(self, size: str, compares: bool) -> None:
        if not compares:
            self.size = size
        elif self.nouns:
            self.nouns[0].size = size
        elif self.index and self.reading.actors:
            self.reading.actors[0].size = size
            self.reading.used.add(self.index)
        else:
            self.size = size

    def _colour(self, at: int, colour: str) -> None:
        for later in self.matches[at + 1 :]:
            if "lit" in later.senses:
                self.reading.wash = self.reading.wash or colour
                self.reading.used.add(self.index)
                return
            if later.senses.keys() & {"prepositions", "sprite", "person", "colour_parts"}:
                break
        self.tint = colour

    def _scene(self, scene: str) -> None:
        if self.skip:
            self.skip = False
            return
        self.tint = self.material = ""
        self.reading.scene = self.reading.scene or scene
        self.reading.scene_keywords.append((self.index, scene))

    # --- looking around

    def _noun_follows(self, at: int) -> bool:
        """Whether a thing is named after `at` before any preposition or verb."""
        for later in self.matches[at + 1 :]:
            if later.senses.keys() & {"sprite", "person", "colour_parts", "scene", "lit"}:
                return True
            if "prepositions" in later.senses or (
                "verbs" in later.senses and not later.senses.keys() & {"colour", "material"}
            ):
                return False
        return False

    def _noun_adjacent(self, at: int) -> bool:
        later = self.matches[at + 1]
        return bool(later.senses.keys() & {"sprite", "person"}) and "verbs" not in later.senses

    def _made_of(self, match: Match) -> bool:
        before = self.words[max(0, match.start - 5) : match.start]
        return bool(before) and (
            "made" in before or "covered" in before or "carved" in before or "built" in before or before[-1] == "of"
        )

    def _only_style(self, at: int) -> bool:
        """Whether the keyword is about nothing but style ("pencil", "mosaic art")."""
        rest = [match for place, match in enumerate(self.matches) if place != at]
        if any(match.senses.keys() & {"person", "scene"} for match in rest):
            return False
        things = [match for match in rest if "sprite" in match.senses and "style" not in match.senses]
        return not things or "sprite" not in self.matches[at].senses

    def _head(self) -> int:
        """The match that is the subject: the last thing of the first noun phrase, or -1."""
        head = -1
        for at, match in enumerate(self.matches):
            senses, word = match.senses, self.words[match.start]
            if senses.keys() & {"sprite", "person"}:
                if head >= 0 and "verbs" in senses:
                    break
                head = at
            elif "prepositions" in senses:
                if word == "of" and head >= 0 and self._is_holder(head) and self._names_later(at):
                    head = -1
                    continue
                if word == "of" and head < 0:
                    continue
                break
            elif head >= 0 and not self._leads_on(at):
                if not senses and self._ends_phrase(at) and not self._verb_form(word):
                    return -1 if not word.endswith(("ing", "ed")) else head
                break
        return head

    def _names_later(self, at: int) -> bool:
        return any(match.senses.keys() & {"sprite", "person"} for match in self.matches[at + 1 : at + 5])

    def _is_holder(self, at: int) -> bool:
        word = self.words[self.matches[at].end - 1]
        return word in self.lexicon.lists["holders"] or word.removesuffix("s") in self.lexicon.lists["holders"]

    def _describes(self, at: int, head: int) -> bool:
        """Whether a thing before the head only says what kind it is ("passenger helicopter")."""
        return not any("prepositions" in match.senses for match in self.matches[at:head])

    def _leads_on(self, at: int) -> bool:
        """Whether the noun phrase goes on to a better head ("ring-tailed lemur", "strawberry dart frog")."""
        senses, word = self.matches[at].senses, self.words[self.matches[at].start]
        if word.endswith("ing") or ("verbs" in senses and not senses.keys() & {"material", "neutral"}):
            return False
        if not senses and word.endswith("s") and self._verb_form(word):
            return False
        for later in self.matches[at + 1 :]:
            if later.senses.keys() & {"sprite", "person"}:
                return True
            if later.senses.keys() & {"prepositions", "verbs"}:
                break
        return bool(senses)

    def _ends_phrase(self, at: int) -> bool:
        return at + 1 >= len(self.matches) or "prepositions" in self.matches[at + 1].senses

    def _verb_form(self, word: str) -> bool:
        return any(
            "verbs" in self.lexicon.senses.get((form,), {})
            for form in (
                word,
                word.removesuffix("s"),
                word.removesuffix("es"),
                word.removesuffix("ing"),
                word[:-3] + "e",
            )
        )

    def _unknown_head(self) -> bool:
        """Whether the subject's own word is unknown, so that only things beside it were found."""
        content = 0
        for at, match in enumerate(self.matches):
            senses, word = match.senses, self.words[match.start]
            if "prepositions" in senses or "verbs" in senses:
                return content > 0
            if senses.keys() & {"sprite", "person", "scene", "style", "light"}:
                content = -9
            elif not senses or "neutral" in senses:
                content += word not in ("a", "an", "the") and not word.endswith(("ing", "ed", "ly"))
            if not senses and self._ends_phrase(at):
                return not word.endswith(("ing", "ed", "ly"))
        return content > 0

    def _put_card_first(self) -> None:
        end = next((m.start for m in self.matches if "prepositions" in m.senses), len(self.words))
        label = " ".join(word for word in self.words[:end] if word not in ("a", "an", "the"))
        inside = [actor for actor in self.nouns if actor.label in label]
        card = Actor(0, clean(label), size=inside[0].size if inside else "", count=1)
        rest = [actor for actor in self.nouns if actor not in inside]
        if rest and not rest[0].relation and set(self.words[end : end + 1]) & _ON:
            rest[0].relation = "under"
        self.nouns = [card, *rest]

    def _is_setting(self) -> bool:
        return any(match.senses.keys() & {"scene", "light", "style"} for match in self.matches)

    def _promote(self) -> None:
        """A thing that holds the subject ("a bowl of pears") stands behind it."""
        first = self.nouns[0]
        at = next((m for m in self.matches if " ".join(self.words[m.start : m.end]) == first.label), None)
        holds = at and self._is_holder(self.matches.index(at)) and self.words[at.end : at.end + 1] == ("of",)
        if holds and len(self.nouns) > 1:
            self.nouns[0], self.nouns[1] = self.nouns[1], first
            self.nouns[0].relation = ""
            first.relation = "under" if first.label.split()[-1].rstrip("s") in _DISHES else ""

    # --- actions and leftovers

    def _action(self) -> str:
        for at, word in enumerate(self.words):
            for phrase, name in self.lexicon.actions.get(word, ()):
                if self._in_order(phrase, at):
                    return name
        return ""

    def _in_order(self, phrase: Phrase, at: int) -> bool:
        for wanted in phrase[1:]:
            window = self.words[at + 1 : at + 5]
            found = next((place for place, word in enumerate(window) if word.startswith(wanted)), -1)
            if found < 0:
                return False
            at += found + 1
        return True

    def _act(self, name: str) -> None:
        who = next((actor for actor in self.nouns if actor.person), None)
        if who is None and self.index == 0 and not self._subject_first():
            who = Actor(0, "person", "person", person=True)
            self.nouns.insert(0, who)
        if who is None and self.index and self.reading.actors and self.reading.actors[0].person:
            who = self.reading.actors[0]
        if who and who.name in self.lexicon.lists["generic_people"] and who.name not in ("child", "boy", "girl"):
            who.name = name
            self.reading.used.add(self.index)

    def _starts_with_act(self) -> bool:
        """Whether the first keyword is an act without an actor ("knitting a scarf", "pruning roses")."""
        if not self.words or not self.words[0].endswith("ing") or len(self.words[0]) < 6:
            return False
        first, rest = self.matches[0], self.words[1:]
        if first.senses:
            return first.end == 1 and rest[:1] in (("a",), ("an",), ("the",), ("with",), ("on",))
        plural = bool(rest) and rest[-1].endswith("s") and not rest[-1].endswith("ss")
        return self.words[0] in _ACTS or not rest or plural or any(word in _LINKS for word in rest)

    def _subject_first(self) -> bool:
        """Whether the first keyword names who acts before the act."""
        for match in self.matches:
            if match.senses.keys() & {"sprite", "person"}:
                return True
            if "verbs" in match.senses or self.words[match.start].endswith("ing"):
                return False
        return False

    def _flush(self) -> None:
        """Modifiers without a thing of their own belong to the thing before, or to the subject."""
        if not (self.tint or self.material or self.poses or self.size):
            self._reset()
            return
        target = self.nouns[0] if self.nouns else None
        if target is None and self.index and self.reading.actors and self.reading.actors[0].keyword == 0:
            target = self.reading.actors[0]
            self.reading.used.add(self.index)
        if target is None:
            return
        if not target.tint:
            target.tint = self.tint
        if not target.material:
            target.material = self.material
        target.size = target.size or self.size
        target.poses |= self.poses
        self._reset()

    def _reset(self, keep_pose: bool = False) -> None:
        self.tint = self.material = self.size = ""
        self.count = 1
        if not keep_pose:
            self.poses = set()


def _merge_person_attributes(reading: _Reading, lexicon: Lexicon) -> None:
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


def _cast(actor: Actor, reading: _Reading, rng: random.Random, lexicon: Lexicon) -> None:
    """Choose the file: who stands for a person is drawn evenly where the words leave it open."""
    which, tone = rng.randrange(3), rng.randrange(5)
    if not actor.name:
        return
    if actor.person:
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
    variants = lexicon.tones.get(chosen, ())
    actor.picture = variants[tone] if variants else lexicon.names.get(chosen, "")
    if actor.person and not variants and chosen.startswith("E"):
        actor.picture += f"@{tone}"
