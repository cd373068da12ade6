"""`synth abilities check`: everything about a template that can be wrong before a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from synth import plugins
from synth.abilities import Ability, parse_ability
from synth.banks import KeywordBank
from synth.catalog import Catalog
from synth.errors import SynthError
from synth.filtering import Chain, build_chain
from synth.produce.picture_prompt import join_keywords, order_keywords
from synth.produce.plan import Plan, Planner
from synth.produce.pool import Demonstration
from synth.produce.prompting import Prompter
from synth.records import Candidate, DialogueKind, Entry, Image, Stage, dialogue_stage
from synth.template_schema import Example
from synth.text import normalise

_KINDS: tuple[DialogueKind, ...] = ("describe", "chat")
_TEXT_STAGES: tuple[Stage, ...] = ("prompt", "dialogue")
#: draws per entry of the largest bank before an entry that never came is called unreachable
_PATIENCE = 12


@dataclass
class Checked:
    """What was checked and found right, what is doubtful, and what is wrong."""

    name: str
    source: str
    checked: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def check_ability(file: Path, plugin_dirs: Sequence[Path] = ()) -> Checked:
    """Check a template file; banks are looked for beside it (`../keyword_banks`), too.

    Raises:
        SynthError: the file cannot be read, or is so wrong that nothing else can be checked.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SynthError(f"{file} cannot be read: {error}.", "Give the path of a template, e.g. x.yaml.") from error
    ability = parse_ability(text, str(file))
    found = Checked(ability.name, str(file))
    found.checked.append(
        f"the fields: {len(ability.slot_names)} plan slots, {len(ability.questions)} questions, "
        f"{len(ability.examples)} examples, {len(ability.restrictions)} restrictions"
    )
    if file.stem != ability.name:
        found.problems.append(f"{file}: the file is called '{file.stem}' but its field 'name' says '{ability.name}'")
    catalog = Catalog(_plugin_dirs(file, plugin_dirs))
    try:
        catalog.check_banks(ability)
        banks = catalog.banks_of(ability)
    except SynthError as error:
        found.problems.append(str(error))
        return found
    sizes = ", ".join(f"{bank.name} ({len(bank.entries)})" for bank in banks.values())
    found.checked.append(f"the keyword banks: {sizes or 'none are used'}")
    _questions(ability, found)
    planner = _templates(ability, banks, found)
    _examples(ability, banks, planner, found)
    return found


def _plugin_dirs(file: Path, given: Sequence[Path]) -> list[Path]:
    folder = file.resolve().parent
    beside = [folder.parent] if folder.name == "templates" and (folder.parent / "keyword_banks").is_dir() else []
    return [*beside, *given]


def _questions(ability: Ability, found: Checked) -> None:
    first: dict[str, str] = {}
    for question in ability.questions:
        key = normalise(question.text)
        if key in first:
            found.problems.append(f"questions: '{question.text}' says the same as '{first[key]}'")
        first[key] = question.text


def _templates(ability: Ability, banks: dict[str, KeywordBank], found: Checked) -> Planner | None:
    """Draw plans until every entry of every bank was in one, and render every template with it. Returns the planner,
    if there can be one."""
    try:
        prompters = [Prompter(ability, kind) for kind in _kinds(ability)]
        planner = Planner(ability, banks, run_seed=0)
    except SynthError as error:
        found.problems.append(error.message)
        return None
    missing = {
        name: {entry.text for entry in banks[slot.bank].entries} for _, name, slot in ability.slots() if slot.bank
    }
    largest = max((len(texts) for texts in missing.values()), default=1)
    errors: dict[str, str] = {}
    plans = compared = alike = 0
    while plans < _PATIENCE * largest and (plans < 2 or any(missing.values())) and len(errors) < 5:
        plans += 1
        entries: list[tuple[str, Entry]] = []
        try:
            plan = planner.next()
            entries = [item for part in (plan.entries, *plan.pictures) for item in part.items()]
            request = prompters[0].write_request(plan.entries, plan.pictures)  # the same for both kinds of dialogue
            for prompter in prompters:
                prompter.converse_request(_told(prompter, plan))
            if plan.pictures:
                alike += _pictures_alike(prompters[0], plan, request)
                compared += 1
        except SynthError as error:
            drawn = ", ".join(f"{name} = '{entry}'" for name, entry in entries)
            errors.setdefault(error.message, f" (with {drawn})" if drawn else "")
        for name, entry in entries:
            missing.get(name, set()).discard(entry.text)
    found.problems += [message + where for message, where in errors.items()]
    for name, texts in missing.items():
        if texts and not errors:
            some = ", ".join(sorted(texts)[:5])
            found.doubts.append(f"plan: {name}: {len(texts)} entries were never drawn, e.g. {some}; see 'match'")
    if alike:
        same = [f"pictures.plan.{name}.same" for name, slot in ability.picture_slots.items() if slot.same]
        found.doubts.append(
            f"{', '.join(same) or 'pictures.plan'}: in {alike} of {compared} plans nothing tells a sample's pictures "
            "apart, so only chance makes them differ: draw something else for each and tell it in 'write.request' or "
            "in a slot of 'prompt'; see docs/new-ability.md"
        )
    if ability.form == "interleaved" and "《" not in ability.dialogue.chat:
        found.doubts.append("dialogue.chat: it has no 《》, so the model is not told how a picture arrives")
    if not errors:
        found.checked.append(f"the plan and all templates, rendered for {plans} plans that cover the banks")
    return planner


def _pictures_alike(prompter: Prompter, plan: Plan, request: str) -> bool:
    """Whether all pictures of the sample come out the same as far as the plan decides: had each what was drawn for
    the first, neither `request`, what the model is asked, nor the words that our code adds would change."""
    added = {tuple(order_keywords([], {**plan.entries, **own}, prompter.ability)) for own in plan.pictures}
    repeated = [plan.pictures[0]] * len(plan.pictures)
    return len(added) == 1 and (plan.pictures == repeated or prompter.write_request(plan.entries, repeated) == request)


def _told(prompter: Prompter, plan: Plan) -> Demonstration:
    """A plan with the words of the first example, which stand in for what no model has written yet."""
    own = prompter.own_example(0)
    keywords = [own.keywords[number % len(own.keywords)] for number in range(len(plan.pictures) or 1)]
    return replace(own, plan=plan.entries, picture_plans=plan.pictures, keywords=keywords, question=plan.question)


def _kinds(ability: Ability) -> list[DialogueKind]:
    """The kinds of dialogue that the ability can make."""
    return [kind for kind in _KINDS if ability.kind(kind) == kind]


def _examples(ability: Ability, banks: dict[str, KeywordBank], planner: Planner | None, found: Checked) -> None:
    """Every example must have a plan that could be drawn, and pass what the model's replies must pass."""
    try:
        classes, broken = plugins.load_all("synth.filters")
        chains = {kind: build_chain(ability, classes, banks) for kind in _kinds(ability)}
        prompters = {kind: Prompter(ability, kind) for kind in _kinds(ability)}
    except SynthError as error:
        found.problems.append(str(error))
        return
    found.doubts += broken
    some_chain = chains["chat"]
    found.doubts += _unverified(ability, some_chain)
    before = len(found.problems)
    for number, example in enumerate(ability.examples, 1):
        found.problems += [f"examples: example {number}: {one}" for one in _limits(ability, example)]
        try:
            unlike = planner.problem_of(example.plan, example.picture_plans) if planner is not None else ""
        except SynthError as error:
            unlike = error.message
        if unlike:
            found.problems.append(f"examples: example {number}: {unlike}")
        for kind, prompter in prompters.items():
            try:
                prompter.write_request(example.plan, example.picture_plans)
                prompter.converse_request(prompter.own_example(number - 1))
                problem = _verdict(prompter, number, chains[kind])
            except SynthError as error:
                found.problems.append(f"examples: example {number}: {error.message}")
                break
            if problem:
                found.problems.append(f"examples: example {number} ({kind}): {problem}")
    if len(found.problems) == before:
        names = ", ".join(f.name for f in some_chain.filters if set(f.stages) & set(_TEXT_STAGES))
        found.checked.append(f"the examples, by the ability's own text filters: {names}")


def _unverified(ability: Ability, chain: Chain) -> list[str]:
    """What the template demands although none of its filters looks whether it is so."""
    verified = {demand for one in chain.filters for demand in one.verifies()}
    found = []
    if ability.restrictions and "rules" not in verified:
        found.append("restrictions: no filter verifies them; add '- restrictions' to 'filters'")
    if any(question.asks for question in ability.questions) and "asks" not in verified:
        found.append(
            "questions: no filter verifies that answers speak of what is asked for; "
            "add '- grounding: {asked: 0.5}' to 'filters'"
        )
    return found


def _limits(ability: Ability, example: Example) -> list[str]:
    """The limits that the model's replies are held to."""
    found = []
    write, most = ability.write, ability.dialogue.max_characters
    for keywords in example.keyword_lists:
        if not write.min_keywords <= len(keywords) <= write.max_keywords:
            found.append(f"{len(keywords)} keywords, not {write.min_keywords} to {write.max_keywords}")
    for name, fact in example.facts.items():
        if len(fact) > write.facts[name].max_characters:
            found.append(f"facts.{name}: {len(fact)} characters, more than {write.facts[name].max_characters}")
    for answer in [example.pool_pair[1], *(one.answer for one in example.chat)]:
        if len(answer) > most:
            found.append(f"an answer of {len(answer)} characters, more than dialogue.max_characters {most}")
    return found


def _verdict(prompter: Prompter, number: int, chain: Chain) -> str:
    candidate = as_candidate(prompter, number)
    for stage in _TEXT_STAGES:
        failed = chain.check(candidate, stage) or chain.check_in_order(candidate, stage)
        if failed:
            return f"the filter '{failed.filter}' drops it: {failed.reason}"
    return ""


def as_candidate(prompter: Prompter, number: int) -> Candidate:
    """The template's example of that number, from 1, as if a model had written it."""
    ability, own = prompter.ability, prompter.own_example(number - 1)
    candidate = Candidate(
        id=own.id,
        ability=ability.name,
        index=number,
        form=ability.form,
        stage=dialogue_stage(ability.form, prompter.kind),
        seed=0,
        round=0,
        plan=own.plan,
        picture_plans=own.picture_plans,
        question=own.question,
        facts=own.facts,
        turns=own.turns,
    )
    for place, keywords in enumerate(own.keywords):
        ordered = order_keywords(keywords, candidate.plan_of(place), ability, candidate.siblings_of(place))
        candidate.images.append(Image(prompt=join_keywords(ordered, ability.prompt.emphasis), keywords=ordered, seed=0))
    return candidate
