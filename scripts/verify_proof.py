#!/usr/bin/env python3
"""Checks a cityledger proof file with Python's standard library alone (SPEC.md §3, §4, §7).

This file shares no code with the service: copy it, read it, run it anywhere. It has its own Keccak-256.
"""

from __future__ import annotations

import argparse
import hmac
import http.client
import json
import re
import sys
import urllib.request
from pathlib import Path
from typing import Any, NoReturn

HELP = """\
A proof file states: this leaf is, unchanged, in a batch whose root was anchored on the city's chain.

  verify_proof.py proof.json
      "path only": the file agrees with itself. Whether the root is on the chain is not checked.
  verify_proof.py proof.json --rpc https://node.example --ledger 0x... [--final]
      "anchored": the root is in the ledger of the chain that you query. Take the ledger's address from what
      the city published, never from the file: a ledger that the file chose would prove nothing.
      "root only": likewise, but it is not known whose record or read the leaf is about. Show the leaf that a
      tombstone erased by its proof, --erased FILE; for a receipt leaf use verify_receipt.py.
  verify_proof.py proof.json --payload summary=summary.json
      Also: these bytes are what the leaf's part commits to. Needs the part's opening in the file.
An anchor proves that the leaf has not changed since, not that its content is true; what is not --final may
be undone by a reorganisation. Exit status: 0 verified, 2 usage (or no answer), 4 not verified.
"""
PART_TEXT = "Part(bytes32 nameHash,bytes32 ciphertextDigest,bytes32 commitment)"
TYPES = {
    "RecordLeaf": "RecordLeaf(bytes32 instance,uint64 log,uint64 seq,bytes32 dataset,bytes32 record,"
    "uint32 version,bytes32[] subjects,bytes32 schema,Part[] parts)" + PART_TEXT,
    "Tombstone": "Tombstone(bytes32 instance,uint64 log,uint64 seq,bytes32 erasedLeaf,uint8 reason,"
    "uint40 erasedAt,uint40 unrecoverableAt)",
    "ReceiptLeaf": "ReceiptLeaf(bytes32 instance,uint64 log,uint64 seq,bytes32 receipt,bytes32 previous,"
    "uint64 readNo,bytes32 prevReadOfRecord)",
}
PART = "string name,bytes32 ciphertextDigest,bytes32 commitment"
TREE = "uint64 log,uint64 first,uint32 count,uint32 index,bytes32 root,bytes32[] path"
ANCHOR = "uint256 chainId,address ledger,bytes32 transaction,uint64 blockNumber,bytes32 blockHash"
OPENING = "uint8 part,bytes32 opening"
ZERO, TAG = bytes(32), {"block": "latest"}


class NotVerifiedError(Exception):
    """The proof does not hold, or is not a proof file."""


def refuse(reason: str) -> NoReturn:
    raise NotVerifiedError(reason)


def keccak(data: bytes) -> bytes:
    """Keccak-256: FIPS 202's sponge with the padding 01 of the original submission, as Ethereum uses it."""
    rate, a = 136, [[0] * 5 for _ in range(5)]
    padded = bytearray(data + b"\1" + bytes(rate - 1 - len(data) % rate))
    padded[-1] |= 0x80
    for start in range(0, len(padded), rate):
        for i in range(rate // 8):
            a[i % 5][i // 5] ^= int.from_bytes(padded[start + 8 * i : start + 8 * i + 8], "little")
        keccak_f(a)
    return b"".join(a[i][0].to_bytes(8, "little") for i in range(4))


def keccak_f(a: list[list[int]]) -> None:
    """The permutation of FIPS 202 §3.2 (theta, rho and pi, chi, iota) on 64-bit lanes a[x][y], in place."""
    register = 1
    for _ in range(24):
        c = [a[x][0] ^ a[x][1] ^ a[x][2] ^ a[x][3] ^ a[x][4] for x in range(5)]
        for x in range(5):
            a[x] = [lane ^ c[x - 1] ^ rotate(c[(x + 1) % 5], 1) for lane in a[x]]
        x, y, current = 1, 0, a[1][0]
        for t in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            current, a[x][y] = a[x][y], rotate(current, (t + 1) * (t + 2) // 2)
        for y in range(5):
            row = [a[x][y] for x in range(5)]
            for x in range(5):
                a[x][y] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5])
        for j in range(7):
            a[0][0] ^= (register & 1) << ((1 << j) - 1)
            register = register << 1 ^ (0x171 if register & 0x80 else 0)


def rotate(lane: int, count: int) -> int:
    return (lane << count % 64 | lane >> (64 - count % 64)) & (2**64 - 1)


def load(data: bytes) -> dict[str, Any]:
    """Step 1, the form. Returns bytes for hex and int for integers, each in the one form of SPEC.md §1."""
    proof = members(strict(data), "file", {"format", "leaf", "tree", "anchor"}, {"openings"})
    if proof["format"] != "cityledger-proof/1":
        refuse("unknown format")
    proof["leaf"], proof["tree"] = load_leaf(proof["leaf"]), read(TREE, proof["tree"], "tree")
    proof["anchor"] = read(ANCHOR, proof["anchor"], "anchor")
    openings = scalar("list", proof.get("openings", []), "openings")
    if "openings" in proof and not openings:
        refuse("openings is empty: leave it out if there are none")
    return proof | {"openings": [read(OPENING, item, "openings") for item in openings]}


def strict(data: bytes) -> Any:
    if len(data) > 65_536:
        refuse("the file is over 64 KB")
    no_minus_zero = lambda text: int(text if text != "-0" else "-0 is not how zero is written")  # noqa: E731
    try:
        view = json.loads(data.decode("utf-8"), object_pairs_hook=unique, parse_int=no_minus_zero)
        json.dumps(view, ensure_ascii=False).encode("utf-8")  # a lone surrogate cannot be written again
    except (ValueError, RecursionError) as error:
        raise NotVerifiedError(f"not strict JSON: {error}") from error
    return view


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(pairs) if len(dict(pairs)) == len(pairs) else refuse("a key stands twice in one object")


def members(value: Any, where: str, required: set[str], optional: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or not required <= set(value) <= required | optional:
        refuse(f"{where} is not an object, or has a missing or unknown member")
    return value


def read(fields: str, value: Any, where: str, more: tuple[str, ...] = ()) -> dict[str, Any]:
    """The values of ``fields`` ("type name,…"), which with ``more`` are all that the object may have."""
    pairs = [pair.split(" ") for pair in fields.split(",")]
    values = members(value, where, {name for _, name in pairs} | set(more), set())
    return {name: scalar(kind, values[name], f"{where}.{name}") for kind, name in pairs}


def scalar(kind: str, value: Any, where: str) -> Any:
    """One value in its one form: 0x hex in lower case, a decimal string from uint64 up, an integer below."""
    if kind == "bytes32[]":
        return [scalar("bytes32", item, where) for item in scalar("list", value, where)]
    if isinstance(value, {"list": list, "string": str}.get(kind, ())):
        return value
    digits = {"bytes32": 64, "address": 40}.get(kind)
    if digits and isinstance(value, str) and re.fullmatch(f"0x[0-9a-f]{{{digits}}}", value):
        return bytes.fromhex(value[2:])
    size = int(kind[4:]) if kind.startswith("uint") else 0
    if size > 53:
        is_decimal = isinstance(value, str) and re.fullmatch("0|[1-9][0-9]{0,77}", value)
        value = int(value) if is_decimal else None
    if size and type(value) is int and 0 <= value < 1 << size:
        return value
    refuse(f"{where} is not {kind} in its JSON form, or out of range")


def load_leaf(view: Any) -> dict[str, Any]:
    kind = view.get("type") if isinstance(view, dict) else None
    if not isinstance(kind, str) or kind not in TYPES:
        refuse("unknown leaf type")
    fields = TYPES[kind].split(")")[0].split("(")[1].removesuffix(",Part[] parts")
    leaf = read(fields, view, "leaf", ("type", "parts") if kind == "RecordLeaf" else ("type",))
    if kind == "RecordLeaf":
        leaf["parts"] = [read(PART, part, "leaf.parts") for part in scalar("list", view["parts"], "parts")]
    check_leaf(leaf | {"type": kind})
    return leaf | {"type": kind}


def check_leaf(leaf: dict[str, Any]) -> None:
    """Checks the conditions of SPEC.md §3 beyond the types."""
    if 0 in (leaf["log"], leaf.get("version"), leaf.get("readNo")):
        refuse("log, version and readNo count from 1")
    firsts = [leaf.get(name) == ZERO for name in ("previous", "prevReadOfRecord")]
    if leaf["type"] == "RecordLeaf":
        names, subjects = [part["name"] for part in leaf["parts"]], leaf["subjects"]
        lengths = {len(name.encode()) for name in names}
        if len(set(names)) != len(names) or not 1 <= len(names) <= 8 or not lengths <= set(range(1, 33)):
            refuse("the parts are not 1 to 8 with a name of 1 to 32 bytes each")
        if subjects != sorted(set(subjects)) or ZERO in subjects:
            refuse("the subjects do not ascend")
    elif leaf["type"] == "Tombstone":
        if leaf["reason"] not in (1, 2, 3, 4) or leaf["unrecoverableAt"] < leaf["erasedAt"]:
            refuse("unknown reason, or unrecoverable before erased")
    elif leaf["readNo"] > leaf["seq"] + 1 or firsts != [not leaf["seq"], leaf["readNo"] == 1]:
        refuse("the receipt leaf's links or readNo contradict its numbers")


def check_path(proof: dict[str, Any]) -> bytes:
    """Steps 2 to 4: the file agrees with itself. Returns the leaf hash."""
    leaf, tree, count, index = proof["leaf"], proof["tree"], proof["tree"]["count"], proof["tree"]["index"]
    if tree["log"] != leaf["log"] or index != leaf["seq"] - tree["first"] or not index < count <= 65_536:
        refuse("the place in the tree is not the leaf's")
    hashed = node = keccak(b"\0" + struct_hash(leaf))
    fn, sn = index, count - 1  # RFC 9162 §2.1.3.2
    for sibling in tree["path"]:
        if sn == 0:
            refuse("the path is too long")
        if fn & 1 or fn == sn:
            node = keccak(b"\1" + sibling + node)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = keccak(b"\1" + node + sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn or node != tree["root"]:
        refuse("the path does not lead to the root")
    parts = [opening["part"] for opening in proof["openings"]]
    if parts != sorted(set(parts)) or any(part >= len(leaf.get("parts", [])) for part in parts):
        refuse("the openings do not ascend within the leaf's parts")
    return hashed


def struct_hash(leaf: dict[str, Any]) -> bytes:
    """hashStruct of EIP-712, without a domain; the leaf's members are in the order of its type."""
    encoded = keccak(TYPES[leaf["type"]].encode())
    for name, value in leaf.items():
        if isinstance(value, list):
            encoded += keccak(b"".join(value if name == "subjects" else map(part_hash, value)))
        elif name != "type":
            encoded += value if isinstance(value, bytes) else value.to_bytes(32, "big")
    return keccak(encoded)


def part_hash(part: dict[str, Any]) -> bytes:
    words = (PART_TEXT.encode(), part["name"].encode())
    return keccak(b"".join(map(keccak, words)) + part["ciphertextDigest"] + part["commitment"])


def check_payload(proof: dict[str, Any], name: str, payload: bytes) -> None:
    parts = {proof["leaf"]["parts"][item["part"]]["name"]: item for item in proof["openings"]}
    item = parts.get(name) or refuse(f"the file has no opening for part {name}")
    found = hmac.digest(item["opening"], payload, "sha256")
    if not hmac.compare_digest(found, proof["leaf"]["parts"][item["part"]]["commitment"]):
        refuse(f"the payload is not what part {name} commits to")


def check_anchor(proof: dict[str, Any], url: str, ledger: str) -> None:
    """Steps 5 to 7: the proof agrees with the chain that the verifier chose."""
    leaf, tree, anchor = proof["leaf"], proof["tree"], proof["anchor"]
    if (anchor["ledger"].hex(), hex(anchor["chainId"])) != (ledger[2:].lower(), ask(url, "eth_chainId")):
        refuse("the proof names another chain or ledger than you asked")
    if call(url, ledger, "instance()")[0] != leaf["instance"]:
        refuse("the leaf is of another deployment")
    word = call(url, ledger, "batchAt(uint64,uint64)", tree["log"], tree["first"])[0]
    if word != keccak(tree["root"] + tree["count"].to_bytes(32, "big")):
        refuse("the ledger has no such batch")
    agency, kind = call(url, ledger, "logOf(uint64)", tree["log"])[:2]
    if kind[-1] != (2 if leaf["type"] == "ReceiptLeaf" else 1):
        refuse("the log is of another kind than the leaf")
    if leaf["type"] == "RecordLeaf":
        catalog = "0x" + call(url, ledger, "catalog()")[0][12:].hex()
        if call(url, catalog, "standing(bytes32)", int.from_bytes(leaf["dataset"], "big"))[0] != agency:
            refuse("the log is not the dataset's provider's")


def check_erased(proof: dict[str, Any], erased: dict[str, Any], url: str, ledger: str) -> None:
    """Step 8 of a tombstone: the leaf that it names, in a log of the same agency."""
    kinds = (proof["leaf"]["type"], erased["leaf"]["type"])
    if kinds != ("Tombstone", "RecordLeaf") or check_path(erased) != proof["leaf"]["erasedLeaf"]:
        refuse("the leaf shown as erased is not the one that the tombstone names")
    if url:
        check_anchor(erased, url, ledger)
        if len({call(url, ledger, "logOf(uint64)", one["leaf"]["log"])[0] for one in (proof, erased)}) != 1:
            refuse("the tombstone is in a log of another agency than the leaf that it names")


def call(url: str, contract: str, signature: str, *values: int) -> list[bytes]:
    """The 32-byte words that a view function returns."""
    data = keccak(signature.encode())[:4] + b"".join(value.to_bytes(32, "big") for value in values)
    answer = ask(url, "eth_call", {"to": contract, "data": "0x" + data.hex()}, TAG["block"])
    if not re.fullmatch("0x([0-9a-f]{64})+", str(answer)):
        raise OSError(f"{contract} does not answer {signature}")
    return [bytes.fromhex(answer[i : i + 64]) for i in range(2, len(answer), 64)]


def ask(url: str, method: str, *params: Any) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310 - http(s), see arguments()
            return json.load(response)["result"]
    except (ValueError, KeyError, TypeError, http.client.HTTPException) as error:
        raise OSError(f"no answer to {method}") from error


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(epilog=HELP, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="the proof file")
    parser.add_argument("--payload", action="append", default=[], metavar="PART=FILE", help="bytes")
    parser.add_argument("--erased", type=Path, metavar="FILE", help="proof file of the leaf that was erased")
    parser.add_argument("--final", action="store_true", help="check at the last final block")
    parser.add_argument("--rpc", metavar="URL", help="JSON-RPC endpoint of a chain that you trust")
    parser.add_argument("--ledger", metavar="ADDRESS", help="the RecordLedger that the city published")
    given = parser.parse_args()
    if not re.fullmatch(r"None None|https?://\S+ 0x[0-9a-fA-F]{40}", f"{given.rpc} {given.ledger}"):
        parser.error("--rpc must be an http(s) URL and needs --ledger with a published address (0x...)")
    return given if all("=" in item for item in given.payload) else parser.error("--payload needs PART=FILE")


def main() -> int:
    given = arguments()
    TAG["block"] = "finalized" if given.final else "latest"
    try:
        proof = load(given.file.read_bytes())
        leaf_hash = check_path(proof)
        for part, _, file in (item.partition("=") for item in given.payload):
            check_payload(proof, part, Path(file).read_bytes())
        if given.rpc:
            check_anchor(proof, given.rpc, given.ledger)
        if given.erased:
            check_erased(proof, load(given.erased.read_bytes()), given.rpc, given.ledger)
    except (NotVerifiedError, OSError) as error:
        word, status = ("NOT VERIFIED", 4) if isinstance(error, NotVerifiedError) else ("cannot check", 2)
        print(f"{word}: {error}", file=sys.stderr)
        return status
    found = "anchored" if proof["leaf"]["type"] == "RecordLeaf" or given.erased else "root only"
    print("verified:", found if given.rpc else "path only", f"(leaf 0x{leaf_hash.hex()})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
