"""CLIP by the library open_clip: the cosine between a picture and a text, as it is.

`open_clip` alone is ViT-L-14/openai; `open_clip:ARCH/TAG` any other that the library can fetch,
`open_clip:ARCH@FILE` weights of your own (ARCH may be a model configuration, a .json file),
`open_clip:FOLDER` a folder as model hubs hand it out (open_clip_config.json and weights), and
`open_clip:hf-hub:ORG/NAME` one of such a hub.

A text longer than the model reads is scored in pieces: its score is the mean of the cosines of the
pieces, each weighted by its tokens. That is the dot product with the mean of the normalised pieces,
which is not normalised again: a mean of several directions is shorter than one, and stretching it
would lift long texts over a threshold that was found with short ones. The best piece alone (maximum)
would let one good sentence vouch for a dialogue.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synth.backends.fingerprint import fingerprint
from synth.backends.models import offline
from synth.backends.score.base import Score, Scorer, ScoreRequest, ScoreSettings
from synth.backends.score.texts import TextBatch
from synth.errors import BackendError, MissingExtra, SynthError
from synth.machine import usable_cores

if TYPE_CHECKING:
    import torch

_DEFAULT = "ViT-L-14/openai"
#: StableLLaVA drops what is not above 0.25 and does not name its model; that this is the one is our choice
_DEFAULT_THRESHOLD = 0.25
_CONFIG = "open_clip_config.json"
_BATCH = 32
#: GB for the default model in bfloat16 and such a batch
_GPU_MEMORY = 2.0
_FORMS = "ViT-L-14/openai, ARCH@weights.safetensors, a folder with open_clip_config.json, or hf-hub:ORG/NAME"


@dataclass(frozen=True, slots=True)
class Model:
    """What `open_clip:ARGUMENT` names: a model, and where its weights come from."""

    arch: str
    pretrained: str | None = None
    weights: Path | None = None
    config: Path | None = None

    @property
    def name(self) -> str:
        """As people call it."""
        if self.weights is not None:
            return f"{self.arch}@{self.weights.name}"
        return f"{self.arch}/{self.pretrained}" if self.pretrained else self.arch


class OpenClip(Scorer):
    """Scores of a CLIP model; loads it on `start`."""

    auto_rank = 10
    suits = ("rendered",)

    def __init__(self, model: Model, settings: ScoreSettings) -> None:
        self.batch_size = settings.batch_size or _BATCH
        self.threshold = _DEFAULT_THRESHOLD if model.name == _DEFAULT else None
        self._named = model
        self._guided = settings.guided
        self._device_wanted = settings.device
        self._model: Any = None
        self._pool: ThreadPoolExecutor | None = None
        #: pictures in one pass; fewer than the batch once memory ran out
        self._most = self.batch_size

    @classmethod
    def available(cls) -> tuple[bool, str]:
        missing = [name for name in ("torch", "open_clip") if find_spec(name) is None]
        if missing:
            return False, f"not installed: {', '.join(missing)} (pip install 'synth-vlit[render]')"
        return True, f"CLIP {_DEFAULT}, which the library fetches once"

    @classmethod
    def gpu_memory(cls) -> float:
        return _GPU_MEMORY

    @classmethod
    def create(cls, argument: str, settings: ScoreSettings) -> OpenClip:
        model = parse(argument)
        if not cls.available()[0]:
            raise MissingExtra("open_clip_torch", "render", "--scorer open_clip")
        return cls(model, settings)

    def identity(self) -> dict[str, Any]:
        named = self._named
        files = {"weights": named.weights, "config": named.config}
        return {
            "name": "open_clip",
            "model": named.name,
            **{key: fingerprint(file)[:16] for key, file in files.items() if file is not None},
            **({"guided": True} if self._guided else {}),
        }

    # -- loading ------------------------------------------------------------------------------

    def start(self) -> None:
        if self._model is not None:
            return
        import open_clip
        import torch

        self._device = _device(self._device_wanted)
        self._dtype = torch.bfloat16 if self._device.type == "cuda" else torch.float32
        named = self._named
        arch, source = named.arch, str(named.weights or named.pretrained)
        tag = open_clip.get_pretrained_cfg(arch, named.pretrained) if named.pretrained else {}
        if offline():
            _forbid_downloads(named.name, tag)
        if named.config is not None and named.config.name == _CONFIG:
            arch = f"local-dir:{named.config.parent}"
        elif named.config is not None:
            open_clip.add_model_config(named.config)
        try:
            with _quiet():
                model, self._preprocess = open_clip.create_model_from_pretrained(
                    arch,
                    None if ":" in arch else source,
                    precision="bf16" if self._dtype == torch.bfloat16 else "fp32",
                    device=self._device,
                    # the library only warns where a model would compute with another function than it was trained
                    # with, as all of OpenAI's would: its ViT-L-14 is also that of other weights
                    force_quick_gelu=bool(tag.get("quick_gelu")),
                )
                self._tokenizer = open_clip.get_tokenizer(arch)
        except Exception as error:  # a damaged file, a hub, a device: each has its own kind
            raise self._explained(error) from error
        self._model = model.eval().requires_grad_(False)
        self._room = int(self._tokenizer.context_length) - _special_tokens(self._tokenizer)
        self._pool = ThreadPoolExecutor(min(4, usable_cores()), thread_name_prefix="clip")

    def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()
        self._model = None

    # -- scoring ------------------------------------------------------------------------------

    def score(self, requests: Sequence[ScoreRequest]) -> list[Score]:
        """One pass of the picture encoder and one of the text encoder for all of them, or for as many as there is
        memory for."""
        if self._model is None:
            raise BackendError("The scorer open_clip is not started.", "Call start() first.")
        found: list[Score] = []
        while len(found) < len(requests):
            part = requests[len(found) : len(found) + self._most]
            scores = self._unless_full(part)
            if scores is None:
                self._most = (len(part) + 1) // 2
                continue
            found += scores
        return found

    def _unless_full(self, requests: Sequence[ScoreRequest]) -> list[Score] | None:
        """The scores, or None where memory ran out: what the error holds must be gone before the next try."""
        import torch

        try:
            return self._score(requests)
        except torch.cuda.OutOfMemoryError as error:
            if len(requests) == 1:
                raise self._explained(error) from error
            return None

    def _score(self, requests: Sequence[ScoreRequest]) -> list[Score]:
        import torch

        texts = TextBatch(requests, self._room, self._count, self._guided)
        if not texts.pieces:
            return texts.scores(lambda request, piece: 0.0)
        with torch.inference_mode():
            pictures = self._encode_pictures(requests)
            cosines = (pictures @ self._encode_texts(texts.pieces).T).tolist()
        return texts.scores(lambda request, piece: cosines[request][piece])

    def _count(self, text: str) -> int:
        return len(_tokens(self._tokenizer, text))

    def _encode_pictures(self, requests: Sequence[ScoreRequest]) -> torch.Tensor:
        import torch

        assert self._pool is not None
        tensors = self._pool.map(self._preprocess, [one.picture.image for one in requests])
        pixels = torch.stack(list(tensors)).to(self._device, self._dtype)
        return torch.nn.functional.normalize(self._model.encode_image(pixels).float(), dim=-1)

    def _encode_texts(self, pieces: list[str]) -> torch.Tensor:
        """Each different text once; in parts, so that many long dialogues do not need more memory."""
        import torch

        step = 4 * self.batch_size
        made = []
        for start in range(0, len(pieces), step):
            tokens = self._tokenizer(pieces[start : start + step]).to(self._device)
            made.append(torch.nn.functional.normalize(self._model.encode_text(tokens).float(), dim=-1))
        return torch.cat(made)

    def _explained(self, error: Exception) -> SynthError:
        import torch

        text = " ".join(str(error).split())[:300] or type(error).__name__
        if isinstance(error, torch.cuda.OutOfMemoryError):
            return BackendError(
                f"CLIP {self._named.name} does not fit into the memory of {self._device}: {text}",
                "Free the GPU, or give the scorer another device: --set score_settings.device=cpu.",
            )
        if self._named.weights is not None:
            return SynthError(
                f"--scorer open_clip: {self._named.weights} cannot be loaded as {self._named.arch}: {text}",
                "The file is damaged, or holds the weights of another model.",
            )
        return BackendError(
            f"--scorer open_clip: {self._named.name} cannot be loaded: {text}",
            "Check the name and the connection to the model hub; or give a file, open_clip:ARCH@FILE; or go without: "
            "--scorer none.",
        )


def parse(argument: str) -> Model:
    """What `open_clip:ARGUMENT` names; looks at files, loads nothing.

    Raises:
        SynthError: no such architecture or file.
    """
    argument = argument or _DEFAULT
    folder = Path(argument.removeprefix("local-dir:"))
    if argument.startswith("hf-hub:"):
        return Model(argument)
    if folder.is_dir():
        return _of_folder(folder)
    if "@" in argument:
        arch, _, file = argument.partition("@")
        weights = Path(file).expanduser()
        if not weights.is_file():
            raise SynthError(f"--scorer open_clip:{argument}: there is no file {weights}.", f"Give {_FORMS}.")
        if arch.endswith(".json"):
            return Model(Path(arch).stem, weights=weights, config=_configuration(Path(arch).expanduser()))
        _check_arch(arch, argument)
        return Model(arch, weights=weights)
    arch, slash, tag = argument.partition("/")
    if argument.startswith((".", "/", "~")) or not (slash and tag):
        what = "there is no such folder" if slash else "it names no weights"
        raise SynthError(f"--scorer open_clip:{argument}: {what}.", f"Give {_FORMS}.")
    _check_arch(arch, argument)
    return Model(arch, pretrained=tag)


def _of_folder(folder: Path) -> Model:
    config = _configuration(folder / _CONFIG)
    for name in ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin"):
        if (folder / name).is_file():
            return Model(folder.resolve().name, weights=folder / name, config=config)
    raise SynthError(f"--scorer open_clip:{folder}: it holds no open_clip_model.safetensors.", f"Give {_FORMS}.")


def _configuration(file: Path) -> Path:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        found = found.get("model_cfg", found)
        missing = [key for key in ("embed_dim", "vision_cfg", "text_cfg") if key not in found]
    except OSError as error:
        raise SynthError(f"--scorer open_clip: {file}: {error.strerror}.", f"Give {_FORMS}.") from error
    except (ValueError, AttributeError) as error:
        raise SynthError(f"--scorer open_clip: {file} is not a configuration: {error}.", f"Give {_FORMS}.") from error
    if missing:
        raise SynthError(f"--scorer open_clip: {file} lacks {', '.join(missing)}.", "Give the model's configuration.")
    return file


def _check_arch(arch: str, argument: str) -> None:
    """Look the name up among the library's configurations, without importing it: that takes seconds."""
    import difflib

    spec = find_spec("open_clip")
    if spec is None or not spec.submodule_search_locations:
        return
    known = {file.stem for file in Path(spec.submodule_search_locations[0]).glob("model_configs/*.json")}
    if known and arch not in known:
        near = difflib.get_close_matches(arch, known, n=3)
        hint = f"Near: {', '.join(near)}. " if near else ""
        raise SynthError(f"--scorer open_clip:{argument}: open_clip has no model '{arch}'.", f"{hint}Give {_FORMS}.")


def _device(wanted: str | None) -> torch.device:
    """The device that `score_settings.device` names, else the first GPU, else the CPU.

    Raises:
        SynthError: torch knows no such device, or cannot use it.
    """
    import torch

    try:
        device = torch.device(wanted or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was built for CUDA
        said = " ".join(str(error).split())[:300]
        raise SynthError(
            f"score_settings.device: '{wanted}' cannot be used: {said}",
            "Use cpu, or a GPU that nvidia-smi lists: cuda, cuda:1.",
        ) from error
    return device


def _forbid_downloads(name: str, tag: dict[str, Any]) -> None:
    """Make the libraries use only what is on this machine. The hub's client reads its environment when it is
    imported, which may be long ago; weights that open_clip fetches from elsewhere it fetches without asking.

    Raises:
        BackendError: the weights would have to be fetched.
    """
    from huggingface_hub import constants

    constants.HF_HUB_OFFLINE = True
    url = str(tag.get("url") or "")
    if url and not tag.get("hf_hub") and not (Path.home() / ".cache/clip" / Path(url).name).is_file():
        raise BackendError(
            f"--scorer open_clip: the weights of {name} are not on this machine, and SYNTH_OFFLINE is set.",
            "Fetch them where there is a connection and give the file: open_clip:ARCH@FILE.",
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the log of the hub's client, which names every try twice; the error that counts is raised."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _tokens(tokenizer: Any, text: str) -> Sequence[int]:
    """The tokens of a text, without the special ones; open_clip has tokenizers of its own and of transformers."""
    encode: Callable[[str], Sequence[int]] | None = getattr(tokenizer, "encode", None)
    if encode is not None:
        return encode(text)
    found: Sequence[int] = tokenizer.tokenizer(text, add_special_tokens=False)["input_ids"]
    return found


def _special_tokens(tokenizer: Any) -> int:
    """How much of the context they take: begin and end where the tokenizer does not say."""
    inner = getattr(tokenizer, "tokenizer", None)
    return max(2, inner.num_special_tokens_to_add()) if inner is not None else 2
