# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared services (``systemd_service_units``): what is wrong with them, and the words of their unit files."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Spec = Mapping[str, Any]
LISTENING = ("uvicorn", "gunicorn", "streamlit")
BY_SOCKET = ("uvicorn", "gunicorn")
"""Kinds whose port systemd holds for them. Streamlit has no way to take an open socket."""
LOOPBACK = "127.0.0.1"
FIRST_DESCRIPTOR = 3
"""Where systemd puts the socket, sd_listen_fds(3)."""
BACKLOG = 4096
"""Connections that may wait while a service is replaced: what Linux allows by default (net.core.somaxconn)."""
UVICORN = "/usr/local/libexec/steady-fleet/serve-uvicorn"
STOP_SECONDS = 30
NUMBERS = ("port", "workers", "time_limit_seconds", "timeout_stop_seconds")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MEMORY = re.compile(r"[0-9]+[KMGT]?|[0-9]{1,2}%|infinity")
# Every address of the host, as an argument might spell it.
_EVERYWHERE = re.compile(r"(?:^|[=\[/@])(?:0\.0\.0\.0|::)(?=$|[\]:])|(?:^|=)\*?:\d+$")


def unit_problems(units: Iterable[Spec]) -> list[str]:
    """Return one sentence for each thing that is wrong with the declared services; none is good."""
    units = [_typed(unit) for unit in units]
    problems = [f"systemd_service_units: two services are named '{name}'; give each its own name" for name in _twice(u["name"] for u in units)]
    for port in _twice(unit["port"] for unit in units if unit.get("port")):
        names = ", ".join(f"'{unit['name']}'" for unit in units if unit.get("port") == port)
        problems.append(f"systemd_service_units: {names} are all to listen on port {port}; give each its own")
    for unit in units:
        problems += [f"systemd_service_units: service '{unit['name']}', {problem}" for problem in _problems(unit)]
    return problems


def _typed(unit: Spec) -> Spec:
    """Return the service with numbers as numbers: a variable of the command line is text."""
    return {**unit, **{key: int(unit[key]) for key in NUMBERS if unit.get(key) is not None}}


def _twice(values: Iterable[Any]) -> list[Any]:
    return [value for value, count in Counter(values).items() if count > 1]


def _problems(unit: Spec) -> Iterator[str]:
    kind = unit["kind"]
    if not _NAME.fullmatch(unit["name"]) or unit["name"].endswith(".service"):
        yield "key 'name': use letters, digits, '.', '-' and '_', without '.service' at the end"
    for key in ("command",) if kind == "command" else ("venv", "application", *(("port",) if kind in LISTENING else ())):
        if not unit.get(key):
            yield f"key '{key}': kind {kind} needs it"
    yield from _path_problems(unit)
    yield from _address_problems(unit)
    for key in ("description", "working_directory"):
        if "\n" in (unit.get(key) or ""):
            yield f"key '{key}': keep it to one line"
    for name in unit.get("environment") or {}:
        if not _VARIABLE.fullmatch(name):
            yield f"key 'environment': '{name}' is no name of a variable"
    if unit.get("memory_max") and not _MEMORY.fullmatch(str(unit["memory_max"])):
        yield f"key 'memory_max': '{unit['memory_max']}' is no size; write such as 512M, 2G or 50%"
    yield from _socket_problems(unit)
    yield from _time_problems(unit)


def _socket_problems(unit: Spec) -> Iterator[str]:
    if unit.get("socket") and unit["kind"] not in (*BY_SOCKET, "command"):
        yield f"key 'socket': {unit['kind']} cannot take over an open socket; leave it out"
    elif unit.get("socket") and not unit.get("port"):
        yield "key 'socket': say with 'port' where it listens"


def _time_problems(unit: Spec) -> Iterator[str]:
    limit, stop = unit.get("time_limit_seconds"), unit.get("timeout_stop_seconds")
    if limit and unit["kind"] != "celery_worker":
        yield "key 'time_limit_seconds': only kind celery_worker has it"
    elif limit and stop and stop < limit:
        yield f"key 'timeout_stop_seconds': {stop} s would kill tasks that may take {limit} s (time_limit_seconds); leave it out"


def _path_problems(unit: Spec) -> Iterator[str]:
    paths = [(key, unit.get(key)) for key in ("venv", "working_directory", "environment_file")]
    paths += [("writable_paths", path) for path in unit.get("writable_paths") or []]
    paths += [("command", word) for word in (unit.get("command") or [])[:1]]
    for key, path in paths:
        if path and not path.startswith("/"):
            yield f"key '{key}': '{path}' is not an absolute path"


def _address_problems(unit: Spec) -> Iterator[str]:
    try:
        ipaddress.ip_address(_host(unit))
    except ValueError:
        yield f"key 'host': '{_host(unit)}' is no IP address"
    if unit.get("port") and not 1 <= unit["port"] <= 65535:
        yield f"key 'port': {unit['port']} is no TCP port"
    if unit.get("public_reason"):
        return
    words = [_host(unit), *(unit.get("command") or []), *(unit.get("arguments") or [])]
    for word in words:
        if _EVERYWHERE.search(word):
            yield (
                f"'{word}' would open it to every network of the host: bind to {LOOPBACK} behind a proxy,"
                " or say in key 'public_reason' why it must be reachable"
            )


def _host(unit: Spec) -> str:
    return str(unit.get("host") or LOOPBACK)


def _authority(unit: Spec) -> str:
    host = _host(unit)
    return f"[{host}]:{unit['port']}" if ":" in host else f"{host}:{unit['port']}"


def has_socket(unit: Spec) -> bool:
    """Whether systemd holds the service's port, so that connections wait while the service is replaced."""
    asked = unit.get("socket")
    return bool(unit.get("port")) and (unit["kind"] in BY_SOCKET if asked is None else bool(asked))


def stop_seconds(unit: Spec) -> int:
    """Return how long a stop may take: as declared, or long enough for the longest task of a Celery worker."""
    return int(unit.get("timeout_stop_seconds") or (unit.get("time_limit_seconds") or 0) + STOP_SECONDS)


def _uvicorn(unit: Spec) -> list[str]:
    # uvicorn itself gives up on open connections before systemd does.
    grace = max(1, stop_seconds(unit) - 5)
    listen = ["--fd", FIRST_DESCRIPTOR] if has_socket(unit) else ["--host", _host(unit), "--port", unit["port"]]
    words = [UVICORN, unit["application"], *listen, "--backlog", BACKLOG, "--timeout-graceful-shutdown", grace]
    return [str(word) for word in words] + (["--workers", str(unit["workers"])] if (unit.get("workers") or 1) > 1 else [])


def _gunicorn(unit: Spec) -> list[str]:
    grace = max(1, stop_seconds(unit) - 5)
    # It takes systemd's socket by itself (LISTEN_FDS).
    listen = [] if has_socket(unit) else ["--bind", _authority(unit)]
    words = ["-m", "gunicorn", unit["application"], *listen, "--backlog", BACKLOG, "--workers", unit.get("workers") or 1, "--graceful-timeout", grace]
    return [str(word) for word in words]


def _streamlit(unit: Spec) -> list[str]:
    words = ["-m", "streamlit", "run", unit["application"], "--server.address", _host(unit), "--server.port", str(unit["port"])]
    return [*words, "--server.headless", "true", "--server.fileWatcherType", "none", "--browser.gatherUsageStats", "false"]


def _celery_worker(unit: Spec) -> list[str]:
    words = ["-m", "celery", "--app", unit["application"], "worker", "--loglevel", "INFO", "--concurrency", str(unit.get("workers") or 1)]
    limit = unit.get("time_limit_seconds")
    # A minute before a task is killed it is told, so that it can put its affairs in order.
    return words + ([f"--time-limit={limit}", f"--soft-time-limit={max(1, limit - 60)}"] if limit else [])


def _celery_beat(unit: Spec) -> list[str]:
    words = ["-m", "celery", "--app", unit["application"], "beat", "--loglevel", "INFO", "--pidfile="]
    return [*words, "--schedule", f"/var/lib/{unit['name']}/celerybeat-schedule"]


_KINDS: Mapping[str, Callable[[Spec], list[str]]] = {
    "uvicorn": _uvicorn,
    "gunicorn": _gunicorn,
    "streamlit": _streamlit,
    "celery_worker": _celery_worker,
    "celery_beat": _celery_beat,
}


def argv(unit: Spec) -> list[str]:
    """Return the words of the service's command. The venv's own Python runs it, so no script's first line matters."""
    further = [str(word) for word in unit.get("arguments") or []]
    if unit["kind"] == "command":
        return [str(word) for word in unit["command"]] + further
    return [f"{unit['venv']}/bin/python", *_KINDS[unit["kind"]](unit), *further]


def quote(word: str, *, command: bool = False) -> str:
    """Return one word as systemd reads it back: quoted where needed, ``%`` and, in a ``command``, ``$`` doubled."""
    word = word.replace("%", "%%")
    if command:
        word = word.replace("$", "$$")
    if word and re.fullmatch(r"[A-Za-z0-9_@%$+=:,./-]+", word):
        return word
    for char, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r")):
        word = word.replace(char, escaped)
    return f'"{word}"'


def unit_declarations(units: Iterable[Spec]) -> list[dict[str, Any]]:
    """Return the services, and their sockets, as the units of ``steady.fleet.host_state``.

    What a declaration only implies is made explicit for the templates.
    """
    return [declared for unit in map(_typed, units) for declared in _declared(unit)]


def _declared(unit: Spec) -> Iterator[dict[str, Any]]:
    common = {
        "vars": {"__systemd_service_unit": unit, "__systemd_service_words": _words(unit)},
        "enabled": True if unit.get("enabled") is None else unit["enabled"],
        "state": unit.get("state") or "started",
    }
    ports = [unit["port"]] if unit.get("port") else []
    # Who holds the port answers for it.
    if has_socket(unit):
        yield {"name": f"{unit['name']}.socket", "template": "socket.j2", **common, "ports": ports}
        ports = []
    yield {"name": f"{unit['name']}.service", "template": "service.j2", **common, "ports": ports}


def host_programs(units: Iterable[Spec]) -> list[dict[str, Any]]:
    """Return the programs that the services are started with, as the files of ``steady.fleet.host_state``."""
    served = [f"{unit['name']}.service" for unit in units if unit["kind"] == "uvicorn"]
    return [{"path": UVICORN, "source": "serve_uvicorn.py", "restarts": served}] if served else []


def _words(unit: Spec) -> dict[str, Any]:
    environment = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    if unit["kind"] == "gunicorn":
        environment["XDG_RUNTIME_DIR"] = f"/run/{unit['name']}"  # for its control socket
    environment.update(unit.get("environment") or {})
    return {
        "command": " ".join(quote(word, command=True) for word in argv(unit)),
        "environment": [quote(f"{name}={value}") for name, value in environment.items()],
        "writable_paths": [quote(path) for path in unit.get("writable_paths") or []],
        "description": (unit.get("description") or unit["name"]).replace("%", "%%"),
        "working_directory": (unit.get("working_directory") or "").replace("%", "%%"),
        "environment_file": (unit.get("environment_file") or "").replace("%", "%%"),
        "stop_seconds": stop_seconds(unit),
        "socket": f"{unit['name']}.socket" if has_socket(unit) else "",
        "listen": _authority(unit) if has_socket(unit) else "",
        "backlog": BACKLOG,
        "state_directory": unit["name"] if unit["kind"] == "celery_beat" else "",
        "runtime_directory": unit["name"] if unit["kind"] == "gunicorn" else "",
        "type": "notify" if unit["kind"] == "gunicorn" else "exec",
    }
