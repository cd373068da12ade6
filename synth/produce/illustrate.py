"""The second half of a candidate's life: render, score, filter, write the pictures, commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from synth.backends.render.base import AnyRenderer, Rendered, RenderRequest
from synth.backends.score.base import Score, ScoreRequest
from synth.config import RunConfig
from synth.errors import BackendError, PictureRefused
from synth.filtering import Chain
from synth.flow.backends import Backends
from synth.flow.blame import FATAL
from synth.flow.marks import Synthetic
from synth.flow.pictures import Marks, as_stored, is_there, picture_path, write_picture
from synth.flow.primitives import Batcher, Priority
from synth.flow.tally import Tally
from synth.ledger import Ledger
from synth.produce.life import Dropped, drop_if, timed
from synth.produce.redecide import Redecider
from synth.records import Candidate, Image, Verdict, picture_score
from synth.seeding import derive_seed

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

Made = TypeVar("Made")

#: pictures that the image filters look at together
_BATCH = 16


class _Undone(Dropped):
    """A picture cannot be drawn or scored: in which step, and why."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(reason)
        self.step, self.reason = step, reason


class Illustrator:
    """Turns candidates whose text passed into accepted or rejected ones with pictures."""

    def __init__(
        self,
        config: RunConfig,
        chain: Chain,
        backends: Backends,
        renderer: AnyRenderer,
        ledger: Ledger,
        folder: Path,
        tally: Tally,
        order: int,
        layer: Redecider | None = None,
    ) -> None:
        """`order` is the ability's place in the run; `layer` is what `synth refilter` said of the run, if it did."""
        self._settings = config.render_settings
        self._chain = chain
        self._backends = backends
        self._renderer = renderer
        self._made_by = renderer.identity()
        self._ledger = ledger
        self._folder = folder
        self._tally = tally
        self._order = order
        self._layer = layer
        self._judge = Batcher(self._check, _BATCH, 1)
        self._attempts = config.flow.picture_attempts
        self._strength = config.render_settings.image_to_image
        #: how many pictures were rendered again because their files were gone or damaged
        self.restored = 0

    async def complete(self, candidate: Candidate) -> None:
        """Give a candidate the pictures it lacks: all of them if only its text has passed, those whose
        files are gone or damaged if it was accepted before."""
        if candidate.state not in ("text_ok", "accepted", "surplus"):
            return
        missing = [number for number, image in enumerate(candidate.images) if not is_there(self._folder, image.path)]
        if not missing:
            return
        await self._tally.promise(len(missing))
        try:
            if candidate.state == "text_ok":
                await self._make(candidate)
            else:
                await self._restore(candidate, missing)
        finally:
            self._tally.delivered(len(missing))

    async def close(self) -> None:
        """Return when the image filters look at nothing any more."""
        await self._judge.close()

    async def _make(self, candidate: Candidate) -> None:
        """Files first, all of them, under their final names, then the ledger row."""
        try:
            with timed(candidate, "render"):
                pictures = await self._pictures(candidate)
            verdict = await self._filter(candidate, pictures)
            with timed(candidate, "store"):
                for number, picture in enumerate(pictures):
                    await self._store(candidate, number, picture)
            drop_if(verdict, candidate)
            candidate.state = "accepted"
        except _Undone as undone:
            candidate.fail(undone.step, undone.reason)
        except Dropped:
            pass
        if self._layer is not None:
            self._layer.apply(candidate)
        self._ledger.save(candidate)

    async def _filter(self, candidate: Candidate, pictures: list[Rendered]) -> Verdict | None:
        """What the image filters say of the sample.

        Of several pictures only the one that fails is drawn again, with another seed, until it was drawn as often as
        it may be; so are those that begin from it, with their own seeds: the one they began from is gone. A sample of
        one picture is not: another candidate costs no more.
        """
        most = self._attempts if len(pictures) > 1 else 1
        with timed(candidate, "score"):
            scores = await self._score_all(candidate, pictures)
        drawn = [1] * len(pictures)
        while True:
            candidate.scores = _sample_scores(scores)
            verdict = await self._judge.submit((candidate, pictures, sum(drawn) - len(drawn)), self._place(candidate))
            number = None if verdict is None else verdict.picture
            if number is None or drawn[number] == most:
                return verdict
            anew = range(number, number + 1 if self._strength is None else len(pictures))
            await self._tally.promise_again(len(pictures), len(anew))
            try:
                candidate.images[number].seed = derive_seed(candidate.seed, "picture", number, "again", drawn[number])
                drawn[number] += 1
                for one in anew:
                    with timed(candidate, "render"):
                        made = await self._picture(candidate, one, await self._before(one, pictures))
                    pictures[one] = replace(made, attempts=pictures[one].attempts + made.attempts)
                    with timed(candidate, "score"):
                        scores[one] = await self._score_one(candidate, one, pictures[one])
            finally:
                self._tally.delivered(len(anew))

    async def _restore(self, candidate: Candidate, missing: list[int]) -> None:
        """Render again what is gone or damaged. The seed is the same, so the row and its verdicts stand."""
        for number in missing:
            path = candidate.images[number].path
            before = self._stored(candidate, number - 1) if number else None
            try:
                picture = await self._backends.render(self._request(candidate, number, before), self._place(candidate))
            except PictureRefused as refusal:
                raise BackendError(
                    f"The picture {path} is gone or damaged and is not rendered again: {refusal.message}",
                    "Restore the file, then run the same command again.",
                ) from None
            except FATAL:
                raise
            except Exception as error:  # of this prompt alone (flow.blame)
                raise BackendError(
                    f"The picture {path} is gone or damaged and cannot be rendered again: "
                    f"{type(error).__name__}: {error}",
                    "Restore the file, then run the same command again.",
                ) from error
            known = candidate.images[number]
            await self._store(candidate, number, replace(picture, attempts=known.attempts, note=known.note))
        self.restored += len(missing)

    async def _check(self, items: Sequence[tuple[Candidate, list[Rendered], int]]) -> list[Verdict | None]:
        """The image filters, off the event loop: they decode and scale."""
        candidates, pictures, attempts = zip(*items, strict=True)
        return await asyncio.to_thread(self._chain.check_pictures, candidates, pictures, attempts)

    async def _pictures(self, candidate: Candidate) -> list[Rendered]:
        """All pictures of the sample: at once, or one after the other where each starts from the one before."""
        numbers = range(len(candidate.images))
        if self._strength is None:
            return await _all(lambda number: self._picture(candidate, number, None), len(numbers))
        made: list[Rendered] = []
        for number in numbers:
            made.append(await self._picture(candidate, number, await self._before(number, made)))
        return made

    async def _before(self, number: int, pictures: Sequence[Rendered]) -> PILImage | None:
        """What picture `number` begins from, as its file will have it: if it has to be restored one day, the file is
        all there is."""
        if self._strength is None or not number:
            return None
        settings = self._settings
        return await asyncio.to_thread(
            as_stored, pictures[number - 1].image, settings.jpeg_quality, settings.image_format
        )

    async def _picture(self, candidate: Candidate, number: int, previous: PILImage | None) -> Rendered:
        try:
            return await self._backends.render(self._request(candidate, number, previous), self._place(candidate))
        except PictureRefused as refusal:
            raise _Undone("render", self._of(candidate, number, refusal.message)) from refusal
        except FATAL:
            raise
        except Exception as error:  # of this prompt alone (flow.blame)
            problem = self._of(candidate, number, f"{type(error).__name__}: {error}")
            raise _Undone("render", problem) from error

    def _place(self, candidate: Candidate) -> Priority:
        return self._order, candidate.index

    @staticmethod
    def _of(candidate: Candidate, number: int, problem: str) -> str:
        """A problem of one picture, which is named where there are several."""
        return f"picture {number + 1}: {problem}" if len(candidate.images) > 1 else problem

    async def _score_all(self, candidate: Candidate, pictures: list[Rendered]) -> list[Score]:
        return await _all(lambda number: self._score_one(candidate, number, pictures[number]), len(pictures))

    async def _score_one(self, candidate: Candidate, number: int, picture: Rendered) -> Score:
        """How well a picture matches its own prompt, those of its siblings, and the dialogue."""
        pairs = zip(candidate.questions, candidate.answers, strict=False)
        conversation = " ".join(f"{question} {answer}" for question, answer in pairs)
        keywords = [tuple(image.keywords) for image in candidate.images]
        own = keywords.pop(number)
        request = ScoreRequest(picture, own, " ".join(candidate.answers), conversation, tuple(keywords))
        try:
            return await self._backends.score(request, self._place(candidate))
        except FATAL:
            raise
        except Exception as error:  # of this picture alone (flow.blame)
            problem = self._of(candidate, number, f"{type(error).__name__}: {error}")
            raise _Undone("score", problem) from error

    async def _store(self, candidate: Candidate, number: int, picture: Rendered) -> None:
        """Write a picture; those of rejected candidates are kept for inspection."""
        image = candidate.images[number]
        image.path = picture_path(candidate.ability, candidate.index, candidate.id, number, self._settings.image_format)
        image.width, image.height = picture.image.size
        image.origin = self._renderer.origin
        image.attempts, image.note = picture.attempts, picture.note
        if picture.seed is not None:
            image.seed = picture.seed
        arguments = (picture.image, self._marks(image), self._settings.jpeg_quality, self._settings.image_format)
        write = asyncio.ensure_future(asyncio.to_thread(write_picture, self._folder, image.path, *arguments))
        try:
            await asyncio.shield(write)
        except asyncio.CancelledError:
            await write  # the thread goes on: its file must be there before orphans are swept
            raise

    def _marks(self, image: Image) -> Marks:
        """A preview says that it is one; a picture that a model made names it, to machines too."""
        if self._renderer.origin == "preview":
            return Marks(f"preview of: {image.prompt}", self._renderer.attribution)
        name, model, revision = (str(self._made_by.get(key) or "") for key in ("name", "model", "revision"))
        origin = Synthetic(name, model, revision, image.prompt, image.seed) if model else None
        return Marks(f"synthetic image of: {image.prompt}", self._renderer.attribution, origin)

    def _stored(self, candidate: Candidate, number: int) -> PILImage | None:
        """A picture of the sample as its file has it, where the next one starts from it."""
        if self._strength is None:
            return None
        from PIL import Image as Pictures

        path = candidate.images[number].path
        assert path is not None  # pictures are restored in order
        with Pictures.open(self._folder / path) as picture:
            return picture.convert("RGB")

    def _request(self, candidate: Candidate, number: int, previous: PILImage | None) -> RenderRequest:
        image = candidate.images[number]
        width, height = self._renderer.size
        return RenderRequest(
            prompt=image.prompt,
            keywords=tuple(image.keywords),
            negative_prompt=image.negative_prompt,
            seed=image.seed,
            width=self._settings.width or width,
            height=self._settings.height or height,
            previous=previous,
            strength=self._strength or 0.0 if previous is not None else 0.0,
        )


async def _all(make: Callable[[int], Awaitable[Made]], count: int) -> list[Made]:
    """What is made of the numbers below `count`, all at once. Where some cannot be made, all end before the first of
    them in order counts: which is the first in time may differ from run to run."""

    async def outcome(number: int) -> Made | Dropped:
        try:
            return await make(number)
        except Dropped as dropped:
            return dropped

    made: list[Made] = []
    for one in await asyncio.gather(*map(outcome, range(count))):
        if isinstance(one, Dropped):
            raise one
        made.append(one)
    return made


def _sample_scores(scores: Sequence[Score]) -> dict[str, float | None]:
    """The scores of a sample from those of its pictures: it is as good as its worst.

    Of several each keeps its own, and how much better it matches its own prompt than a sibling's (`margin`).
    """
    found = {"prompt": _lowest([one.prompt for one in scores]), "dialogue": _lowest([one.dialogue for one in scores])}
    guided = _lowest([one.guided for one in scores])
    if guided is not None:
        found["guided"] = guided
    if len(scores) > 1:
        margins = [_margin(one) for one in scores]
        if any(margin is not None for margin in margins):
            found["margin"] = _lowest(margins)
        for name, values in (("prompt", [one.prompt for one in scores]), ("margin", margins)):
            found |= {picture_score(name, n): value for n, value in enumerate(values) if value is not None}
    return found


def _margin(score: Score) -> float | None:
    if score.prompt is None or not score.siblings:
        return None
    return round(score.prompt - max(score.siblings), 4)


def _lowest(scores: list[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return min(known) if known else None
