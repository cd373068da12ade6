"""`synth generate` and `synth render`: open the folder, check identity, run, leave a data set."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from synth import __version__
from synth.abilities import Ability
from synth.backends.render.base import AnyRenderer, RemoteRenderer, RenderSettings
from synth.config import RunConfig, differences, load_config
from synth.errors import BackendError, RunRefused, SynthError
from synth.filtering import Chain
from synth.flow.backends import Backends
from synth.flow.harvest import Harvest, harvest
from synth.flow.pictures import all_pictures
from synth.flow.primitives import Limiter
from synth.flow.tally import Tally
from synth.ledger import Ledger
from synth.produce.illustrate import Illustrator
from synth.produce.life import Saved
from synth.produce.plan import Planner
from synth.produce.synthesize import Synthesizer
from synth.run.chains import Chains, layers_of, load_chains
from synth.run.dataset import read_dataset, write_dataset
from synth.run.folder import DATASET_FILE, RunFolder, check_start, frozen_config, open_existing
from synth.run.select import AUTO, NONE, make_llm, make_renderer, make_scorer, refuse_unused, resolve
from synth.run.standing import has_several, kept_states
from synth.run.stop import cancel_on_signal, rare_collections

#: shows progress while the run works; the command line passes one, libraries need not
Watch = Callable[[Tally, "Announcement"], AbstractContextManager[object]]


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a run is about to do: which backends, why, whether it goes on with an old run, and what a
    `synth refilter` of it said, which also decides about what is made now."""

    folder: Path
    backends: dict[str, str]
    reasons: dict[str, str]
    resumed: bool
    refilter: str = ""


@dataclass
class Summary:
    """What a run left behind. `missing` counts samples per ability that it could not make, `restored`
    pictures of an earlier start that were rendered again because their files were gone or damaged; `held` is how
    many good samples the run has where a smaller n than before takes fewer of them; `varying` says what would
    differ if the run were made again with the same settings."""

    folder: Path
    samples: int
    tally: Tally
    seconds: float
    missing: dict[str, int] = field(default_factory=dict)
    rotated: dict[str, int] = field(default_factory=dict)
    restored: int = 0
    held: dict[str, int] = field(default_factory=dict)
    filter_seconds: dict[str, float] = field(default_factory=dict)
    varying: list[str] = field(default_factory=list)
    previews: bool = False
    text_only: bool = False
    several: bool = False

    @property
    def dataset(self) -> Path:
        return self.folder / DATASET_FILE


def no_watch(tally: Tally, announcement: Announcement) -> AbstractContextManager[object]:
    return nullcontext()


@dataclass
class Setup:
    """Abilities and backends of a configuration, made but not started."""

    config: RunConfig
    judging: Chains
    planners: dict[str, Planner]
    backends: Backends
    names: dict[str, str]
    reasons: dict[str, str]
    identity: dict[str, Any]

    @property
    def abilities(self) -> dict[str, Ability]:
        return self.judging.abilities

    @property
    def chains(self) -> dict[str, Chain]:
        return self.judging.chains


def prepare(config: RunConfig, writes: bool = True) -> Setup:
    """Resolve everything that can be wrong before a folder is touched or a model loaded.

    Where nothing is to be written (`synth render`), no language model is looked for.
    """
    names: dict[str, str] = {}
    reasons: dict[str, str] = {}
    groups = {"llm": "synth.llms", "renderer": "synth.renderers"}
    judging = load_chains(config)
    if not writes:
        del groups["llm"]
        names["llm"], reasons["llm"] = NONE, "nothing is written"
    for role, group in groups.items():
        names[role], reasons[role] = resolve(group, getattr(config, role))
    if writes:  # the settings of a text-only run may be for another renderer than that of this `synth render`
        refuse_unused("llm_settings", groups["llm"], names["llm"], config.llm_settings)
        refuse_unused("render_settings", groups["renderer"], names["renderer"], config.render_settings)
    if config.render_settings.image_to_image is not None and not _several(judging.abilities):
        raise SynthError(
            "render_settings.image_to_image: none of these abilities has several pictures in a sample.",
            "It lets the next picture of a sample begin from the one before; leave it out.",
        )
    renderer = make_renderer(names["renderer"], config.render_settings)
    if renderer is None:
        names["scorer"], reasons["scorer"] = NONE, "there are no pictures"
    else:
        names["scorer"], reasons["scorer"] = resolve("synth.scorers", config.scorer, renderer.origin)
    scorer = make_scorer(names["scorer"], config.score_settings) if renderer is not None else None
    llm = make_llm(names["llm"], config.llm_settings) if writes else None
    backends = Backends(llm, renderer, scorer)
    judging.scored_by(scorer.threshold if scorer else None)
    identity = {
        "synth": ".".join(__version__.split(".")[:2]),  # a patch release makes what the one before makes
        "abilities": judging.identity(),
        "seed": config.seed,
        "dialogue": config.dialogue,
        **backends.identity(),
        "sampling": config.llm_settings.model_dump(include={"temperature", "top_p", "max_tokens"}),
        "pictures": _pictures(config, renderer) if renderer else None,
        "pool": config.pool.model_dump(),
        "attempts": config.flow.attempts,
        **({"picture_attempts": config.flow.picture_attempts} if _several(judging.abilities) else {}),
        "existing": sorted(_digest(path) for path in config.existing),
    }
    return Setup(
        config=config,
        judging=judging,
        planners={n: Planner(a, judging.banks[n], config.seed) for n, a in judging.abilities.items()},
        backends=backends,
        names=names,
        reasons=reasons,
        identity=identity,
    )


def _several(abilities: Mapping[str, Ability]) -> bool:
    """Whether any of these abilities makes samples of several pictures."""
    return any(ability.pictures is not None for ability in abilities.values())


def _pictures(config: RunConfig, renderer: AnyRenderer) -> dict[str, Any]:
    """What the engine decides about pictures; what the renderer does with its settings, its own identity says."""
    settings = config.render_settings
    return {
        "width": settings.width or renderer.size[0],
        "height": settings.height or renderer.size[1],
        "image_format": settings.image_format,
        "jpeg_quality": settings.jpeg_quality,
        **({} if settings.image_to_image is None else {"image_to_image": settings.image_to_image}),
    }


async def generate(config: RunConfig, watch: Watch = no_watch) -> Summary:
    """Make the data set that `config` asks for, or go on with it.

    Raises:
        SynthError: bad settings, a refused folder, a backend that cannot go on, an early stop;
            in every case what was committed is kept and `dataset.jsonl` is up to date.
    """
    setup = prepare(config)
    check_start(config, setup.identity)
    for path in config.existing:
        for chain in setup.chains.values():
            chain.remember_dataset(partial(read_dataset, path))
    with RunFolder(config.folder) as run:
        earlier = (run.ledger.meta("config") or {}).get("abilities", {})
        resumed = run.claim(config, setup.identity)
        ledger, backends = run.ledger, setup.backends
        if resumed:
            _remove_orphans(run.path, ledger, setup.abilities)
        tally = _tally(setup, ledger)
        illustrators = {
            name: _illustrator(setup, name, run, tally, order) for order, name in enumerate(setup.abilities)
        }
        producers = [
            Synthesizer(
                config,
                ability,
                setup.planners[name],
                setup.chains[name],
                backends,
                illustrators[name],
                ledger,
                tally,
                order,
            )
            for order, (name, ability) in enumerate(setup.abilities.items())
        ]
        lives: dict[str, Callable[[int], Awaitable[bool]]] = {p.ability.name: p.live for p in producers}
        announcement = Announcement(run.path, setup.names, setup.reasons, resumed, _refilter(ledger))
        present = [one for one in illustrators.values() if one is not None]
        summary = await _run(setup, run, tally, lives, present, announcement, watch)
        good = _good(ledger, setup.identity)
        summary.held = {
            name: good[name] for name, n in config.abilities.items() if earlier.get(name, 0) > n and good[name] > n
        }
        summary.rotated = {p.ability.name: p.rotation.replaced for p in producers}
        summary.restored = sum(one.restored for one in present)
        return summary


async def render(
    folder: Path,
    renderer: str,
    scorer: str,
    render_settings: dict[str, Any],
    watch: Watch = no_watch,
    plugin_dirs: list[Path] | None = None,
    max_cost: float | None = None,
) -> Summary:
    """Render a text-only run: its candidates whose text passed get pictures, in index order. Pictures
    whose files are gone or damaged are made again.

    Afterwards the run has this renderer's identity; `synth generate` with the same settings and
    this renderer can go on with it.
    """
    with open_existing(folder) as run:
        config = frozen_config(run.ledger)
        old = run.ledger.meta("identity")
        if old["renderer"] is not None:  # it has pictures: what nobody names is as it was
            renderer = config.renderer if renderer == AUTO else renderer
            scorer = config.scorer if scorer == AUTO else scorer
        settings = {**config.render_settings.model_dump(), **render_settings}
        changes = {"renderer": renderer, "scorer": scorer, "out": folder, "render_settings": settings}
        if plugin_dirs:  # they lie elsewhere on this machine
            changes["plugin_dirs"] = plugin_dirs
        if max_cost is not None:
            changes["max_cost"] = max_cost
        config = load_config(None, {**config.model_dump(), **changes})
        setup = prepare(config, writes=False)
        given = config.render_settings.model_validate(render_settings)
        refuse_unused("render_settings", "synth.renderers", setup.names["renderer"], given)
        kept = RenderSettings(image_to_image=config.render_settings.image_to_image)
        leave = "The run was set up with it. Draw without it: --set render_settings.image_to_image=null"
        refuse_unused("render_settings", "synth.renderers", setup.names["renderer"], kept, leave)
        if setup.backends.renderer is None:
            raise SynthError("synth render needs a renderer, not 'none'.", "Name one: --renderer preview.")
        setup.judging.refuse_others(
            str(folder), old, "Render with the templates and keyword banks that it was written with."
        )
        drawn = {key: setup.identity[key] for key in ("renderer", "scorer", "pictures")}
        changed = differences({key: old[key] for key in drawn}, drawn)
        if old["renderer"] is not None and changed:
            raise RunRefused(
                f"{folder} already has pictures of another renderer, scorer or size:\n  " + "\n  ".join(changed),
                "Go on with the same renderer, or generate into another folder.",
            )
        run.freeze(config, {**old, **drawn})
        _remove_orphans(run.path, run.ledger, setup.abilities)
        tally = _tally(setup, run.ledger)
        lives = {}
        illustrators = []
        for order, name in enumerate(setup.abilities):
            illustrator = _illustrator(setup, name, run, tally, order)
            assert illustrator is not None
            illustrators.append(illustrator)
            lives[name] = _render_life(Saved(run.ledger, name), illustrator, tally)
        announcement = Announcement(run.path, setup.names, setup.reasons, True, _refilter(run.ledger))
        summary = await _run(setup, run, tally, lives, illustrators, announcement, watch)
        summary.restored = sum(one.restored for one in illustrators)
        return summary


def _render_life(saved: Saved, illustrator: Illustrator, tally: Tally) -> Callable[[int], Awaitable[bool]]:
    async def live(index: int) -> bool:
        candidate = saved.take(index)
        if candidate is None:
            return False
        if candidate.state == "text_ok":
            tally.begin(candidate.ability, index)
        await illustrator.complete(candidate)
        tally.finished(candidate)
        return candidate.state in ("accepted", "surplus")

    return live


async def _run(
    setup: Setup,
    run: RunFolder,
    tally: Tally,
    lives: dict[str, Callable[[int], Awaitable[bool]]],
    illustrators: list[Illustrator],
    announcement: Announcement,
    watch: Watch,
) -> Summary:
    """Run all abilities over one window of candidates in flight; always leave a data set."""
    config, backends = setup.config, setup.backends
    began = time.monotonic()
    window = Limiter(backends.in_flight)
    try:
        with cancel_on_signal(), rare_collections(), watch(tally, announcement):
            await backends.start()
            async with asyncio.TaskGroup() as group:
                tasks = {
                    name: group.create_task(_harvest_and_mark(config, name, order, window, lives[name], run.ledger))
                    for order, name in enumerate(setup.abilities)
                }
    except BaseExceptionGroup as group_error:
        first = _first(group_error)
        raise _explained(first) from first
    finally:
        try:
            for illustrator in illustrators:
                await illustrator.close()
            await backends.close()
        finally:  # a backend that cannot be closed, or a second Ctrl-C
            run.ledger.flush()
            run.ledger.set_meta("tokens", [tally.prompt_tokens, tally.completion_tokens])
            run.ledger.set_meta("bought", tally.bought)
            run.ledger.flush()
            _remove_orphans(run.path, run.ledger, setup.abilities)
            count = write_dataset(run.path, run.ledger, config)
    missing = {
        name: config.abilities[name] - task.result().accepted
        for name, task in tasks.items()
        if task.result().cutoff is None
    }
    return Summary(
        folder=run.path,
        samples=count,
        tally=tally,
        seconds=time.monotonic() - began,
        missing=missing,
        filter_seconds=_filter_seconds(setup.chains),
        varying=backends.varying,
        previews=backends.renderer is not None and backends.renderer.origin == "preview",
        text_only=backends.renderer is None,
        several=has_several(setup.identity),
    )


async def _harvest_and_mark(
    config: RunConfig,
    name: str,
    order: int,
    window: Limiter,
    live: Callable[[int], Awaitable[bool]],
    ledger: Ledger,
) -> Harvest:
    n = config.abilities[name]
    result = await harvest(n, config.candidates_allowed(n), order, window, live)
    # what an earlier start had beyond a smaller n is wanted again where this one came up short
    await asyncio.to_thread(ledger.mark_surplus, name, result.cutoff)
    return result


def _tally(setup: Setup, ledger: Ledger) -> Tally:
    backends = setup.backends
    bought = ledger.bought() if isinstance(backends.renderer, RemoteRenderer) else 0
    return Tally(setup.config, ledger.tokens(), backends, bought)


def _illustrator(setup: Setup, name: str, run: RunFolder, tally: Tally, order: int) -> Illustrator | None:
    renderer = setup.backends.renderer
    if renderer is None:
        return None
    layers = layers_of(run.ledger)
    layer = setup.judging.redecider(name, layers[-1]) if layers else None
    return Illustrator(
        setup.config, setup.chains[name], setup.backends, renderer, run.ledger, run.path, tally, order, layer
    )


def _refilter(ledger: Ledger) -> str:
    layers = layers_of(ledger)
    return layers[-1].text if layers and layers[-1].options else ""


def _good(ledger: Ledger, identity: dict[str, Any]) -> Counter[str]:
    """How many good samples each ability has in the ledger, wanted or not."""
    found: Counter[str] = Counter()
    for ability, state, _, count in ledger.funnel():
        if state in kept_states(identity):
            found[ability] += count
    return found


def _filter_seconds(chains: dict[str, Chain]) -> dict[str, float]:
    seconds: dict[str, float] = {}
    for chain in chains.values():
        for one in chain.filters:
            seconds[one.name] = seconds.get(one.name, 0.0) + one.stats.seconds
    return seconds


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first real error of a group; tasks that were cancelled because of it do not count."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            return _first(error)
        if not isinstance(error, asyncio.CancelledError):
            return error
    return group.exceptions[0]


def _explained(error: BaseException) -> BaseException:
    """What the system refuses a backend (memory, a file, a device) is no bug of synth."""
    if isinstance(error, OSError | MemoryError):
        return BackendError(
            f"A backend failed: {type(error).__name__}: {error}",
            "What was committed is kept; run the same command again when the cause is gone.",
        )
    return error


def _remove_orphans(folder: Path, ledger: Ledger, abilities: dict[str, Ability]) -> None:
    """Remove pictures without a committed row: of a process that was killed, of candidates that
    were not needed any more. Files that synth did not name are left alone."""
    committed = {name: ledger.illustrated(name) for name in abilities}
    for path in all_pictures(folder):
        stem = path.name.partition(".")[0]
        ability, _, rest = stem.rpartition("-s")
        index = rest.split("-")[1] if rest.count("-") else ""
        ours = ability in committed and index.isdigit()
        if ours and (path.suffix == ".part" or int(index) not in committed[ability]):
            path.unlink(missing_ok=True)


def _digest(path: Path) -> str:
    """A hash of an existing data set, which decides what new data may not repeat."""
    file = path / DATASET_FILE if path.is_dir() else path
    try:
        with open(file, "rb") as stream:
            return hashlib.file_digest(stream, "blake2b").hexdigest()[:16]
    except OSError as error:
        raise SynthError(
            f"The existing data set {file}: {error.strerror}.", "Give a run folder or a dataset.jsonl."
        ) from error
