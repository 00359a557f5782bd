"""All settings: those of a node and those of its clients, from ``cityledger.toml`` and the environment.

The node's are at the file's top level, the client's in its table ``[client]``. A variable
``CITYLEDGER_<NAME>`` overrides ``name``. Unknown names are refused, and everything that is wrong is reported
together.
"""

from cityledger.settings.client import ClientSettings, load_client_settings
from cityledger.settings.file import FILE_NAME
from cityledger.settings.node import Settings, load_settings

__all__ = ["FILE_NAME", "ClientSettings", "Settings", "load_client_settings", "load_settings"]
