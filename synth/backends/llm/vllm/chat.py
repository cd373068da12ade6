"""How a model wants to be addressed: its own chat template, found out once and used for every request.

Not every template takes a system message: some refuse it, some drop it without a word. Then its text goes in
front of the first user message, which is how such models were trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synth.backends.llm.base import Message
from synth.errors import BackendError

_MARK = "marigold"
_PROBE: tuple[Message, ...] = (
    {"role": "system", "content": _MARK},
    {"role": "user", "content": "one"},
    {"role": "assistant", "content": "two"},
    {"role": "user", "content": "three"},
)


class ChatTemplate:
    """Turns messages into tokens.

    Args:
        tokenizer: has `apply_chat_template` and `decode`, as those of transformers.
        model: for errors.

    Raises:
        BackendError: the model has no template, or none for turns of a user and an assistant.
    """

    def __init__(self, tokenizer: Any, model: str) -> None:
        self._tokenizer = tokenizer
        self.takes_system = True
        problem = "it drops the first message"
        for self.takes_system in (True, False):
            try:
                if _MARK in tokenizer.decode(self.tokens(_PROBE)):
                    return
            except Exception as error:  # a template says with any exception what it does not take
                problem = str(error).strip().partition("\n")[0]
        raise BackendError(
            f"The model {model} has no chat template that can be used: {problem}",
            "Use an instruct or chat model; base models have no template. A template of your own belongs into the "
            "model's folder as chat_template.jinja.",
        )

    def tokens(self, messages: Sequence[Message]) -> list[int]:
        """The prompt, up to where the reply begins."""
        return list(
            self._tokenizer.apply_chat_template(
                list(messages) if self.takes_system else without_system(messages),
                add_generation_prompt=True,
                tokenize=True,
                return_dict=False,
                enable_thinking=False,  # a reply is JSON from its first token on; most templates ignore this
            )
        )


def without_system(messages: Sequence[Message]) -> list[Message]:
    """The same messages with the text of a leading system message in front of the first user message."""
    if len(messages) < 2 or messages[0]["role"] != "system" or messages[1]["role"] != "user":
        return list(messages)
    system, first, *others = messages
    return [{"role": "user", "content": f"{system['content']}\n\n{first['content']}"}, *others]
