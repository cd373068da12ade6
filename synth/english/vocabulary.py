"""Lists of words that more than one module needs, each once.

A list that only one module needs stands there. Where a module needs nearly the same words, it takes the list from here
and adds its own; what it may not take along it lists itself and says why.
"""

from __future__ import annotations

ARTICLES = ("a", "an", "the")
#: what speaks of something definite, in the singular or the plural
THE = ("the", "these", "those")
BE = ("is", "are", "was", "were")
MODALS = tuple("can could will would should may might must".split())  # noqa: SIM905

#: words that carry no meaning of their own
STOP_WORDS = frozenset(
    (
        *ARTICLES,
        *BE,
        *MODALS,
        *"""this that these those there here it its it's be been being am do does did has have had of in on at to from
        by for with without into onto over under and or but not no nor so as than then very too also just such some any
        each every all both either one's their his her my your our they he she we you i them him us who whom whose which
        what when where why how shall up down out off about around through""".split(),  # noqa: SIM905
    )
)

CARDINALS = tuple("one two three four five six seven eight nine ten eleven twelve".split())  # noqa: SIM905
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")

#: plurals that no rule makes, of words that occur often enough to be read, too
IRREGULAR_PLURALS = {
    "man": "men", "woman": "women", "person": "people", "child": "children", "foot": "feet", "tooth": "teeth",
    "goose": "geese", "mouse": "mice", "leaf": "leaves", "knife": "knives", "wolf": "wolves", "shelf": "shelves",
    "scarf": "scarves", "loaf": "loaves", "half": "halves",
}  # fmt: skip

#: the color names that nobody means otherwise but for "orange", and the families of all others
COLORS = tuple("red orange yellow green blue purple pink brown gray black white".split())  # noqa: SIM905
#: other forms of a color or a material
VARIANTS = {"grey": "gray", "golden": "gold", "wooden": "wood"}

#: what the pictures of a sample are called
PICTURES = ("image", "picture", "photo", "photograph")
#: the same, where it is clear that a picture is meant
VIEWS = ("shot", "view", "scene")
#: what is next to something; "next to" is seen by its first word
NEAR = ("beside", "near", "behind", "next")

#: what a picture does with what is in it
SHOW = tuple("show depict contain feature display include".split())  # noqa: SIM905
#: the same, but their plain forms are mostly something else: "the people present", "a screen capture"
PRESENT = ("present", "capture")


def third_person(verbs: tuple[str, ...]) -> list[str]:
    """ "show" -> "shows"; for verbs that take a plain -s."""
    return [f"{verb}s" for verb in verbs]


#: verbs in a form that is nothing else: a clause with one of them has a verb for certain
VERBS = frozenset(
    (
        *BE,
        *SHOW,
        *third_person(SHOW + PRESENT),
        *"""be isn't aren't has have had stands stand sits sit lies lie appears appear looks look wears holds hangs can
        cannot does do doesn't don't there it's there's that's they're turns becomes changes gets
        rests""".split(),  # noqa: SIM905
    )
)

#: conjunctions behind which something else is said than before
BUT = ("but", "while", "whereas", "although")
CONTRASTS = frozenset((*BUT, "though", "however", "yet"))
#: what begins a clause
JOINS = CONTRASTS | {"and"}

#: what denies the words behind it, together with every "-n't" (`synth.english.negation`)
NEGATIONS = ("no", "not", "never", "without", "nor", "cannot")
#: what says how things are in the world, and not in a picture
USUALLY = ("usually", "normally", "typically")
