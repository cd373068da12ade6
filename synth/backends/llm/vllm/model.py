"""Which model vLLM runs and how much of the GPU it gets, decided before anything large is fetched or loaded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import floor
from pathlib import Path

import yaml

from synth.backends import hub
from synth.backends.device import Device
from synth.backends.fingerprint import folder_fingerprint
from synth.errors import SynthError
from synth.records import Record

FLAG = "--llm vllm"
_INDEX = "config.json"
#: GB of a GPU that are left to what makes and scores pictures: the best preset that `auto` picks, with its batch, and
#: the scorer
PICTURES = 17.0
#: share of a machine's main memory where vLLM computes on the CPU
_CPU_SHARE = 0.5
_CONFIGURATION = ("*.json", "*.jinja", "*.model", "*.tiktoken", "*.txt")
_WEIGHTS = ("*.safetensors", "*.bin")
_DECIDING = {".json", ".jinja", ".model", ".tiktoken", ".txt", ".safetensors", ".bin"}


class Default(Record):
    model: str
    memory: float
    licence: str


@cache
def defaults() -> list[Default]:
    """The models to choose from where none is named, the most demanding first."""
    text = resources.files("synth.backends.llm.vllm").joinpath("models.yaml").read_text(encoding="utf-8")
    return [Default.model_validate(fields) for fields in yaml.safe_load(text)]


def room(device: Device) -> float:
    """GB that a language model may take of a GPU that also makes pictures."""
    return max(0.0, device.memory - PICTURES)


def fitting(device: Device) -> Default | None:
    """The default for this GPU. Decided by its size, not by what is free just now: a run that goes on must
    find the same model again."""
    if device.kind != "cuda":
        return None
    return next((one for one in defaults() if one.memory <= room(device)), None)


def memory_share(device: Device) -> float:
    """How much of the device vLLM takes unless a setting says otherwise, as a share of 1: what pictures leave, or
    half where that would be too little for any model."""
    if device.kind != "cuda":
        return _CPU_SHARE
    return floor(1000 * room(device) / device.memory) / 1000 if fitting(device) else 0.5


@dataclass(frozen=True, slots=True)
class Source:
    """`place` is a folder or a name of the hub, `name` what rows call it; `commit` is the hub's, `version` that or
    a hash of the folder."""

    place: str
    name: str
    version: str
    commit: str | None

    def fetch(self) -> Path:
        """The folder with configuration, tokenizer and weights.

        Raises:
            SynthError: it cannot be fetched, or there are no weights in it.
        """
        if self.commit is None:
            return Path(self.place)
        for weights in _WEIGHTS:  # many models have the same weights in both formats
            folder = hub.folder(self.place, self.commit, [*_CONFIGURATION, weights], FLAG)
            if any(folder.glob(weights)):
                return folder
        raise SynthError(
            f"The model {self.name} has no weights in a format of transformers ({', '.join(_WEIGHTS)}).",
            "Name another model.",
        )


def find(argument: str, revision: str | None) -> Source:
    """What `--llm vllm:ARGUMENT` names; nothing large is fetched.

    Raises:
        SynthError: there is no such folder or model, it needs a token, or it is in another format.
    """
    folder = Path(argument).expanduser()
    if argument.lower().endswith(".gguf"):
        raise SynthError(
            f"{FLAG}:{argument}: vLLM does not read GGUF files.",
            f"Use --llm llamacpp:{argument}, or the model it was made from in the format of transformers.",
        )
    if folder.exists() or argument.startswith((".", "/", "~")):
        return _local(folder)
    file = hub.small_file(argument, _INDEX, revision, FLAG, "the format of transformers")
    commit = file.parent.name
    return Source(argument, argument, commit, commit)


def _local(folder: Path) -> Source:
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise SynthError(
            f"{FLAG}:{folder}: this folder {what}.",
            "Give the folder of a model in the format of transformers (config.json, tokenizer, *.safetensors), or a "
            "name of the Hugging Face hub (owner/model).",
        )
    for wanted in (_INDEX, _WEIGHTS):
        names = (wanted,) if isinstance(wanted, str) else wanted
        if not any(any(folder.glob(name)) for name in names):
            raise SynthError(
                f"{FLAG}:{folder}: there is no {' or '.join(names)} in this folder.",
                "Give the folder of a whole model in the format of transformers, not of a LoRA or a part of it.",
            )
    place = folder.resolve()
    return Source(str(place), place.name, folder_fingerprint(place, _DECIDING), None)
