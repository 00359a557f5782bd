"""The officers of the three agencies, and what each sends to sign in or to make a request."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from eth_account import Account
from eth_account.signers.local import LocalAccount

from cityledger.api.signin import routes as sign_in
from cityledger.client.credentials import statements
from cityledger.keccak import keccak
from cityledger.sealing.thumbprint import key_thumbprint
from cityledger.store.index import queries as index
from cityledger.store.sessions.tokens import Session, add_token
from cityledger.types import Address, Role
from support.node.chain_changes import ChainChanges
from support.node.chain_facts import CHAIN_ID, INSTANCE, ORIGIN


@dataclass(kw_only=True)
class Callers(ChainChanges):
    """Sessions, tokens and forms of any officer of an agency of the node."""

    credential_keys: Mapping[str, ec.EllipticCurvePrivateKey]

    def session(self, code: str, role: str) -> Session:
        """A session as sign-in would have made it; stewards and auditors have an account on chain."""
        is_on_chain = role in ("steward", "auditor", "registrar")
        account = Address(self.account(code, role).address) if is_on_chain else None
        return Session(
            agency=self.agency(code),
            role=Role[role.upper()],
            officer=account or f"{role}-1",
            account=account,
            system="siwe" if is_on_chain else "tests",
            credential_until=self.time.now + 3_600,
            expires_at=self.time.now + 900,
            epoch=self.epoch(code),
            credential_key=None if is_on_chain else key_thumbprint(self.credential_keys[code]),
        )

    def epoch(self, code: str) -> int:
        """The agency's epoch in the index."""
        with self.context.services.database.reading() as connection:
            agency = index.find_agency(connection, self.agency(code))
        assert agency is not None
        return agency.epoch

    def account(self, code: str, role: str) -> LocalAccount:
        """The fixed account of an on-chain officer."""
        made: LocalAccount = Account.from_key(keccak(f"{code} {role}".encode()))
        return made

    def token(self, code: str, role: str, **changes: Any) -> str:
        """A token that the node accepts, made without a sign-in."""
        secret = os.urandom(32).hex()
        session = replace(self.session(code, role), **changes)
        self.context.services.journal.run(lambda c: add_token(c, secret, session, self.time.now))
        return secret

    def headers(self, code: str, role: str, purpose: str | None = "OWN_DUTY", **more: str) -> dict[str, str]:
        """Authorization and purpose for one request."""
        access = {} if purpose is None else {"Cityledger-Purpose": purpose}
        return {"Authorization": f"Bearer {self.token(code, role)}", **access, **more}

    def assertion_form(
        self, code: str, role: str = "reader", *, proof_key: ec.EllipticCurvePrivateKey, **changes: Any
    ) -> dict[str, str]:
        """The form of ``POST /v1/token``; ``changes`` go to ``Vouched`` (or ``instance``, ``key``)."""
        values = {
            "issuer": code,
            "officer": "dr.chen",
            "role": Role[role.upper()],
            "system": "ward-3",
            "issued": self.time.now,
            "identifier": os.urandom(8).hex(),
            "life_seconds": 3_600,
            **changes,
        }
        assertion = statements.make_assertion(
            statements.Vouched(**{name: values[name] for name in values if name not in ("key", "instance")}),
            instance=values.get("instance", INSTANCE),
            credential_key=values.get("key", self.credential_keys[code]),
            proof_key=proof_key,
        )
        return {"grant_type": sign_in.JWT_BEARER, "assertion": assertion}

    def proof(self, proof_key: ec.EllipticCurvePrivateKey, **changes: Any) -> str:
        """A DPoP proof for ``POST /v1/token``."""
        values = {
            "url": ORIGIN + "/v1/token",
            "issued": self.time.now,
            "identifier": os.urandom(8).hex(),
            **changes,
        }
        return statements.make_dpop_proof(proof_key, **values)

    def siwe_form(self, code: str, role: str, nonce: str, **changes: Any) -> dict[str, str]:
        """The form of ``POST /v1/token``; ``changes`` go to ``SiweStatement`` (or ``account``)."""
        account = changes.pop("account", self.account(code, role))
        values = {
            "domain": "city.test",
            "url": ORIGIN,
            "chain_id": CHAIN_ID,
            "instance": INSTANCE,
            "agency": self.agency(code),
            "nonce": nonce,
            "issued": self.time.now,
            "expires": self.time.now + 600,
            **changes,
        }
        message = statements.make_siwe_message(statements.SiweStatement(**values), account.address)
        signature = statements.sign_siwe_message(message, account)
        return {"grant_type": sign_in.SIWE, "message": message, "signature": signature}
