"""vLLM in this process: the language model for machines with a GPU.

model   which one, and its share of the GPU     engine   starting and ending, quietly
chat    the model's own chat template           trouble  errors with a cause and a fix

Requests of all candidates go into one engine, which batches them as they come. A request begins with what its
example group shares, so that vLLM's prefix cache has read it already; how much of a prompt came from there is
in every reply (`cached_tokens`).
"""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import aclosing
from importlib.util import find_spec
from typing import Any, ClassVar

from synth.backends import device as machine
from synth.backends.llm.base import LLM, ChatReply, ChatRequest, LLMSettings
from synth.backends.llm.vllm import model, trouble
from synth.backends.llm.vllm.chat import ChatTemplate
from synth.backends.llm.vllm.engine import Engine, abandonable
from synth.errors import BackendError, MissingExtra, SynthError

_CONCURRENCY = 128
#: Ctrl-C in a terminal reaches the engine's process, too, which may then be gone before we are cancelled.
_SECONDS_TO_BE_CANCELLED = 1.0


class VLLM(LLM):
    """`--llm vllm[:MODEL]`: a folder or a model of the Hugging Face hub, in the format of transformers."""

    auto_rank: ClassVar[int] = 10
    uses = frozenset(
        ("revision", "quantization", "dtype", "max_length", "memory_fraction", "tensor_parallel", "compile")
    )

    def __init__(self, source: model.Source, settings: LLMSettings, device: machine.Device) -> None:
        self.concurrency = settings.concurrency or _CONCURRENCY
        self._source = source
        self._settings = settings
        self._device = device
        self._engine: Engine | None = None
        self._template: ChatTemplate | None = None
        self._numbers = itertools.count()

    @classmethod
    def available(cls) -> tuple[bool, str]:
        if find_spec("vllm") is None:
            return False, "the package vllm is not installed (pip install 'synth-vlit[gpu]')"
        try:
            found = machine.find()
        except SynthError as error:
            return False, error.message
        if found.kind == "cpu":
            return not found.problem, found.problem or "no GPU: on the CPU only a model that is named"
        fits = model.fitting(found)
        if fits is None:
            return True, f"{found.name}, {found.memory:.0f} GB: too small for a language model beside the pictures"
        return True, f"{found.name}, {found.memory:.0f} GB: {fits.model} fits"

    @classmethod
    def suits_auto(cls) -> bool:
        return find_spec("vllm") is not None and model.fitting(machine.find()) is not None

    @classmethod
    def diagnosis(cls) -> list[str]:
        if find_spec("vllm") is None:
            return []
        found = machine.find()
        if found.kind == "cpu":
            return []
        share = model.memory_share(found)
        fits = [one.model for one in model.defaults() if one.memory <= model.room(found)]
        return [
            f"takes {share:.0%} of the GPU's memory unless llm_settings.memory_fraction says another share",
            f"models that fit: {', '.join(fits) or 'none of the defaults'}",
        ]

    @classmethod
    def gpu_memory(cls) -> float:
        if find_spec("vllm") is None or machine.find().kind == "cpu":
            return 0.0
        return model.memory_share(machine.find()) * machine.find().memory

    @classmethod
    def create(cls, argument: str, settings: LLMSettings) -> VLLM:
        if find_spec("vllm") is None:
            raise MissingExtra("vllm", "gpu", model.FLAG)
        device = machine.find()
        if device.problem:
            raise BackendError(device.problem, device.fix)
        if not argument:
            default = model.fitting(device)
            if default is None:
                raise SynthError(
                    f"{model.FLAG} does not say which model, and none of the defaults fits: "
                    + (f"{device.name} has {device.memory:.0f} GB." if device.kind == "cuda" else "there is no GPU."),
                    f"Name one: {model.FLAG}:OWNER/MODEL or {model.FLAG}:FOLDER.",
                )
            argument = default.model
        return cls(model.find(argument, settings.revision), settings, device)

    def identity(self) -> dict[str, Any]:
        return {
            "name": "vllm",
            "model": self._source.name,
            "revision": self._source.version,
            "quantization": self._settings.quantization,
            "dtype": self._settings.dtype,
        }

    async def start(self) -> None:
        if self._template is not None:
            return
        folder = await abandonable(self._source.fetch)
        self._engine = Engine(self._source.name, self._arguments(str(folder)))
        await self._engine.start()
        self._template = ChatTemplate(self._engine.llm.get_tokenizer(), self._source.name)

    async def chat(self, request: ChatRequest) -> ChatReply:
        engine, template = self._engine, self._template
        if engine is None or template is None:
            raise BackendError("vLLM is not started.", "Call start() first.")
        from vllm.v1.engine.exceptions import EngineDeadError

        prompt = template.tokens(request.messages)
        self._check_length(prompt, request)
        replies = engine.llm.generate({"prompt_token_ids": prompt}, _sampling(request), str(next(self._numbers)))
        try:
            # Closed when this is cancelled, which takes the request out of the batch.
            async with aclosing(replies):
                reply = await anext(replies, None)
        except EngineDeadError as error:
            await asyncio.sleep(_SECONDS_TO_BE_CANCELLED)
            raise trouble.died(self._source.name, engine.log) from error
        except Exception as error:
            raise BackendError(
                f"vLLM refuses a request to {self._source.name}: {type(error).__name__}: {error}",
                "This stops the run, because other requests would fare no better. Another model may do better.",
            ) from error
        return self._reply(reply, len(prompt))

    async def close(self) -> None:
        engine, self._engine, self._template = self._engine, None, None
        if engine is not None:
            await engine.stop()

    def _arguments(self, folder: str) -> dict[str, Any]:
        settings = self._settings
        return {
            "model": folder,
            "dtype": settings.dtype or "auto",
            "quantization": settings.quantization,
            "tensor_parallel_size": settings.tensor_parallel,
            "gpu_memory_utilization": settings.memory_fraction or model.memory_share(self._device),
            "max_model_len": settings.max_length or -1,  # -1: as long as the model and the memory allow
            "max_num_seqs": self.concurrency,
            "enforce_eager": not settings.compile,
            "enable_prefix_caching": True,
            # Examples show compact JSON; and a weak model that may write blanks writes nothing else.
            "structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True},
            "disable_log_stats": True,
        }

    def _check_length(self, prompt: list[int], request: ChatRequest) -> None:
        """A reply that cannot be written to its end is no use, and vLLM would cut it off without a word."""
        assert self._engine is not None
        limit = int(self._engine.llm.model_config.max_model_len)
        if len(prompt) + request.max_tokens > limit:
            raise BackendError(
                f"A request has {len(prompt)} tokens and its reply may have {request.max_tokens}, but "
                f"{self._source.name} is run with at most {limit} tokens for both.",
                "Set llm_settings.max_length higher, as far as the model and the memory allow; or start a new run with "
                "a smaller pool.examples_per_group or llm_settings.max_tokens.",
            )

    def _reply(self, reply: Any, prompt_tokens: int) -> ChatReply:
        output = reply.outputs[0] if reply is not None and reply.outputs else None
        if output is None or output.finish_reason not in ("stop", "length"):
            why = output.finish_reason if output is not None else "nothing came back"
            raise BackendError(
                f"vLLM ended a request to {self._source.name} without a reply ({why}).",
                "Run the same command again: what was committed is kept.",
            )
        return ChatReply(
            text=output.text,
            prompt_tokens=prompt_tokens,
            cached_tokens=reply.num_cached_tokens or 0,
            completion_tokens=len(output.token_ids),
            truncated=output.finish_reason == "length",
        )


def _sampling(request: ChatRequest) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

    return SamplingParams(
        temperature=request.temperature,
        top_p=request.top_p,
        max_tokens=request.max_tokens,
        seed=request.seed,
        structured_outputs=StructuredOutputsParams(json=json.dumps(request.schema)),
        output_kind=RequestOutputKind.FINAL_ONLY,
    )
