"""Reading blocks and our events from the chain. It only reads: the loop, the cursor and undoing reorgs are
the indexer's.

An endpoint's answer is accepted as far as it is proven: headers by hashes that a majority backs, events by
the receipts root of a proven header (SPEC.md §4, "Following").
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_canonical_address

from cityledger.chain.abi.artifacts import FOLLOWED_NAMES
from cityledger.chain.contracts.decoding import LoggedEvent, decode_logs, topics_by_name
from cityledger.chain.manifest import Manifest
from cityledger.chain.rpc.block_hashes import is_recomputed
from cityledger.chain.rpc.bloom import may_hold
from cityledger.chain.rpc.endpoint import Endpoint, from_hex, to_hex
from cityledger.chain.rpc.quorum import NotProvenError, RefutedError
from cityledger.chain.rpc.receipts_root import receipts_root
from cityledger.chain.rpc.upstream import RpcAnswer
from cityledger.errors import ChainError
from cityledger.types import BlockRef

log = logging.getLogger(__name__)
HEADERS_AT_ONCE = 64
"""Requests in one batch; public endpoints take 100 and more."""
RECEIPTS_AT_ONCE = 16
Log = dict[str, Any]
"""A log as JSON-RPC returns it."""


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of a block that following needs."""

    block: BlockRef
    parent: bytes
    bloom: bytes
    """Filter over the addresses and topics of its logs."""
    receipts_root: bytes


@dataclass(frozen=True, slots=True)
class Tip:
    """The newest block that may be acted on; its chain is final up to number ``final``, None if unknown."""

    head: BlockRef
    final: int | None


class Follower:
    """Reads one deployment's events, block by block."""

    def __init__(self, endpoint: Endpoint, manifest: Manifest) -> None:
        self._endpoint = endpoint
        self._addresses = [manifest.address(name) for name in FOLLOWED_NAMES]
        self._ours = frozenset(address.lower() for address in self._addresses)
        self._bloom_keys = [to_canonical_address(address) for address in self._addresses]
        self._are_hashes_known = True
        """Whether this chain hashes its headers in a way that is known here."""

    def tip(self, acted_on: int = 0) -> Tip:
        """The newest block that the endpoints agree on, which a reorg may still undo, and the number up to
        which its chain is final.

        Raises:
            ChainUnavailableError: of several endpoints, none reaches height ``acted_on``, or they do not
                agree.
        """
        block, final = self._endpoint.tip(acted_on)
        return Tip(_header(block).block, final)

    def head(self, acted_on: int = 0) -> BlockRef:
        """The block of ``tip``."""
        return self.tip(acted_on).head

    def block(self, number: int) -> tuple[BlockRef, bytes]:
        """The block of that number on the endpoints' present chain, and its parent's hash.

        Raises:
            ChainError: it does not exist yet, or no longer.
            ChainUnavailableError: the endpoints disagree about it.
        """
        header = _header(self._present(self._block(number), number))
        return header.block, header.parent

    def verify_chain(self) -> None:
        """Raises WrongChainError when the endpoint serves another chain id."""
        self._endpoint.verify_chain()

    # --- headers --------------------------------------------------------------------------------------------

    def headers(self, first: int, last: int, head: BlockRef) -> list[Header]:
        """Of the closed range, each the parent of the next, on the chain of ``head``, which is not below
        ``last``. Empty where the chain changed while it was read.

        Raises:
            ChainError: one does not exist yet, or no longer.
            ChainUnavailableError: no endpoint answers, or they disagree.
        """
        top = head.hash if last == head.number else self._hash_of(last)
        found: list[Header] = []
        for end in range(last, first - 1, -HEADERS_AT_ONCE):  # from the hash that is known downwards
            numbers = range(max(first, end - HEADERS_AT_ONCE + 1), end + 1)
            piece = self._headers(numbers, top)
            if not _is_chain(piece, top):
                return []
            found = piece + found
            top = piece[0].parent
        return found

    def _headers(self, numbers: range, top: bytes | None) -> list[Header]:
        requests = [("eth_getBlockByNumber", [hex(number), False]) for number in numbers]
        if self._are_hashes_known:
            try:
                return self._endpoint.prove(requests, lambda answers: _proven_headers(answers, top))
            except NotProvenError as error:
                log.debug("headers not proven reason=%s", error)
        blocks = self._endpoint.request_many(requests)
        present = [self._present(block, number) for number, block in zip(numbers, blocks, strict=True)]
        if self._are_hashes_known and not any(is_recomputed(block) for block in present):
            self._are_hashes_known = False
            log.warning("headers are accepted by majority reason=this chain hashes unknown fields")
        return [_header(block) for block in present]

    def _hash_of(self, number: int) -> bytes | None:
        """The hash that a majority backs; None with one endpoint, which cannot be compared with another."""
        if self._endpoint.is_sole:
            return None
        return _header(self._present(self._block(number), number)).block.hash

    # --- events ---------------------------------------------------------------------------------------------

    def events(self, headers: Sequence[Header]) -> dict[bytes, list[LoggedEvent]]:
        """Our contracts' events in these blocks, in log order, by block hash; blocks without events are left
        out. Only blocks whose filter admits our contracts are read.

        Raises:
            ChainError: a block is unknown here (a reorg), or holds an event that this version cannot read.
            ChainUnavailableError: no endpoint answers, or they disagree.
        """
        admitted = [one for one in headers if self._may_have_events(one)]
        found: dict[bytes, list[LoggedEvent]] = {}
        for start in range(0, len(admitted), RECEIPTS_AT_ONCE):
            found |= self._events(admitted[start : start + RECEIPTS_AT_ONCE])
        return found

    def _may_have_events(self, header: Header) -> bool:
        """Topics are not compared: an event of an unknown kind has to be found, and stops the index."""
        return any(may_hold(header.bloom, key) for key in self._bloom_keys)

    def _events(self, headers: Sequence[Header]) -> dict[bytes, list[LoggedEvent]]:
        requests = [("eth_getBlockReceipts", [to_hex(one.block.hash)]) for one in headers]
        try:
            logs = self._endpoint.prove(requests, lambda answers: self._proven_logs(headers, answers))
        except NotProvenError as error:
            log.debug("logs not proven reason=%s", error)
            logs = self._agreed_logs(headers)
        else:
            logs = self._with_transactions([one for one in headers if one.block.hash in logs], logs)
        return {block_hash: decode_logs(found) for block_hash, found in logs.items() if found}

    def _proven_logs(self, headers: Sequence[Header], answers: Sequence[RpcAnswer]) -> dict[bytes, list[Log]]:
        """Our logs, from receipts that give the receipts root of their header."""
        found = {}
        for header, answer in zip(headers, answers, strict=True):
            if answer.result is None:
                raise RefutedError(f"has no block {header.block.number}", is_lie=False)
            try:
                is_whole = receipts_root(answer.result) == header.receipts_root
            except ValueError:
                is_whole = False
            if not is_whole:
                raise RefutedError(
                    f"the receipts of block {header.block.number} are not its own", is_lie=True
                )
            if logs := self._ours_in(header, answer.result):
                found[header.block.hash] = logs
        return found

    def _ours_in(self, header: Header, receipts: Sequence[dict[str, Any]]) -> list[Log]:
        """Places are counted, not read from the answer: no root covers them."""
        place = {"blockNumber": hex(header.block.number), "blockHash": to_hex(header.block.hash)}
        logs = [
            {
                # From bytes: other spellings of an address have the same root.
                "address": to_hex(from_hex(log["address"])),
                "topics": log["topics"],
                "data": log["data"],
                "transactionHash": receipt["transactionHash"],
                "transactionIndex": hex(transaction),
                **place,
            }
            for transaction, receipt in enumerate(receipts)
            for log in receipt["logs"]
        ]
        numbered = [{**one, "logIndex": hex(number)} for number, one in enumerate(logs)]
        return [one for one in numbered if one["address"] in self._ours]

    def _with_transactions(
        self, headers: Sequence[Header], logs: dict[bytes, list[Log]]
    ) -> dict[bytes, list[Log]]:
        """The same, with the transactions' hashes as a majority returns them: receipts do not prove them."""
        if self._endpoint.is_sole or not headers:
            return logs
        requests = [("eth_getBlockByHash", [to_hex(one.block.hash), False]) for one in headers]
        found = {}
        for header, block in zip(headers, self._endpoint.request_many(requests), strict=True):
            hashes = dict(enumerate(self._present(block, header.block.number)["transactions"]))
            places = [int(one["transactionIndex"], 16) for one in logs[header.block.hash]]
            if not hashes.keys() >= set(places):
                raise ChainError(f"block {header.block.number} has receipts without transactions")
            found[header.block.hash] = [
                {**one, "transactionHash": hashes[place]}
                for place, one in zip(places, logs[header.block.hash], strict=True)
            ]
        return found

    def _agreed_logs(self, headers: Sequence[Header]) -> dict[bytes, list[Log]]:
        """The logs that a majority returns, where no receipts prove them: endpoints may not offer
        eth_getBlockReceipts, or their chain has receipts of another form.
        """
        requests = [
            ("eth_getLogs", [{"blockHash": to_hex(one.block.hash), "address": self._addresses}])
            for one in headers
        ]
        found = dict(
            zip((one.block.hash for one in headers), self._endpoint.request_many(requests), strict=True)
        )
        for header in headers:
            self._verify_admitted(header, decode_logs(found[header.block.hash]))
        return found

    def _verify_admitted(self, header: Header, events: Sequence[LoggedEvent]) -> None:
        if not all(_may_be_of(header, event) for event in events):
            raise ChainError(
                f"{self._endpoint.shown_url} returns logs that block {header.block.number} cannot hold"
            )

    def all_events(self, first: int, last: int) -> list[LoggedEvent]:
        """Our events in a range of any length, as a majority returns them.

        Raises:
            ChainError: the endpoint refuses even a single block, or an event cannot be read.
        """
        return decode_logs(list(self._endpoint.logs(first, last, address=self._addresses)))

    def _block(self, number: int) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._endpoint.request("eth_getBlockByNumber", hex(number), False)
        return found

    def _present(self, block: dict[str, Any] | None, number: int) -> dict[str, Any]:
        if block is None:
            raise ChainError(f"{self._endpoint.shown_url} has no block {number}")
        return block


def _proven_headers(answers: Sequence[RpcAnswer], top: bytes | None) -> list[Header]:
    if any(answer.result is None for answer in answers):
        raise RefutedError("has not all of the blocks", is_lie=False)
    for answer in answers:
        if not is_recomputed(answer.result):
            raise RefutedError(
                f"the fields of block {answer.result['number']} do not give its hash", is_lie=True
            )
    found = [_header(answer.result) for answer in answers]
    if not _is_chain(found, top):
        raise RefutedError("its blocks do not lead to the head that was agreed on", is_lie=False)
    return found


def _is_chain(headers: Sequence[Header], top: bytes | None) -> bool:
    """Whether each is the parent of the next, and ``top``, if known, the hash of the last."""
    hashes = [one.block.hash for one in headers]
    parents = [one.parent for one in headers[1:]]
    return hashes[:-1] == parents and top in (None, hashes[-1])


def _may_be_of(header: Header, logged: LoggedEvent) -> bool:
    """Whether the block may have this event: an answer that is not proven may name any."""
    address, topic = to_canonical_address(logged.address), topics_by_name()[type(logged.event).__name__]
    return logged.block_hash == header.block.hash and may_hold(header.bloom, address, topic)


def _header(values: dict[str, Any]) -> Header:
    try:
        block = BlockRef(int(values["number"], 16), from_hex(values["hash"]), int(values["timestamp"], 16))
        fields = (from_hex(values[name]) for name in ("parentHash", "logsBloom", "receiptsRoot"))
        return Header(block, *fields)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ChainError(f"a block that is not as JSON-RPC says ({type(error).__name__})") from error
