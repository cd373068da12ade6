"""Jinja for templates, in a sandbox: plan entries and texts are values, never code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, TypeAlias

from jinja2 import StrictUndefined, Template, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from synth.english.inflection import plural, with_article
from synth.errors import SynthError
from synth.records import Entry

#: a Jinja expression with its values, true or false
Condition: TypeAlias = Callable[[Mapping[str, Any]], bool]


class Named(dict[str, Any]):
    """What belongs to one picture, for templates: `{{ picture.object }}` is its slot `object`."""


class Environment(ImmutableSandboxedEnvironment):
    """`{{ subject.place }}` reads a fact of a plan entry; nothing else of it can be reached."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """A plain dict: each rendering copies it, which takes long with the default, a ChainMap."""
        return {**self.globals, **(d or {})}

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Entry):
            if attribute in obj.facts:
                return obj.facts[attribute]
            return self.undefined(f"'{obj.text}' has no fact '{attribute}'")
        if isinstance(obj, Named):  # a slot may be called as a method of dictionaries is
            return obj[attribute] if attribute in obj else self.undefined(f"a picture has no '{attribute}'")
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Entry | Named):
            return self.getattr(obj, str(argument))
        return super().getitem(obj, argument)


def _with_article(entry: Entry | str, adjective: object = "") -> str:
    """ "giraffe" -> "a giraffe", "oven" -> "an oven", "the moon" as it is; behind an `adjective`: "a red oven"."""
    text = f"{adjective} {entry}" if adjective else str(entry)
    return with_article(text) if _is_one(entry) else text


def _in_the_plural(entry: Entry | str) -> str:
    """ "giraffe" -> "giraffes"."""
    return plural(str(entry)) if _is_one(entry) else str(entry)


def _is_one(entry: Entry | str) -> bool:
    """Whether it names one thing of several: not so where the bank says `plural: yes` ("boots", "geta") or `mass: yes`
    ("pixel art")."""
    return not (isinstance(entry, Entry) and "yes" in (entry.facts.get("plural"), entry.facts.get("mass")))


def environment() -> Environment:
    made = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters["a"] = _with_article
    made.filters["plural"] = _in_the_plural
    return made


def compile_template(env: Environment, source: str, where: str) -> Template:
    """Raises a `SynthError` that starts with `where` (file and field) on bad syntax."""
    try:
        return env.from_string(source)
    except TemplateError as error:
        raise SynthError(f"{where}: {error}.", "Jinja syntax: {{ slot }}, {{ slot.fact }}.") from error


def render_template(template: Template, where: str, values: Mapping[str, Any]) -> str:
    """Raises a `SynthError` that starts with `where` if a name or a fact is not there."""
    try:
        return template.render(values).strip()
    except Exception as error:  # an expression may raise anything: 1 / 0, a huge range, bad formats
        raise SynthError(
            f"{where}: {error}.",
            f"Known here: {', '.join(sorted(values))}; facts come from the keyword banks.",
        ) from error


def compile_condition(env: Environment, source: str, where: str) -> Condition:
    """A Jinja expression as a function. Bad syntax, and when it is called a name or a fact that is not there,
    raise a `SynthError` that starts with `where`."""
    template = compile_template(env, f"{{% if {source} %}}yes{{% endif %}}", where)

    def holds(values: Mapping[str, Any]) -> bool:
        return render_template(template, where, values) == "yes"

    return holds


def facts_used(env: Environment, source: str) -> set[tuple[str, str]]:
    """The (slot, fact) pairs that a template reads without asking `is defined` first.

    Bad syntax is none of this function's business: it finds nothing.
    """
    try:
        tree = env.parse(source)
    except TemplateError:
        return set()
    used = {_fact(node) for node in tree.find_all((nodes.Getattr, nodes.Getitem))}
    guarded = {_fact(test.node) for test in tree.find_all(nodes.Test) if test.name in ("defined", "undefined")}
    return {fact for fact in used - guarded if fact is not None}


def _fact(node: nodes.Node) -> tuple[str, str] | None:
    """`subject.place` reads the fact `place` of the slot `subject`, and so does `pictures[0].subject.place`."""
    slot, fact = _attribute(node)
    if slot is None or fact is None:
        return None
    owner = slot.name if isinstance(slot, nodes.Name) else _attribute(slot)[1]
    return None if owner is None else (owner, fact)


def _attribute(node: nodes.Node) -> tuple[nodes.Node | None, str | None]:
    """What is read of what, however it is written: `x.y`, `x["y"]`."""
    if isinstance(node, nodes.Getattr):
        return node.node, node.attr
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return node.node, str(node.arg.value)
    return None, None
