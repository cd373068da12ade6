"""`synth abilities`: list, details, new, check."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from synth.cli.terminal import NameOrCommand, heading, say, table

if TYPE_CHECKING:
    from synth.banks import KeywordBank
    from synth.template_schema import Slot

_PluginDirs = Annotated[
    list[Path] | None,
    typer.Option("--plugin-dir", metavar="DIR", help="A folder with templates/ and keyword_banks/ of your own."),
]

_Form = Literal["single", "multi", "interleaved"]

group = typer.Typer(
    cls=NameOrCommand,
    invoke_without_command=True,
    rich_markup_mode="rich",
    help="List abilities, show one, start a new one, check a template.\n\nAn ability is a YAML template "
    "with its keyword banks and its filter chain; adding one needs no code.",
    epilog="""
[bold]Examples[/bold]

synth abilities

synth abilities abnormal

synth abilities new sport --dir mine

synth abilities check mine/templates/sport.yaml
""",
)


@group.callback()
def _list(ctx: typer.Context, plugin_dir: _PluginDirs = None) -> None:
    ctx.obj = list(plugin_dir or [])
    if ctx.invoked_subcommand is not None:
        return
    from synth.catalog import Catalog
    from synth.errors import SynthError

    catalog = Catalog(ctx.obj)
    rows, broken = [], []
    for name in catalog.names():
        try:
            ability = catalog.ability(name)
            rows.append([name, ability.title, ability.form, catalog.provider(name)])
        except SynthError as error:
            broken.append(f"{name}: {error.message}")
    say(table(rows, ["name", "title", "form", "from"]))
    for line in broken:
        say(f"cannot be used: {line}")
    say("\nDetails: synth abilities NAME")


@group.command("show", hidden=True)
def _show(ctx: typer.Context, name: str, plugin_dir: _PluginDirs = None) -> None:
    """Show an ability: description, plan, filters with their options, questions, restrictions."""
    from synth import plugins
    from synth.catalog import Catalog
    from synth.filtering import build_chain

    dirs = [*(ctx.obj or []), *(plugin_dir or [])]
    catalog = Catalog(dirs)
    ability = catalog.ability(name)
    banks = catalog.banks_of(ability)
    heading(f"{ability.name}: {ability.title}")
    say(ability.description)
    say(f"\nform {ability.form}, version {ability.version}, from {ability.source}")

    heading("\nPlan: what is drawn for each candidate")
    say(table(_slots(ability.plan, banks), indent="  "))
    if ability.pictures:
        heading(f"\nPictures: what is drawn for each; a sample has {ability.pictures.number}")
        say(table(_slots(ability.pictures.plan, banks), indent="  "))

    heading("\nFilters: what a sample must pass, in this order")
    classes, _ = plugins.load_all("synth.filters")
    for one in build_chain(ability, classes, banks).filters:
        options = ", ".join(f"{key} {value}" for key, value in one.options.model_dump().items() if value)
        say(f"  {one.name} (at {', '.join(one.stages)}){': ' + options if options else ''}")

    heading("\nRestrictions: put into the request, checked in the reply")
    for restriction in ability.restrictions:
        say(f"  {restriction.rule}")
    if not ability.restrictions:
        say("  none")
    questions = f"{len(ability.questions)} questions, " if ability.questions else ""
    say(f"\n{questions}{len(ability.examples)} in-context examples")
    own = "".join(f" --plugin-dir {shlex.quote(str(one))}" for one in dirs)
    say(f"Try it: synth generate --ability {name} --n 8{own} --dry-run")


def _slots(plan: Mapping[str, Slot], banks: Mapping[str, KeywordBank]) -> list[list[str]]:
    """A line for each slot: its name, and where its entries come from."""
    from synth.template_schema import PictureSlot

    rows = []
    for slot_name, slot in plan.items():
        if slot.bank:
            what = f"keyword bank {slot.bank}, {len(banks[slot.bank].entries)} entries"
        elif slot.values:
            what = f"one of {len(slot.values)}: {', '.join(slot.values)}"
        else:
            what = f"made from {slot.text}"
        conditions = [f"where {fact} = {target}" for fact, target in slot.match.items()]
        if slot.when:
            conditions.append(f"if {slot.when}")
        if isinstance(slot, PictureSlot) and slot.same:
            conditions.append(f"the same for all if {slot.same}")
        if isinstance(slot, PictureSlot) and slot.apart:
            conditions.append(f"each of another {slot.apart}")
        rows.append([slot_name, ", ".join([what, *conditions])])
    return rows


@group.command("new")
def _new(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and underscores.")],
    directory: Annotated[Path, typer.Option("--dir", help="Where templates/ and keyword_banks/ are written.")] = Path(
        "my-abilities"
    ),
    form: Annotated[
        _Form, typer.Option(help="One picture a sample, several at once, or one in each turn of the user.")
    ] = "single",
) -> None:
    """Start a new ability.

    Writes a complete, commented template and keyword bank. They are valid as they are: run them,
    look, then change the texts, the examples and the bank.

    [bold]Examples:[/bold] synth abilities new sport --dir mine

    synth abilities new tour --form interleaved --dir mine
    """
    from synth.produce.scaffold import scaffold

    template, bank = scaffold(name, directory, form)
    say(f"Wrote {template}\nWrote {bank}")
    say("\nNext: edit both, then")
    say(f"  synth abilities check {shlex.quote(str(template))}")
    say(f"  synth generate --ability {name} --n 8 --plugin-dir {shlex.quote(str(directory))} --dry-run")


@group.command("check")
def _check(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A template, e.g. mine/templates/sport.yaml.")],
    plugin_dir: _PluginDirs = None,
) -> None:
    """Check a template.

    Checks its fields, its banks, that every template text renders with every bank entry, and that its
    own examples pass its own filters. Exit code 2 if something is wrong.

    [bold]Example:[/bold] synth abilities check mine/templates/sport.yaml
    """
    from synth.produce.check import check_ability

    found = check_ability(file, [*(ctx.obj or []), *(plugin_dir or [])])
    for line in found.checked:
        say(f"checked  {line}")
    for line in found.doubts:
        say(f"note     {line}")
    for line in found.problems:
        say(f"wrong    {line}")
    if found.problems:
        count = len(found.problems)
        say(f"\n{file}: {count} problem{'s' if count > 1 else ''}. docs/new-ability.md describes every field.")
        raise typer.Exit(2)
    say(f"\n{file} is fine. The image filters need pictures and were not run.")


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="abilities", rich_help_panel="Abilities")
