# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an application comes from: each way ends in the same list of entries, or in one wheel. All are pinned."""

from __future__ import annotations

import hashlib
import importlib
import os
import re
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ansible_collections.steady.fleet.plugins.plugin_utils import ship
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

KINDS = ("directory", "tarball", "wheel", "s3", "git")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")


class SourceError(Exception):
    """A sentence for the user."""


@dataclass(frozen=True)
class Source:
    """What was obtained. ``wheel`` is its file name and content when the application is a wheel, else ``entries`` count."""

    description: str
    entries: tuple[ship.Entry, ...] = ()
    wheel: tuple[str, bytes] | None = None
    requirements: bytes = b""


@dataclass(frozen=True)
class Request:
    """What is wanted. ``find`` turns a path of the declaration into one on the controller."""

    source: Mapping[str, Any]
    rules: ship.Rules
    requirements: str
    cache: str
    find: Callable[[str], str] = os.path.abspath


def kind_of(source: Mapping[str, Any]) -> str:
    """Return the one kind that ``source`` names."""
    said = [kind for kind in source if source[kind] is not None]
    unknown = [kind for kind in said if kind not in KINDS]
    if unknown or len(said) != 1:
        found = ", ".join(sorted(said)) or "nothing"
        raise SourceError(f"the application's source must say exactly one of {', '.join(KINDS)}; it says {found}")
    return said[0]


def _lock_in(entries: list[ship.Entry], name: str, where: str) -> bytes:
    if not name:
        return b""
    for entry in entries:
        if entry.name == name:
            if entry.link:
                raise SourceError(f"{where}: the lock {name!r} is a symbolic link; make it a file")
            return entry.data
    raise SourceError(f"{where} has no {name!r}; add a lock made with hashes, or say that there are no requirements with an empty name")


def _from_tree(request: Request, entries: list[ship.Entry], where: str) -> Source:
    return Source(where, tuple(entries), requirements=_lock_in(entries, request.requirements, where))


def _directory(request: Request) -> Source:
    path = request.find(str(request.source["directory"]))
    return _from_tree(request, ship.from_directory(path, request.rules), f"directory {path}")


def _read(path: str, what: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SourceError(f"{what} {path} cannot be read on the controller ({error.strerror})") from None


def _tarball(request: Request) -> Source:
    path = request.find(str(request.source["tarball"]))
    where = f"tarball {path}"
    return _from_tree(request, ship.from_tar(_read(path, "the tarball"), request.rules, where=where), where)


def _check_wheel(name: str, data: bytes, where: str) -> None:
    try:
        parse_wheel_filename(name)
    except InvalidWheelFilename:
        raise SourceError(f"{where}: {name!r} is not a wheel's file name (name-version-python-abi-platform.whl)") from None
    with tempfile.TemporaryFile() as stream:
        stream.write(data)
        if not zipfile.is_zipfile(stream):
            raise SourceError(f"{where} is not a whole wheel (a zip archive)")


def _wheel(request: Request) -> Source:
    path = request.find(str(request.source["wheel"]))
    data, name, where = _read(path, "the wheel"), os.path.basename(path), f"wheel {path}"
    _check_wheel(name, data, where)
    lock = request.requirements and os.path.join(os.path.dirname(path), request.requirements)
    return Source(where, wheel=(name, data), requirements=_read(lock, "the wheel's lock") if lock else b"")


def _keep(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f"{path.name}.{os.getpid()}")
    staged.write_bytes(data)
    staged.replace(path)


def _download_s3(wanted: Mapping[str, Any]) -> bytes:
    # Imported only here: boto3 takes a third of a second, which no other kind of source should pay.
    aws = importlib.import_module("ansible_collections.steady.fleet.plugins.plugin_utils.release_aws")
    try:
        data: bytes = aws.get_object(wanted)
    except aws.AwsError as error:
        raise SourceError(str(error)) from None
    return data


def _s3(request: Request) -> Source:
    wanted = request.source["s3"]
    where = f"s3://{wanted['bucket']}/{wanted['key']}"
    version, digest = wanted.get("version_id"), str(wanted.get("sha256") or "").lower()
    if not version and not digest:
        raise SourceError(f"{where} is not pinned: an object can be overwritten, so say its version_id (or its sha256)")
    where += f" version {version}" if version else f" sha256 {digest[:12]}…"
    key = hashlib.sha256(repr((wanted["bucket"], wanted["key"], version, digest)).encode()).hexdigest()[:24]
    kept = Path(request.cache, "sources", key, os.path.basename(str(wanted["key"])))
    data = kept.read_bytes() if kept.is_file() else _download_s3(wanted)
    if digest and hashlib.sha256(data).hexdigest() != digest:
        raise SourceError(f"{where} holds other content than the declared sha256; deploy what was tested, or correct the digest")
    if not kept.is_file():
        _keep(kept, data)
    if kept.suffix == ".whl":
        _check_wheel(kept.name, data, where)
        return Source(where, wheel=(kept.name, data), requirements=_lock_of_wheel(data, request.requirements, where))
    return _from_tree(request, ship.from_tar(data, request.rules, where=where), where)


def _lock_of_wheel(data: bytes, name: str, where: str) -> bytes:
    """The lock that a wheel carries inside: one fetched alone has no neighbour."""
    if not name:
        return b""
    with tempfile.TemporaryFile() as stream:
        stream.write(data)
        with zipfile.ZipFile(stream) as wheel:
            found = [entry for entry in wheel.namelist() if entry == name or entry.endswith(f"/{name}")]
            if len(found) == 1:
                return wheel.read(found[0])
    raise SourceError(f"{where} carries {len(found)} files named {name!r}; it must carry one, or the name of the lock must be empty")


def _git(*arguments: str, repository: str) -> bytes:
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh"}
    try:
        done = subprocess.run(["git", *arguments], env=environment, capture_output=True, check=False, timeout=900)
    except FileNotFoundError:
        raise SourceError("git is not installed on the controller; install it, or use another kind of source") from None
    except subprocess.TimeoutExpired:
        raise SourceError(f"git repository {repository} did not answer within 900 s") from None
    if done.returncode != 0:
        lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        raise SourceError(f"git repository {repository}: {lines[-1] if lines else 'git failed without a word'}")
    return done.stdout


def _resolve(repository: str, wanted: str) -> str:
    """Return the commit that a full id or a tag names. What moves is refused."""
    if _COMMIT.match(wanted):
        return wanted
    refs = {}
    for line in _git("ls-remote", "--", repository, repository=repository).decode(errors="replace").splitlines():
        commit, _, name = line.partition("\t")
        refs[name] = commit
    tag = refs.get(f"refs/tags/{wanted}^{{}}") or refs.get(f"refs/tags/{wanted}")
    if tag:
        return tag
    if f"refs/heads/{wanted}" in refs or wanted == "HEAD":
        raise SourceError(
            f"git repository {repository}: {wanted!r} is a branch and moves; name a tag or the full commit id "
            f"(now {refs.get(f'refs/heads/{wanted}', refs.get('HEAD', ''))})"
        )
    raise SourceError(f"git repository {repository}: {wanted!r} is neither a full commit id (40 digits) nor a tag there")


def _from_git(request: Request) -> Source:
    wanted = request.source["git"]
    repository, name = str(wanted["repository"]), str(wanted["commit"])
    if repository.startswith("-") or not repository:
        raise SourceError(f"{repository!r} is not the address of a git repository")
    if re.search(r"://[^/@\s]*:[^/@\s]*@", repository):
        raise SourceError("the git repository's address carries a password; use an SSH key or git's credential helper on the controller")
    if ":" not in repository:
        repository = request.find(repository)
    commit = _resolve(repository, name)
    where = f"git {repository} at {name}" + ("" if name == commit else f" ({commit[:12]})")
    kept = Path(request.cache, "sources", f"{commit}.tar")
    if not kept.is_file():
        _keep(kept, _archive(repository, commit, request.cache))
    # The commit's own content, so `top directory` is a question for tarballs only: git archive makes none.
    return _from_tree(request, ship.from_tar(kept.read_bytes(), request.rules, where=where, strip=False), where)


def _archive(repository: str, commit: str, cache: str) -> bytes:
    Path(cache).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="git.", dir=cache) as bare:
        git = ["--git-dir", bare]
        _git(*git, "init", "--quiet", "--bare", repository=repository)
        try:
            _git(*git, "fetch", "--quiet", "--depth", "1", "--", repository, commit, repository=repository)
        except SourceError:
            # Not every server hands out a commit by its id; all of them hand out their branches and tags.
            refs = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
            _git(*git, "fetch", "--quiet", "--", repository, *refs, repository=repository)
        return _git(*git, "archive", "--format=tar", commit, repository=repository)


_WAYS: dict[str, Callable[[Request], Source]] = {
    "directory": _directory,
    "tarball": _tarball,
    "wheel": _wheel,
    "s3": _s3,
    "git": _from_git,
}


def obtain(request: Request) -> Source:
    """Obtain the application. Raises :class:`SourceError` or :class:`ship.ShipError`."""
    always = (request.requirements,) if request.requirements else ()
    ruled = replace(request, rules=replace(request.rules, always=always))
    return _WAYS[kind_of(request.source)](ruled)
