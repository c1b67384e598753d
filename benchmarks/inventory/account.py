"""An AWS account full of instances that exist in the API only: a process with moto, listening on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REGION = "eu-central-1"
FAKE_KEY = "fake-key-that-opens-nothing"
START_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """``count`` instances with these tags, of which ``stopped`` do not run."""

    count: int
    tags: Mapping[str, str]
    stopped: bool = False


@dataclass(frozen=True, kw_only=True)
class Account:
    """A running account."""

    endpoint: str
    log: Path

    def environment(self) -> dict[str, str]:
        """What makes an AWS client speak to it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": FAKE_KEY,
            "AWS_SECRET_ACCESS_KEY": FAKE_KEY,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def requests(self) -> list[dict[str, Any]]:
        """The requests for instances so far: ``filters`` by name, and how many ``instances`` the answer held."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def forget_requests(self) -> None:
        """Start to count again."""
        self.log.write_text("")


@contextmanager
def account(folder: Path, fleets: Iterable[Fleet]) -> Iterator[Account]:
    """Run an account with ``fleets`` until the block ends."""
    wanted, ready, log = folder / "fleets.json", folder / "endpoint", folder / "requests.jsonl"
    wanted.write_text(json.dumps([{"count": fleet.count, "tags": dict(fleet.tags), "stopped": fleet.stopped} for fleet in fleets]))
    log.touch()
    with (folder / "account.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.inventory.serve", str(folder)], stdout=output, stderr=output, cwd=Path(__file__).parents[2]
        )
    try:
        until = time.monotonic() + START_SECONDS
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the account did not start: {(folder / 'account.log').read_text()[-2000:]}")
            time.sleep(0.1)
        yield Account(endpoint=ready.read_text(), log=log)
    finally:
        process.terminate()
        process.wait()
