"""The lab's S3 in a process of its own, and what a test does with it."""

from __future__ import annotations

import functools
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import requests
from listening import wait_for

PROJECT = Path(__file__).parents[2]
REGION = "eu-central-1"
# Long and plainly no keys; a test may search an output for them.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test-access-key-for-the-local-endpoint",
    "AWS_SECRET_ACCESS_KEY": "test-secret-key-for-the-local-endpoint",
    "AWS_DEFAULT_REGION": REGION,
}
SERVE = """
import ipaddress, sys
from lab import aws
from lab.settings import Settings
aws.server(Settings(cidr=ipaddress.IPv4Network("127.0.0.0/16"), api_port=int(sys.argv[1]))).serve_forever()
"""


@functools.cache
def s3(endpoint: str) -> Any:
    """A plain boto3 client, for looking at a bucket behind the back of what is tested."""
    make: Any = boto3.client
    return make("s3", endpoint_url=endpoint)


@contextmanager
def enforced(endpoint: str) -> Iterator[None]:
    """An account that enforces policies, for as long as this goes on."""
    requests.post(f"{endpoint}/moto-api/reset-auth", data="0", timeout=10).raise_for_status()
    try:
        yield
    finally:
        requests.post(f"{endpoint}/moto-api/reset-auth", data="inf", timeout=10).raise_for_status()


@contextmanager
def served(log: Path) -> Iterator[str]:
    """S3 on loopback; its endpoint."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # moto reads its environment when it is imported.
    environment = os.environ | {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
    with (
        log.open("wb") as output,
        subprocess.Popen([sys.executable, "-c", SERVE, str(port)], cwd=PROJECT, env=environment, stdout=output, stderr=output) as server,
    ):
        try:
            wait_for(port, server, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
