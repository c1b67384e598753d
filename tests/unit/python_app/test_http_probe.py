"""W-6: a probe that tells every kind of bad answer from a good one, against a real server."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.http_probe import (
    MAX_BODY,
    Check,
    Verdict,
    probe,
    validate,
    wait_until_healthy,
)


def ok(body: bytes, status: str = "200 OK", headers: str = "", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{headers}\r\n".encode() + body


class Server:
    """Answers each connection with the next script: bytes to send, or a number of seconds to wait between single bytes."""

    def __init__(self, *scripts: bytes | tuple[bytes, float]) -> None:
        self.scripts = list(scripts)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/health"
        self.stop = threading.Event()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while not self.stop.is_set():
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                data, pause = script if isinstance(script, tuple) else (script, 0.0)
                if pause:
                    for index in range(len(data)):
                        connection.sendall(data[index : index + 1])
                        if self.stop.wait(pause):
                            return
                    self.stop.wait(30)
                else:
                    connection.sendall(data)


@contextlib.contextmanager
def server(*scripts: bytes | tuple[bytes, float]) -> Iterator[str]:
    running = Server(*scripts)
    try:
        yield running.url
    finally:
        running.stop.set()
        running.socket.close()


HEALTHY = ok(b'{"status": "ok", "database": {"rows": 3}}')


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (HEALTHY, "healthy", "status 200"),
        (ok(b"{}", "500 Internal Server Error"), "status", "status 500, expected 200"),
        (ok(b"", "404 Not Found"), "status", "status 404"),
        (ok(b"<html>It works!</html>"), "not_json", "<html>"),
        (ok(b'{"status": "starting"}'), "field", "'starting', expected 'ok'"),
        (ok(b'{"up": true}'), "field", "no field 'status'"),
        (ok(b"[1]"), "field", "no field 'status'"),
        (ok(b'{"status": "ok"}', length=500), "truncated", "broke off"),
        (b"", "truncated", "not HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "truncated", "not HTTP"),
        (ok(b"", "302 Found", "Location: http://127.0.0.1:1/login\r\n"), "redirect", "/login"),
        (ok(b" " * (MAX_BODY + 1)), "too_large", "larger than"),
        ((HEALTHY, 0.2), "timeout", "within 1 s"),
        ((b"x", 5.0), "timeout", "within 1 s"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_w6_probe_matrix(answer: bytes, kind: str, says: str) -> None:
    with server(answer) as url:
        verdict = probe(Check(url=url, json={"status": "ok"}, timeout=1))
    assert verdict.kind == kind
    assert says in verdict.detail


def test_w6_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert probe(Check(url=f"http://127.0.0.1:{port}/")).kind == "refused"


def test_w6_a_drip_ends_at_the_limit_of_the_whole_request() -> None:
    with server((HEALTHY, 0.2)) as url:
        before = time.monotonic()
        probe(Check(url=url, timeout=0.5))
        assert time.monotonic() - before < len(HEALTHY) * 0.2


@pytest.mark.parametrize(
    ("expected", "kind"),
    [({"database.rows": 3}, "healthy"), ({"database.rows": 4}, "field"), ({"database.none": 1}, "field"), ({"a": True}, "field")],
)
def test_cs41_nested_fields(expected: dict[str, object], kind: str) -> None:
    with server(ok(b'{"a": 1, "database": {"rows": 3}}')) as url:
        assert probe(Check(url=url, json=expected)).kind == kind


def test_retries_wait_for_a_slow_start() -> None:
    pauses: list[float] = []
    with server(ok(b"", "503 Service Unavailable"), ok(b"", "503 Service Unavailable"), HEALTHY) as url:
        verdict = wait_until_healthy(Check(url=url, retries=5, delay=7), sleep=pauses.append)
    assert verdict.healthy
    assert pauses == [7, 7]


def test_retries_end() -> None:
    pauses: list[float] = []
    with server(ok(b"", "503 Service Unavailable")) as url:
        verdict = wait_until_healthy(Check(url=url, retries=3, delay=1), sleep=pauses.append)
    assert verdict.kind == "status"
    assert len(pauses) == 3


def test_what_dies_again_and_again_is_not_waited_for() -> None:
    pauses: list[float] = []
    with server(ok(b"", "503 Service Unavailable")) as url:
        verdict = wait_until_healthy(Check(url=url, retries=9, delay=1), sleep=pauses.append, hopeless=lambda: len(pauses) == 2)
    assert verdict.kind == "status"
    assert pauses == [1, 1]


def test_a_veto_turns_a_healthy_answer_of_somebody_else() -> None:
    with server(HEALTHY) as url:
        verdict = wait_until_healthy(Check(url=url, retries=1, delay=0), also=lambda: Verdict("unit", "not running"))
    assert verdict.kind == "unit"


@pytest.mark.parametrize(
    "check",
    [
        Check(url="localhost:8000/health"),
        Check(url="file:///etc/passwd"),
        Check(url="http://"),
        Check(url="http://user:word@localhost/"),
        Check(url="http://localhost/", timeout=0),
        Check(url="http://localhost/", retries=-1),
    ],
)
def test_a_check_that_cannot_work_is_refused(check: Check) -> None:
    with pytest.raises(ValueError, match="health"):
        validate(check)
