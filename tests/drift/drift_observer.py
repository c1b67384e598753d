"""What a host is, read by means of its own: nothing here knows how host_state looks at it. Runs on the host."""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import re
import stat
import subprocess
from collections.abc import Sequence
from typing import Any

TREES = ("/etc", "/opt", "/usr/local", "/var/lib/steady-fleet", "/var/log/steady-fleet", "/var/lib/catscan", "/run/systemd/system")
PASSING = re.compile(r"/releases/[0-9a-f]{12}/|/var/lib/steady-fleet/jobs/|\.db|\.log")  # what programs write meanwhile
PROPERTIES = "LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,InvocationID,ExecReload"
_digests: dict[tuple[str, int, int, int], str] = {}

Snapshot = dict[str, Any]


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}).stdout


def snapshot(*, paths: list[str], units: list[str], packages: bool, others: Sequence[str] = ()) -> Snapshot:
    """Paths (those named and everything in the trees), units, accounts and, where asked for, packages.

    others: units of which only counts whether systemd knows their files, as a timer starts them at any time.
    """
    shadow, gshadow = _names("/etc/shadow"), _names("/etc/gshadow")
    return {
        "named": paths,
        "paths": {path: item for path in _walk(paths) if (item := _path(path)) is not None},
        "units": unit_states(units),
        "others_stale": any(state["stale"] == "yes" for state in unit_states(list(others)).values()),
        "users": {entry.pw_name: _user(entry, shadow) for entry in pwd.getpwall()},
        "groups": {entry.gr_name: (entry.gr_gid, entry.gr_name in gshadow) for entry in grp.getgrall()},
        "packages": _packages() if packages else {},
        "reloaded": run("systemctl", "show", "--property=UnitsLoadTimestampMonotonic").strip(),
    }


def _walk(paths: list[str]) -> set[str]:
    found = {f"{folder}/{name}" for tree in TREES for folder, names, files in os.walk(tree) for name in [*names, *files]}
    return {path for path in found if not PASSING.search(path)}.union(paths)


def _path(path: str) -> dict[str, Any] | None:
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    item: dict[str, Any] = {"mode": stat.S_IMODE(status.st_mode), "uid": status.st_uid, "gid": status.st_gid}
    if stat.S_ISLNK(status.st_mode):
        return {"kind": "link", "target": os.readlink(path)}
    if stat.S_ISDIR(status.st_mode):
        return {"kind": "directory", **item}
    if not stat.S_ISREG(status.st_mode):
        return {"kind": "special", **item}
    return {"kind": "file", **item, "sha256": _digest(path, status)}


def _digest(path: str, status: os.stat_result) -> str:
    key = (path, status.st_ino, status.st_size, status.st_ctime_ns)
    if key not in _digests:
        with open(path, "rb") as stream:
            _digests[key] = hashlib.sha256(stream.read()).hexdigest()
    return _digests[key]


def _names(path: str) -> set[str]:
    with open(path, encoding="utf-8") as stream:
        return {line.split(":")[0] for line in stream}


def _user(entry: pwd.struct_passwd, shadow: set[str]) -> dict[str, Any]:
    groups = sorted(group.gr_name for group in grp.getgrall() if entry.pw_name in group.gr_mem)
    return {"shadowed": entry.pw_name in shadow, "uid": entry.pw_uid, "gid": entry.pw_gid, "home": entry.pw_dir, "shell": entry.pw_shell, "groups": groups}


def unit_states(names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    blocks = run("systemctl", "show", f"--property={PROPERTIES}", "--", *names).strip("\n").split("\n\n")
    assert len(blocks) == len(names), blocks
    return {
        name: _unit(block) | ({"sub": "waiting"} if name.endswith(".timer") and "ActiveState=active" in block else {}) for name, block in zip(names, blocks)
    }


def _unit(block: str) -> dict[str, str]:
    fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
    reloads = re.findall(r"^ExecReload=.* pid=([1-9]\d*)", block, re.MULTILINE)  # forgotten by a daemon-reload
    return {
        "load": fields["LoadState"],
        "active": fields["ActiveState"],
        "sub": fields["SubState"],
        "file": fields.get("UnitFileState", ""),
        "stale": "no" if fields["LoadState"] == "masked" else fields["NeedDaemonReload"],  # a masked unit with a drop-in needs it for ever
        "invocation": fields.get("InvocationID", ""),
        "reloads": ",".join(reloads),
    }


def _packages() -> dict[str, str]:
    lines = run("dpkg-query", "--show", "--showformat=${Package} ${Version} ${db:Status-Status}\n").splitlines()
    return {name: version for name, version, status in (line.split() for line in lines if line.count(" ") == 2) if status == "installed"}
