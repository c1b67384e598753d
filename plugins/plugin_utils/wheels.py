# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hash-locked requirements, and their wheels fetched on the controller for a host's Python."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement

_TIMEOUT = 1800


class WheelError(Exception):
    """A sentence for the user."""


@dataclass(frozen=True)
class Pin:
    """One requirement of a lock. ``marker`` says for which Pythons and platforms it holds."""

    name: str
    version: str
    hashes: tuple[str, ...]
    marker: str
    line: int

    def render(self) -> str:
        return " ".join([f"{self.name}=={self.version}", *(f"--hash={value}" for value in self.hashes)])


@dataclass(frozen=True)
class Target:
    """The Python of a host, as its probe describes it."""

    version: str
    full_version: str
    machine: str
    libc: tuple[str, str]
    release: str = ""
    os_version: str = ""

    @classmethod
    def of(cls, description: dict[str, Any]) -> Target:
        if description["implementation"] != "cpython" or description["threads"]:
            raise WheelError(f"the host's Python is {description['implementation']}, not standard CPython")
        libc = (str(description["libc"][0]), str(description["libc"][1]))
        names = ("version", "full_version", "machine", "release", "os_version")
        return cls(libc=libc, **{name: str(description[name]) for name in names})

    @property
    def markers(self) -> dict[str, str]:
        """The environment in which this host's pip evaluates markers."""
        return {
            "implementation_name": "cpython",
            "implementation_version": self.full_version,
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": self.release,
            "platform_system": "Linux",
            "platform_version": self.os_version,
            "python_full_version": self.full_version,
            "python_version": self.version,
            "sys_platform": "linux",
            "extra": "",
        }

    @property
    def platforms(self) -> list[str]:
        """Platform tags from the newest that this host's C library allows."""
        tags = []
        if self.libc[0] == "glibc":
            newest = int(self.libc[1].split(".")[1])
            oldest = 5 if self.machine in ("x86_64", "i686") else 17
            legacy = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
            for minor in range(newest, oldest - 1, -1):
                tags.append(f"manylinux_2_{minor}_{self.machine}")
                if minor in legacy:
                    tags.append(f"{legacy[minor]}_{self.machine}")
        return [*tags, f"linux_{self.machine}"]

    @property
    def pip_arguments(self) -> list[str]:
        abi = "cp" + self.version.replace(".", "")
        arguments = ["--python-version", self.version, "--implementation", "cp"]
        for value in (abi, "abi3", "none"):
            arguments += ["--abi", value]
        for value in self.platforms:
            arguments += ["--platform", value]
        return arguments


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    start, kept = 1, ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*$", "", raw).rstrip()
        if not kept:
            start = number
        if line.endswith("\\"):
            kept += line[:-1] + " "
            continue
        kept += line
        if kept.strip():
            yield start, kept.strip()
        kept = ""
    if kept.strip():
        yield start, kept.strip()


def _pin(line: str, where: str, number: int) -> Pin:
    lock = "make the lock anew, for instance with `uv pip compile --generate-hashes`"
    if line.startswith("-"):
        option = line.split(maxsplit=1)[0].split("=", maxsplit=1)[0]
        raise WheelError(f"{where} line {number}: option {option} is not allowed in a lock (no editable trees, no includes); {lock}")
    hashes = tuple(sorted(set(re.findall(r"--hash[= ](sha(?:256|384|512):[0-9a-f]+)", line))))
    text = re.split(r"\s--", line)[0].strip()
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        raise WheelError(f"{where} line {number}: {text[:80]!r} is not a requirement; {lock}") from None
    versions = list(requirement.specifier)
    if requirement.url or len(versions) != 1 or versions[0].operator != "==" or "*" in versions[0].version:
        raise WheelError(f"{where} line {number}: {requirement.name} is not pinned with ==; {lock}")
    if not hashes:
        raise WheelError(f"{where} line {number}: {requirement.name} has no --hash; {lock}")
    return Pin(requirement.name, versions[0].version, hashes, str(requirement.marker or ""), number)


def parse_lock(text: str, *, where: str) -> list[Pin]:
    """Read a lock: every requirement pinned with ``==`` and ``--hash``, nothing else. Errors name the file and line."""
    return [_pin(line, where, number) for number, line in _logical_lines(text)]


def select(pins: Sequence[Pin], target: Target) -> list[Pin]:
    """Return the pins that hold on ``target``, which is not the machine that runs this."""
    return [pin for pin in pins if not pin.marker or Marker(pin.marker).evaluate(dict(target.markers))]


def pip_command() -> list[str]:
    """Return how to run pip with the controller's Python: its own, or the one that the standard library carries."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    spec = importlib.util.find_spec("ensurepip")
    bundled = sorted(Path(spec.origin).parent.glob("_bundled/pip-*.whl")) if spec and spec.origin else []
    if not bundled:
        raise WheelError(f"the controller's Python {sys.executable} has no pip; install pip into it to fetch wheels")
    return [sys.executable, str(bundled[-1] / "pip")]


def explain(output: str, pins: Sequence[Pin], target: Target) -> str:
    """Turn pip's output into one sentence that names the requirement."""
    network = re.search(r"(NewConnectionError|Max retries|Name or service not known|Temporary failure|ConnectTimeout|Read timed out)", output)
    mismatch = re.search(r"DO NOT MATCH THE HASHES", output)
    missing = re.search(r"(?:satisfies the requirement|distribution found for) ([^\s(]+)", output)
    by_name = {pin.name.lower(): f"{pin.name}=={pin.version} (line {pin.line} of the lock)" for pin in pins}
    if mismatch:
        named = re.search(r"^\s+(\S+?)(?:==\S+)?(?: from .*)?:$", output[mismatch.end() :], re.MULTILINE)
        who = by_name.get(named[1].lower(), named[1]) if named else "a requirement"
        return f"what the index offers for {who} does not have the hash that the lock demands: it was changed after locking, or tampered with"
    if network:
        return f"the package index cannot be reached from the controller ({network[1]}); check its network and pip configuration"
    if missing:
        who = by_name.get(re.split(r"[=<>!~\[]", missing[1])[0].lower(), missing[1])
        return (
            f"there is no wheel of {who} for Python {target.version} on {target.machine} with {' '.join(target.libc)}; "
            "pin a version that has one, or put a wheel that you built where the controller's pip finds it and lock its hash"
        )
    lines = [line for line in output.splitlines() if line.strip()]
    return "pip download failed: " + " | ".join(lines[-3:])


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _download(pins: Sequence[Pin], target: Target, directory: str) -> None:
    lock = Path(directory, "requirements.txt")
    lock.write_text("".join(f"{pin.render()}\n" for pin in pins))
    # No dependencies are looked for: the lock is the whole list, and markers were evaluated for the host, which pip cannot do.
    argv = [*pip_command(), "download", "--no-deps", "--only-binary=:all:", "--require-hashes", "--no-input", "--no-cache-dir"]
    argv += ["--disable-pip-version-check", "--dest", directory, "--requirement", str(lock), *target.pip_arguments]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=_TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        raise WheelError(f"fetching wheels did not end within {_TIMEOUT} s; check the controller's network") from None
    if done.returncode != 0:
        raise WheelError(explain(done.stdout, pins, target))
    lock.unlink()


def fetch(pins: Sequence[Pin], target: Target, cache: str) -> list[Path]:
    """Return the wheels of ``pins`` for ``target``, from ``cache`` or the index that the controller's pip is set up for."""
    if not pins:
        return []
    key = hashlib.sha256("\n".join([*(pin.render() for pin in pins), *target.pip_arguments]).encode()).hexdigest()[:24]
    kept = Path(cache, "wheels", key)
    with _locked(kept.with_suffix(".lock")):
        if not kept.is_dir():
            staged = tempfile.mkdtemp(prefix=f"{key}.", dir=kept.parent)
            try:
                _download(pins, target, staged)
                os.replace(staged, kept)
            finally:
                shutil.rmtree(staged, ignore_errors=True)
    return sorted(kept.glob("*.whl"))
