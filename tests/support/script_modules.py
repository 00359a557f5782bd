"""Scripts of ``scripts/``, which are not a package's modules, loaded as modules."""

from __future__ import annotations

import importlib.util
from types import ModuleType

from support.vector_files import REPOSITORY


def load_script(name: str) -> ModuleType:
    """The script ``scripts/NAME.py``, in a module of its own."""
    spec = importlib.util.spec_from_file_location(name, REPOSITORY / "scripts" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
