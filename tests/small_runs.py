"""Makes run folders for tests of what reads runs: a ledger, pictures and `dataset.jsonl`, no backends."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from PIL import Image as PILImage
from PIL import ImageDraw

from synth.config import RunConfig
from synth.flow.pictures import Marks, picture_path, write_picture
from synth.ledger import Ledger
from synth.records import Call, Candidate, Entry, Form, Image, Turn, Verdict
from synth.run.dataset import write_dataset

OPENMOJI = "Emoji by OpenMoji, openmoji.org, CC BY-SA 4.0"
SUBJECTS = ["giraffe", "red fox", "steam engine", "teapot", "grand piano", "octopus", "violin", "cactus"]
ODDITIES = [
    "made of glass",
    "as small as a thumb",
    "floating in the sky",
    "wearing roller skates",
    "upside down",
]
PLACES = ["city street", "frozen lake", "desert dune", "library", "kitchen table", "harbour", "mossy forest"]


def picture(seed: int, size: int = 256) -> PILImage.Image:
    """A colourful picture that differs for each seed."""
    dice = random.Random(seed)
    image = PILImage.new("RGB", (size, size), tuple(dice.randrange(120, 240) for _ in range(3)))
    draw = ImageDraw.Draw(image)
    for _ in range(9):
        x, y, r = (dice.randrange(size) for _ in range(3))
        colour = tuple(dice.randrange(256) for _ in range(3))
        box = (x, y, x + 20 + r // 2, y + 20 + r // 2)
        (draw.ellipse if dice.random() < 0.6 else draw.rectangle)(box, fill=colour)
    return image


def candidate(ability: str, index: int, seed: int = 7) -> Candidate:
    """A candidate with text and pictures planned, not yet decided."""
    dice = random.Random(f"{ability}{index}")
    subject, oddity, place = dice.choice(SUBJECTS), dice.choice(ODDITIES), dice.choice(PLACES)
    round_ = 0 if index < 8 else 1 + (index - 8) // 8
    id_ = f"{ability}-s{seed}-{index:06d}"
    fresh = [f"{ability}-s{seed}-{k:06d}" for k in range(0, max(0, 2 * (round_ - 1)), 2)][-2:]
    question = f"What is unusual about this picture, number {index % 5}?"
    answer = (
        f"A {subject} {oddity} is standing in a {place}. Normally one would not meet a {subject} there, and "
        "certainly not like this."
    )
    keywords = [f"{subject} {oddity}", place, "morning light", "wide shot"]
    return Candidate(
        id=id_,
        ability=ability,
        index=index,
        stage=1,
        seed=dice.randrange(2**31),
        synth="0.1.0",
        round=round_,
        plan={
            "subject": Entry(text=subject, facts={"is": "thing"}),
            "oddity": Entry(text=oddity),
            "camera": Entry(text="wide shot"),
        },
        question=question,
        examples=[f"{ability}/template/{k}" for k in range(3 - len(fresh))] + fresh,
        facts={"normal": f"A {subject} is usually elsewhere."},
        images=[
            Image(
                prompt=f"(({keywords[0]})), " + ", ".join(keywords[1:]),
                negative_prompt="text, watermark",
                keywords=keywords,
                seed=dice.randrange(2**31),
            )
        ],
        turns=[Turn(role="user", text=f"<image>\n{question}"), Turn(role="assistant", text=answer)],
        verdicts=[
            Verdict(filter="length", stage="prompt", outcome="pass"),
            Verdict(filter="repetition", stage="prompt", outcome="pass", score=round(dice.random() * 0.5, 3)),
            Verdict(filter="length", stage="dialogue", outcome="pass"),
        ],
        calls=[
            Call(
                step=step,
                attempt=0,
                seed=index,
                shared="k",
                message=f"Subject: {subject}\nIn the picture: a {subject} {oddity}",
                reply=f'{{"answer": "{answer}"}}',
                mode="schema",
                prompt_tokens=612,
                cached_tokens=540,
                completion_tokens=58,
                seconds=0.4 + dice.random(),
                repairs=["fence"] if index % 9 == 0 else [],
            )
            for step in ("write", "converse")
        ],
        text_passed=True,
        seconds={"write": 1.0 + dice.random(), "converse": 0.8, "render": 0.05, "score": 0.01},
    )


def with_pictures(one: Candidate, count: int, form: Form = "multi") -> Candidate:
    """The candidate as one of several pictures; an interleaved one has a turn for each."""
    dice = random.Random(one.id)
    one.form, one.stage = form, 2
    one.plan = {"place": Entry(text=dice.choice(PLACES)), "camera": Entry(text="wide shot")}
    subjects = dice.sample(SUBJECTS, count)
    one.picture_plans = [{"subject": Entry(text=each, facts={"is": "thing"})} for each in subjects]
    one.images = [
        Image(
            prompt=f"((old {subject} number {number + 1})), in a {one.plan['place']}, warm evening light, wide shot",
            negative_prompt="text, watermark",
            keywords=[f"old {subject} number {number + 1}", f"in a {one.plan['place']}", "warm evening light"],
            seed=dice.randrange(2**31),
        )
        for number, subject in enumerate(subjects)
    ]
    places = ["<image>" * count] + [""] * (count - 1) if form == "multi" else ["<image>"] * count
    one.turns = []
    for number, (place, subject) in enumerate(zip(places, subjects, strict=True)):
        question = f"What do you see in image {number + 1}, and what differs from the others?"
        answer = f"Image {number + 1} shows an old {subject} in the evening light; no other one is in the row."
        one.turns += [Turn(role="user", text=f"{place}\n{question}".strip()), Turn(role="assistant", text=answer)]
    return one


def paint(run: Path, one: Candidate, origin: str = "rendered", attribution: str = "", size: int = 256) -> None:
    """Give a candidate its pictures."""
    for number, image in enumerate(one.images):
        image.path = picture_path(one.ability, one.index, one.id, number)
        image.width = image.height = size
        image.origin = origin  # type: ignore[assignment]
        drawn = picture(one.index * 31 + number + len(one.ability), size)
        write_picture(run, image.path, drawn, Marks(image.prompt, attribution), 90)


def accept(run: Path, one: Candidate, origin: str = "rendered", attribution: str = "", size: int = 256) -> Candidate:
    paint(run, one, origin, attribution, size)
    score = round(0.26 + (one.index * 37 % 100) / 900, 4)
    one.scores = {"prompt": score, "dialogue": round(score - 0.03, 4)}
    if len(one.images) > 1:
        one.scores |= {f"prompt.{k + 1}": round(score + 0.01 * k, 4) for k in range(len(one.images))}
        one.scores["margin"] = 0.031
    one.verdicts.append(Verdict(filter="alignment", stage="image", outcome="pass", score=score))
    one.state = "accepted"
    return one


def text_only(run: Path, one: Candidate) -> Candidate:
    one.state = "text_ok"
    return one


def save_run(
    run: Path,
    candidates: Iterable[Candidate],
    abilities: dict[str, int],
    *,
    renderer: dict[str, Any] | None,
    llm: dict[str, Any] | None = None,
    dialogue: str = "describe",
) -> Path:
    """Write ledger and data set."""
    run.mkdir(parents=True, exist_ok=True)
    config = RunConfig(abilities=abilities, seed=7, dialogue=dialogue)  # type: ignore[arg-type]
    ledger = Ledger(run)
    ledger.set_meta("config", config.model_dump(mode="json"))
    ledger.set_meta(
        "identity",
        {
            "abilities": {
                name: {"version": 1, "template": "0" * 16, "banks": {}, "filters": {"length": 1, "alignment": 1}}
                for name in abilities
            },
            "seed": 7,
            "dialogue": dialogue,
            "llm": llm or {"name": "llamacpp", "model": "tiny-instruct-q4", "revision": "abc123"},
            "renderer": renderer,
            "scorer": {"name": "openclip", "model": "ViT-L-14/openai"} if renderer else None,
        },
    )
    for one in candidates:
        ledger.save(one)
    ledger.flush()
    write_dataset(run, ledger, config)
    ledger.close()
    return run


def small_run(
    run: Path,
    count: int = 3,
    change: Callable[[Candidate], object] = lambda one: None,
    *,
    finish: Callable[[Path, Candidate], Candidate] = accept,
    renderer: dict[str, Any] | None = None,
    ability: str = "abnormal",
) -> Path:
    """A run of one ability whose candidates are all good; `change` may spoil them before they are saved."""
    made = []
    for index in range(count):
        one = finish(run, candidate(ability, index))
        change(one)
        made.append(one)
    drawn = finish is not text_only
    return save_run(
        run,
        made,
        {ability: count},
        renderer=renderer or {"name": "diffusers", "model": "sd"} if drawn else None,
    )
