"""The process of a bucket (see bucket.py): moto's server, with a count of the requests that came."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
COUNTS = "/benchmark/requests"


def counting(application: Application) -> Application:
    """``application``, and at COUNTS the number of requests by method so far."""
    seen: Counter[str] = Counter()
    lock = Lock()

    def counted(environment: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environment["PATH_INFO"] == COUNTS:
            start("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(seen).encode()]
        with lock:
            seen[environment["REQUEST_METHOD"]] += 1
        return application(environment, start)

    return counted


def serve(ready: Path) -> None:
    """Serve until the process is ended."""
    application = counting(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    new = ready.with_suffix(".new")
    new.write_text(f"http://127.0.0.1:{server.port}")
    new.rename(ready)
    server.serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
