"""What a format gets and gives: an exporter is a function from an `Export` to an `Exported`.

    def export_mine(export: Export) -> Exported:
        export.require_pictures()
        with export.json_list("mine.json") as add:
            for sample in export.samples():
                add({"id": sample.id, "pictures": [image.path for image in sample.images]})
        return Exported("mine.json", usage="my-trainer --data mine.json --images .")

Register it as an entry point of `synth.exporters`. Keyword-only parameters of the function, each with a
type and a default, are the format's options (`synth export --set NAME=VALUE`). `samples` streams: an
exporter that writes each sample as it comes works on data sets of any size. All files go below
`export.folder`, which appears under the user's name only when the exporter has returned.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, TypeAlias

from synth.errors import BackendError, SynthError
from synth.export.collage import collage_of, one_placeholder, write_collage
from synth.export.survey import Survey
from synth.flow.pictures import is_whole
from synth.records import IMAGE_PLACEHOLDER, Image, Sample
from synth.run.dataset import read_dataset
from synth.run.picture_files import again, attribution_of, picture_file

_NO_HARD_LINK = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOSYS, errno.EOPNOTSUPP}
#: more distinct attributions than this are not listed one by one
_MAX_ATTRIBUTIONS = 200


@dataclass(frozen=True, slots=True)
class Exported:
    """What an exporter wrote: its main file (a name in the folder) and how a trainer is told.

    `settings` goes into `export.json`; paths in it are relative to the export. `notes` are sentences (Markdown) for
    who trains, about this format with this data; they go into `README.md` and `export.json`.
    """

    main: str
    usage: str
    settings: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass
class Export:
    """One export in progress: the samples, and the folder to write to."""

    format: str
    survey: Survey
    folder: Path
    written: int = 0
    pictures: int = 0
    collages: int = 0
    attributions: Counter[str] = field(default_factory=Counter)

    def samples(self, *, collage: bool = False) -> Iterator[Sample]:
        """The samples in order, one at a time, checked, with their pictures in place.

        In what comes out, `path` is relative to the export, the n-th `<image>` of the turns is the
        n-th image, and user and assistant alternate, the user first. With `collage` no sample has more
        than one image: of several, one picture is made, and one `<image>` stands at the start.
        """
        for sample in read_dataset(self.survey.dataset):
            _check_turns(sample)
            if collage and len(sample.images) > 1:
                sample = self._in_one(sample)
            else:
                sample = replace(sample, images=[self._place(sample, image) for image in sample.images])
            self.written += 1
            yield sample

    def require_pictures(self) -> None:
        """Refuse a data set whose samples still wait for their pictures."""
        missing = self.survey.unrendered
        if missing:
            of = f"All {missing}" if missing == self.survey.samples else f"{missing} of {self.survey.samples}"
            raise SynthError(
                f"{of} samples of {self.survey.run} have no pictures yet, and the format '{self.format}' needs them.",
                f"Render them first with: synth render {self.survey.run}",
            )

    def require_single_image(self, way_out: str = "Export only single-image abilities in this format") -> None:
        """Refuse samples with several images, for trainers that would silently train on the first."""
        if self.survey.multi_image:
            raise SynthError(
                f"{self.survey.multi_image} of {self.survey.samples} samples have more than one image "
                f"(the first is '{self.survey.first_multi_image}'), but the format '{self.format}' knows one "
                "image per sample.",
                f"{way_out}, or choose a format for several images, such as llava-next or llama-factory.",
            )

    @contextmanager
    def text_file(self, name: str) -> Iterator[IO[str]]:
        """A new text file of the export, on disk when the block ends."""
        path = self.folder / name
        with open(path, "x", encoding="utf-8", newline="\n") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def json_list(self, name: str) -> Iterator[Callable[[Any], None]]:
        """A new file that holds one JSON list; call what it yields once per element.

        Pure ASCII, one element a line: several trainers open their data in the locale's encoding.
        """
        with self.text_file(name) as file:
            separator = "[\n"

            def add(element: Any) -> None:
                nonlocal separator
                file.write(separator + json.dumps(element))
                separator = ",\n"

            yield add
            file.write("\n]\n" if separator != "[\n" else "[]\n")

    def _place(self, sample: Sample, image: Image) -> Image:
        """Put the picture into the export under the path it has in the run, as a hard link if the
        file system can, so that an export of a large run costs no space."""
        if image.path is None:
            return image
        with _blaming(sample):
            source, attribution = self._source(image)
        self._credit(attribution)
        target = self.folder / image.path
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            _link_or_copy(source, target)
            self.pictures += 1
        return replace(image, path=target.relative_to(self.folder).as_posix())

    def _in_one(self, sample: Sample) -> Sample:
        """The sample with a collage in the place of its pictures."""
        with _blaming(sample):
            turns = one_placeholder(sample.turns)
            sources, attributions = zip(*map(self._source, sample.images), strict=True)
            collage = collage_of(sources)
        credits = [text for text in dict.fromkeys(attributions) if text]
        for text in credits:
            self._credit(text)
        image = write_collage(self.folder, sample, collage, "; ".join(credits))
        self.pictures += 1
        self.collages += 1
        return replace(sample, turns=turns, images=[image])

    def _source(self, image: Image) -> tuple[Path, str]:
        """The whole picture file in the run, and the attribution it carries."""
        source = picture_file(self.survey.run, image.path or "")
        attribution = attribution_of(self.survey.run, source)
        if image.origin != "existing" and not is_whole(source):
            raise SynthError(
                f"the picture '{image.path}' in {self.survey.run} is cut off: the end of the file is missing.",
                again(self.survey.run),
            )
        return source, attribution

    def _credit(self, attribution: str) -> None:
        if attribution and (attribution in self.attributions or len(self.attributions) < _MAX_ATTRIBUTIONS):
            self.attributions[attribution] += 1


#: what an entry point of `synth.exporters` names; keyword-only parameters are its options
Exporter: TypeAlias = Callable[..., Exported]


@contextmanager
def _blaming(sample: Sample) -> Iterator[None]:
    try:
        yield
    except SynthError as error:
        raise SynthError(f"Sample '{sample.id}': {error.message}", error.fix) from error


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_HARD_LINK:
            raise
        shutil.copyfile(source, target)


def _check_turns(sample: Sample) -> None:
    """Trainers skip or misread a sample whose placeholders or roles are off, so it is an error here."""
    placeholders = sum(turn.text.count(IMAGE_PLACEHOLDER) for turn in sample.turns)
    if placeholders != len(sample.images):
        raise SynthError(
            f"Sample '{sample.id}' has {placeholders} {IMAGE_PLACEHOLDER} in its turns, "
            f"but {len(sample.images)} images.",
            "The n-th placeholder is the n-th image; correct the row or make the data set anew.",
        )
    if any(IMAGE_PLACEHOLDER in turn.text for turn in sample.turns if turn.role == "assistant"):
        raise SynthError(
            f"Sample '{sample.id}' has {IMAGE_PLACEHOLDER} in an answer.",
            "Pictures belong to the user's turns.",
        )
    roles = [turn.role for turn in sample.turns]
    if not roles or roles != ["user", "assistant"] * (len(roles) // 2):
        raise SynthError(
            f"Sample '{sample.id}' has the turns {', '.join(roles) or '(none)'}.",
            "Turns alternate between user and assistant, the user first.",
        )


def cannot_write(path: Path, error: OSError) -> BackendError:
    return BackendError(
        f"The export to {path} cannot be written: {error.strerror or error}.",
        "Free some disk space or choose another --out, then export again; nothing was left half-written.",
    )
