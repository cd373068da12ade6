"""Dependencies point one way, starting is quick, and the engine knows no plugin by name."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from synth import plugins
from synth.catalog import Catalog

ROOT = Path(__file__).parents[1]
ENGINE = sorted((ROOT / "synth").rglob("*.py"))
#: who may import whom: a module's rank is that of its longest matching prefix, and it imports lower ones
#: or its own kind only
LAYERS = [
    [
        "synth.errors",
        "synth.files",
        "synth.machine",
        "synth.records",
        "synth.seeding",
        "synth.strict_yaml",
    ],
    ["synth.english"],
    ["synth.text"],
    ["synth.plugins", "synth.banks", "synth.templating"],
    ["synth.backends", "synth.template_schema", "synth.abilities", "synth.catalog", "synth.filtering", "synth.ledger"],
    ["synth.config"],
    ["synth.flow"],
    ["synth.produce"],
    ["synth.run"],
    ["synth.export", "synth.report"],
    ["synth.api"],
    ["synth.cli"],
]


def module_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(file: Path) -> Iterator[str]:
    """What a file imports of ours, inside functions too, but not for type checking alone."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in list(ast.walk(tree)):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} uses a relative import"
            assert node.module
            for name in node.names:
                inner = f"{node.module}.{name.name}"
                folder = ROOT / inner.replace(".", "/")
                yield inner if folder.is_dir() or folder.with_suffix(".py").is_file() else node.module


def rank(module: str) -> int | None:
    for number, names in enumerate(LAYERS):
        if any(module == name or module.startswith(f"{name}.") for name in names):
            return number
    return None


def ours(file: Path) -> list[str]:
    return [name for name in imports(file) if name == "synth" or name.startswith("synth.")]


def test_every_module_has_its_layer() -> None:
    unknown = {module_of(file) for file in ENGINE if rank(module_of(file)) is None} - {"synth"}
    assert not unknown, f"say in LAYERS where these belong: {unknown}"


@pytest.mark.parametrize("file", ENGINE, ids=module_of)
def test_dependencies_point_one_way(file: Path) -> None:
    own = rank(module_of(file))
    if own is None:
        return
    upwards = [name for name in ours(file) if (rank(name) or 0) > own]
    assert not upwards, f"{module_of(file)} imports {upwards}"


def test_records_and_errors_import_nothing_of_ours() -> None:
    for name in ("records", "errors", "seeding"):
        assert ours(ROOT / "synth" / f"{name}.py") == []


def test_comparing_words_needs_to_know_words_alone() -> None:
    words = {"synth.english.inflection", "synth.english.vocabulary", "synth.english.words"}
    for name in ("vocabulary", "words"):
        assert ours(ROOT / "synth" / "english" / f"{name}.py") == []
    assert set(ours(ROOT / "synth" / "english" / "inflection.py")) <= words
    assert set(ours(ROOT / "synth" / "text.py")) <= words


def test_flow_and_backends_know_nothing_of_what_is_produced() -> None:
    for folder in ("flow", "backends"):
        for file in (ROOT / "synth" / folder).rglob("*.py"):
            assert not [name for name in ours(file) if name.startswith("synth.produce")], file


def test_nothing_imports_the_command_line() -> None:
    for file in [*ENGINE, *(ROOT / "filters").glob("*.py")]:
        if not module_of(file).startswith("synth.cli"):
            assert not [name for name in imports(file) if name.startswith("synth.cli")], file


def test_nobody_imports_the_plugin_folders() -> None:
    for file in ENGINE:
        for name in imports(file):
            assert not name.startswith(("synth.filters", "synth.templates", "synth.keyword_banks")), file
            assert name.split(".")[0] not in ("filters", "templates", "keyword_banks", "tests"), file


def test_filters_use_only_what_strangers_may_use() -> None:
    allowed = {"synth.abilities", "synth.backends.render.base", "synth.errors", "synth.filtering",
               "synth.records", "synth.text"}  # fmt: skip
    allowed |= {module_of(file) for file in (ROOT / "synth" / "english").glob("*.py")}
    for file in (ROOT / "filters").glob("*.py"):
        assert set(ours(file)) <= allowed, file


def test_nothing_heavy_is_loaded_with_the_command_line() -> None:
    heavy = ["torch", "xllamacpp", "aiohttp", "PIL", "numpy", "jinja2", "pydantic", "rensa", "resvg_py"]
    code = f"import sys, synth, synth.cli; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_heavy_is_loaded_with_the_engine() -> None:
    """Making a run needs no picture, number or model library until a backend starts."""
    heavy = ["torch", "xllamacpp", "aiohttp", "PIL", "numpy", "rensa", "resvg_py"]
    code = f"import sys, synth.run.generate; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def strings(file: Path) -> Iterator[tuple[str, int]]:
    """String literals that are values, not documentation or messages."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, node.lineno


#: words that are also names of something else; `restrictions` is a field of templates
_COMMON = {"action", "color", "length", "picture", "restrictions", "scene", "style"}


def test_the_engine_names_no_ability_and_no_filter() -> None:
    names = {*Catalog().names(), *plugins.discover("synth.filters")} - _COMMON
    assert {"abnormal", "animal", "repetition", "alignment", "grounding"} <= names
    parts = ("cli", "preview")  # help texts show examples; the clip art knows what animals look like
    for file in ENGINE:
        if not set(parts) & set(file.relative_to(ROOT).parts):
            found = [f"line {line}: {text!r}" for text, line in strings(file) if text in names]
            assert not found, f"{file}: {found}"
