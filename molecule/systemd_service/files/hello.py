"""What the scenario's services run: one answer as an ASGI and as a WSGI application, and a Celery application."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from celery import Celery

celery = Celery("hello", broker="memory://")


def _answer() -> bytes:
    return json.dumps({name: os.environ.get(name) for name in ("GREETING", "SECRET")}).encode()


async def app(scope: dict[str, Any], _receive: Callable[[], Awaitable[Any]], send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": _answer()})


def serve_socket(descriptor: int = 3) -> None:
    """Answer over the socket that systemd hands over."""
    with socket.socket(fileno=descriptor) as listener:
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + _answer())


def wsgi(_environ: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    return [_answer()]


if __name__ == "__main__":
    serve_socket()
