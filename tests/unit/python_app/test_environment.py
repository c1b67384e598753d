"""W-8: environment files that systemd reads back exactly, and journal lines without secrets."""

from __future__ import annotations

import base64
import subprocess
import uuid
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from ansible_collections.steady.fleet.plugins.module_utils import release_environment as environment
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
VALUES = st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from("\t\"'\\$`# ;=%{}"), max_size=30)


@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_w8_render_and_parse_agree(variables: dict[str, str]) -> None:
    assert environment.parse(environment.render(variables)) == variables


def test_w8_rendering_is_deterministic_and_plain() -> None:
    assert environment.render({"B": 'a "b" $c `d` \\e # f', "A": 1, "C": True}) == ('A="1"\nB="a \\"b\\" \\$c \\`d\\` \\\\e # f"\nC="true"\n')


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"TOKEN": "canary\nEVIL=1"}, "TOKEN contains a line break"),
        ({"TOKEN": "canary\x00"}, "U\\+0000"),
        ({"TOKEN": "canary\x1b[0m"}, "U\\+001B"),
        ({"TOKEN": ["canary"]}, "TOKEN is a list"),
        ({"TOKEN": None}, "TOKEN is a NoneType"),
        ({"1TOKEN": "canary"}, "'1TOKEN' is not"),
        ({"A B": "canary"}, "'A B' is not"),
        ({"A=B": "canary"}, "'A=B' is not"),
    ],
)
def test_w8_what_a_file_cannot_hold_is_refused_without_its_value(variables: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        environment.render(variables)
    assert "canary" not in str(caught.value)


def test_secrets_are_masked_in_all_their_forms() -> None:
    secret = 'pa"ss/w\\rd€'
    forms = [secret, quote(secret), quote(secret, safe=""), base64.b64encode(secret.encode()).decode(), 'pa\\"ss/w\\\\rd\\u20ac']
    masked = environment.mask(" ".join(forms), {"X": secret, "LEVEL": "info"}, secret=["X"])
    assert masked.replace("=", "").split() == [environment.MASK] * len(forms)


def test_a_variable_whose_name_says_secret_is_masked_too() -> None:
    values = {"API_TOKEN": "canary-1", "DB_PASSWORD": "canary-2", "LOG_LEVEL": "info"}
    assert environment.mask("canary-1 canary-2 info", values, secret=[]) == "******** ******** info"


@pytest.fixture(scope="module")
def systemd_host() -> Iterator[str]:
    name = f"python-app-environment-{uuid.uuid4().hex[:8]}"
    flags = "--cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined".split()
    mounts = "-v /sys/fs/cgroup:/sys/fs/cgroup:ro --tmpfs /run --tmpfs /run/lock --tmpfs /tmp".split()
    subprocess.run(["docker", "run", "-d", "--name", name, *flags, *mounts, "steady-lab/debian:12"], check=True, capture_output=True)
    try:
        subprocess.run(
            ["docker", "exec", name, "timeout", "60", "sh", "-c", "until systemctl is-active --quiet multi-user.target; do sleep 1; done"], check=True
        )
        yield name
    finally:
        subprocess.run(["docker", "rm", "-f", name], check=True, capture_output=True)


@pytest.mark.docker
@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(values=st.lists(VALUES, min_size=1, max_size=40))
def test_w8_systemd_itself_reads_back_exactly_what_was_declared(systemd_host: str, values: list[str]) -> None:
    declared = {f"VALUE_{index}": value for index, value in enumerate(values)}
    put = ["docker", "exec", "-i", systemd_host, "tee", "/run/environment"]
    subprocess.run(put, input=environment.render(declared).encode(), check=True, capture_output=True)
    run = "systemd-run --quiet --pipe --wait --collect -p EnvironmentFile=/run/environment /usr/bin/env -0".split()
    done = subprocess.run(["docker", "exec", systemd_host, *run], check=True, capture_output=True)
    seen = dict(item.split("=", 1) for item in done.stdout.decode().split("\0") if item.startswith("VALUE_"))
    assert seen == declared
