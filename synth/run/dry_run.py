"""What a run would do, without doing it: plans, exact first messages, backends, an estimate.

Nothing is called; the run folder is looked at, not touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synth.abilities import Ability
from synth.backends.llm.base import Message
from synth.backends.render.base import RemoteRenderer
from synth.config import RunConfig
from synth.errors import RunRefused
from synth.produce.plan import Plan
from synth.produce.prompting import Prompter
from synth.produce.rotation import Rotation, SharedPrompts
from synth.run.folder import check_start
from synth.run.generate import Setup, prepare

_PLANS_SHOWN = 3
_CHARACTERS_PER_TOKEN = 4
#: a JPEG of a photo at quality 95, and a ledger row without its messages
_BYTES_PER_PIXEL, _BYTES_PER_ROW = 0.4, 2500


@dataclass(frozen=True, slots=True)
class AbilityPreview:
    """The first plans of one ability and the first request of each step, to the letter.

    `converse` is the request for the template's first example, which stands in for keywords that
    no model has written yet.
    """

    name: str
    plans: list[Plan]
    write: list[Message]
    converse: list[Message]


@dataclass(frozen=True, slots=True)
class Estimate:
    """For one candidate per wanted sample, every first reply taken; `most_requests` is the limit
    that `max_candidates` and `attempts` set. Tokens are characters / 4."""

    samples: int
    requests: int
    most_requests: int
    prompt_tokens: int
    completion_tokens: int
    pictures: int
    disk_bytes: int
    cost: float | None


@dataclass(frozen=True, slots=True)
class DryRun:
    """`resumes` says whether the folder is a run that the real one would go on with, `refused` why the
    real one would leave the folder alone."""

    folder: Path
    resumes: bool
    refused: RunRefused | None
    backends: dict[str, str]
    reasons: dict[str, str]
    identity: dict[str, Any]
    abilities: list[AbilityPreview]
    estimate: Estimate


async def dry_run(config: RunConfig) -> DryRun:
    """Raises a `SynthError` for everything that `generate` would refuse before it looks at the folder."""
    setup = prepare(config)
    previews = []
    sizes: dict[str, _Size] = {}
    for name, ability in setup.abilities.items():
        prompter = Prompter(ability, config.dialogue)
        shared = await Rotation(prompter, config.pool, config.seed).prompts(0)
        plans = [setup.planners[name].next() for _ in range(min(_PLANS_SHOWN, config.abilities[name]))]
        preview = _preview(prompter, shared, plans)
        previews.append(preview)
        sizes[name] = _size(ability, preview, config)
    resumes, refused = False, None
    try:
        resumes = check_start(config, setup.identity)
    except RunRefused as error:
        refused = error
    return DryRun(
        folder=config.folder,
        resumes=resumes,
        refused=refused,
        backends=setup.names,
        reasons=setup.reasons,
        identity=setup.identity,
        abilities=previews,
        estimate=_estimate(setup, sizes),
    )


def _preview(prompter: Prompter, shared: SharedPrompts, plans: list[Plan]) -> AbilityPreview:
    write = prompter.write_request(plans[0].entries, plans[0].pictures)
    converse = prompter.converse_request(prompter.own_example(0))
    return AbilityPreview(
        name=prompter.ability.name,
        plans=plans,
        write=[*shared.write.messages, {"role": "user", "content": write}],
        converse=[*shared.converse.messages, {"role": "user", "content": converse}],
    )


@dataclass(frozen=True, slots=True)
class _Size:
    """Characters of one candidate: what is sent, what comes back, what the ledger keeps; and its pictures, at
    most."""

    sent: int
    received: int
    kept: int
    pictures: int


def _size(ability: Ability, preview: AbilityPreview, config: RunConfig) -> _Size:
    """Replies are taken to be as long as the template's examples."""
    sent = sum(len(message["content"]) for message in [*preview.write, *preview.converse])
    replies = 0
    for example in ability.examples:
        written = [keyword for own in example.keyword_lists for keyword in own]
        replies += sum(map(len, written)) + sum(map(len, example.facts.values())) + 60
        if ability.kind(config.dialogue) == "describe":
            replies += len(example.pool_pair[1])
        else:
            replies += sum(len(one.question) + len(one.answer) + 30 for one in example.chat)
    received = replies // len(ability.examples)
    own = len(preview.write[-1]["content"]) + len(preview.converse[-1]["content"])
    pictures = max(len(plan.pictures) for plan in preview.plans) or 1
    return _Size(sent, received, own + 2 * received, pictures)


def _estimate(setup: Setup, sizes: dict[str, _Size]) -> Estimate:
    config = setup.config
    wanted = config.abilities
    samples = sum(wanted.values())
    prompt = sum(n * sizes[name].sent for name, n in wanted.items()) // _CHARACTERS_PER_TOKEN
    completion = sum(n * sizes[name].received for name, n in wanted.items()) // _CHARACTERS_PER_TOKEN
    renderer = setup.backends.renderer
    pictures = sum(n * sizes[name].pictures for name, n in wanted.items()) if renderer is not None else 0
    disk = 0.0
    if renderer is not None:
        width, height = config.render_settings.width, config.render_settings.height
        disk = pictures * (width or renderer.size[0]) * (height or renderer.size[1]) * _BYTES_PER_PIXEL
    disk += sum(n * (sizes[name].kept + _BYTES_PER_ROW) for name, n in wanted.items())
    bought = pictures if isinstance(renderer, RemoteRenderer) else 0
    cost = config.cost(prompt, completion, bought) if config.priced else None
    most = sum(config.candidates_allowed(n) for n in wanted.values())
    return Estimate(
        samples=samples,
        requests=2 * samples,
        most_requests=2 * most * config.flow.attempts,
        prompt_tokens=prompt,
        completion_tokens=completion,
        pictures=pictures,
        disk_bytes=int(disk),
        cost=cost,
    )
