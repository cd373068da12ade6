"""`synth keywords`: grow a keyword bank."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synth.cli.terminal import note

if TYPE_CHECKING:
    from synth.abilities import Catalog, holds_data
    from synth.backends.llm.base import LLMSettings
    from synth.banks import KeywordBank
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
    from synth.abilities import Catalog
    from synth.backends.llm.base import LLMSettings
    from synth.banks import parse_bank
    from synth.cli.machine import provide_model
    from synth.errors import SynthError
    from synth.files import whole_file
    from synth.produce.keywords import bank_lines, header
    from synth.run.stop import run_blocking

    catalog = Catalog([plugin_dir] if plugin_dir is not None and holds_data(plugin_dir) else [])
    there = _bank(catalog, bank, about)
    provide_model(llm)
    grown, model = run_blocking(
        _grow(there, bank, n, llm, LLMSettings(base_url=base_url, temperature=temperature), about, seed)
    )
    new = header(bank, model, about) + bank_lines(grown.entries)
    if grown.entries and out is not None:
        with whole_file(out, new_folders=True) as file:
            file.write(new.encode())
    elif grown.entries and plugin_dir is not None:
        target = plugin_dir / "keyword_banks" / f"{bank}.txt"
        old = catalog.bank_text(bank).rstrip("\n") + "\n\n" if there else ""
        parse_bank(bank, old + new, str(target))
        with whole_file(target, new_folders=True) as file:
            file.write((old + new).encode())
        note(f"Wrote {target}")
    elif grown.entries:
        typer.echo(new, nl=False)
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


async def _grow(
    there: KeywordBank | None, bank: str, n: int, spec: str, settings: LLMSettings, about: str, seed: int
) -> tuple[Grown, str]:
    from synth.produce.keywords import grow
    from synth.run.select import make_llm, resolve

    name, why = resolve("synth.llms", spec)
    note(f"llm {name}{f' (auto: {why})' if why else ''}")
    llm = make_llm(name, settings)
    identity = llm.identity()
    entries = there.entries if there else ()
    try:
        await llm.start()
        grown = await grow(llm, bank, entries, n, settings, about, seed, lambda count: note(f"{count} of {n}"))
    finally:
        await llm.close()
    return grown, str(identity.get("model") or identity.get("name") or name)
