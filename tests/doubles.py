"""Stand-ins for tests: language models that misbehave, small templates, and what a run leaves behind."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from synth.abilities import Ability, parse_ability
from synth.backends.llm.base import LLM, ChatReply, ChatRequest, LLMSettings
from synth.backends.llm.scripted import Scripted
from synth.banks import KeywordBank, parse_bank
from synth.config import load_config
from synth.records import Candidate, Entry, Image, Turn
from synth.run.generate import Summary, generate

#: what a double does instead of the scripted reply: a text, or an error to raise; None keeps the reply
Behave = Callable[[ChatRequest], str | Exception | None]


class Misbehaving(LLM):
    """The scripted model, except where `behave` says otherwise. Counts its calls and their overlap."""

    scripted = True

    def __init__(self, behave: Behave = lambda request: None, concurrency: int = 16, delay: bool = False) -> None:
        self.concurrency = concurrency
        self._behave = behave
        self._delay = delay
        self._scripted = Scripted(LLMSettings())
        self.requests: list[ChatRequest] = []
        self.running = self.most_running = 0

    @classmethod
    def create(cls, argument: str, settings: LLMSettings) -> Misbehaving:
        return cls()

    def identity(self) -> dict[str, Any]:
        return {"name": "double"}

    async def chat(self, request: ChatRequest) -> ChatReply:
        self.requests.append(request)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            if self._delay:  # out of order, but the same each time
                await asyncio.sleep(request.seed % 7 / 1000)
            done = self._behave(request)
            if isinstance(done, Exception):
                raise done
            if done is not None:
                return ChatReply(done, "schema", 10, 0, 10)
            return await self._scripted.chat(request)
        finally:
            self.running -= 1


def use(monkeypatch: pytest.MonkeyPatch, llm: LLM) -> LLM:
    """Let runs with `llm="double"` talk to this one."""
    from synth.run import generate as module

    monkeypatch.setattr(module, "make_llm", lambda spec, settings: llm)
    return llm


def run(out: Path, n: int = 6, ability: str = "animal", **settings: Any) -> Summary:
    """A small run: scripted and without pictures unless told otherwise."""
    defaults = {"seed": 3, "llm": "scripted", "renderer": "none", "scorer": "none"}
    config = load_config(None, {"abilities": {ability: n}, "out": out, **defaults, **settings})
    return asyncio.run(generate(config))


def rows(folder: Path) -> list[dict[str, Any]]:
    with open(folder / "dataset.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def pictures(folder: Path) -> dict[str, str]:
    """Path -> hash of all files below images/."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((folder / "images").rglob("*"))
        if path.is_file()
    }


# -- a small ability --------------------------------------------------------------------------

BANK = """\
# six things in two groups
red fox | is: animal | place: a snowy forest
barn owl | is: animal | place: an old barn
giraffe | is: animal | place: a dry plain
teapot | is: thing | place: a bright kitchen
bicycle | is: thing | place: a narrow street
lantern | is: thing | place: a walled garden
"""
ODDITIES = """\
made of glass
wearing a hat | for: animal
reading a book | for: animal
melting like wax | for: thing
floating in the air | for: animal, thing
"""
TASKS = """\
# what to do, in how many pictures, and how it begins
mend a teapot | steps: 2 | first: broken teapot
fold a kite | steps: 3 | first: flat paper
paint a chair | steps: 4 | first: bare chair
"""


def template(name: str = "tiny", **changes: Any) -> dict[str, Any]:
    """The fields of a complete template with two banks; `changes` replace top-level fields."""
    example = {
        "plan": {
            "subject": {"text": "red fox", "is": "animal", "place": "a snowy forest"},
            "oddity": "made of glass",
            "camera": "photo",
        },
        "facts": {"normal": "A red fox usually has fur."},
        "keywords": ["red fox made of glass", "snowy forest", "white snow"],
        "question": "What is odd here?",
        "answer": "The red fox is made of glass, but a fox usually has fur.",
        "chat": [
            {"question": "What is shown here?", "answer": "A red fox made of glass is shown."},
            {"question": "Where is the fox?", "answer": "The fox stands in a snowy forest."},
        ],
    }
    things = ["fox", "owl", "cat", "dog", "hen", "cow", "pig", "ant"]
    examples = [json.loads(json.dumps(example).replace("fox", thing)) for thing in things]
    return {
        "name": name,
        "version": 1,
        "title": "Tiny",
        "description": "For tests.",
        "plan": {
            "subject": {"bank": "thing"},
            "oddity": {"bank": "odd", "match": {"for": "subject.is"}},
            "camera": {"values": ["photo", "wide shot"]},
        },
        "prompt": {"lead": ["subject", "oddity"], "emphasis": 1, "append": ["camera"], "negative": "text"},
        "write": {
            "role": "You write prompts.",
            "requirements": ["Give keywords."],
            "cautions": ["No sounds."],
            "facts": {"normal": {"about": "what is normal", "uses": ["subject"]}},
            "min_keywords": 3,
            "max_keywords": 6,
            "request": "Subject: {{ subject }}\nOddity: {{ oddity }}\nPlace: {{ subject.place }}",
        },
        "dialogue": {
            "role": "You answer.",
            "requirements": ["Be short."],
            "cautions": ["No prompts."],
            "describe": "Shown: {{ keywords }}\nNormal: {{ normal }}\nQuestion: {{ question }}",
            "chat": "Shown: {{ keywords }}\nWrite questions and answers.",
        },
        "questions": [f"What is odd in picture number {number}?" for number in range(30)],
        "restrictions": [{"rule": "Show the {{ subject }}.", "require": ["subject"]}],
        "filters": ["length"],
        "examples": examples,
        **changes,
    }


def ability(name: str = "tiny", **changes: Any) -> Ability:
    return parse_ability(json.dumps(template(name, **changes)), f"{name}.yaml")


def banks(**texts: str) -> dict[str, KeywordBank]:
    found = {"thing": BANK, "odd": ODDITIES, "task": TASKS, **texts}
    return {name: parse_bank(name, text, f"{name}.txt") for name, text in found.items()}


def plugin_dir(
    folder: Path, name: str = "tiny", make: Callable[..., dict[str, Any]] = template, **changes: Any
) -> Path:
    """Write a small ability, of one picture or another, and the banks as a user would."""
    for sub in ("templates", "keyword_banks"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    (folder / "templates" / f"{name}.yaml").write_text(json.dumps(make(name, **changes), indent=1))
    for bank, text in (("thing", BANK), ("odd", ODDITIES), ("task", TASKS)):
        (folder / "keyword_banks" / f"{bank}.txt").write_text(text)
    return folder


# -- small abilities of several pictures ------------------------------------------------------

_THINGS = ["red fox", "barn owl", "giraffe", "teapot", "bicycle", "lantern"]


def multi_template(name: str = "pair", **changes: Any) -> dict[str, Any]:
    """Three things in one place, or two things in two places."""
    examples = [
        {
            "plan": {"relation": "two places", "camera": "photo"},
            "pictures": [
                {
                    "plan": {"object": {"text": thing, "is": "animal"}, "where": where},
                    "keywords": [thing, where, "gray sky"],
                }
                for thing, where in ((one, "in the rain"), (other, "on the moon"))
            ],
            "facts": {"common": "Both are in a strange place."},
            "question": "What do the images have in common?",
            "answer": f"The first image shows a {one} in the rain and the second image a {other} on the moon.",
            "chat": [
                {
                    "question": "What does the first image show?",
                    "answer": f"The first image shows a {one} in the rain.",
                },
                {"question": "And the second image?", "answer": f"The second image shows a {other} on the moon."},
            ],
        }
        for one, other in zip(_THINGS, _THINGS[1:] + _THINGS[:1], strict=True)
    ]
    return {
        **template(name),
        "form": "multi",
        "plan": {
            "relation": {"values": ["one place", "two places"]},
            "camera": {"values": ["photo", "wide shot"]},
        },
        "pictures": {
            "number": "{{ 3 if relation == 'one place' else 2 }}",
            "plan": {
                "object": {"bank": "thing"},
                "where": {"values": ["in the rain", "on the moon", "under water"], "same": "relation == 'one place'"},
            },
        },
        "prompt": {"subject": "object", "lead": ["object"], "emphasis": 1, "append": ["camera"], "negative": "text"},
        "write": {
            "role": "You write prompts.",
            "requirements": ["Give keywords."],
            "cautions": ["No sounds."],
            "facts": {"common": {"about": "what they have in common", "uses": []}},
            "min_keywords": 3,
            "max_keywords": 6,
            "request": "{% for one in pictures %}\n{{ loop.index }}: {{ one.object }} {{ one.where }}\n{% endfor %}",
        },
        "dialogue": {
            "role": "You answer.",
            "requirements": ["Be short."],
            "cautions": ["No prompts."],
            "describe": "{% for one in pictures %}\n{{ loop.index }}: {{ one.keywords }}\n{% endfor %}\n{{ question }}",
            "chat": "All: {{ keywords }}\nWrite questions and answers.",
        },
        "questions": [f"What do the images have in common, number {number}?" for number in range(30)],
        "restrictions": [{"rule": "Show {{ pictures|length }} things.", "require_first": ["object"]}],
        "filters": ["length", "restrictions", "alignment", "picture"],
        "examples": examples,
        **changes,
    }


def interleaved_template(name: str = "steps", **changes: Any) -> dict[str, Any]:
    """A thing that changes step by step; its bank says in how many."""
    examples = [
        {
            "plan": {"task": {"text": f"mend a {thing}", "steps": "2", "first": f"broken {thing}"}},
            "pictures": [
                {"plan": {"view": f"broken {thing}"}, "keywords": [f"broken {thing}", "wooden table", "soft light"]},
                {
                    "plan": {"state": "mended", "view": "mended"},
                    "keywords": [f"mended {thing}", "wooden table", "soft light"],
                },
            ],
            "chat": [
                {"question": f"Here is my work: 《a broken {thing}》. What now?", "answer": f"Glue the {thing} first."},
                {
                    "question": f"Now it looks so: 《a mended {thing}》. Is it good?",
                    "answer": "Yes, it is whole again.",
                },
            ],
        }
        for thing in ("teapot", "chair", "lamp", "kite", "boot", "drum")
    ]
    return {
        **{key: value for key, value in multi_template(name).items() if key != "questions"},
        "form": "interleaved",
        "plan": {"task": {"bank": "task"}},
        "pictures": {
            "number": "{{ task.steps }}",
            "plan": {
                "state": {"values": ["broken", "glued", "painted", "dried", "mended"], "when": "number > 1"},
                "view": {"text": "{{ task.first if number == 1 else state }}"},
            },
        },
        "prompt": {"subject": "task", "lead": ["view"], "emphasis": 1, "append": [], "negative": "text"},
        "write": {
            "role": "You write prompts.",
            "requirements": ["Give keywords."],
            "cautions": ["No sounds."],
            "min_keywords": 3,
            "max_keywords": 6,
            "request": "Task: {{ task }}\n{% for one in pictures %}\n{{ loop.index }}: {{ one.view }}\n{% endfor %}",
        },
        "dialogue": {
            "role": "You talk.",
            "requirements": ["Be short."],
            "cautions": ["No prompts."],
            "chat": "Task: {{ task }}\n{% for one in pictures %}\n{{ loop.index }}: {{ one.keywords }}\n{% endfor %}",
        },
        "restrictions": [{"rule": "Show what is said.", "require": ["view"]}],
        "filters": ["length", "restrictions", "phrasing", "alignment", "picture"],
        "examples": examples,
        **changes,
    }


def multi(name: str = "pair", **changes: Any) -> Ability:
    return parse_ability(json.dumps(multi_template(name, **changes)), f"{name}.yaml")


def interleaved(name: str = "steps", **changes: Any) -> Ability:
    return parse_ability(json.dumps(interleaved_template(name, **changes)), f"{name}.yaml")


def candidate(
    index: int = 0,
    keywords: list[str] | None = None,
    answers: list[str] | None = None,
    questions: list[str] | None = None,
    plan: Mapping[str, Entry | str] | None = None,
    **fields: Any,
) -> Candidate:
    """A candidate of the small ability as it looks after both text steps."""
    keywords = keywords or ["red fox made of glass", "snowy forest", "white snow"]
    answers = answers or ["The red fox is made of glass, but a fox usually has fur."]
    questions = questions or ["What is odd here?", "Where is it?", "What else?", "Why?"][: len(answers)]
    entries = plan or {
        "subject": Entry(text="red fox", facts={"is": "animal", "place": "a snowy forest"}),
        "oddity": "made of glass",
        "camera": "photo",
    }
    turns = []
    for number, (question, answer) in enumerate(zip(questions, answers, strict=True)):
        turns.append(Turn(role="user", text=f"<image>\n{question}" if number == 0 else question))
        turns.append(Turn(role="assistant", text=answer))
    values = {
        "id": f"tiny-s0-{index:06d}",
        "ability": "tiny",
        "stage": 1,
        "facts": {"normal": "A red fox usually has fur."},
        **fields,
    }
    return Candidate(
        index=index,
        seed=index,
        round=0,
        plan={k: v if isinstance(v, Entry) else Entry(text=v) for k, v in entries.items()},
        question=questions[0],
        images=[Image(prompt=", ".join(keywords), keywords=keywords, seed=index)],
        turns=turns,
        **values,
    )


def sample(
    pictures: Sequence[Sequence[str]],
    *answers: str,
    questions: Sequence[str] = (),
    form: Any = "multi",
    plans: Sequence[dict[str, Entry]] = (),
    question: str = "",
    stage: Any = 1,
) -> Candidate:
    """A candidate with the keywords of its pictures; turn by turn they come one with each question."""
    turns = []
    for number, answer in enumerate(answers):
        new = 1 if form == "interleaved" else len(pictures) if number == 0 else 0
        asked = questions[number] if questions else "What do you see?"
        turns += [Turn(role="user", text="<image>\n" * new + asked), Turn(role="assistant", text=answer)]
    images = [Image(prompt=", ".join(own), keywords=list(own), seed=0) for own in pictures]
    return Candidate(
        id="tiny-s0-000000", ability="tiny", index=0, form=form, stage=stage, seed=0, round=0, images=images,
        turns=turns, picture_plans=list(plans) or [{} for _ in images], question=question,
    )  # fmt: skip
