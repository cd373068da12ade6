"""`synth abilities new`: a complete template and keyword bank to start from.

What is written passes `synth abilities check` as it is; the comments say what to change.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from synth.catalog import Catalog
from synth.errors import SynthError
from synth.files import not_written

_NAME = re.compile(r"^[a-z][a-z0-9_]{0,39}$")


def scaffold(name: str, folder: Path) -> tuple[Path, Path]:
    """Write `templates/NAME.yaml` and `keyword_banks/NAME.txt` below `folder`; their paths.

    Raises:
        SynthError: a bad name, one that is taken, or files that are already there.
    """
    if not _NAME.match(name):
        raise SynthError(
            f"'{name}' cannot be the name of an ability.",
            "Use lower-case letters, digits and underscores, starting with a letter; at most 40.",
        )
    catalog = Catalog()
    for taken, kind in ((catalog.names(), "an ability"), (catalog.bank_names(), "a keyword bank")):
        if name in taken:
            raise SynthError(f"There already is {kind} '{name}'.", "Choose another name; yours would hide it.")
    template = folder / "templates" / f"{name}.yaml"
    bank = folder / "keyword_banks" / f"{name}.txt"
    for path in (template, bank):
        if path.exists():
            raise SynthError(f"{path} is already there.", "Remove it, or choose another name or --dir.")
    title = name.replace("_", " ").capitalize()
    try:
        for path, text in ((template, _template(name, title)), (bank, _bank(name, title))):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise not_written(path, error) from error
    return template, bank


class _Thing(NamedTuple):
    text: str
    look: str
    place: str
    around: str


_THINGS = [
    _Thing("bicycle", "two thin wheels and a red frame", "a narrow street", "brick wall, cobblestones"),
    _Thing(
        "teapot",
        "a round white body and a curved spout",
        "a bright kitchen",
        "checked tablecloth, window light",
    ),
    _Thing("umbrella", "a wide yellow canopy and a hooked handle", "a rainy park", "wet path, bare trees"),
    _Thing("guitar", "a brown wooden body and six strings", "a music room", "wooden floor, tall window"),
    _Thing("lantern", "a glass cylinder in a black metal frame", "a walled garden", "green hedge, stone steps"),
    _Thing("suitcase", "tan leather and two brass locks", "a railway station", "steel rails, wooden bench"),
    _Thing("rowing boat", "a blue wooden hull and two oars", "a calm lake", "tall reeds, distant hills"),
    _Thing("wall clock", "a round white dial and two black hands", "a classroom", "green blackboard, empty desks"),
    _Thing("kite", "a red diamond shape and a long tail", "a windy beach", "blue sky, sand dunes"),
    _Thing("ladder", "two wooden rails with eight rungs", "an orchard", "apple trees, wicker basket"),
    _Thing("wheelbarrow", "a green tray and one black wheel", "a vegetable garden", "dark soil, wooden fence"),
    _Thing("typewriter", "a black metal case and round keys", "an old desk", "paper sheets, brass lamp"),
]
_EXAMPLES = 6
_QUESTIONS = """\
What is shown in this image?
What can you see in this picture?
Describe the main object of this photo.
What is in the center of this image?
What does the main object look like?
Where is the main object in this scene?
Describe this image in one or two sentences.
Which object draws the eye first here?
Tell me what this picture shows.
What object is this, and where does it stand?
Give a short description of this photo.
Name the main thing in this picture.
What stands out in this image?
What is visible in this scene?
Which object was photographed here?
Summarize what can be seen in this image.
How would you describe the object in this photo?
What are the main parts of this scene?
Identify the object and its surroundings.
In what place was this picture taken?
What kind of object does this image show?
Explain what this photo shows.
What details of the main object are visible?
Which colors and shapes does the object have?
What surrounds the main object?
Write a caption for this picture.
What is the subject of this image?
Can you say what this picture shows?
What do you notice about the object here?
Look at the picture. What is it about?"""


def _bank(name: str, title: str) -> str:
    lines = [
        f"# Keyword bank: {title}. One entry per line; the template can use the 'key: value' facts.",
        "# Replace these placeholders with at least 50 entries of your own, or let a model add some:",
        f"#   synth keywords --bank {name} --n 100 --plugin-dir DIR   (DIR: the folder above this one)",
        "# Source: placeholders written by 'synth abilities new'.",
        "# License: say here under which licence your entries are.",
        *(f"{thing.text} | look: {thing.look} | place: {thing.place}" for thing in _THINGS),
    ]
    return "\n".join(lines) + "\n"


def _example(thing: _Thing, question: str) -> str:
    article = "an" if thing.text[0] in "aeiou" else "a"
    upper = f"{article.capitalize()} {thing.text}"
    return f"""\
  - plan:
      subject: {{text: {thing.text}, look: {thing.look}, place: {thing.place}}}
      camera: photo
    keywords: [{thing.text} with {thing.look}, {thing.place}, {thing.around}]
    question: "{question}"
    answer: {upper} with {thing.look} is shown in {thing.place}.
    chat:
      - question: What is the main object in this image?
        answer: The main object in this image is {article} {thing.text}.
      - question: What does the {thing.text} look like?
        answer: The {thing.text} has {thing.look}.
      - question: Where is the {thing.text}?
        answer: The {thing.text} is in {thing.place}.
"""


def _template(name: str, title: str) -> str:
    questions = _QUESTIONS.splitlines()
    examples = "".join(_example(_THINGS[at], questions[at]) for at in range(_EXAMPLES))
    listed = "\n".join(f'  - "{question}"' for question in questions)
    return f"""\
# A template for synth. Everything below works as it is and is meant to be changed; after each change:
#   synth abilities check {name}.yaml
# docs/new-ability.md describes every field.
name: {name}
version: 1        # raise it when you change the meaning of the data
title: "{title}"
description: "Say in a sentence or two what a model learns from these pictures and dialogues."
form: single      # one picture per sample

# What is drawn for each sample before any model is asked. A slot comes from a keyword bank, from a
# list written here (values: [...]), or from slots before it (text: "{{{{ subject.place }}}}").
plan:
  subject: {{bank: {name}}}
  camera: {{bank: camera}}

# How keywords become a picture prompt: the slots whose keywords come first, how many of the first
# keywords are emphasised, and the slots whose words are added at the end.
prompt:
  lead: [subject]
  emphasis: 1
  append: [camera]
  negative: text, watermark, blurry, low quality

# First step: the model writes the keywords of the picture.
write:
  role: >-
    You write prompts for a text-to-image model. Each prompt shows one object clearly.
  requirements:
    - Give 4 to 6 picture keywords. The first keyword names the subject and how it looks.
    - The other keywords name its place and things that can be seen around it.
  cautions:
    - Only name things that can be seen. No sounds, smells, thoughts or feelings.
    - No letters, numbers or signs in the picture.
  min_keywords: 4
  max_keywords: 6
  request: |
    Subject: {{{{ subject }}}}
    Look: {{{{ subject.look }}}}
    Place: {{{{ subject.place }}}}

# Second step: the model answers a question about the picture (describe), or writes questions and
# answers of its own (chat).
dialogue:
  role: >-
    You answer questions about a picture that you can see.
  requirements:
    - Answer in one or two complete sentences.
    - Name the subject and say what it looks like or where it is.
  cautions:
    - Do not mention prompts, keywords or descriptions. Speak of the picture.
    - Do not add anything that is not given.
  describe: |
    The picture shows: {{{{ keywords }}}}
    Question: {{{{ question }}}}
  chat: |
    The picture shows: {{{{ keywords }}}}
    Write 2 or 3 questions and answers about this picture.
  max_characters: 360

# Rules that are put into the request and checked in the reply. 'require' names plan slots.
restrictions:
  - rule: "Show the real {{{{ subject }}}} itself, not a drawing of it."
    require: [subject]
    forbid: [drawing, cartoon]

# The filters that a sample must pass, in this order. 'synth abilities {name}' shows their options.
filters:
  - length: {{max_keywords: 10, max_characters: 500}}
  - non_visual
  - restrictions
  - phrasing
  - grounding:
      answer: {{subject: 0.5}}
      faithful: 0.4
  - repetition: {{threshold: 0.7, answer_threshold: 0.8, max_subject_share: 0.1}}
  - picture
  - alignment

# The pool of questions for --dialogue describe; at least 30, each with a clear answer.
questions:
{listed}

# At least 6 hand-written examples, shown to the model in rotation. Write what you want to get back:
# they decide more than anything else. Each must pass the filters above.
examples:
{examples}"""
