"""Imports inside the package point down the floors of the layout, and each foreign package has its place."""

import ast
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import cityledger

PACKAGE = Path(cityledger.__file__).parent
ROOT = Path(__file__).parents[2]
ARCHITECTURE = ROOT / "docs" / "architecture.md"
MAX_LINES = 400
FIRST_SCHEMA = PACKAGE / "store/migrations/versions/v0001_first_schema.py"

FLOORS: dict[int, set[str]] = {
    0: {"__init__"},
    1: {
        "types",
        "errors",
        "settings",
        "strict_json",
        "keccak",
        "signing",
        "profiles",
        "formats",
        "devnet_clock",
    },
    2: {"policy", "sealing", "proofs"},
    3: {"store", "chain", "key_sources", "opening"},
    4: {"exchange", "anchoring", "indexer", "recovery", "feed"},
    5: {"api", "client", "console"},
    6: {"node", "checks", "metrics", "cli", "devnet", "demo", "__main__"},
}
FLOOR_OF = {stage: floor for floor, stages in FLOORS.items() for stage in stages}
FLOORS_OPEN_WITHIN = {1, 6}  # on the others, neighbours do not know each other

ONLY_IN = {"web3": {"chain"}, "websockets": {"chain"}}
PURE = FLOORS[2]
# fmt: off
DOES_IO = {
    "aiohttp", "alembic", "asyncio", "fastapi", "httpx", "obstore", "requests", "socket", "sqlalchemy",
    "sqlite3", "subprocess", "urllib.request", "uvicorn", "web3", "websockets",
}
# fmt: on


def test_every_module_keeps_to_its_floor() -> None:
    paths = sorted(PACKAGE.rglob("*.py"))
    assert PACKAGE / "__init__.py" in paths
    found = [breach for path in paths for breach in breaches(path.read_text("utf-8"), module_of(path))]
    assert not found, "\n".join(found)


def test_floors_in_the_architecture_page_are_these() -> None:
    assert documented_floors(ARCHITECTURE.read_text("utf-8")) == FLOORS


def test_no_modules_import_each_other() -> None:
    verify_no_circle(package_imports(), lambda module: module)


def test_no_rooms_of_a_stage_import_each_other() -> None:
    """A room is a folder of a stage, or a module at its door."""
    verify_no_circle(package_imports(), lambda module: ".".join(module.split(".")[:2]))


def test_no_file_has_more_than_400_lines() -> None:
    """But the first schema, which is one statement after another."""
    folders = ("pyservice", "scripts", "tests", "bench")
    paths = {path for folder in folders for path in (ROOT / folder).rglob("*.py")} - {FIRST_SCHEMA}
    long = {str(path.relative_to(ROOT)) for path in paths if lines_of(path) > MAX_LINES}
    assert not long, f"split by subject: {', '.join(sorted(long))}"


def test_a_circle_is_found() -> None:
    imported = {
        "store.a.x": {"store.b.y"},
        "store.b.z": {"store.a.w"},
        "store.b.y": set(),
        "store.a.w": set(),
    }
    verify_no_circle(imported, lambda module: module)
    with pytest.raises(AssertionError, match=r"store\.[ab] → store\.[ab] → store\.[ab]"):
        verify_no_circle(imported, lambda module: ".".join(module.split(".")[:2]))


GOOD = {
    "a lower floor": ("exchange.read", "from cityledger.policy.rules import decide\nimport cityledger.store"),
    "its own stage": ("store.sql", "from cityledger.store.rows import Row\nfrom . import rows"),
    "its own stage's door": ("store.__init__", "from .rows import Row"),
    "a neighbour on floor 1": ("settings", "from cityledger.errors import SettingsError"),
    "a neighbour on floor 6": ("cli", "from cityledger import demo, devnet"),
    "the version": ("api.app", "from cityledger import __version__"),
    "web3 in chain": ("chain.sender", "from web3.types import TxParams"),
    "I/O above the pure floor": ("client.http", "import httpx"),
    "arithmetic in a pure stage": ("proofs.merkle", "import hashlib\nfrom urllib.parse import quote"),
}

BAD = {
    "a higher floor": ("policy.rules", "import cityledger.store.sql", "(floor 2) imports store"),
    "a higher floor by from": ("types", "from cityledger import policy", "(floor 1) imports policy"),
    "a higher floor, relative": ("store.sql", "from ..exchange import read", "(floor 3) imports exchange"),
    "a neighbour on floor 2": ("proofs.leaf", "from cityledger import sealing", "(floor 2) imports sealing"),
    "a neighbour on floor 3": ("chain.sender", "from ..store import rows", "(floor 3) imports store"),
    "a neighbour on floor 4": ("exchange.read", "from .. import feed", "(floor 4) imports feed"),
    "a neighbour on floor 5": ("api.app", "import cityledger.client", "(floor 5) imports client"),
    "inside a function": ("types", "def f():\n    import cityledger.node", "types:2 (floor 1) imports node"),
    "for types only": ("types", "if TYPE_CHECKING:\n    from .chain import x", "(floor 1) imports chain"),
    "by name at run time": ("types", "import_module('cityledger.api')", "(floor 1) imports api"),
    "from the package's root": ("__init__", "from cityledger.errors import E", "(floor 0) imports errors"),
    "an unplaced importer": ("utils.text", "", "utils stands on no floor"),
    "an unplaced target": ("node", "from cityledger.helpers import x", "helpers, which stands on no floor"),
    "web3 outside chain": ("anchoring.sender", "from web3.types import TxParams", "which belongs in chain"),
    "SQL in a pure stage": ("policy.state", "import sqlalchemy.orm", "policy does no I/O"),
    "HTTP in a pure stage": ("sealing.release", "from httpx import get", "sealing does no I/O"),
    "a request in a pure stage": ("proofs", "from urllib.request import urlopen", "proofs does no I/O"),
    "a request, by its folder": ("proofs", "from urllib import request", "proofs does no I/O"),
}


@pytest.mark.parametrize(("module", "source"), GOOD.values(), ids=GOOD)
def test_checker_accepts(module: str, source: str) -> None:
    assert breaches(source, module) == []


@pytest.mark.parametrize(("module", "source", "breach"), BAD.values(), ids=BAD)
def test_checker_rejects(module: str, source: str, breach: str) -> None:
    (found,) = breaches(source, module)
    assert breach in found


def lines_of(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def documented_floors(page: str) -> dict[int, set[str]]:
    """The rows of the table ``| floor | rooms |``."""
    _, _, below = page.partition("| floor | rooms |\n")
    rows = re.match(r"(\|.*\|\n)*", below)
    assert rows is not None
    cells = (row.strip("|").split("|") for row in rows[0].splitlines()[1:])
    return {int(floor): set(re.findall(r"`(\w+)`", rooms)) for floor, rooms in cells}


@cache
def package_imports() -> dict[str, set[str]]:
    """The modules of the package that each module imports, wherever in it."""
    sources = {
        module_of(path).removesuffix(".__init__"): (module_of(path), path.read_text("utf-8"))
        for path in PACKAGE.rglob("*.py")
    }
    return {
        module: {
            known
            for _, target in imports(ast.parse(source), name)
            if (known := module_in(target, sources.keys())) and known != module
        }
        for module, (name, source) in sources.items()
    }


def module_in(target: str, modules: Collection[str]) -> str | None:
    """The module that an imported name is, or is in; None for other packages."""
    package, _, name = target.partition(".")
    while package == "cityledger" and name:
        if name in modules:
            return name
        name = name.rpartition(".")[0]
    return None


def verify_no_circle(imported: Mapping[str, set[str]], room_of: Callable[[str], str]) -> None:
    rooms: dict[str, set[str]] = {}
    for module, targets in imported.items():
        room = room_of(module)
        rooms.setdefault(room, set()).update({room_of(target) for target in targets} - {room})
    try:
        TopologicalSorter(rooms).prepare()
    except CycleError as error:
        raise AssertionError(" → ".join(error.args[1])) from None


def breaches(source: str, module: str) -> list[str]:
    """What is wrong with the imports of `module`, which is named without the leading `cityledger.`."""
    stage = module.partition(".")[0]
    if stage not in FLOOR_OF:
        return [f"{stage} stands on no floor"]
    wrong = ((line, breach_of(stage, target)) for line, target in imports(ast.parse(source), module))
    return [f"{module}:{line} {breach}" for line, breach in wrong if breach]


def breach_of(stage: str, target: str) -> str | None:
    return breach_inside(stage, target) if within(target, "cityledger") else breach_outside(stage, target)


def breach_inside(stage: str, target: str) -> str | None:
    other = f"{target}.".split(".")[1]
    if other in {"", stage, "__version__"}:
        return None
    if other not in FLOOR_OF:
        return f"imports {other}, which stands on no floor"
    here, there = FLOOR_OF[stage], FLOOR_OF[other]
    if there < here or (there == here and here in FLOORS_OPEN_WITHIN):
        return None
    return f"(floor {here}) imports {other} (floor {there})"


def breach_outside(stage: str, target: str) -> str | None:
    if stage in PURE and any(within(target, package) for package in DOES_IO):
        return f"imports {target}, but {stage} does no I/O"
    for package, places in ONLY_IN.items():
        if within(target, package) and stage not in places:
            return f"imports {package}, which belongs in {', '.join(sorted(places))}"
    return None


def imports(tree: ast.AST, module: str) -> Iterator[tuple[int, str]]:
    """Line and full name of each import, wherever in the module it stands."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, name.name) for name in names)
            case ast.ImportFrom(names=names):
                # What is imported may itself be a module, so it belongs to the name.
                yield from ((node.lineno, f"{source_of(node, module)}.{name.name}") for name in names)
            case ast.Call(func=func, args=[ast.Constant(value=str(name)), *_]) if imports_by_name(func):
                yield node.lineno, name


def source_of(node: ast.ImportFrom, module: str) -> str:
    """The full name of what stands between `from` and `import`."""
    importer = ["cityledger", *module.split(".")]
    above = importer[: -node.level] if node.level else []
    return ".".join([*above, *([node.module] if node.module else [])])


def imports_by_name(func: ast.expr) -> bool:
    return ast.unparse(func) in {"__import__", "import_module", "importlib.import_module"}


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
