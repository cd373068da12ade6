"""From what vLLM raises or writes into its log to a cause and a fix.

The engine fails in a process of its own: what arrives here is only that it failed, the reason is in the log.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from synth.errors import BackendError, SynthError

_LOG_END = 200_000
_LONGEST = 400
#: "(EngineCore pid=12) ERROR 11-21 16:30:00 [core.py:1] " in front of what is said
_PREFIX = re.compile(
    r"^(?:\([^)]*\)\s*)*(?:[A-Z]+ [\d-]+ [\d:]+ \[[^\]]*\]\s*)?(?:[\w.]*(?:Error|Exception): |Value error, )?\s*"
)
_SPEAKS_OF_AN_ERROR = re.compile(r"ERROR|Error\b|Exception\b")
_RAISED = re.compile(r"\b\w*(?:Error|Exception): \S")


@dataclass(frozen=True, slots=True)
class _Known:
    """A failure that users meet: how vLLM speaks of it, what it is, what helps. `setting` is true where the
    command line is to blame, not the machine."""

    sign: re.Pattern[str]
    what: str
    fix: str
    setting: bool = False


def _known(sign: str, what: str, fix: str, setting: bool = False) -> _Known:
    return _Known(re.compile(sign, re.IGNORECASE), what, fix, setting)


_KNOWN = (
    _known(
        r"is greater than the derived max_model_len",
        "llm_settings.max_length is more than the model {model} can read",
        "Set it lower, or leave it out.",
        True,
    ),
    _known(
        r"To serve at least one request with the model's max seq len|No available memory for the cache blocks",
        "The model {model} leaves too little memory for requests",
        "Set llm_settings.max_length lower or llm_settings.memory_fraction higher, or use a smaller or a quantized "
        "model.",
    ),
    _known(
        r"on startup is less than desired",
        "There is less memory free than vLLM was promised",
        "Stop other programs that use it, or set llm_settings.memory_fraction lower.",
    ),
    _known(
        r"out of memory|can(?:'|no)t allocate memory",
        "The model {model} does not fit into the memory",
        "Use a smaller or a quantized model, set llm_settings.memory_fraction higher, or spread it over several GPUs "
        "with llm_settings.tensor_parallel.",
    ),
    _known(
        r"Invalid config quantization|Unknown quantization|Invalid quantization method|quantization method .*"
        r"(?:not|does not|n't)|quantization.* is (?:currently )?not supported|quantization.*Input should be",
        "The quantization of the model {model} cannot be used here",
        "Set llm_settings.quantization to a method that this vLLM and this machine know (fp8, awq, gptq, ...), or "
        "leave it out: what is in the model's own configuration is found by itself.",
        True,
    ),
    _known(
        r"larger than the number of available|must be divisible by tensor parallel|not enough GPUs|"
        r"divisible by the tensor",
        "The model {model} cannot be spread over that many GPUs",
        "Set llm_settings.tensor_parallel to a number that divides the model's attention heads, at most that of the "
        "GPUs.",
        True,
    ),
    _known(
        r"Failed to infer device type|No CUDA GPUs are available",
        "vLLM finds no device that it can compute on",
        "Look at nvidia-smi and at CUDA_VISIBLE_DEVICES. Without a GPU use --llm llamacpp, or a build of vLLM for "
        "the CPU.",
    ),
    _known(
        r"are not supported for now|has no vLLM implementation|does not recognize this architecture|"
        r"Cannot find model module",
        "vLLM does not know the architecture of the model {model}",
        "Update it with: pip install -U vllm. Or use another model.",
        True,
    ),
    _known(
        r"deserializing header|HeaderTooLarge|MetadataIncompleteBuffer|InvalidHeader|PytorchStreamReader",
        "The model {model} has a damaged weight file",
        "Delete the damaged file and fetch the model again.",
    ),
    _known(
        r"bfloat16 is only supported|does not support bfloat16|Bfloat16 is only",
        "The GPU does not compute in bfloat16",
        "Set llm_settings.dtype=float16.",
        True,
    ),
)


def start_failed(model: str, error: BaseException, log: Path | None) -> SynthError:
    """Why the engine did not start; `log` is what it wrote."""
    written = _errors_in(log)
    for text in (str(error), written):
        for known in _KNOWN:
            if found := known.sign.search(text):
                said = _line_around(text, found.start())
                kind = SynthError if known.setting else BackendError
                return kind(f"{known.what.format(model=model)}: {said}", known.fix)
    raised = [line for line in written.splitlines() if _RAISED.search(line)]
    said = _short(raised[-1]) if raised else f"{type(error).__name__}: {_short(str(error))}"
    return BackendError(f"vLLM cannot start with the model {model}: {said}", _look(log))


def died(model: str, log: Path | None) -> BackendError:
    """The engine is gone in the middle of a run."""
    written = _errors_in(log)
    for known in _KNOWN:
        if found := known.sign.search(written):
            return BackendError(f"vLLM's engine died: {_line_around(written, found.start())}", _go_on(log))
    return BackendError(f"vLLM's engine with the model {model} died.", _go_on(log))


def _go_on(log: Path | None) -> str:
    return f"Run the same command again: what was committed is kept. {_look(log)}"


def _look(log: Path | None) -> str:
    return f"What vLLM said is in {log}" if log is not None else "Look at what vLLM said."


def _errors_in(log: Path | None) -> str:
    """The lines of the log that speak of errors; others name what could go wrong, or how to avoid it."""
    if log is None:
        return ""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - _LOG_END))
            lines = stream.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return "\n".join(line for line in lines if _SPEAKS_OF_AN_ERROR.search(line))


def _line_around(text: str, place: int) -> str:
    start = text.rfind("\n", 0, place) + 1
    end = text.find("\n", place)
    return _short(text[start : end if end >= 0 else len(text)])


def _short(text: str) -> str:
    return _PREFIX.sub("", " ".join(text.split()))[:_LONGEST]
