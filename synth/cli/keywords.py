"""`synth keywords`: grow a keyword bank."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synth.cli.terminal import note

if TYPE_CHECKING:
    from synth.backends.llm.base import LLM, LLMSettings
    from synth.banks import KeywordBank
    from synth.catalog import Catalog
    from synth.produce.keywords import Grown

_EPILOG = """
[bold]Examples[/bold]

synth keywords --bank animal --n 50

synth keywords --bank animal --n 50 --plugin-dir mine

synth keywords --bank sport --about "kinds of sport" --n 80 --out mine/keyword_banks/sport.txt

With --plugin-dir the whole bank, old entries and new, is written there, where it hides the packaged one.
"""


def register(app: typer.Typer) -> None:
    app.command("keywords", epilog=_EPILOG, rich_help_panel="Abilities")(keywords)


def keywords(
    bank: Annotated[str, typer.Option(metavar="NAME", help="The bank to grow, or a new one (with --about).")],
    n: Annotated[int, typer.Option("--n", min=1, max=10000, help="How many new entries.")],
    llm: Annotated[str, typer.Option(metavar="SPEC", help="auto, llamacpp, openai:MODEL, or a plugin.")] = "auto",
    base_url: Annotated[str | None, typer.Option(metavar="URL", help="An OpenAI-compatible endpoint.")] = None,
    temperature: Annotated[float, typer.Option(min=0, max=2, help="Higher is more varied.")] = 0.9,
    about: Annotated[str, typer.Option(metavar="TEXT", help="What the bank is about.")] = "",
    out: Annotated[Path | None, typer.Option(help="Write the new entries to this file.")] = None,
    plugin_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the grown bank to DIR/keyword_banks/NAME.txt.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Other seeds give other entries.")] = 0,
) -> None:
    """Grow a keyword bank with a language model.

    New entries come with the facts that the bank's entries carry. What is
    there already is not repeated. Prints the new entries, or writes them to a file; look
    through them before use."""
    from synth.backends.llm.base import LLMSettings
    from synth.catalog import Catalog, holds_data
    from synth.cli.machine import provide_model
    from synth.errors import SynthError
    from synth.produce.keywords import Grown, bank_lines, header
    from synth.run.select import make_llm, resolve
    from synth.run.stop import run_blocking

    _check_name(bank)
    catalog = Catalog([plugin_dir] if plugin_dir is not None and holds_data(plugin_dir) else [])
    there = _bank(catalog, bank, about)
    target = plugin_dir / "keyword_banks" / f"{bank}.txt" if plugin_dir is not None else None
    in_place = target is not None
    if out is not None:
        target, in_place = out, _is_bank(out, there)
    provide_model(llm)
    name, why = resolve("synth.llms", llm)
    note(f"llm {name}{f' (auto: {why})' if why else ''}")
    settings = LLMSettings(base_url=base_url, temperature=temperature)
    model = make_llm(name, settings)
    if model.scripted:
        raise SynthError(
            f"--llm {llm} only repeats what a plan says, it knows no new {bank}.",
            "Use --llm llamacpp, or an endpoint: --llm openai:MODEL --base-url URL.",
        )
    identity = model.identity()
    grown = Grown()
    try:
        run_blocking(_grow(model, there, bank, n, settings, about, seed, grown))
    finally:  # what was found before the model failed, or before Ctrl-C, was paid for
        if grown.entries:
            origin = str(identity.get("model") or identity.get("name") or name)
            new = header(bank, origin, about) + bank_lines(grown.entries)
            old = catalog.bank_text(bank).rstrip("\n") + "\n\n" if there and in_place else ""
            _write(target, bank, old + new)
    dropped = ", ".join(f"{why} {count}" for why, count in grown.dropped.most_common())
    note(f"{len(grown.entries)} new entries from {grown.requests} requests")
    if dropped:
        note(f"dropped: {dropped}")
    if len(grown.entries) < n:
        missing = SynthError(
            f"Only {len(grown.entries)} of {n} new entries were found; the last requests brought no news.",
            "Try another --seed, a higher --temperature, --about, or a larger model.",
        )
        missing.exit_code = 3
        raise missing


def _bank(catalog: Catalog, name: str, about: str) -> KeywordBank | None:
    """The bank, or None for a new one, which needs `about`."""
    if name not in catalog.bank_names() and about:
        return None
    return catalog.bank(name)


def _check_name(bank: str) -> None:
    """A bank is a file of its name, so the name must not lead into another folder."""
    import re

    from synth.errors import SynthError
    from synth.template_schema import NAME_PATTERN

    if not re.fullmatch(NAME_PATTERN, bank):
        raise SynthError(
            f"--bank {bank}: this is no name of a keyword bank.",
            "Lower-case letters, digits and underscores, at most 40; --out and --plugin-dir say where it is written.",
        )


def _is_bank(out: Path, there: KeywordBank | None) -> bool:
    """Whether `out` is the file of the bank itself, which is then kept and added to.

    Raises:
        SynthError: it is another file that is there already.
    """
    from synth.errors import SynthError

    if not out.exists():
        return False
    if there is not None and Path(there.source).exists() and out.samefile(there.source):
        return True
    raise SynthError(
        f"--out {out} is there already, and is not the bank that is grown.",
        "Choose another --out, or add to a bank of your own with --plugin-dir, the folder above keyword_banks/.",
    )


def _write(target: Path | None, bank: str, text: str) -> None:
    from synth.banks import parse_bank
    from synth.files import whole_file

    if target is None:
        typer.echo(text, nl=False)
        return
    parse_bank(bank, text, str(target))
    with whole_file(target, new_folders=True) as file:
        file.write(text.encode())
    note(f"Wrote {target}")


async def _grow(
    llm: LLM,
    there: KeywordBank | None,
    bank: str,
    n: int,
    settings: LLMSettings,
    about: str,
    seed: int,
    grown: Grown,
) -> None:
    from synth.produce.keywords import grow

    entries = there.entries if there else ()
    try:
        await llm.start()
        await grow(llm, bank, entries, n, settings, about, seed, lambda count: note(f"{count} of {n}"), grown)
    finally:
        await llm.close()
