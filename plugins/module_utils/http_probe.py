# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One honest HTTP health probe: a green answer is one that was read in full and says what it should."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

MAX_BODY = 1 << 20
"""A health answer larger than this (bytes) is not one."""


@dataclass(frozen=True)
class Check:
    """What a healthy answer is.

    ``timeout`` is the limit of one whole request in seconds, however slowly it trickles in. ``json`` maps dotted
    field names (``database.status``) to the values that they must equal.
    """

    url: str
    status: int = 200
    json: Mapping[str, Any] = field(default_factory=dict)
    timeout: float = 5.0
    retries: int = 10
    delay: float = 3.0


@dataclass(frozen=True)
class Verdict:
    """``kind`` is ``healthy``, ``refused``, ``timeout``, ``unreachable``, ``truncated``, ``too_large``, ``redirect``,
    ``status``, ``not_json`` or ``field``; ``detail`` is one clause for a person."""

    kind: str
    detail: str

    @property
    def healthy(self) -> bool:
        return self.kind == "healthy"


def validate(check: Check) -> None:
    """Raise ``ValueError`` in one sentence for a check that could never work."""
    parts = urlsplit(check.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"health url {check.url!r} is not an http:// or https:// address with a host")
    if parts.username or parts.password:
        raise ValueError("the health url must not carry a user or password")
    if check.timeout <= 0 or check.delay < 0 or check.retries < 0:
        raise ValueError("health timeout must be more than 0, delay and retries at least 0")


def _connection(check: Check) -> http.client.HTTPConnection:
    parts = urlsplit(check.url)
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=check.timeout, context=context)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=check.timeout)


def _shut(connection: http.client.HTTPConnection) -> None:
    sock = connection.sock
    if sock is not None:
        with contextlib.suppress(OSError):  # It may be closed already.
            sock.shutdown(socket.SHUT_RDWR)


def _exchange(check: Check, connection: http.client.HTTPConnection) -> tuple[int, str, bytes]:
    parts = urlsplit(check.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request("GET", target, headers={"Accept": "application/json", "Connection": "close"})
    response = connection.getresponse()
    body = response.read(MAX_BODY + 1)
    if response.length and len(body) <= MAX_BODY:  # A bounded read does not complain about an early end by itself.
        raise http.client.IncompleteRead(body, response.length)
    return response.status, response.getheader("Location") or "", body


def _judge_fields(check: Check, body: bytes) -> Verdict:
    try:
        answer = json.loads(body)
    except ValueError:
        return Verdict("not_json", f"the answer is not JSON but begins {body[:60]!r}")
    for name, expected in check.json.items():
        value: Any = answer
        for key in name.split("."):
            if not isinstance(value, dict) or key not in value:
                return Verdict("field", f"the answer has no field {name!r}")
            value = value[key]
        # True == 1 in Python, but not in JSON.
        if value != expected or isinstance(value, bool) != isinstance(expected, bool):
            return Verdict("field", f"field {name!r} is {value!r}, expected {expected!r}"[:300])
    return Verdict("healthy", f"status {check.status}, {len(check.json)} field(s) as expected")


def _judge(check: Check, status: int, location: str, body: bytes) -> Verdict:
    if 300 <= status < 400 and status != check.status:
        return Verdict("redirect", f"status {status} sends the probe elsewhere ({location[:120] or 'nowhere'})")
    if status != check.status:
        return Verdict("status", f"status {status}, expected {check.status}; the answer begins {body[:120]!r}")
    if len(body) > MAX_BODY:
        return Verdict("too_large", f"the answer is larger than {MAX_BODY} bytes")
    if check.json:
        return _judge_fields(check, body)
    return Verdict("healthy", f"status {status}")


def probe(check: Check) -> Verdict:
    """Ask once. Never raises for what a server or network can do."""
    connection = _connection(check)
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        _shut(connection)

    # Socket time-outs start anew at each received byte; a slow drip needs a limit on the whole.
    timer = threading.Timer(check.timeout, expire)
    timer.daemon = True
    timer.start()
    try:
        verdict = _judge(check, *_exchange(check, connection))
    except ConnectionRefusedError:
        verdict = Verdict("refused", "the connection was refused: nothing listens there")
    except socket.timeout:
        verdict = Verdict("timeout", f"no whole answer within {check.timeout:g} s")
    except http.client.HTTPException as error:
        verdict = Verdict("truncated", f"the answer broke off or is not HTTP ({type(error).__name__})")
    except OSError as error:
        verdict = Verdict("unreachable", f"the connection failed ({error.strerror or error})")
    finally:
        timer.cancel()
        connection.close()
    if expired.is_set():
        return Verdict("timeout", f"no whole answer within {check.timeout:g} s")
    return verdict


def wait_until_healthy(
    check: Check,
    *,
    also: Callable[[], Verdict | None] = lambda: None,
    hopeless: Callable[[], bool] = lambda: False,
    sleep: Callable[[float], None] = time.sleep,
) -> Verdict:
    """Probe until healthy, at most ``1 + retries`` times with ``delay`` seconds between; return the last verdict.

    ``also`` may veto a healthy answer (for instance: the unit itself is not running, so somebody else answered).
    ``hopeless`` ends the waiting early: what dies again and again will not become healthy.
    """
    verdict = Verdict("unreachable", "never asked")
    for attempt in range(check.retries + 1):
        if attempt:
            sleep(check.delay)
        verdict = probe(check)
        if verdict.healthy:
            verdict = also() or verdict
        if verdict.healthy or hopeless():
            break
    return verdict
