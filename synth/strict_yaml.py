"""YAML for what people write: a key may stand only once, because a second `filters:` must not silently
replace the first, and `2024-05-01` is a text, because no setting and no field of ours is a date."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue  # `<<: *defaults` brings keys in, which those that are written here replace
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key}' is there twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class Document:
    """What a text says, and in which line."""

    data: Any
    root: yaml.Node | None

    def line(self, path: Sequence[int | str]) -> int:
        """The line of the deepest part on `path` that exists in the text."""
        line, node = 1, self.root
        for step in path:
            if isinstance(node, yaml.MappingNode):
                # the last one: what was merged into a mapping stands before its own keys
                pair = next((p for p in reversed(node.value) if p[0].value == str(step)), None)
                if pair is None:
                    break
                line, node = pair[0].start_mark.line + 1, pair[1]
            elif isinstance(node, yaml.SequenceNode) and str(step).isdigit() and int(step) < len(node.value):
                node = node.value[int(step)]
                line = node.start_mark.line + 1
            else:
                break
        return line


def parse(text: str) -> Document:
    """The document with its lines; raises `yaml.YAMLError` with the line of the problem."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        return Document(None if root is None else loader.construct_document(root), root)
    finally:
        loader.dispose()


def load(text: str) -> Any:
    """The document alone."""
    return parse(text).data
