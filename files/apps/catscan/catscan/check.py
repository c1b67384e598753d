"""Ask the running API whether all is well: ``python -m catscan.check [--imports]``; cron runs it every five minutes."""

from __future__ import annotations

import argparse
import http.client
import json
import sys
from collections.abc import Sequence
from typing import Any


def _fetch(host: str, port: int, path: str, timeout: float) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        text = response.read(1_000_000)
        if response.length:
            raise http.client.HTTPException("the answer broke off or is too long")
        body = json.loads(text)
    finally:
        connection.close()
    if not isinstance(body, dict):
        raise ValueError("the answer is not a JSON object")
    return response.status, body


def _late(body: dict[str, Any]) -> list[str]:
    return [
        f"{name}: {'not recent' if not entry['fresh'] else str(entry['quarantined']) + ' quarantined'}"
        for name, entry in body["types"].items()
        if not entry["fresh"] or entry["quarantined"]
    ]


def problems(host: str, port: int, *, timeout: float, imports: bool) -> list[str]:
    """Return what is wrong, one sentence each; empty when all is well.

    imports: ask ``/gmail/status`` (recent imports, nothing quarantined) instead of ``/health``.
    """
    path = "/gmail/status" if imports else "/health"
    where = f"http://{host}:{port}{path}"
    try:
        code, body = _fetch(host, port, path, timeout)
        if imports and code == 200:
            return [f"{where}: {text}" for text in _late(body)]
        if code != 200 or body["status"] != "healthy" or body["database"]["status"] != "ok":
            return [f"{where} answers {code} with {json.dumps(body)[:500]}"]
    except (OSError, http.client.HTTPException) as error:
        return [f"{where} does not answer: {error or type(error).__name__}; see journalctl -u catscan-api"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return [f"{where} answers with something that is not Cat-Scan's status"]
    return []


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 all is well, 1 a problem, which is printed."""
    parser = argparse.ArgumentParser(prog="catscan.check", description="Probe the running API.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--timeout", type=float, default=5.0, help="seconds to wait for each read")
    parser.add_argument("--imports", action="store_true", help="check that imports are recent and none is quarantined")
    options = parser.parse_args(arguments)
    found = problems(options.host, options.port, timeout=options.timeout, imports=options.imports)
    for problem in found:
        print(f"catscan.check: {problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
