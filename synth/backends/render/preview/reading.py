"""Reads keywords one after the other, each from left to right, into things, scenes, lights and styles.

Longest known phrase first; modifiers belong to the next thing named before a preposition, or else to the one
named before.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from synth.backends.render.preview.grammar import ARTS, Grammar
from synth.backends.render.preview.states import STATES
from synth.backends.render.preview.storyboard import Actor
from synth.backends.render.preview.treatments import GROUNDS
from synth.backends.render.preview.vocabulary import Lexicon, Match, Phrase, tokens

_COMPARES = frozenset(
    {"as", "so", "than", "enough", "size", "taller", "bigger", "larger", "longer", "wider", "smaller"}
)
_DISHES = frozenset({"bowl", "plate", "basket", "tray", "vase", "crate", "box"})
_PARTS = frozenset({"piece", "decker", "point", "rotor", "wheel", "hump"})
_ON = frozenset({"on", "atop", "riding", "onto", "rides", "upon"})


@dataclass(slots=True)
class Reading:
    """What has been understood so far."""

    actors: list[Actor] = field(default_factory=list)
    scene: str = ""
    scene_keywords: list[tuple[int, str]] = field(default_factory=list)
    lights: list[tuple[int, str]] = field(default_factory=list)
    styles: list[tuple[int, str]] = field(default_factory=list)
    wash: str = ""
    ground: str = ""
    male: bool = False
    female: bool = False
    old: bool = False
    tone: str = ""
    used: set[int] = field(default_factory=set)


#: where the camera stands and what the frame leaves free, said with things that are not in the picture
_CAMERA = re.compile(
    r"\b(?:(?:eye|ground|knee|waist|bird['’]s|worm['’]s)[- ](?:eye|level)(?:[- ](?:shot|view|angle|photo))?"
    r"|negative space)\b",
    re.IGNORECASE,
)
#: "on top of a cloud" names no garment
_PLACE = re.compile(
    r"\b(?:on|at|to) (?:the )?top(?: of)?\b|\bon (?:its|the|one) (?:top|side|back|front)\b", re.IGNORECASE
)


def clean(text: str, longest: int = 60) -> str:
    """`text` fit to be drawn: one line, no control, format or unassigned characters, not too long."""
    visible = "".join(" " if char.isspace() else char for char in text[: longest * 4] if _printable(char))
    line = " ".join(visible.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def _printable(char: str) -> bool:
    return char.isspace() or not unicodedata.category(char).startswith("C")


def read_keyword(reading: Reading, index: int, keyword: str, lexicon: Lexicon) -> None:
    """Add what one keyword says; `index` is its place among the keywords of the request."""
    words = tokens(_PLACE.sub(" on ", _CAMERA.sub(" ", keyword)))[:40]
    matches = lexicon.match(words)
    _note_people_words(reading, matches)
    _Parser(reading, index, words, matches, lexicon, keyword).run()


def _note_people_words(reading: Reading, matches: list[Match]) -> None:
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
        self, reading: Reading, index: int, words: Phrase, matches: list[Match], lexicon: Lexicon, text: str
    ) -> None:
        self.reading, self.index, self.words, self.matches = reading, index, words, matches
        self.lexicon, self.text = lexicon, text
        self.grammar = Grammar(words, matches, lexicon)
        self.nouns: list[Actor] = []
        self.tint = self.material = self.size = ""
        self.count = self.heads = 1
        self.poses: set[str] = set()
        self.states: set[str] = set()
        self.skip = False

    def run(self) -> None:
        acts = self.index == 0 and self.grammar.starts_with_act()
        if acts:  # "building a snowman" is about no building
            self.matches[0] = Match(0, 1, {})
        head = self.grammar.head() if self.index == 0 else -1
        for at, match in enumerate(self.matches):
            if at < head and self.grammar.only_describes(at, head):
                match = Match(
                    match.start,
                    match.end,
                    {k: v for k, v in match.senses.items() if k not in ("sprite", "person")},
                )
            self._step(at, match, at == head)
        self._flush()
        action = self.grammar.action()
        if action:
            self._act(action)
        elif acts and not any(actor.person for actor in self.nouns[:1]):
            self.nouns.insert(0, Actor(0, "person", "person", person=True))
        if self.index == 0 and not self.nouns and self.words and self.words[-1].endswith("ing"):
            self.nouns.append(Actor(0, "person", "person", person=True))
        if self.index == 0 and not self.nouns and not self.grammar.is_setting():
            self.nouns.insert(0, Actor(0, clean(self.text) or "?", size=self.size, tint=self.tint))
        elif self.index == 0 and self.nouns and head < 0 and not self.nouns[0].person and self.grammar.unknown_head():
            self._put_card_first()
        if self.index == 0 and self.nouns:
            self._promote()
            self.nouns[0].heads = max(self.nouns[0].heads, self.heads)
        self.reading.actors += self.nouns

    def _step(self, at: int, match: Match, is_head: bool) -> None:
        senses, word = match.senses, self.words[match.start]
        if word in ("no", "without") and match.end - match.start == 1:
            self.skip = True
            return
        if "prepositions" in senses and len(senses) == 1:
            if word != "of" or not self.grammar.measures(at):  # the two of "two slices of bread" are bread
                self._flush()
            return
        if word in ("head", "heads") and self.nouns and "with" in self.words[max(0, match.start - 4) : match.start]:
            self.nouns[0].heads = min(max(self.count, 1), 3)
            self._reset()
            return
        noun_ahead = self.grammar.noun_follows(at)
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
        if "state" in senses or ("cover" in senses and self.grammar.covered(match)):
            self.states.add(senses.get("state") or senses["cover"])
            return True
        if "ground" in senses:
            self._ground(senses["ground"])
            return True
        if "style" in senses and self.index and self.grammar.only_style(at):
            self.reading.styles.append((self.index, senses["style"]))
            return True
        if "size" in senses:
            self._size(senses["size"], bool(set(phrase) & _COMPARES))
            return True
        if "count" in senses:
            after = self.words[match.end] if match.end < len(self.words) else ""
            if after == "headed":
                self.heads = min(int(senses["count"]), 3)
            elif not self._counts_parts(at, after):
                self.count = int(senses["count"])  # of "a group of five" the five
            return True
        if "pose" in senses:
            self.poses.add(senses["pose"])
            return "sprite" not in senses
        if "colour" in senses and (noun_ahead or not is_thing) and not is_head:
            self._colour(at, senses["colour"])
            return True
        if "material" in senses and not is_head and (noun_ahead or self.grammar.made_of(match) or not is_thing):
            art = bool(set(self.words[match.end : match.end + 2]) & ARTS)
            if (self.grammar.made_of(match) or noun_ahead or self.index == 0 or art) and not (
                "light" in senses and not self.grammar.made_of(match)
            ):
                self.material = senses["material"]
                if self.grammar.made_of(match):
                    self._flush()
                return True
        return False

    def _counts_parts(self, at: int, after: str) -> bool:
        """Whether a number says how a thing is made ("four-legged", "three-piece") and not how many there are."""
        if after in _PARTS:
            return True
        return after.endswith("ed") and not self.matches[at + 1].senses.keys() & {"colour", "material", "state"}

    def _names_thing(self, at: int, match: Match, noun_ahead: bool) -> bool:
        senses = match.senses
        if "person" in senses:
            return True
        if "sprite" not in senses:
            return False
        if noun_ahead and self.grammar.noun_adjacent(at):
            return False
        if {"scene", "light"} & senses.keys():
            if "scene" in senses and self.reading.scene in ("", senses["scene"]):
                if not self._carries(match):
                    return False
                self._scene(senses["scene"])  # "on a kitchen table" says both where and on what
                return True
            return "light" not in senses
        return True

    def _carries(self, match: Match) -> bool:
        """Whether the subject stands on this thing, which is a place as well."""
        on = bool(_ON & set(self.words[max(0, match.start - 3) : match.start]))
        carries = match.senses["sprite"] in self.lexicon.lists["supports"]
        return on and carries and self.index == 0 and len(self.nouns) == 1

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
        phrase = self.words[match.start : match.end]
        last = phrase[phrase.index("of") - 1] if "of" in phrase[1:] else phrase[-1]
        is_plural = last.endswith("s") and not known.keys() & {"sprite", "person"}
        count = self.count if self.count > 1 else 3 if is_plural else 1
        self.nouns.append(
            Actor(self.index, label, name, "", self.tint, self.material, self.size, min(count, 9), 1,
                  set(self.poses) if not self.nouns else set(), relation, person, states=set(self.states))
        )  # fmt: skip
        self._reset(keep_pose=len(self.nouns) > 1)

    def _relation(self, match: Match, name: str) -> str:
        word = self.words[match.start]
        before = self.words[max(0, match.start - 4) : match.start]
        if not self.nouns:
            return ""
        if name in self.lexicon.lists["headgear"] and self.index == 0:
            return "top"
        first = self.index == 0 and len(self.nouns) == 1
        if first and name in self.lexicon.lists["garments"] and {"in", "wearing", "with"} & set(before):
            return "worn"
        if ("with" in before or "of" in before) and word in ("wing", "wings"):
            return "sides"
        if ("with" in before or "of" in before) and word in ("wheels", "wheel", "legs", "leg", "feet"):
            return "base"
        if first and name not in self.lexicon.lists["aerial"]:
            tail = before[-3:]
            if set(tail) & {"inside", "in"} and self.nouns[0].size in ("tiny", "small"):
                return "around"
            if self.nouns[0].size in ("tiny", "giant"):
                return "reference"
            if set(tail) & _ON or ("into" in tail and name in self.lexicon.lists["supports"]):
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
        if self.states and not self.nouns:
            self._ground(min(self.states))  # "a wet street"
        self.states = set()
        self.reading.scene = self.reading.scene or scene
        self.reading.scene_keywords.append((self.index, scene))

    def _ground(self, state: str) -> None:
        if state in GROUNDS:
            self.reading.ground = state
            self.reading.used.add(self.index)

    def _put_card_first(self) -> None:
        end = next((m.start for m in self.matches if "prepositions" in m.senses), len(self.words))
        label = " ".join(word for word in self.words[:end] if word not in ("a", "an", "the"))
        inside = [actor for actor in self.nouns if actor.label in label]
        card = Actor(0, clean(label), size=inside[0].size if inside else "", count=1)
        rest = [actor for actor in self.nouns if actor not in inside]
        if rest and not rest[0].relation and set(self.words[end : end + 1]) & _ON:
            rest[0].relation = "under"
        self.nouns = [card, *rest]

    def _promote(self) -> None:
        """A thing that holds the subject ("a bowl of pears") stands behind it."""
        first = self.nouns[0]
        at = next((m for m in self.matches if " ".join(self.words[m.start : m.end]) == first.label), None)
        holds = at and self.grammar.is_holder(self.matches.index(at)) and self.words[at.end : at.end + 1] == ("of",)
        if holds and len(self.nouns) > 1:
            self.nouns[0], self.nouns[1] = self.nouns[1], first
            self.nouns[0].relation = ""
            first.relation = "under" if first.label.split()[-1].rstrip("s") in _DISHES else ""

    def _act(self, name: str) -> None:
        who = next((actor for actor in self.nouns if actor.person), None)
        if who is None and self.index == 0 and not self.grammar.subject_first():
            who = Actor(0, "person", "person", person=True)
            self.nouns.insert(0, who)
        if who is None and self.index and self.reading.actors and self.reading.actors[0].person:
            who = self.reading.actors[0]
        if who and who.name in self.lexicon.lists["generic_people"] and who.name not in ("child", "boy", "girl"):
            who.name = name
            self.reading.used.add(self.index)

    def _flush(self) -> None:
        """Modifiers without a thing of their own belong to the thing before, or to the subject."""
        if not (self.tint or self.material or self.poses or self.size or self.states):
            self._reset()
            return
        target = self.nouns[0] if self.nouns else None
        if target is None and self.states and any(index == self.index for index, _ in self.reading.scene_keywords):
            self._ground(min(self.states))  # "a street covered in snow"
            self.states = set()
        if target is None and self.index and self.reading.actors and self.reading.actors[0].keyword == 0:
            target = self.reading.actors[0]
            seen = any(self._shows(state, target) for state in self.states)
            if self.tint or self.material or self.poses or self.size or seen:
                self.reading.used.add(self.index)
        if target is None:
            return
        if target.person:  # "with long red hair": nobody is red all over, or of fur
            self.tint = self.size = ""
            self.material = "" if self.material == "fur" else self.material
        if not target.tint:
            target.tint = self.tint
        if not target.material:
            target.material = self.material
        target.size = target.size or self.size
        target.poses |= self.poses
        target.states |= self.states
        self._reset()

    def _shows(self, state: str, actor: Actor) -> bool:
        """Whether the state makes a difference to the picture of the thing."""
        if not actor.name:  # a card has no states
            return False
        own = self.lexicon.state_pictures.get(state, {})
        return state in STATES or state in self.lexicon.rising or actor.name in own

    def _reset(self, keep_pose: bool = False) -> None:
        self.tint = self.material = self.size = ""
        self.count = 1
        self.states = set()
        if not keep_pose:
            self.poses = set()
