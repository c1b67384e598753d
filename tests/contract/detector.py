"""Finds in a text what must never be committed: secrets, real identities and addresses, registry hosts, paths of one machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

# Account numbers that AWS's own documentation uses, and their plainest variations.
EXAMPLE_ACCOUNTS = {"123456789012", "210987654321", "111122223333", "444455556666", "000000000000"}
# Written in pieces, as this file is searched too.
REGISTRIES = [
    "pypi" + r"\.org",
    "python" + r"hosted\.org",
    "debian" + r"\.(org|net)",
    "ubuntu" + r"\.com",
    "npm" + r"js\.(org|com)",
    "crates" + r"\.io",
    "ghcr" + r"\.io",
    "quay" + r"\.io",
    "docker" + r"\.com",
    "galaxy\\.ansible" + r"\.com",
    "proxy\\.golang" + r"\.org",
]


@dataclass(frozen=True, kw_only=True)
class Finding:
    kind: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.kind}: {self.text}"


def _is_real_id(match: re.Match[str]) -> bool:
    """Examples count up from zero or are mostly zeros; AWS's ids are random."""
    digits = match["hex"]
    return not digits.startswith(("0123456789abcdef"[: len(digits)], "12345678", "00000000", "0fedcba9")) and len(set(digits)) > 3


def _is_public(match: re.Match[str]) -> bool:
    try:
        return IPv4Address(match[0]).is_global and not match[0].endswith(".0.0.0")  # that is a network's name
    except AddressValueError:
        return False


def _always(_: re.Match[str]) -> bool:
    return True


RULES = {
    "AWS access key": (re.compile(r"\b(AKIA|ASIA|ABIA|ACCA|AIDA|AROA)[A-Z0-9]{16}\b"), _always),
    "AWS secret key": (re.compile(r"(?i)secret_?access_?key\W{1,4}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"), _always),
    "private key": (re.compile(r"-----BEGIN ([A-Z]+ )*PRIVATE KEY"), _always),
    "vault": (re.compile(r"\$ANSIBLE_VAUL[T];"), _always),
    "token": (re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{36}|xox[abpr]-[A-Za-z0-9-]{10,}|shp(at|ss|ca)_[0-9a-f]{32})"), _always),
    "password in a URL": (
        re.compile(r"\b[a-z][a-z0-9+]*://[^\s/:@{}<>$'\"]*:(?P<password>[^\s/@{}<>$'\"]+)@"),
        lambda match: match["password"] != "word",  # what tests of masking use
    ),
    "AWS account": (re.compile(r"(?<![\w.])\d{12}(?![\w.])"), lambda match: match[0] not in EXAMPLE_ACCOUNTS),
    "AWS resource": (
        re.compile(r"\b(i|ami|sg|vpc|subnet|vol|eni|snap|igw|rtb|eipalloc|lt|acl|nat)-(?P<hex>[0-9a-f]{17}|[0-9a-f]{8})\b"),
        _is_real_id,
    ),
    "public address": (re.compile(r"(?<![\w.-])(?<!\w==)\d{1,3}(\.\d{1,3}){3}(?![\w.])"), _is_public),  # behind == stands a version
    "registry host": (re.compile(rf"(?i)\b({'|'.join(REGISTRIES)})\b"), _always),
    "path of one machine": (re.compile(r"(/wor[k]/(main|shared)|/roo[t]/\.pyenv|/opt/(wheel[s]|pypi))"), _always),
}


def find(text: str) -> Iterator[Finding]:
    """Yield what must not be in ``text``, with its line number from 1."""
    for number, line in enumerate(text.splitlines(), start=1):
        for kind, (pattern, counts) in RULES.items():
            for match in pattern.finditer(line):
                if counts(match):
                    yield Finding(kind=kind, line=number, text=match[0])
