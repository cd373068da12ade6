"""What a keyword's own words say of each other: which thing is the subject, what only describes it.

Questions about the words and what they may mean, without any knowledge of what was read before. The rules are
shallow on purpose; the test with thousands of entries of the banks says how often they are right.
"""

from __future__ import annotations

from synth.backends.render.preview.vocabulary import Lexicon, Match, Phrase

_LINKS = frozenset(
    {"a", "an", "the", "in", "on", "at", "with", "over", "to", "from", "into", "for", "of", "down", "up"}
)
#: works of art, which are made of what they are of
ARTS = frozenset(
    {"sculpture", "statue", "carving", "figure", "art", "model", "figurine", "relief", "marquetry", "texture"}
)
_COVERED = frozenset(
    {
        "covered",
        "coated",
        "caked",
        "blanketed",
        "buried",
        "dusted",
        "splashed",
        "splattered",
        "layer",
        "blanket",
        "full",
    }
)
_ACTS = frozenset({"playing", "doing", "making", "having", "taking", "practicing", "performing"})


class Grammar:
    """One keyword, as words and as the known phrases in it."""

    def __init__(self, words: Phrase, matches: list[Match], lexicon: Lexicon) -> None:
        self.words, self.matches, self.lexicon = words, matches, lexicon

    def head(self) -> int:
        """The match that is the subject: the last thing of the first noun phrase, or -1."""
        head = -1
        for at, match in enumerate(self.matches):
            senses, word = match.senses, self.words[match.start]
            if senses.keys() & {"sprite", "person"}:
                if head >= 0 and "verbs" in senses:
                    break
                head = at
            elif "prepositions" in senses:
                if word == "of" and head >= 0 and self.is_holder(head) and self._names_later(at):
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

    def unknown_head(self) -> bool:
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

    def noun_follows(self, at: int) -> bool:
        """Whether a thing is named after `at` before any preposition or verb."""
        for later in self.matches[at + 1 :]:
            if later.senses.keys() & {"sprite", "person", "colour_parts", "scene", "lit"}:
                return True
            if "prepositions" in later.senses or (
                "verbs" in later.senses and not later.senses.keys() & {"colour", "material"}
            ):
                return False
        return False

    def noun_adjacent(self, at: int) -> bool:
        later = self.matches[at + 1]
        return bool(later.senses.keys() & {"sprite", "person"}) and "verbs" not in later.senses

    def only_style(self, at: int) -> bool:
        """Whether the keyword is about nothing but style ("pencil", "mosaic art")."""
        rest = [match for place, match in enumerate(self.matches) if place != at]
        if any(match.senses.keys() & {"person", "scene"} for match in rest):
            return False
        things = [match for match in rest if "sprite" in match.senses and "style" not in match.senses]
        return not things or "sprite" not in self.matches[at].senses

    def is_setting(self) -> bool:
        return any(match.senses.keys() & {"scene", "light", "style"} for match in self.matches)

    def is_holder(self, at: int) -> bool:
        word = self.words[self.matches[at].end - 1]
        return word in self.lexicon.lists["holders"] or word.removesuffix("s") in self.lexicon.lists["holders"]

    def measures(self, at: int) -> bool:
        """Whether the word before `at` only says how much there is of what follows ("slices", "a block")."""
        if at < 1 or self.words[self.matches[at - 1].start] in ARTS:
            return False
        return self.is_holder(at - 1) and not self.matches[at - 1].senses.keys() & {"sprite", "person"}

    def only_describes(self, at: int, head: int) -> bool:
        """Whether a thing before the head only says what kind it is ("passenger helicopter")."""
        return not any("prepositions" in match.senses for match in self.matches[at:head])

    def covered(self, match: Match) -> bool:
        """Whether something lies under this ("covered in snow", "caked with thick mud")."""
        before = self.words[max(0, match.start - 5) : match.start]
        return bool(_COVERED & set(before)) and not {"made", "carved", "built"} & set(before)

    def made_of(self, match: Match) -> bool:
        before = self.words[max(0, match.start - 5) : match.start]
        if not before:
            return False
        at = next(number for number, one in enumerate(self.matches) if one.start == match.start)
        of = before[-1] == "of" and not self.measures(at - 1)
        return of or bool({"made", "covered", "carved", "built"} & set(before))

    def starts_with_act(self) -> bool:
        """Whether the first keyword is an act without an actor ("knitting a scarf", "pruning roses")."""
        if not self.words or not self.words[0].endswith("ing") or len(self.words[0]) < 6:
            return False
        first, rest = self.matches[0], self.words[1:]
        if "state" in first.senses and len(self.matches) > 1 and "sprite" in self.matches[1].senses:
            return False  # "burning candle"
        if first.senses.keys() - {"state"}:
            return first.end == 1 and rest[:1] in (("a",), ("an",), ("the",), ("with",), ("on",))
        plural = bool(rest) and rest[-1].endswith("s") and not rest[-1].endswith("ss")
        return self.words[0] in _ACTS or not rest or plural or any(word in _LINKS for word in rest)

    def subject_first(self) -> bool:
        """Whether the first keyword names who acts before the act."""
        for at, match in enumerate(self.matches):
            if match.senses.keys() & {"sprite", "person"}:
                return True
            if "state" in match.senses and at + 1 < len(self.matches) and self.noun_adjacent(at):
                continue  # "a sleeping dog"
            if "verbs" in match.senses or self.words[match.start].endswith("ing"):
                return False
        return False

    def action(self) -> str:
        for at, word in enumerate(self.words):
            for phrase, name in self.lexicon.actions.get(word, ()):
                if self._in_order(phrase, at):
                    return name
        return ""

    def _names_later(self, at: int) -> bool:
        return any(match.senses.keys() & {"sprite", "person"} for match in self.matches[at + 1 : at + 5])

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

    def _in_order(self, phrase: Phrase, at: int) -> bool:
        for wanted in phrase[1:]:
            window = self.words[at + 1 : at + 5]
            found = next((place for place, word in enumerate(window) if word.startswith(wanted)), -1)
            if found < 0:
                return False
            at += found + 1
        return True
