"""Nothing secret and nothing real is in the tree, and the detector that says so can see."""

from __future__ import annotations

import checkout
import pytest
from detector import find

# Assembled here, as this file is searched too.
BAD = {
    "AWS access key": "AKIA" + "Q" * 16,
    "AWS secret key": "aws_secret_access_key = " + "aB3/" * 10,
    "private key": "-----BEGIN " + "OPENSSH PRIVATE KEY-----",
    "vault": "$ANSIBLE_" + "VAULT;1.1;AES256",
    "token": "ghp_" + "a1" * 18,
    "password in a URL": "postgresql://user:" + "secret@db.example.org/x",
    "AWS account": "arn:aws:iam::" + "98765" + "4321098:role/x",
    "AWS resource": "i-" + "0a1b2c3d4e5f60718",
    "public address": "8.8." + "8.8",
    "registry host": "https://pypi" + ".org/simple",
    "path of one machine": "/work" + "/main/site.yml",
}
GOOD = [
    "arn:aws:iam::123456789012:role/catscan-ec2-role",
    "i-0123456789abcdef0 ami-0123456789abcdef0 sg-01234567 i-00000000000000001",
    "127.0.0.1 0.0.0.0 10.0.0.1 172.31.0.1 169.254.169.254 203.0.113.7 198.51.100.0/24",
    "postgresql://{{ user }}:{{ password }}@{{ host }}/x",
    "apt-get install docker.io",
    "sha256:9c56cc51b374c3b9d6b7e0d24ad38e3d2b1d80bdb85a0f2e0d1f6ed6c2b7a8f1",
    "apsw==3.54." + "1.0",
    "version 1.2.3, 2026-11-22T05:39:20Z",
]


@pytest.mark.parametrize(("kind", "text"), BAD.items(), ids=BAD.keys())
def test_detector_sees(kind: str, text: str) -> None:
    assert [finding.kind for finding in find(f"first line\n{text}\n")] == [kind]


@pytest.mark.parametrize("text", GOOD)
def test_detector_lets_examples_pass(text: str) -> None:
    assert not list(find(text))


def test_nothing_secret_or_real_is_in_the_tree() -> None:
    searched, found = 0, []
    for path in checkout.files():
        absolute = checkout.ROOT / path
        if absolute.is_symlink() or not absolute.is_file():
            continue
        searched += 1
        found += [f"{path}: {finding}" for finding in find(absolute.read_text(encoding="utf-8", errors="replace"))]
    assert not found, "\n".join(found)
    assert searched > 100
