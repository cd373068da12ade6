"""The template of a new ability with one picture a sample."""

from __future__ import annotations

from synth.produce.scaffold.things import THINGS, Thing

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


def _example(thing: Thing, question: str) -> str:
    upper = thing.named.capitalize()
    return f"""\
  - plan:
      subject: {{text: {thing.text}, look: {thing.look}, place: {thing.place}}}
      camera: photo
    keywords: [{thing.text} with {thing.look}, {thing.place}, {thing.around}]
    question: "{question}"
    answer: {upper} with {thing.look} is shown in {thing.place}.
    chat:
      - question: What is the main object in this image?
        answer: The main object in this image is {thing.named}.
      - question: What does the {thing.text} look like?
        answer: The {thing.text} has {thing.look}.
      - question: Where is the {thing.text}?
        answer: The {thing.text} is in {thing.place}.
"""


def single(name: str, title: str) -> str:
    questions = _QUESTIONS.splitlines()
    examples = "".join(_example(THINGS[at], questions[at]) for at in range(_EXAMPLES))
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
