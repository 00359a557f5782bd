"""The artifacts that ship with the package are those of the sources next to it."""

import json
from types import ModuleType

from support.city.city_on_chain import ROOT


def test_artifacts_are_what_the_sources_compile_to(compiler: ModuleType) -> None:
    shipped = {path.stem: path.read_text("utf-8") for path in compiler.ARTIFACTS.glob("*.json")}
    assert shipped == compiler.make_artifacts(), "run `make contracts`"


def test_artifacts_name_no_path_of_the_machine(compiler: ModuleType) -> None:
    assert not [
        path.name for path in compiler.ARTIFACTS.glob("*.json") if str(ROOT) in path.read_text("utf-8")
    ]


def test_deployed_contracts_fit_the_size_limit(compiler: ModuleType) -> None:
    for path in compiler.ARTIFACTS.glob("*.json"):
        code = bytes.fromhex(json.loads(path.read_text("utf-8"))["deployedBytecode"][2:])
        assert len(code) <= 24_576, path.stem  # EIP-170
