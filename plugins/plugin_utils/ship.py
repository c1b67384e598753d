# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a source tree ships, and as which bytes.

The same files give the same archive wherever they come from: a directory, a tarball or a git commit. Only a file's name, content
and executable bit count; owners, times, other permissions and empty directories do not.
"""

from __future__ import annotations

import hashlib
import io
import os
import posixpath
import re
import stat
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

RULES_VERSION = 1
"""Raised when the rules below change, so that releases made by other rules have other ids."""

NEVER = (
    ".git .gitmodules .hg .svn .DS_Store ._* __pycache__ *.pyc *.pyo .pytest_cache .mypy_cache .ruff_cache .hypothesis .tox .nox "
    ".cache venv .venv virtualenv .direnv .env .env.* *.env .aws .ssh .netrc *.db *.db3 *.db-* *.sqlite *.sqlite3 *.sqlite-* "
    "*.sqlite3-* *.log *.log.* *.swp *~ .idea .vscode .coverage .coverage.* htmlcov"
).split()
"""What no declaration can ship: histories, caches, virtual environments, secrets, databases, logs."""

MAX_BYTES = 512 * 1024 * 1024


class ShipError(Exception):
    """A sentence for the user."""


@dataclass(frozen=True)
class Entry:
    """One shipped file, or symbolic link when ``link`` is set. ``name`` is relative with ``/``."""

    name: str
    data: bytes = b""
    executable: bool = False
    link: str = ""


def _segments(pattern: str) -> Iterator[str]:
    parts = pattern.split("/")
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part == "**":
            yield ".*" if last else "(?:[^/]+/)*"
            continue
        yield "".join({"*": "[^/]*", "?": "[^/]"}.get(c, re.escape(c)) for c in part) + ("" if last else "/")


def glob_regex(pattern: str, *, everywhere: bool) -> str:
    """Translate a glob. With ``everywhere``, one without a slash matches at every level, as in .gitignore."""
    clean = pattern.rstrip("/")
    if not clean or clean.startswith("/") or ".." in clean.split("/"):
        raise ShipError(f"the glob {pattern!r} must be relative to the source and stay inside it")
    prefix = "(?:[^/]+/)*" if everywhere and "/" not in clean else ""
    return prefix + "".join(_segments(clean))


@dataclass(frozen=True)
class Rules:
    """Which names ship: what ``ship`` matches and ``never`` (with :data:`NEVER`) does not. ``always`` are exact names."""

    ship: Sequence[str] = ("**",)
    never: Sequence[str] = ()
    always: Sequence[str] = field(default=())

    @cached_property
    def _never(self) -> re.Pattern[str]:
        globs = "|".join(glob_regex(p, everywhere=True) for p in (*NEVER, *self.never))
        return re.compile(f"(?:{globs})(?:/.*)?", re.IGNORECASE | re.DOTALL)

    @cached_property
    def _ship(self) -> dict[str, re.Pattern[str]]:
        return {p: re.compile(f"(?:{glob_regex(p, everywhere=False)})(?:/.*)?", re.DOTALL) for p in self.ship}

    def refuses(self, name: str) -> bool:
        """Whether ``name``, a file or a directory, never ships."""
        return name not in self.always and self._never.fullmatch(name) is not None

    def wants(self, name: str) -> bool:
        """Whether the file ``name`` ships."""
        if name in self.always:
            return True
        return not self.refuses(name) and any(regex.fullmatch(name) for regex in self._ship.values())

    def unmatched(self, names: Iterable[str]) -> list[str]:
        """The globs of ``ship`` that match none of ``names``: most likely misspelt."""
        found = list(names)
        return [p for p, regex in self._ship.items() if not any(regex.fullmatch(name) for name in found)]


def _check_name(name: str, where: str) -> None:
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or "" in parts or "." in parts:
        raise ShipError(f"{where}: the path {name!r} leaves the tree; nothing was shipped")
    if any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 or ord(c) == 127 for c in name):
        raise ShipError(f"{where}: the file name {name!r} has control characters or is not UTF-8; rename it or list it in never_ship")


def _check_link(entry: Entry, entries: dict[str, Entry], where: str) -> None:
    target = entry.link
    up_after_down = re.search(r"(?:^|/)(?!\.\.?(?:/|$))[^/]+/(?:.*/)?\.\.(?:/|$)", target)
    resolved = posixpath.normpath(posixpath.join(posixpath.dirname(entry.name), target))
    if target.startswith("/") or resolved.startswith("..") or up_after_down:
        raise ShipError(
            f"{where}: the symbolic link {entry.name!r} points to {target!r}, out of the tree (or by a way that could lead there); "
            "replace it by the file itself or list it in never_ship"
        )
    if resolved != "." and resolved not in entries and not any(name.startswith(resolved + "/") for name in entries):
        raise ShipError(f"{where}: the symbolic link {entry.name!r} points to {target!r}, which does not ship; list the link in never_ship")


def _checked(found: Iterable[Entry], rules: Rules, where: str) -> list[Entry]:
    entries: dict[str, Entry] = {}
    total = 0
    for entry in found:
        _check_name(entry.name, where)
        if entry.name in entries:
            raise ShipError(f"{where}: {entry.name!r} is there twice")
        entries[entry.name] = entry
        total += len(entry.data)
        if total > MAX_BYTES:
            raise ShipError(f"{where}: more than {MAX_BYTES >> 20} MiB would ship, so data is among the code; list it in never_ship or narrow ship")
    for entry in entries.values():
        if entry.link:
            _check_link(entry, entries, where)
        for parent in Path(entry.name).parents:
            if str(parent) in entries:
                raise ShipError(f"{where}: {entry.name!r} lies below {str(parent)!r}, which is no directory")
    _check_globs(entries, rules, where)
    return [entries[name] for name in sorted(entries)]


def _check_globs(entries: dict[str, Entry], rules: Rules, where: str) -> None:
    if not any(rules.wants(name) for name in entries if name not in rules.always) and not entries:
        raise ShipError(f"{where}: nothing ships; look at ship and never_ship")
    unmatched = rules.unmatched(entries)
    if unmatched:
        raise ShipError(f"{where}: the ship glob {unmatched[0]!r} matches nothing that may ship; correct or remove it")


def _walk(top: str, rules: Rules, where: str) -> Iterator[Entry]:
    def fail(error: OSError) -> None:
        raise ShipError(f"{where}: {error.filename} cannot be read ({error.strerror})")

    for directory, names, files in os.walk(top, onerror=fail):
        relative = os.path.relpath(directory, top).replace(os.sep, "/")
        prefix = "" if relative == "." else f"{relative}/"
        links = [name for name in names if os.path.islink(os.path.join(directory, name))]
        names[:] = [
            name
            for name in sorted(names)
            if name not in links and not rules.refuses(prefix + name) and not os.path.exists(os.path.join(directory, name, "pyvenv.cfg"))
        ]
        for name in sorted([*files, *links]):
            if rules.wants(prefix + name):
                yield _read(os.path.join(directory, name), prefix + name, where)


def _read(path: str, name: str, where: str) -> Entry:
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            return Entry(name, link=os.readlink(path))
        if not stat.S_ISREG(status.st_mode):
            raise ShipError(f"{where}: {name!r} is neither file, directory nor symbolic link; list it in never_ship")
        return Entry(name, Path(path).read_bytes(), bool(status.st_mode & 0o100))
    except OSError as error:
        raise ShipError(f"{where}: {name!r} cannot be read ({error.strerror})") from None


def from_directory(path: str, rules: Rules) -> list[Entry]:
    """Return what ships of a directory, sorted by name. What never ships is not even read."""
    where = f"source directory {path}"
    if not os.path.isdir(path):
        raise ShipError(f"{where} does not exist on the controller")
    return _checked(_walk(path, rules, where), rules, where)


def _top_directory(names: Sequence[str]) -> str:
    """The one directory that holds everything, as releases are packed, unless it is the Python package itself."""
    tops = {name.split("/", 1)[0] for name in names}
    if len(tops) != 1 or any("/" not in name for name in names):
        return ""
    (top,) = tops
    return "" if f"{top}/__init__.py" in names else f"{top}/"


def _members(tar: tarfile.TarFile, rules: Rules, where: str, *, strip: bool) -> Iterator[Entry]:
    members = {}
    for member in tar.getmembers():
        name = member.name[2:] if member.name.startswith("./") else member.name
        if not member.isdir() and name != "pax_global_header":
            _check_name(name, where)
            members[name] = member
    top = _top_directory(list(members)) if strip else ""
    environments = {name[len(top) :].rpartition("/")[0] for name in members if name.endswith("/pyvenv.cfg")} - {""}
    for full, member in members.items():
        name = full[len(top) :]
        if not rules.wants(name) or any(name.startswith(f"{env}/") for env in environments):
            continue
        if member.issym():
            yield Entry(name, link=member.linkname)
            continue
        stream = tar.extractfile(member) if member.isreg() or member.islnk() else None
        if stream is None:
            raise ShipError(f"{where}: {name!r} is neither file, directory nor symbolic link; list it in never_ship")
        yield Entry(name, stream.read(MAX_BYTES + 1), bool(member.mode & 0o100))


def from_tar(data: bytes, rules: Rules, *, where: str, strip: bool = True) -> list[Entry]:
    """Return what ships of a tar archive, sorted by name; with ``strip`` a single top directory is taken off."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return _checked(_members(tar, rules, where, strip=strip), rules, where)
    except (tarfile.TarError, EOFError, OSError, KeyError) as error:
        raise ShipError(f"{where} is not a whole tar archive ({error})") from None


def _header(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.mtime = kind, mode, 0
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def archive(entries: Iterable[Entry]) -> bytes:
    """Return the entries as an uncompressed tar: sorted, times 0, owner 0, permissions 0755 or 0644."""
    ordered = sorted(entries, key=lambda entry: entry.name)
    parents = {str(parent) for entry in ordered for parent in Path(entry.name).parents if str(parent) != "."}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(parents):
            tar.addfile(_header(name, tarfile.DIRTYPE, 0o755))
        for entry in ordered:
            if entry.link:
                info = _header(entry.name, tarfile.SYMTYPE, 0o777)
                info.linkname = entry.link
                tar.addfile(info)
            else:
                info = _header(entry.name, tarfile.REGTYPE, 0o755 if entry.executable else 0o644)
                info.size = len(entry.data)
                tar.addfile(info, io.BytesIO(entry.data))
    return buffer.getvalue()


def release_id(*parts: bytes) -> str:
    """Return 12 hexadecimal digits that name exactly these parts and these rules."""
    digest = hashlib.sha256(f"steady.fleet release {RULES_VERSION}\n".encode())
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()[:12]
