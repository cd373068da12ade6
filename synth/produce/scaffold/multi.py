"""The template of a new ability with several pictures that come together."""

from __future__ import annotations

from synth.produce.scaffold.things import THINGS, Thing

_QUESTIONS = """\
What do these images show?
What is shown in each of the images?
Describe both images.
Which objects do the images show?
What can you see in these images?
Say what each image shows.
What is in the first image, and what is in the second?
Name the main object of each image.
Compare what the two images show.
Where are the objects in these images?
Tell me what these two pictures show.
Which object is in which image?
Give a short description of both images.
In what places are the objects in the images?
Write a caption for these two images.
What is different between these images?
How do the two images differ?
Look at both images. What do they show?
Summarize the two images in a sentence.
What are the two images about?
Identify the object and its place in each image.
What would you say these images show?
Explain what can be seen in both images.
What does each picture show, and where?
List what the images show.
What objects were photographed, and where?
Can you say what these two images show?
How would you describe this pair of images?
What do you notice in each of the images?
Put into words what the two images show."""


def multi(name: str, title: str) -> str:
    """Two pictures of different things, and what is in them."""
    questions = _QUESTIONS.splitlines()
    pairs = list(zip(THINGS[::2], THINGS[1::2], strict=True))
    examples = "".join(_example(pair, questions[at]) for at, pair in enumerate(pairs))
    listed = "\n".join(f'    - "{question}"' for question in questions)
    return f"""\
# A template for synth, with two pictures a sample. Everything below works as it is and is meant to be changed; after
# each change: synth abilities check {name}.yaml
# docs/new-ability.md describes every field.
name: {name}
version: 1        # raise it when you change the meaning of the data
title: "{title}"
description: "Say in a sentence or two what a model learns from these pictures and dialogues."
form: multi       # several pictures, which come with the first question

# Drawn once for each sample.
plan:
  camera: {{bank: camera}}

# Drawn for each picture, always different ones. 'same' gives all pictures one entry where it is true.
pictures:
  number: 2       # or from the plan: "{{{{ slot }}}}"
  plan:
    subject: {{bank: {name}}}
    shows: {{text: "{{{{ subject | a }}}} in {{{{ subject.place }}}}"}}

# What a picture must show is prepended by our code; the model writes what is around it.
prompt:
  lead: [shows]
  emphasis: 1
  prepend: [shows]
  append: [camera]
  negative: text, watermark, blurry, low quality, collage

write:
  role: >-
    You write prompts for a text-to-image model. Two pictures are shown side by side.
  requirements:
    - What each picture shows is given. Write what else can be seen, one list of 1 to 3 keywords for each picture.
  cautions:
    - Only name things that can be seen. No sounds, smells, thoughts or feelings.
    - No letters, numbers or signs in the pictures.
  min_keywords: 1
  max_keywords: 3
  request: |
    {{% for picture in pictures %}}
    Picture {{{{ loop.index }}}}: {{{{ picture.shows }}}}
    {{% endfor %}}

dialogue:
  role: >-
    You answer questions about several pictures that you can see.
  requirements:
    - Answer in one or two complete sentences.
    - Call the pictures the first image and the second image.
  cautions:
    - Do not mention prompts, keywords or descriptions. Speak of the pictures.
    - Do not add anything that is not given.
  describe: |
    {{% for picture in pictures %}}
    Image {{{{ loop.index }}}}: {{{{ picture.shows }}}}
    {{% endfor %}}
    Question: {{{{ question }}}}
  chat: |
    {{% for picture in pictures %}}
    Image {{{{ loop.index }}}}: {{{{ picture.shows }}}}, {{{{ picture.keywords }}}}
    {{% endfor %}}
    Write 2 or 3 questions and answers about these images.
  max_characters: 400

# The filters that a sample must pass, in this order. 'synth abilities {name}' shows their options.
filters:
  - length: {{max_keywords: 10, max_characters: 500}}
  - non_visual
  - phrasing
  - grounding:
      answer: {{subject: 0.5}}
      asked: 0.5
      faithful: 0.5
  - references                       # answers say which image they speak of, and ignore none
  - contradiction: {{words: true}}     # and say nothing of one image that only the other shows
  - repetition: {{threshold: 0.7, answer_threshold: 0.8, max_subject_share: 0.1}}
  - picture
  - alignment                        # with {{margin: 0}}: each picture must match its own prompt best

# The pool of questions for --dialogue describe; at least 30, under what they ask for.
questions:
  subject:
{listed}

# At least 6 hand-written examples, shown to the model in rotation. They decide more than anything else.
examples:
{examples}"""


def _example(pair: tuple[Thing, Thing], question: str) -> str:
    one, two = pair
    pictures = "".join(
        f"""\
      - plan:
          subject: {{text: {thing.text}, look: {thing.look}, place: {thing.place}}}
          shows: {thing.named} in {thing.place}
        keywords: [{thing.around}]
"""
        for thing in pair
    )
    return f"""\
  - plan: {{camera: photo}}
    pictures:
{pictures}\
    question: "{question}"
    answer: The first image shows {one.named} in {one.place}, and the second image shows {two.named} in {two.place}.
    chat:
      - question: Which object does the first image show?
        answer: The first image shows {one.named}.
      - question: Where is the {two.text} in the second image?
        answer: In the second image the {two.text} is in {two.place}.
"""
