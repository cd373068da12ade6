"""The second half of a candidate's life: render, score, filter, write the pictures, commit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from synth.backends.render.base import AnyRenderer, Rendered, RenderRequest
from synth.backends.score.base import ScoreRequest
from synth.config import RunConfig
from synth.errors import BackendError, PictureRefused
from synth.filtering import Chain
from synth.flow.backends import Backends
from synth.flow.blame import FATAL
from synth.flow.marks import Synthetic
from synth.flow.pictures import Marks, is_there, picture_path, write_picture
from synth.flow.primitives import Batcher
from synth.flow.tally import Tally
from synth.ledger import Ledger
from synth.produce.life import Dropped, drop_if, timed
from synth.produce.redecide import Redecider
from synth.records import Candidate, Image, Verdict

#: pictures that the image filters look at together
_BATCH = 16


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
        layer: Redecider | None = None,
    ) -> None:
        """`layer` is what `synth refilter` said of the run, if it did."""
        self._settings = config.render_settings
        self._chain = chain
        self._backends = backends
        self._renderer = renderer
        self._made_by = renderer.identity()
        self._ledger = ledger
        self._folder = folder
        self._tally = tally
        self._layer = layer
        self._judge = Batcher(self._check, _BATCH, 1)
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
        """Files first, under their final names, then the ledger row."""
        try:
            pictures = await self._render(candidate)
            await self._score(candidate, pictures)
            verdict = await self._judge.submit((candidate, pictures))
            with timed(candidate, "store"):
                for number, picture in enumerate(pictures):
                    await self._store(candidate, number, picture)
            drop_if(verdict, candidate)
            candidate.state = "accepted"
        except Dropped:
            pass
        if self._layer is not None:
            self._layer.apply(candidate)
        self._ledger.save(candidate)

    async def _restore(self, candidate: Candidate, missing: list[int]) -> None:
        """Render again what is gone or damaged. The seed is the same, so the row and its verdicts stand."""
        for number in missing:
            try:
                picture = await self._backends.render(self._request(candidate.images[number]))
            except PictureRefused as refusal:
                raise BackendError(
                    f"The picture {candidate.images[number].path} is gone or damaged and is not rendered again: "
                    f"{refusal.message}",
                    "Restore the file, then run the same command again.",
                ) from None
            except FATAL:
                raise
            except Exception as error:  # of this prompt alone (flow.blame)
                raise BackendError(
                    f"The picture {candidate.images[number].path} is gone or damaged and cannot be rendered again: "
                    f"{type(error).__name__}: {error}",
                    "Restore the file, then run the same command again.",
                ) from error
            await self._store(candidate, number, picture)
        self.restored += len(missing)

    async def _check(self, items: Sequence[tuple[Candidate, list[Rendered]]]) -> list[Verdict | None]:
        """The image filters, off the event loop: they decode and scale."""
        candidates, pictures = zip(*items, strict=True)
        return await asyncio.to_thread(self._chain.check_pictures, candidates, pictures)

    async def _render(self, candidate: Candidate) -> list[Rendered]:
        requests = map(self._request, candidate.images)
        with timed(candidate, "render"):
            try:
                return list(await asyncio.gather(*map(self._backends.render, requests)))
            except PictureRefused as refusal:
                candidate.fail("render", refusal.message)
                raise Dropped from refusal
            except FATAL:
                raise
            except Exception as error:  # of this prompt alone (flow.blame)
                candidate.fail("render", f"{type(error).__name__}: {error}")
                raise Dropped from error

    async def _score(self, candidate: Candidate, pictures: list[Rendered]) -> None:
        """The lowest score of the candidate's pictures counts: a sample is as good as its worst."""
        if self._backends.scorer is None:
            return
        dialogue = " ".join(candidate.answers)
        pairs = zip(candidate.questions, candidate.answers, strict=False)
        conversation = " ".join(f"{question} {answer}" for question, answer in pairs)
        with timed(candidate, "score"):
            requests = [
                ScoreRequest(picture, tuple(image.keywords), dialogue, conversation)
                for image, picture in zip(candidate.images, pictures, strict=True)
            ]
            try:
                scores = await asyncio.gather(*map(self._backends.score, requests))
            except FATAL:
                raise
            except Exception as error:  # of this picture alone (flow.blame)
                candidate.fail("score", f"{type(error).__name__}: {error}")
                raise Dropped from error
        candidate.scores = {
            "prompt": _lowest([score.prompt for score in scores]),
            "dialogue": _lowest([score.dialogue for score in scores]),
        }
        guided = _lowest([score.guided for score in scores])
        if guided is not None:
            candidate.scores["guided"] = guided

    async def _store(self, candidate: Candidate, number: int, picture: Rendered) -> None:
        """Write a picture; those of rejected candidates are kept for inspection."""
        image = candidate.images[number]
        image.path = picture_path(candidate.ability, candidate.index, candidate.id, number, self._settings.image_format)
        image.width, image.height = picture.image.size
        image.origin = self._renderer.origin
        image.note = picture.note
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

    def _request(self, image: Image) -> RenderRequest:
        width, height = self._renderer.size
        return RenderRequest(
            prompt=image.prompt,
            keywords=tuple(image.keywords),
            negative_prompt=image.negative_prompt,
            seed=image.seed,
            width=self._settings.width or width,
            height=self._settings.height or height,
        )


def _lowest(scores: list[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return min(known) if known else None
