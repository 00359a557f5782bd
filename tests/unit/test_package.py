"""The package as it is installed."""

from importlib.metadata import entry_points, version
from importlib.resources import files as resources

import cityledger


def test_installed_version_is_the_one_in_the_code() -> None:
    assert version("cityledger") == cityledger.__version__


def test_types_are_announced() -> None:
    assert resources(cityledger).joinpath("py.typed").is_file()


def test_console_script_points_to_the_command_line() -> None:
    (script,) = entry_points(group="console_scripts", name="cityledger")
    assert script.value == "cityledger.cli.main:main"
