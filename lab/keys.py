"""SSH keys in OpenSSH's own formats, and the file of pinned host keys."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

_known_hosts_lock = Lock()


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """An ed25519 key pair; ``private`` never leaves the body or the 0600 file that it is made for."""

    private: bytes
    public: str


def generate() -> KeyPair:
    """A fresh key pair."""
    key = Ed25519PrivateKey.generate()
    return KeyPair(
        private=key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()),
        public=key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(),
    )


def ensure_user_key(path: Path) -> None:
    """Make the operator's key pair ``path`` and ``path``.pub unless it is there."""
    if path.exists():
        return
    pair = generate()
    path.with_suffix(".pub").write_text(f"{pair.public} steady-lab\n", encoding="ascii")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pair.private)


def pin(known_hosts: Path, alias: str, public: str) -> None:
    """Make ``public`` the one key that ssh accepts from the host that is called ``alias``."""
    with _known_hosts_lock:
        _replace(known_hosts, [*_others(known_hosts, alias), f"{alias} {public}"])


def unpin(known_hosts: Path, alias: str) -> None:
    """Forget the host that is called ``alias``."""
    with _known_hosts_lock:
        _replace(known_hosts, _others(known_hosts, alias))


def _others(known_hosts: Path, alias: str) -> list[str]:
    lines = known_hosts.read_text(encoding="ascii").splitlines() if known_hosts.exists() else []
    return [line for line in lines if line.split(" ", 1)[0] != alias]


def _replace(path: Path, lines: Iterable[str]) -> None:
    beside = path.with_suffix(".new")
    beside.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    beside.replace(path)
