"""What `pip install cityledger` brings: built from this checkout, installed without the node's libraries."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLIENT_ONLY = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"web3", "sqlalchemy", "fastapi", "uvicorn", "alembic", "siwe", "fhir"}:
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Refuse())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=100)
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_ships_artifacts_schemas_migrations_and_the_independent_verifier(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    for wanted in (
        "cityledger/chain/artifacts/AccessPolicy.json",
        "cityledger/chain/artifacts/AccessManager.json",
        "cityledger/profiles/schemas/medical.json",
        "cityledger/store/migrations/versions/v0001_first_schema.py",
        "cityledger/store/migrations/env.py",
        "cityledger/scripts/verify_proof.py",
        "cityledger/scripts/verify_receipt.py",
        "cityledger/py.typed",
    ):
        assert wanted in names


def test_installed_package_verifies_a_proof_without_the_nodes_libraries(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    proof = tmp_path / "proof.json"
    proof.write_bytes(b'{"format": "cityledger-proof/0"}')
    program = (
        CLIENT_ONLY
        + f"sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        + "import cityledger; assert 'site' in cityledger.__file__\n"
        + "import cityledger.client\n"
        + f"from cityledger.cli.main import run; sys.exit(run(['verify', {str(proof)!r}]))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)

    assert done.returncode == 4, done.stderr


def test_installed_package_names_the_extra_that_a_node_command_needs(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    program = (
        CLIENT_ONLY
        + f"sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        + "from cityledger.cli.main import run; sys.exit(run(['node', 'check']))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)

    assert done.returncode == 1
    assert "cityledger[node]" in done.stderr
