"""The life of a candidate, as StableLLaVA (section 4) tells it: plan, write, filter, converse,
filter, render, filter, commit. `Synthesizer.live` is that story, top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from synth import __version__
from synth.abilities import Ability
from synth.backends.llm.base import ChatReply, ChatRequest, SharedPrompt, text_key
from synth.config import RunConfig
from synth.errors import ReplyError
from synth.filtering import Chain
from synth.flow.backends import Backends
from synth.flow.primitives import OrderedGate
from synth.flow.tally import Tally
from synth.ledger import Ledger
from synth.produce.conversation import parse_conversation
from synth.produce.dialogue import turns_of
from synth.produce.illustrate import Illustrator
from synth.produce.life import Dropped, Saved, drop_if
from synth.produce.parsing import is_complete, parse_answer, parse_turns, parse_written
from synth.produce.picture_prompt import join_keywords, order_keywords
from synth.produce.plan import Plan, Planner
from synth.produce.pool import demonstration
from synth.produce.prompting import Prompter
from synth.produce.rotation import Rotation
from synth.records import Call, Candidate, Entry, Image, Stage, dialogue_stage
from synth.seeding import derive_seed

#: each further attempt is this much warmer: at a low temperature the same reply would come again
_WARMER = 0.2


class Synthesizer:
    """Produces the candidates of one ability. `order` is the ability's place in the run."""

    def __init__(
        self,
        config: RunConfig,
        ability: Ability,
        planner: Planner,
        chain: Chain,
        backends: Backends,
        illustrator: Illustrator | None,
        ledger: Ledger,
        tally: Tally,
        order: int,
    ) -> None:
        self.ability = ability
        self._config = config
        self._planner = planner
        self._chain = chain
        self._backends = backends
        self._ledger = ledger
        self._illustrator = illustrator
        self._tally = tally
        self._order = order
        self._prompter = Prompter(ability, config.dialogue)
        self._kind = self._prompter.kind
        self.rotation = Rotation(self._prompter, config.pool, config.seed)
        self._prompt_gate = OrderedGate()
        self._dialogue_gate = OrderedGate()
        self._saved = Saved(ledger, ability.name)

    # -- the story ----------------------------------------------------------------------------

    async def live(self, index: int) -> bool:
        """One candidate, from plan to verdict; true if it was accepted.

        Called with index 0, 1, 2, ...; a candidate that an earlier process committed is put back
        into the filters' memory and not made again.
        """
        plan = self._planner.next()
        assert plan.index == index
        candidate = self._saved.take(index)
        if candidate is None or (candidate.state == "text_ok" and self._illustrator is not None):
            self._tally.begin(self.ability.name, index)
        if candidate is not None:
            await self._replay(candidate)
        else:
            candidate = self._begin(plan)
            await self._make_text(candidate)
        if self._illustrator is not None:
            await self._illustrator.complete(candidate)
        self._tally.finished(candidate)
        return candidate.state in ("accepted", "surplus", "text_ok")

    async def _make_text(self, candidate: Candidate) -> None:
        try:
            await self._write(candidate)
            async with self._prompt_gate.turn(candidate.index):
                drop_if(self._chain.check_in_order(candidate, "prompt"), candidate)
            await self._converse(candidate)
            async with self._dialogue_gate.turn(candidate.index):
                drop_if(self._chain.check_in_order(candidate, "dialogue"), candidate)
            candidate.state, candidate.text_passed = "text_ok", True
        except Dropped:
            self._prompt_gate.leave(candidate.index)
            self._dialogue_gate.leave(candidate.index)
        self.rotation.text_done(candidate)
        self._ledger.save(candidate)

    # -- its steps ----------------------------------------------------------------------------

    def _begin(self, plan: Plan) -> Candidate:
        name = self.ability.name
        return Candidate(
            id=f"{name}-s{self._config.seed}-{plan.index:06d}",
            ability=name,
            index=plan.index,
            form=self.ability.form,
            stage=dialogue_stage(self.ability.form, self._kind),
            seed=plan.seed,
            synth=__version__,
            round=self.rotation.round_of(plan.index),
            plan=plan.entries,
            picture_plans=plan.pictures,
            question=plan.question,
        )

    async def _write(self, candidate: Candidate) -> None:
        """Ask for picture keywords, of all pictures together, until a reply passes the stateless prompt filters."""
        prompts = await self.rotation.prompts(candidate.index)
        candidate.examples = list(prompts.example_ids)
        message = self._prompter.write_request(candidate.plan, candidate.picture_plans)
        several = len(candidate.picture_plans) or None
        schema = self._prompter.write_schema(several or 1)
        context = {
            "uses": {name: fact.uses for name, fact in self.ability.write.facts.items()},
            "lead": self.ability.prompt.lead,
            "pictures": [() if self.ability.prompt.prepend else _texts(own) for own in candidate.picture_plans],
        }

        def take(reply: str) -> list[str]:
            candidate.facts, found, repairs = parse_written(reply, self.ability.write.facts, schema, several)
            candidate.images = [self._image(candidate, number, keywords) for number, keywords in enumerate(found)]
            return repairs

        await self._ask(candidate, "write", "prompt", prompts.write, message, schema, context, take)

    async def _converse(self, candidate: Candidate) -> None:
        """Ask for the dialogue about these keywords until a reply passes the dialogue filters."""
        prompts = await self.rotation.prompts(candidate.index)
        told = demonstration(candidate, self.ability.prompt.added)
        message = self._prompter.converse_request(told)
        context = {
            **candidate.facts,
            "keywords": told.keywords[0],
            "pictures": [_texts(own) for own in candidate.picture_plans],
            "question": candidate.question,
            "asks": [candidate.source(source) for source in self.ability.asks(candidate.question)],
        }
        schema = self._prompter.converse_schema(len(candidate.images))

        def take(reply: str) -> list[str]:
            if self._kind == "describe":
                answer, repairs = parse_answer(reply, schema)
                pairs = [(candidate.question, answer)]
            elif self.ability.form == "interleaved":
                shown = [image.keywords for image in candidate.images]
                pairs, repairs = parse_conversation(reply, shown, schema)
            else:
                pairs, repairs = parse_turns(reply, schema)
            candidate.turns = turns_of(pairs, len(candidate.images), self.ability.form)
            return repairs

        await self._ask(candidate, "converse", "dialogue", prompts.converse, message, schema, context, take)

    # -- helpers ------------------------------------------------------------------------------

    async def _ask(
        self,
        candidate: Candidate,
        step: str,
        stage: Stage,
        shared: SharedPrompt,
        message: str,
        schema: Mapping[str, Any],
        context: Mapping[str, Any],
        take: Callable[[str], list[str]],
    ) -> None:
        """Up to `flow.attempts` replies; the first that can be read and passes the checks of
        `stage` is taken. Raises `Dropped` with the last reason otherwise."""
        self._ledger.save_text(shared.key, shared.json)
        settings = self._config.llm_settings
        template = self.ability.write if step == "write" else self.ability.dialogue
        base = settings.temperature if template.temperature is None else template.temperature
        for attempt in range(self._config.flow.attempts):
            seed = derive_seed(candidate.seed, step, attempt)
            temperature = round(min(base + attempt * _WARMER, 2.0), 6)
            call = Call(
                step=step, attempt=attempt, seed=seed, temperature=temperature, shared=shared.key, message=message
            )
            candidate.calls.append(call)
            request = ChatRequest(
                shared=shared,
                message=message,
                schema=schema,
                seed=seed,
                max_tokens=settings.max_tokens,
                temperature=temperature,
                top_p=settings.top_p,
                step=step,
                plan=candidate.plan,
                context=context,
            )
            await self._tally.check_budget()
            try:
                reply, call.seconds = await self._backends.chat(request, (self._order, candidate.index))
                candidate.seconds[step] = round(candidate.seconds.get(step, 0.0) + call.seconds, 4)
                self._book(call, reply)
                if reply.truncated and not is_complete(call.reply):
                    raise ReplyError(
                        f"reply cut off at max_tokens={settings.max_tokens}; raise llm_settings.max_tokens "
                        "(it belongs to the run's identity: give a new --out)"
                    )
                call.repairs = take(call.reply)
            except ReplyError as error:
                if error.reply is not None:
                    self._book(call, error.reply)
                call.problem = error.message
                continue
            if self._chain.check(candidate, stage, attempt=attempt) is None:
                return
        last = candidate.verdicts[-1] if candidate.verdicts else None
        if call.problem:
            candidate.fail(step, call.problem)
        elif last is not None:
            candidate.reject(last.filter, last.reason)
        raise Dropped

    def _book(self, call: Call, reply: ChatReply) -> None:
        """Note what came back and what it cost, be it usable or not."""
        # half of a surrogate pair, which a model can write, has no UTF-8 form
        call.reply = reply.text.encode("utf-8", "replace").decode()
        call.mode, call.left_out = reply.mode, list(reply.left_out)
        if reply.appended:
            call.appended = text_key(reply.appended)
            self._ledger.save_text(call.appended, reply.appended)
        call.prompt_tokens, call.cached_tokens = reply.prompt_tokens, reply.cached_tokens
        call.completion_tokens, call.estimated = reply.completion_tokens, reply.estimated
        self._tally.replied(call)

    def _image(self, candidate: Candidate, number: int, keywords: list[str]) -> Image:
        """What is to be drawn. All seeds of a sample come from its own; with `same_noise` they are the same."""
        ordered = order_keywords(keywords, candidate.plan_of(number), self.ability, candidate.siblings_of(number))
        if not ordered:
            raise ReplyError(f"picture {number + 1}: no keyword is left")
        pictures = self.ability.pictures
        one_seed = number == 0 or (pictures is not None and pictures.same_noise)
        return Image(
            prompt=join_keywords(ordered, self.ability.prompt.emphasis),
            negative_prompt=self.ability.prompt.negative,
            keywords=ordered,
            seed=candidate.seed if one_seed else derive_seed(candidate.seed, "picture", number),
        )

    async def _replay(self, candidate: Candidate) -> None:
        """Tell the ordered filters and the rotation about a candidate of an earlier process."""
        async with self._prompt_gate.turn(candidate.index):
            self._chain.replay(candidate, "prompt")
        async with self._dialogue_gate.turn(candidate.index):
            self._chain.replay(candidate, "dialogue")
        self.rotation.text_done(candidate)


def _texts(plan: Mapping[str, Entry]) -> list[str]:
    return [entry.text for entry in plan.values()]
