"""Servers that tests start."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

import pytest


def wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the server takes connections on loopback; fail the test with its log when it does not within a minute."""
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail(f"the server on port {port} did not start: {log.read_text()}")
