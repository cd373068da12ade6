"""The template of a new ability whose pictures arrive turn by turn."""

from __future__ import annotations

from synth.produce.scaffold.things import THINGS, Thing

_EXAMPLES = 6
_PICTURES = 3
#: what the user says with the first, second and last picture; in the place of @ stands what it shows
_SAID = (
    ("@ What did I photograph here?", "@ And what is this?", "@ Here is my last picture. What does it show?"),
    (
        "I took a walk today. What is this? @",
        "@ What did I see next?",
        "@ And what was at the end?",
    ),
    ("Can you name what I saw here @?", "@ Then I came to this. What is it?", "@ And at last?"),
)


def interleaved(name: str, title: str) -> str:
    """Somebody shows three things one after the other; later answers go back to the picture before."""
    examples = "".join(_example(at) for at in range(_EXAMPLES))
    return f"""\
# A template for synth, with conversations in which a picture arrives at each turn. Everything below works as it is and
# is meant to be changed; after each change: synth abilities check {name}.yaml
# docs/new-ability.md describes every field.
name: {name}
version: 1        # raise it when you change the meaning of the data
title: "{title}"
description: "Say in a sentence or two what a model learns from these pictures and dialogues."
form: interleaved # one picture in each turn of the user

# Drawn once for each sample.
plan:
  camera: {{bank: camera}}

# Drawn for each picture: what it shows, and what the answer is to say of it. 'number' counts the pictures from 1.
pictures:
  number: {_PICTURES}
  plan:
    subject: {{bank: {name}}}
    shows: {{text: "{{{{ subject | a }}}} in {{{{ subject.place }}}}"}}
    remark: {{text: "It is {{{{ subject | a }}}} with {{{{ subject.look }}}}."}}

# What a picture must show is prepended by our code; the model writes what is around it.
prompt:
  lead: [shows]
  emphasis: 1
  prepend: [shows]
  append: [camera]
  negative: text, watermark, blurry, low quality, collage

write:
  role: >-
    You write prompts for a text-to-image model. The pictures are shown one after the other.
  requirements:
    - What each picture shows is given. Write what else can be seen, one list of 1 or 2 keywords for each picture.
  cautions:
    - Only name things that can be seen. No sounds, smells, thoughts or feelings.
    - No letters, numbers or signs in the pictures.
  min_keywords: 1
  max_keywords: 2
  request: |
    {{% for picture in pictures %}}
    Picture {{{{ loop.index }}}}: {{{{ picture.shows }}}}
    {{% endfor %}}

dialogue:
  role: >-
    You write a conversation in which somebody shows pictures one after the other and an assistant, who sees them,
    answers.
  requirements:
    - Write one turn for each picture, in the given order.
    - The user's text contains the picture in 《》, exactly as given, and a question in other words.
    - The assistant says in its own words what is given for this answer.
  cautions:
    - The user does not say the answer. The assistant never writes 《》.
    - Do not mention prompts or descriptions. Do not add anything that is not given.
  chat: |
    {{% for picture in pictures %}}
    Picture {{{{ loop.index }}}}: 《{{{{ picture.shows }}}}》
    Answer {{{{ loop.index }}}}: {{{{ picture.remark }}}}
    {{% endfor %}}
  max_characters: 300

# The filters that a sample must pass, in this order. 'synth abilities {name}' shows their options.
filters:
  - length: {{max_keywords: 10, max_characters: 500}}
  - non_visual
  - phrasing
  - grounding:
      turn: {{remark: 0.6}}            # each answer says what was drawn for its own picture
      faithful: 0.5
  - references: {{sees: 0.5}}          # and names something that the newest picture shows
  - repetition: {{threshold: 0.7, answer_threshold: 0.8, max_subject_share: 0.1}}
  - picture
  - alignment

# At least 6 hand-written examples, shown to the model in rotation. What the user says must read well without its 《》.
examples:
{examples}"""


def _example(at: int) -> str:
    things = [THINGS[(2 * at + number) % len(THINGS)] for number in range(_PICTURES)]
    pictures, turns = "", ""
    for number, (thing, said) in enumerate(zip(things, _SAID[at % len(_SAID)], strict=True)):
        shows = f"{thing.named} in {thing.place}"
        pictures += f"""\
      - plan:
          subject: {{text: {thing.text}, look: {thing.look}, place: {thing.place}}}
          shows: {shows}
          remark: It is {thing.named} with {thing.look}.
        keywords: [{thing.around.split(", ")[0]}]
"""
        turns += f"""\
      - question: "{said.replace("@", f"《{shows}》")}"
        answer: {_answer(thing, things[number - 1] if number else None)}
"""
    return f"""\
  - plan: {{camera: photo}}
    pictures:
{pictures}\
    chat:
{turns}"""


def _answer(thing: Thing, before: Thing | None) -> str:
    if before is None:
        return f"This is {thing.named} with {thing.look}."
    return f"After the {before.text} you saw {thing.named} with {thing.look}."
