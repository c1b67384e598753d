"""What host_info reads: health over HTTP, releases and job records on disk."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.host_state.errors import StateError
from ansible_collections.steady.fleet.plugins.modules import host_info


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/health"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "body", "ok", "detail"),
    [
        (200, b'{"status": "healthy"}', True, ""),
        (503, b'{"status": "unhealthy"}', False, ""),
        (200, b"<html>", True, "not JSON"),
    ],
)
def test_cs41_health_is_told_as_it_is(status: int, body: bytes, ok: bool, detail: str) -> None:
    with answering(status, body) as url:
        answer = host_info.health(url, 5)
    assert (answer["asked"], answer["ok"], answer["status"]) == (True, ok, status)
    assert detail in answer["detail"]
    assert answer["body"] == ({} if detail else json.loads(body))


def test_no_answer_is_told_too() -> None:
    assert "does not answer" in host_info.health("http://127.0.0.1:1/health", 5)["detail"]


def test_a_file_is_no_address() -> None:
    assert "is not an http" in host_info.health("file:///etc/passwd", 5)["detail"]


def test_nothing_is_asked_without_an_address() -> None:
    assert not host_info.health(None, 5)["asked"]


def test_jobs_come_from_their_records(tmp_path: Path) -> None:
    command = tmp_path / "job"
    command.write_text('#!/bin/sh\nprintf \'[{"job": "one", "outcome": "ok"}]\'\n')
    command.chmod(0o755)
    assert host_info.jobs(str(command)) == [{"job": "one", "outcome": "ok"}]
    assert host_info.jobs(str(tmp_path / "none")) == []


def test_unreadable_job_records_are_an_error(tmp_path: Path) -> None:
    command = tmp_path / "job"
    command.write_text("#!/bin/sh\necho nonsense\n")
    command.chmod(0o755)
    with pytest.raises(StateError, match="does not print JSON"):
        host_info.jobs(str(command))


def test_an_empty_host_has_no_release(tmp_path: Path) -> None:
    assert host_info.releases("catscan", str(tmp_path)) == ("", [])
    assert host_info.releases(None, None) == ("", [])
