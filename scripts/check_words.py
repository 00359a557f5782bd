"""Lists private idiom in prose and in the names that code binds; ends with 1 if there is any.

Usage: check_words.py [PATH ...]   (files or folders; by default everything that is checked in)

Reads comments and texts of Python, comments of Solidity, and Markdown outside of code. The lists are short:
they hold what crept in before, not everything that CONTRIBUTING, "How it is written", asks for.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PHRASES = {
    r"\btold\b": "reported, returned or disclosed",
    r"\btells\b(?! apart)": "reports, shows or says",
    r"\bholds? (?:\w+ )?against\b|\bheld against\b": "checked against, compared with",
    r"\bnobody\b|\bsomebody\b|\bwhoever\b": "no caller, another process, any client",
    r"\bgo(?:es|ing)? on\b|\bwent on\b": "continues, resumes",
    r"\bfor good\b": "permanently",
    r"\banew\b": "again, from scratch",
    r"\bin between\b|\bmeanwhile\b": "concurrently, since then",
    r"\bpass(?:ed|es) over\b": "ignored, skipped",
    r"\bany more\b": "no longer",
    r"\bhears?\b|\bheard\b": "is called with, receives",
    r"\btwins?\b": "counterpart, mirror",
    r"\bmended?\b|\bmends\b|\bheed(?:s|ed)?\b": "fixed; supports",
    r"\bto be had\b|\bgood once\b": "available; single-use",
    r"\blets? through\b": "permits",
    r"\bwhat became of\b|\bbecomes? of\b": "the outcome of",
    r"\bsaid to be\b": "declared as",
    r"\bby turns\b|\bin turns\b": "round-robin",
    r"\bspoken to\b|\bare spoken\b": "is supported",
    r"\blooked at\b|\blooks? after\b|\blooked after\b|\bthe looks\b": "checked, monitored by",
    r"\b(?:has|have) landed\b|\blands? (?:a|the) version\b": "is the current head",
    r"\bcame out\b|\bas told\b": "succeeded, as expected",
    r"\bdearer\b|\bfell silent\b": "with a higher fee; stopped responding",
}
NAMES = {
    "told": "message, detail, answer or outcome",
    "held": "stored, existing, loaded or current",
    "heard": "received",
    "asked": "request, requested",
    "dice": "sampler",
    "twin": "counterpart",
    "landed": "head",
    "woken": "notified",
}
ALLOWED = {"is_held", "ROLE_HELD", "ROLE_NOT_HELD"}
"""A lock is held, and so is a role."""
_TESTS = ("tests/unit/test_check_words_script.py", "tests/unit/proofs/test_merkle.py")
EXEMPT = ("docs/glossary.md", "scripts/check_words.py", "scripts/vector_sets/", "tests/vectors/", *_TESTS)
"""The glossary names what is not said, and the vectors' texts are part of published bytes."""
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_CODE = re.compile(r"```.*?```|`[^`\n]*`|\]\([^)]*\)", re.DOTALL)


class Finding(NamedTuple):
    path: str
    line: int
    found: str
    instead: str


def main() -> int:
    findings = [one for path in _checked_in(sys.argv[1:]) for one in find(str(path), path.read_text("utf-8"))]
    for one in findings:
        print(f"{one.path}:{one.line}: {one.found!r}: write {one.instead}")
    return bool(findings)


def find(path: str, text: str) -> Iterator[Finding]:
    """The idiom in one file's text."""
    for line, prose in _prose(path, text):
        for pattern, instead in PHRASES.items():
            for match in re.finditer(pattern, prose, re.IGNORECASE):
                yield Finding(path, line + prose.count("\n", 0, match.start()), match[0], instead)
    for line, name in _bound_names(text) if path.endswith(".py") else ():
        for word in {word.lower() for word in _WORD.findall(name)} & NAMES.keys():
            yield Finding(path, line, name, NAMES[word])


def _prose(path: str, text: str) -> Iterator[tuple[int, str]]:
    if path.endswith(".md"):
        yield 1, _CODE.sub(lambda code: "\n" * code[0].count("\n"), text)
    elif path.endswith(".sol"):
        for comment in re.finditer(r"//[^\n]*|/\*.*?\*/", text, re.DOTALL):
            yield text.count("\n", 0, comment.start()) + 1, comment[0]
    else:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            is_text = tokenize.tok_name[token.type] in {"STRING", "FSTRING_MIDDLE"} and " " in token.string
            if is_text or token.type == tokenize.COMMENT:
                yield token.start[0], token.string


def _bound_names(text: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(text)):
        match node:
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
                | ast.arg(arg=name)
                | ast.Name(id=name, ctx=ast.Store())
            ):
                if name not in ALLOWED and not name.startswith("test_"):
                    yield node.lineno, name


def _checked_in(places: list[str]) -> list[Path]:
    command = ["git", "ls-files", "--", *(places or ["."])]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
    return [
        Path(one) for one in listed if one.endswith((".py", ".sol", ".md")) and not one.startswith(EXEMPT)
    ]


if __name__ == "__main__":
    sys.exit(main())
