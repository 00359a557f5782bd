#!/usr/bin/env python3
"""Checks a receipt leaf's proof file and its signed receipt: whose read it was, and that its log's operator
signed it (SPEC.md §3, §7). Needs only Python's standard library and verify_proof.py in the same folder.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))  # python -I leaves it out

import verify_proof as base  # type: ignore[import-not-found]

HELP = """\
  verify_receipt.py proof.json receipt.json
      "path only": the files agree with each other, but any person may have written and signed them.
  verify_receipt.py proof.json receipt.json --rpc https://node.example --ledger 0x... [--final]
      "anchored": the receipt is in a log of its provider, and the account that operated that log at the
      receipt's block signed it. The signature is recovered by the chain's own ecrecover.
receipt.json is the member "whole" of a line of `cityledger audit export`.
Exit status: 0 verified, 2 usage (or no answer), 4 not verified.
"""
RECEIPT = (
    "Receipt(bytes32 instance,address policy,uint64 log,uint64 blockNumber,bytes32 blockHash,uint40 at,"
    "uint8 action,bool permit,uint8 code,bytes32 grantId,bytes32 artefactId,uint32 facts,uint32 provider,"
    "uint32 consumer,string officer,string system,uint32 represents,bytes32 caseDigest,bytes32 dataset,"
    "bytes32 record,uint32 version,bytes32 subject,bytes32 purpose,uint8 parts,bytes32 recordLeaf,uint8 kem,"
    "bytes32 sealingKeyDigest,bytes32 salt)"
)
DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
CHANGES = ("LogOpened(uint64,uint32,uint8,address,uint64)", "OperatorSet(uint64,address)")
RULES = (
    "131+0-1 132+0+8 130+0 11-2 21-3 22-4 31-5 32-6 41+7+20+8 40+7 51+8 61+9-10 62+9-11 63+9-12 60+9"
    " 71-13 72-14 81-15 91-16 101+17 102+18 111-19 120"
)
"""SPEC.md §2, the first match decides: a code, the facts that it requires (+bit) and excludes (-bit)."""
FACT_BITS, ACTIONS = 21, 13
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def load(data: bytes) -> tuple[dict[str, Any], dict[str, Any], str]:
    """The receipt, its leaf and the signature's 130 hex digits; each value in its one form."""
    view = base.members(base.strict(data), "receipt file", {"receipt", "leaf", "signature"}, set())
    pairs = [pair.split(" ") for pair in RECEIPT[8:-1].split(",")]
    fields = base.members(view["receipt"], "receipt", {name for _, name in pairs}, set())
    receipt = {name: value(kind, fields[name], name) for kind, name in pairs}
    digits = view["signature"]
    if not isinstance(digits, str) or not re.fullmatch("0x[0-9a-f]{128}1[bc]", digits):
        base.refuse("the signature is not 0x and 65 bytes ending in 27 or 28")
    if int(digits[66:130], 16) > HALF_ORDER:
        base.refuse("the signature's s is not in the lower half")
    check_possible(receipt)
    return receipt, base.load_leaf(view["leaf"]), digits[2:]


def value(kind: str, field: Any, name: str) -> Any:
    if kind == "bool":
        return field if isinstance(field, bool) else base.refuse(f"{name} is not a bool")
    return base.scalar(kind, field, name)


def check_possible(receipt: dict[str, Any]) -> None:
    """Refuses a receipt that no decision of this version has as its result (SPEC.md §3)."""
    code = decide(receipt["facts"])
    if receipt["facts"] >> FACT_BITS or (receipt["code"], receipt["permit"]) != (code, code % 10 == 0):
        base.refuse("code and permit are not the decision for the facts")
    if receipt["represents"] or receipt["artefactId"] != base.ZERO:
        base.refuse("represents and artefactId are not 0")
    has_version, has_keys = receipt["version"] != 0, receipt["kem"] != 0
    if has_version != (receipt["recordLeaf"] != base.ZERO) or has_version > receipt["permit"]:
        base.refuse("version and recordLeaf are not those of a permitted read")
    if has_keys != (receipt["sealingKeyDigest"] != base.ZERO) or has_keys > has_version:
        base.refuse("kem and sealingKeyDigest are not those of a release")
    if not 1 <= receipt["action"] <= ACTIONS or receipt["kem"] > 2:
        base.refuse("unknown action or kem")


def decide(facts: int) -> int:
    for rule in RULES.split():
        code, *marks = re.findall(r"[+-]?\d+", rule)
        if all((facts >> int(mark[1:]) & 1) == (mark[0] == "+") for mark in marks):
            return int(code)
    raise AssertionError("the last rule matches everything")


def struct_hash(text: str, values: list[Any]) -> bytes:
    """hashStruct of EIP-712 of strings, addresses, numbers and 32 bytes."""
    encoded = base.keccak(text.encode())
    for item in values:
        word = base.keccak(item.encode()) if isinstance(item, str) else item
        encoded += word.rjust(32, b"\0") if isinstance(word, bytes) else int(word).to_bytes(32, "big")
    return bytes(base.keccak(encoded))


def check_leaf(proof: dict[str, Any], receipt: dict[str, Any], leaf: dict[str, Any]) -> bytes:
    """Checks that the leaf is of the receipt and is the one of the proof. Returns the receipt digest."""
    digest = struct_hash(RECEIPT, list(receipt.values()))
    if leaf["type"] != "ReceiptLeaf" or leaf != proof["leaf"]:
        base.refuse("the receipt is of another leaf than the proof")
    if (leaf["receipt"], leaf["log"], leaf["instance"]) != (digest, receipt["log"], receipt["instance"]):
        base.refuse("the receipt is not the one in its leaf")
    return digest


def check_chain(
    proof: dict[str, Any], receipt: dict[str, Any], digest: bytes, digits: str, url: str, ledger: str
) -> None:
    """Checks by SPEC.md §3, "Whose receipt"."""
    base.check_anchor(proof, url, ledger)
    provider = receipt["provider"].to_bytes(32, "big")
    if base.call(url, ledger, "logOf(uint64)", receipt["log"])[0] != provider:
        base.refuse("the receipt's provider is not the agency of its log")
    catalog = "0x" + base.call(url, ledger, "catalog()")[0][12:].hex()
    if base.call(url, catalog, "standing(bytes32)", int.from_bytes(receipt["dataset"], "big"))[0] != provider:
        base.refuse("the receipt's provider is not its dataset's")
    anchor = proof["anchor"]
    domain = struct_hash(DOMAIN, ["cityledger", "1", anchor["chainId"], anchor["ledger"]])
    if operator_at(receipt, url, ledger) != signer(base.keccak(b"\x19\1" + domain + digest), digits, url):
        base.refuse("the receipt is not signed by the operator of its log at the receipt's block")


def signer(digest: bytes, digits: str, url: str) -> str:
    """The signing account, 40 hex digits, by the precompiled contract 1."""
    data = f"0x{digest.hex()}{digits[128:]:0>64}{digits[:128]}"
    return str(base.ask(url, "eth_call", {"to": f"0x{1:040x}", "data": data}, "latest"))[-40:]


def operator_at(receipt: dict[str, Any], url: str, ledger: str) -> str:
    """The log's operator at the end of the receipt's block, 40 hex digits; "" where it was not open."""
    head = base.ask(url, "eth_getBlockByNumber", base.TAG["block"], False)
    if not isinstance(head, dict) or receipt["blockNumber"] > int(head["number"], 16):
        base.refuse("the receipt names a block that the chain does not have yet")
    topics = [["0x" + base.keccak(text.encode()).hex() for text in CHANGES], f"0x{receipt['log']:064x}"]
    place = {"address": ledger, "fromBlock": "0x0", "toBlock": hex(receipt["blockNumber"]), "topics": topics}
    events = base.ask(url, "eth_getLogs", place)
    places = [(int(one["blockNumber"], 16), int(one["logIndex"], 16), one["data"][-40:]) for one in events]
    return str(max(places)[2]) if places else ""


def arguments() -> argparse.Namespace:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description="Check a signed receipt.", epilog=HELP, formatter_class=form)
    parser.add_argument("proof", type=Path, help="the proof file of the receipt leaf")
    parser.add_argument("receipt", type=Path, help="the signed receipt")
    parser.add_argument("--final", action="store_true", help="check at the last final block")
    parser.add_argument("--rpc", metavar="URL", help="JSON-RPC endpoint of a chain that you trust")
    parser.add_argument("--ledger", metavar="ADDRESS", help="the RecordLedger that the city published")
    given = parser.parse_args()
    if not re.fullmatch(r"None None|https?://\S+ 0x[0-9a-fA-F]{40}", f"{given.rpc} {given.ledger}"):
        parser.error("--rpc must be an http(s) URL and needs --ledger with a published address (0x...)")
    return given


def main() -> int:
    given = arguments()
    base.TAG["block"] = "finalized" if given.final else "latest"
    try:
        proof = base.load(given.proof.read_bytes())
        base.check_path(proof)
        receipt, leaf, digits = load(given.receipt.read_bytes())
        digest = check_leaf(proof, receipt, leaf)
        if given.rpc:
            check_chain(proof, receipt, digest, digits, given.rpc, given.ledger)
    except (base.NotVerifiedError, OSError) as error:
        is_refused = isinstance(error, base.NotVerifiedError)
        print(f"{'NOT VERIFIED' if is_refused else 'cannot check'}: {error}", file=sys.stderr)
        return 4 if is_refused else 2
    print("verified:", "anchored" if given.rpc else "path only", f"(receipt 0x{digest.hex()})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
