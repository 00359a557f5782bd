"""The text of a setting that names where a key is kept.

::

    keyring                               the node's keyring (the default)
    file:PATH                             a file that only its owner may read
    command:PROGRAM ARGUMENT …            the output of a program; no shell
    web3signer:https://HOST[:PORT]        an account at a remote signer
    pkcs11:token=…;object=…?module-path=…&pin-source=…    a security module (RFC 7512)
"""

from __future__ import annotations

from dataclasses import dataclass

from cityledger.errors import ConfigurationError

KEYRING = "keyring"
FILE = "file"
COMMAND = "command"
WEB3SIGNER = "web3signer"
PKCS11 = "pkcs11"
_KINDS = (FILE, COMMAND, WEB3SIGNER, PKCS11)


@dataclass(frozen=True, slots=True)
class KeySource:
    """``kind`` is one of the words above; ``value`` is the text after its colon."""

    kind: str
    value: str = ""

    def for_key(self, agency: int, epoch: int) -> KeySource:
        """The source with ``{agency}`` and ``{epoch}`` replaced by these numbers."""
        return KeySource(
            self.kind, self.value.replace("{agency}", str(agency)).replace("{epoch}", str(epoch))
        )


def parse_source(setting: str, text: str) -> KeySource:
    """The source that a setting names.

    Raises:
        ConfigurationError: names the setting and the kinds that are accepted.
    """
    if text == KEYRING:
        return KeySource(KEYRING)
    kind, _, value = text.partition(":")
    if kind not in _KINDS or not value.strip():
        accepted = ", ".join([KEYRING, *(f"{one}:…" for one in _KINDS)])
        raise ConfigurationError(f"settings: {setting} is not one of {accepted}")
    return KeySource(kind, value)
