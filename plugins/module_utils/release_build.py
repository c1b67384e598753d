# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build one release beside the running one: tree, virtual environment, import test, and last the mark of wholeness."""

from __future__ import annotations

import glob
import json
import os
import pwd
import shutil
import stat
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.steady.fleet.plugins.module_utils import release_store as store

ReleaseError = store.ReleaseError

_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/nonexistent"}
_READABLE_TREE = 0o755
_LIMIT = 900
"""Seconds that one step of a build may take."""

_DESCRIBE = """
import json, platform, sys, sysconfig
try:
    import ensurepip, venv
    usable = True
except ImportError:
    usable = False
print(json.dumps({
    "version": "%d.%d" % sys.version_info[:2], "full_version": platform.python_version(),
    "implementation": sys.implementation.name, "machine": platform.machine(), "libc": list(platform.libc_ver()),
    "system": platform.system(), "release": platform.release(), "os_version": platform.version(), "venv": usable,
    "threads": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
}))
"""


@dataclass(frozen=True)
class Build:
    """What to build. ``archive`` holds ``app/…``, ``wheels/*.whl`` and, if there are any, ``requirements.txt``."""

    root: str
    release: str
    archive: str
    python: str
    imports: Sequence[str]
    source: str
    requirements_sha256: str
    wheel: str = ""
    user: str = "nobody"


def describe_python(python: str) -> dict[str, Any] | None:
    """What ``python`` on this host is, or ``None`` when it cannot be run or cannot make virtual environments."""
    if shutil.which(python, path=_ENVIRONMENT["PATH"]) is None:
        return None
    done = subprocess.run([python, "-I", "-c", _DESCRIBE], env=_ENVIRONMENT, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        return None
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer if answer.pop("venv") else None


def _tail(text: str, lines: int = 12) -> str:
    kept = [line for line in text.replace("\r", "\n").split("\n") if line.strip()]
    return "\n".join(kept[-lines:])


def _run(what: str, argv: Sequence[str], *, user: str | None = None, limit: int = _LIMIT) -> None:
    identity: dict[str, Any] = {}  # a step of root's own inherits the run lock: one that outlives its killed run keeps the host until it is done
    if user is not None:
        entry = pwd.getpwnam(user)
        identity = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    try:
        done = subprocess.run(
            argv, env=_ENVIRONMENT, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", check=False, timeout=limit, close_fds=user is not None, **identity
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ReleaseError(f"{what} did not end within {limit} s") from None
    if done.returncode != 0:
        tail = _tail(done.stdout)
        last = tail.rpartition("\n")[2].strip() or "it said nothing"
        raise ReleaseError(f"{what} failed (exit status {done.returncode}): {last}. What ran before still runs.\n{tail}")


def directory_changes(root: str) -> list[tuple[str, str]]:
    """What :func:`build` would do to the directories around a release: (``create`` or ``change``, path). Reads only."""
    missing: list[str] = []
    path = os.path.join(root, "releases")
    while not os.path.lexists(path):
        missing.insert(0, path)
        path = os.path.dirname(path)
    there = [path for path in (root, os.path.join(root, "releases")) if path not in missing]
    return [("create", path) for path in missing] + [("change", path) for path in there if not _is_own_directory(path)]


def _is_own_directory(path: str) -> bool:
    status = os.lstat(path)
    return (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, 0, _READABLE_TREE)


def _own_directory(path: str) -> None:
    """Make ``path`` a directory that only root can write: code below it is run with other users' rights."""
    if os.path.islink(path):
        raise ReleaseError(f"{path} is a symbolic link; releases need a real directory there. Move it away, then run again")
    os.makedirs(path, exist_ok=True)
    os.chown(path, 0, 0)
    os.chmod(path, _READABLE_TREE)


def _member_problem(member: tarfile.TarInfo) -> str:
    parts = member.name.split("/")
    if member.name.startswith("/") or ".." in parts:
        return "leaves the tree"
    if member.issym():
        target = os.path.normpath(os.path.join(os.path.dirname(member.name), member.linkname))
        if os.path.isabs(member.linkname) or target.startswith(".."):
            return "points out of the tree"
        return ""
    return "" if member.isreg() or member.isdir() else "is neither file, directory nor symbolic link"


def unpack(archive: str, path: str) -> None:
    """Extract an archive made by the controller, trusting none of its names."""
    with tarfile.open(archive, "r:") as tar:
        for member in tar:
            problem = _member_problem(member)
            if problem:
                raise ReleaseError(f"{member.name!r} in the archive {problem}; nothing was installed")
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            tar.extract(member, path, numeric_owner=True)


def _requirement_of(failure: str, path: str) -> str:
    """Name the packages of the lock that pip's last lines speak of."""
    with open(os.path.join(path, "requirements.txt"), encoding="utf-8") as stream:
        names = [line.split("==")[0].strip() for line in stream if "==" in line]
    named = [name for name in names if name.lower() in failure.lower()]
    return f" ({', '.join(named[:3])})" if named else ""


def _install(build: Build, path: str) -> None:
    python = os.path.join(path, "venv", "bin", "python")
    pip = [
        python,
        "-I",
        "-m",
        "pip",
        "--isolated",
        "--disable-pip-version-check",
        "--no-input",
        "install",
        "--no-index",
    ]
    pip += ["--no-cache-dir", "--quiet", "--find-links", os.path.join(path, "wheels")]
    _run(f"Making the virtual environment with {build.python}", [build.python, "-m", "venv", os.path.join(path, "venv")])
    requirements = os.path.join(path, "requirements.txt")
    if os.path.exists(requirements):
        try:
            _run("pip install", [*pip, "--require-hashes", "-r", requirements])
        except ReleaseError as error:
            raise ReleaseError(f"Installing the requirements{_requirement_of(str(error), path)}: {error}") from None
    if build.wheel:
        _run(f"Installing {build.wheel}", [*pip, "--no-deps", os.path.join(path, "wheels", build.wheel)])
        _run(f"Checking what {build.wheel} requires", [python, "-I", "-m", "pip", "check"])
    _make_importable(path)
    shutil.rmtree(os.path.join(path, "wheels"), ignore_errors=True)


def _make_importable(path: str) -> None:
    """Let the venv's Python find the application from any working directory, as cron and systemd start it."""
    app = os.path.join(path, "app")
    roots = [root for root in (app, os.path.join(app, "src")) if os.path.isdir(root)]
    (site,) = glob.glob(os.path.join(path, "venv", "lib", "python3*", "site-packages"))
    with open(os.path.join(site, "steady_fleet_app.pth"), "w", encoding="utf-8") as stream:
        stream.write("".join(f"{root}\n" for root in roots))


def _test(build: Build, path: str) -> None:
    python = os.path.join(path, "venv", "bin", "python")
    compile_all = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", os.path.join(path, "app")]
    _run(f"Compiling the application with {build.python}", [python, "-I", *compile_all])
    for name in build.imports:
        code = "import importlib, sys; importlib.import_module(sys.argv[1])"
        _run(
            f"import {name}, tried as user {build.user}",
            [python, "-I", "-B", "-c", code, name],
            user=build.user,
            limit=120,
        )


def _close_to_others(path: str) -> None:
    """Whatever umask or archive said: root writes, everybody reads."""
    for directory, names, files in os.walk(path):
        for name in [".", *names, *files]:
            entry = os.path.join(directory, name)
            mode = os.lstat(entry).st_mode
            if not stat.S_ISLNK(mode):
                os.chmod(entry, (stat.S_IMODE(mode) | 0o444 | (0o111 if mode & 0o100 else 0)) & ~0o7022)


def build(build: Build) -> store.Record:
    """Build the release and mark it whole. On failure the half-made tree is removed; nothing else was touched."""
    os.umask(0o022)
    _own_directory(build.root)
    _own_directory(os.path.join(build.root, "releases"))
    path = store.release_path(build.root, build.release)
    record = store.Record(
        id=build.release,
        source=build.source,
        requirements_sha256=build.requirements_sha256,
        python=build.python,
        imports=list(build.imports),
    )
    shutil.rmtree(path, ignore_errors=True)
    os.mkdir(path, 0o755)
    try:
        unpack(build.archive, path)
        os.makedirs(os.path.join(path, "app"), exist_ok=True)
        _install(build, path)
        _test(build, path)
        _close_to_others(path)
        os.sync()  # The mark must not reach the disk before the tree that it vouches for.
        record = store.Record(**{**record.__dict__, "built_at": store.now()})
        store.write_record(path, record)
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise
    return record
