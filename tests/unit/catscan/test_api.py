"""The API over HTTP, served by uvicorn as on a host (CS-24, CS-41, CS-43)."""

from __future__ import annotations

import http.client
import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from catscan import api, check, importer
from catscan.settings import Settings

TOKEN = "a token for tests only"


@contextmanager
def serving(settings: Settings) -> Iterator[int]:
    """Serve the application on a free loopback port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        server = uvicorn.Server(uvicorn.Config(api.create_app(settings, TOKEN), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def port(settings: Settings) -> Iterator[int]:
    with serving(settings) as number:
        yield number


def ask(port: int, path: str, *, method: str = "GET", token: str = "") -> tuple[int, Any]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request(method, path, headers={"Authorization": f"Bearer {token}"} if token else {})
        response = connection.getresponse()
        body = response.read()
        return response.status, json.loads(body) if "json" in (response.getheader("Content-Type") or "") else body


def test_cs24_docs_are_served(port: int) -> None:
    status, body = ask(port, "/docs")
    assert status == 200 and b"swagger" in body


def test_cs41_health_of_a_new_host_is_good(port: int) -> None:
    status, body = ask(port, "/health")
    assert status == 200
    assert (body["status"], body["database"]["status"], body["release"]) == ("healthy", "ok", "development")
    assert body["last_import"] == {"at": None, "age_seconds": None}


def test_cs41_health_tells_the_age_of_the_last_import(port: int, settings: Settings, one_day: date) -> None:
    importer.run(settings)
    assert 0 <= ask(port, "/health")[1]["last_import"]["age_seconds"] < 3600


def test_cs41_health_fails_without_a_database(port: int, settings: Settings) -> None:
    for path in settings.database.parent.glob("catscan.db*"):
        path.unlink()
    settings.database.mkdir()
    status, body = ask(port, "/health")
    assert (status, body["status"], body["database"]["status"]) == (503, "unhealthy", "failed")


def test_cs43_gmail_status_tells_each_type(port: int, settings: Settings, one_day: date) -> None:
    (settings.imports / "catscan-funnel-geo-2026-11-20.csv").write_text("broken")
    waiting = ask(port, "/gmail/status")[1]
    assert {name: entry["waiting"] for name, entry in waiting["types"].items()} == dict.fromkeys(waiting["types"], 1)
    assert waiting["fresh"], "a new host is not late yet"
    importer.run(settings)
    types = ask(port, "/gmail/status")[1]["types"]
    assert types["performance"]["last_import"]["day"] == "2026-11-20"
    assert types["funnel-geo"] == {"last_import": None, "age_seconds": None, "fresh": True, "waiting": 0, "quarantined": 1}


def test_cs43_a_late_import_is_not_fresh(port: int, settings: Settings, one_day: date) -> None:
    importer.run(settings)
    with closing(sqlite3.connect(settings.database)) as connection, connection:
        connection.execute("UPDATE import_history SET imported_at = '2026-01-01T08:00:00Z' WHERE report_type = 'performance'")
    body = ask(port, "/gmail/status")[1]
    assert (body["fresh"], body["types"]["performance"]["fresh"], body["types"]["funnel-geo"]["fresh"]) == (False, False, True)
    assert check.problems("127.0.0.1", port, timeout=5, imports=False) == [], "the API itself is healthy"
    (problem,) = check.problems("127.0.0.1", port, timeout=5, imports=True)
    assert problem.endswith("performance: not recent")


def test_cs43_history_is_paged_newest_first(port: int, settings: Settings, one_day: date) -> None:
    importer.run(settings)
    status, body = ask(port, "/uploads/history?limit=2&offset=1")
    assert (status, body["total"], [item["id"] for item in body["items"]]) == (200, 3, [2, 1])
    assert {item["status"] for item in body["items"]} == {"imported"}
    assert (body["items"][0]["rows"], body["items"][0]["archive_uri"]) == (40, None)


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "offset=-1", "limit=x"])
def test_a_wrong_page_is_refused(port: int, query: str) -> None:
    assert ask(port, f"/uploads/history?{query}")[0] == 422


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", "ä"])
def test_running_an_import_needs_the_token(port: int, settings: Settings, one_day: date, token: str) -> None:
    assert ask(port, "/gmail/run", method="POST", token=token)[0] == 401
    assert len(importer.waiting(settings)) == 3


def test_running_an_import_twice_is_safe(port: int, one_day: date) -> None:
    assert ask(port, "/gmail/run", method="POST", token=TOKEN)[1]["imported"] == 3
    assert ask(port, "/gmail/run", method="POST", token=TOKEN) == (
        200,
        {"ok": True, "imported": 0, "skipped": 0, "quarantined": 0, "left": 0, "unarchived": 0, "rows": 0, "files": []},
    )


@pytest.mark.parametrize("token", ["", "short"])
def test_w8_the_api_does_not_start_without_a_usable_token(environment: Mapping[str, str], token: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "uvicorn", "catscan.api:app", "--port", "0"],
        cwd=Path(api.__file__).parents[1],
        env={"PATH": os.environ["PATH"], **environment, "CATSCAN_API_TOKEN": token},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert "CATSCAN_API_TOKEN is not set or shorter than 16 characters" in result.stderr
    assert "Traceback" not in result.stderr and (not token or token not in result.stderr.replace("shorter", ""))


def test_a_release_imports_without_any_setting() -> None:
    result = subprocess.run(
        [sys.executable, "-c", "import catscan.api, catscan.importer, catscan.check"],
        cwd=Path(api.__file__).parents[1],
        env={"PATH": os.environ["PATH"]},
        check=False,
    )
    assert result.returncode == 0


@contextmanager
def answering(raw: bytes) -> Iterator[int]:
    """A server that answers each connection with ``raw`` and closes it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(raw)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", "something that is not Cat-Scan's status"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "something that is not Cat-Scan's status"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "something that is not Cat-Scan's status"),
        (b'HTTP/1.1 500 No\r\nContent-Length: 20\r\n\r\n{"status":"healthy"}', "answers 500"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", "does not answer"),
        (b"", "does not answer"),
    ],
)
def test_cs41_w6_the_check_believes_nothing_but_a_whole_healthy_answer(raw: bytes, message: str) -> None:
    with answering(raw) as port:
        (problem,) = check.problems("127.0.0.1", port, timeout=5, imports=False)
    assert message in problem


def test_cs41_a_refused_connection_says_where_to_look(capsys: pytest.CaptureFixture[str]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    assert check.main(["--port", str(port)]) == 1
    assert "journalctl -u catscan-api" in capsys.readouterr().err
