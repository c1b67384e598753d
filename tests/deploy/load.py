"""A continuous load, run beside the host in its network: python3 load.py PORT RELEASE... ; ends at the end of its input and prints what it saw as JSON.

Three kinds of clients: a new connection for each request; the same, slow to send after it has connected; and kept-alive connections. The last behave as
browsers, Go, curl and proxies do (RFC 9112, 9.3.1): a request on a connection that was used before and is closed without one byte of an answer is sent again.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

CLIENTS = 6
"""Of each kind."""
PATIENCE_SECONDS = 60


@dataclass
class Seen:
    """What all clients saw together."""

    port: int
    releases: tuple[str, ...]
    answers: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    sent_again: int = 0
    slowest: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)
    ended: threading.Event = field(default_factory=threading.Event)


def ask(seen: Seen, connection: http.client.HTTPConnection, path: str) -> str:
    """One request, read whole; the release that answered. Raises for anything else."""
    connection.request("GET", path)
    answer = connection.getresponse()
    body = json.loads(answer.read())
    if answer.status != 200:
        raise ValueError(f"status {answer.status}: {body}")
    if hashlib.sha256(body["padding"].encode()).hexdigest() != body["digest"]:
        raise ValueError("the body is not whole")
    if body["release"] not in seen.releases:
        raise ValueError(f"release {body['release']} answered")
    return str(body["release"])


def connect(seen: Seen) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", seen.port, timeout=PATIENCE_SECONDS)
    connection.connect()
    return connection


def once(seen: Seen, path: str, *, hesitate: float = 0.0) -> str:
    connection = connect(seen)
    try:
        time.sleep(hesitate)
        return ask(seen, connection, path)
    finally:
        connection.close()


class KeptAlive:
    """A client that keeps its connection."""

    def __init__(self, seen: Seen) -> None:
        self.seen, self.connection = seen, None

    def __call__(self, path: str) -> str:
        reused = self.connection is not None
        try:
            return self._ask(path)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self.connection = None
            if not reused:
                raise
            with self.seen.lock:
                self.seen.sent_again += 1
            return self._ask(path)
        except BaseException:
            self.connection = None
            raise

    def _ask(self, path: str) -> str:
        if self.connection is None or self.connection.sock is None:  # a server's "Connection: close" has ended it
            self.connection = connect(self.seen)
        return ask(self.seen, self.connection, path)


def client(seen: Seen, kind: str) -> None:
    choose = random.Random(threading.get_ident())
    kept = KeptAlive(seen)
    while not seen.ended.is_set():
        path = "/slow" if choose.random() < 0.1 else "/"
        began = time.monotonic()
        try:
            release = kept(path) if kind == "kept alive" else once(seen, path, hesitate=choose.uniform(0, 0.03) if kind == "slow to send" else 0.0)
            outcome = ""
        except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
            outcome = f"{kind}: {type(error).__name__}: {error}"
        took = time.monotonic() - began
        with seen.lock:
            seen.slowest = max(seen.slowest, took)
            seen.kinds[kind] += 1
            if outcome:
                seen.failures.append(f"{time.strftime('%H:%M:%S')} after {took:.2f} s, {outcome}")
            else:
                seen.answers[release] += 1
        # Most ask on at once; some are idle for longer than a server waits.
        time.sleep(choose.choice((0.01, 0.02, 0.05, 0.05, 1.5) if kind == "kept alive" else (0.02, 0.05)))


def main() -> None:
    seen = Seen(port=int(sys.argv[1]), releases=tuple(sys.argv[2:]))
    threads = [threading.Thread(target=client, args=(seen, kind)) for kind in ("new", "slow to send", "kept alive") for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    seen.ended.set()
    for thread in threads:
        thread.join()
    total = {"requests": sum(seen.kinds.values()), "kinds": seen.kinds, "answers": seen.answers, "failed": len(seen.failures)}
    print(json.dumps(total | {"failures": seen.failures[:20], "sent_again": seen.sent_again, "slowest": round(seen.slowest, 2)}))


if __name__ == "__main__":
    main()
