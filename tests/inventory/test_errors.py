"""What goes wrong between the controller and EC2 is a sentence with the way out."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import checkout
import pytest

KEY = "fake-key-that-opens-nothing"
REFUSAL = "<Response><Errors><Error><Code>{code}</Code><Message>AWS said so.</Message></Error></Errors><RequestID>1</RequestID></Response>"


class Refusing(BaseHTTPRequestHandler):
    """EC2 as it refuses everything with the code that its path names."""

    def do_POST(self) -> None:
        body = REFUSAL.format(code=self.path.strip("/")).encode()
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Be quiet."""


@pytest.fixture(scope="module")
def refusing() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def ask(tmp_path: Path, inventory: str = "inventories/aws_ec2.yml", **environment: str) -> str:
    """What ansible-inventory says, its lines unfolded."""
    clean = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1"}
    done = checkout.attempt("ansible-inventory", "-i", inventory, "--graph", **clean, ANSIBLE_INVENTORY_CACHE_CONNECTION=str(tmp_path), **environment)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


def test_a_refusal_is_explained(refusing: str, tmp_path: Path) -> None:
    said = ask(tmp_path, AWS_ENDPOINT_URL=f"{refusing}/RequestExpired", AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=KEY)
    assert "The instances in eu-central-1 cannot be listed. The credentials have expired, or this machine's clock is wrong. Sign in again" in said
    assert KEY not in said


def test_an_endpoint_that_does_not_answer(tmp_path: Path) -> None:
    said = ask(tmp_path, AWS_ENDPOINT_URL="http://127.0.0.1:1", AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=KEY)
    assert "AWS does not answer there. Check the region's name (AWS_REGION), the network or proxy, and AWS_ENDPOINT_URL" in said


def test_no_credentials(tmp_path: Path) -> None:
    assert "There are no AWS credentials. Set AWS_PROFILE" in ask(tmp_path, AWS_ENDPOINT_URL="http://127.0.0.1:1")


def test_a_profile_that_does_not_exist(tmp_path: Path) -> None:
    assert "with the profile nobody cannot be listed. AWS_PROFILE names no profile" in ask(tmp_path, AWS_PROFILE="nobody")


def test_no_region(tmp_path: Path) -> None:
    (tmp_path / "ec2.yml").write_text("plugin: steady.fleet.ec2\n")
    assert "No region to look for instances in: set AWS_REGION, or regions in" in ask(tmp_path, inventory=str(tmp_path / "ec2.yml"))


def test_an_option_that_there_is_not(tmp_path: Path) -> None:
    (tmp_path / "ec2.yml").write_text("plugin: steady.fleet.ec2\nkeyed_groups: []\n")
    assert "steady.fleet.ec2 has no option keyed_groups. See ansible-doc" in ask(tmp_path, inventory=str(tmp_path / "ec2.yml"))
