"""Declared services: refused or turned into unit files, on the controller."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.plugin_utils.service_unit import (
    argv,
    host_programs,
    quote,
    stop_seconds,
    unit_declarations,
    unit_problems,
)
from hypothesis import given
from hypothesis import strategies as st

API: dict[str, Any] = {
    "name": "catscan-api",
    "kind": "uvicorn",
    "user": "catscan",
    "venv": "/opt/catscan/current/venv",
    "application": "catscan.api:app",
    "port": 8000,
}
WORKER: dict[str, Any] = {**API, "name": "vectordb-worker", "kind": "celery_worker", "application": "app.celery_config", "port": None}
COMMAND: dict[str, Any] = {"name": "say", "kind": "command", "user": "catscan", "command": ["/usr/bin/say", "hello"]}


def test_cs24_w24_the_api_binds_loopback() -> None:
    (socket, _) = unit_declarations([API])
    assert socket["vars"]["__systemd_service_words"]["listen"] == "127.0.0.1:8000"
    assert unit_problems([API]) == []


SERVE = "/opt/catscan/current/venv/bin/python /usr/local/libexec/steady-fleet/serve-uvicorn catscan.api:app"


def test_cs22_systemd_holds_the_port_of_uvicorn_and_gunicorn() -> None:
    assert " ".join(argv(API)).startswith(f"{SERVE} --fd 3 --backlog 4096 ")
    assert "--bind" not in argv({**API, "kind": "gunicorn"})
    for kind in ("uvicorn", "gunicorn"):
        names = [(unit["name"], unit["ports"], unit["state"]) for unit in unit_declarations([{**API, "kind": kind}])]
        assert names == [("catscan-api.socket", [8000], "started"), ("catscan-api.service", [], "started")]


def test_cs22_a_service_may_keep_its_port() -> None:
    unit = {**API, "socket": False}
    assert " ".join(argv(unit)).startswith(f"{SERVE} --host 127.0.0.1 --port 8000 ")
    assert [(unit["name"], unit["ports"]) for unit in unit_declarations([unit])] == [("catscan-api.service", [8000])]


def test_cs22_a_command_may_take_a_socket() -> None:
    assert len(unit_declarations([{**COMMAND, "port": 9000}])) == 1
    assert [unit["name"] for unit in unit_declarations([{**COMMAND, "port": 9000, "socket": True}])] == ["say.socket", "say.service"]


def test_uvicorn_brings_the_program_that_stops_it_without_loss() -> None:
    (program,) = host_programs([API, WORKER])
    assert program["path"] in argv(API)
    assert program["restarts"] == ["catscan-api.service"]
    assert host_programs([WORKER, COMMAND]) == []


@pytest.mark.parametrize(
    "change",
    [
        {"host": "0.0.0.0"},
        {"host": "::"},
        {"arguments": ["--host=0.0.0.0"]},
        {"arguments": ["--bind", "[::]:8000"]},
        {"arguments": ["--bind", ":8000"]},
        {"arguments": ["--bind=*:8000"]},
        {"arguments": ["tcp://0.0.0.0:8000"]},
    ],
)
def test_w24_every_address_needs_a_reason(change: dict[str, Any]) -> None:
    (problem,) = unit_problems([{**API, **change}])
    assert "service 'catscan-api'" in problem
    assert "public_reason" in problem
    assert unit_problems([{**API, **change, "public_reason": "the load balancer reaches it over the private network"}]) == []


@pytest.mark.parametrize("word", ["--peer=::1", "10.0.0.5:80", "a::b", "10.0.0.0/8", "redis://127.0.0.1:6379/0", "--time=12:30"])
def test_w24_other_words_are_left_alone(word: str) -> None:
    assert unit_problems([{**API, "arguments": [word]}]) == []


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        ({**API, "port": None}, "key 'port': kind uvicorn needs it"),
        ({**API, "venv": None}, "key 'venv': kind uvicorn needs it"),
        ({**COMMAND, "command": None}, "key 'command': kind command needs it"),
        ({**COMMAND, "command": ["say"]}, "key 'command': 'say' is not an absolute path"),
        ({**API, "name": "catscan-api.service"}, "key 'name'"),
        ({**API, "host": "localhost"}, "key 'host': 'localhost' is no IP address"),
        ({**API, "port": 70000}, "key 'port': 70000"),
        ({**API, "environment": {"A-B": "1"}}, "key 'environment': 'A-B'"),
        ({**API, "memory_max": "lots"}, "key 'memory_max': 'lots'"),
        ({**API, "writable_paths": ["data"]}, "key 'writable_paths': 'data'"),
        ({**API, "description": "a\nb"}, "key 'description'"),
        ({**API, "kind": "streamlit", "socket": True}, "key 'socket': streamlit cannot take over an open socket"),
        ({**COMMAND, "socket": True}, "key 'socket': say with 'port' where it listens"),
        ({**API, "time_limit_seconds": 5}, "key 'time_limit_seconds'"),
        ({**WORKER, "time_limit_seconds": 1800, "timeout_stop_seconds": 60}, "key 'timeout_stop_seconds'"),
    ],
)
def test_each_problem_names_the_service_and_the_key(unit: dict[str, Any], words: str) -> None:
    (problem,) = unit_problems([unit])
    assert f"service '{unit['name']}'" in problem
    assert words in problem


def test_numbers_from_the_command_line_are_numbers() -> None:
    assert unit_problems([{**API, "port": "8000", "timeout_stop_seconds": "20"}]) == []
    assert unit_declarations([{**API, "port": "8000"}])[0]["ports"] == [8000]


def test_two_services_share_neither_name_nor_port() -> None:
    assert len(unit_problems([API, API])) == 2
    assert unit_problems([API, {**API, "name": "other"}]) == ["systemd_service_units: 'catscan-api', 'other' are all to listen on port 8000; give each its own"]


def test_vdb20_the_worker_is_started_as_the_plan_says_and_may_finish_its_task() -> None:
    unit = {**WORKER, "workers": 4, "time_limit_seconds": 1800}
    assert argv(unit)[1:] == [
        *("-m", "celery", "--app", "app.celery_config", "worker", "--loglevel", "INFO", "--concurrency", "4"),
        *("--time-limit=1800", "--soft-time-limit=1740"),
    ]
    assert stop_seconds(unit) > 1800


def test_cti28_uvicorn_and_gunicorn_finish_requests_before_systemd_kills_them() -> None:
    assert argv({**API, "timeout_stop_seconds": 20})[-2:] == ["--timeout-graceful-shutdown", "15"]
    words = argv({**API, "kind": "gunicorn", "workers": 3, "socket": False})
    assert words[3:] == ["catscan.api:app", "--bind", "127.0.0.1:8000", "--backlog", "4096", "--workers", "3", "--graceful-timeout", "25"]
    assert "[::1]:8000" in argv({**API, "kind": "gunicorn", "host": "::1", "socket": False})


def test_shop16_the_dashboard_is_headless_on_loopback() -> None:
    words = argv({**API, "kind": "streamlit", "application": "dashboard.py", "port": 8501})
    assert words[1:9] == ["-m", "streamlit", "run", "dashboard.py", "--server.address", "127.0.0.1", "--server.port", "8501"]


def test_the_beat_keeps_its_schedule_in_a_directory_of_its_own() -> None:
    unit = {**WORKER, "name": "cti-beat", "kind": "celery_beat"}
    (declared,) = unit_declarations([unit])
    assert argv(unit)[-1] == "/var/lib/cti-beat/celerybeat-schedule"
    assert declared["vars"]["__systemd_service_words"]["state_directory"] == "cti-beat"


def test_cs25_a_service_starts_now_and_at_boot_and_says_its_port() -> None:
    for declared in unit_declarations([API]):
        assert (declared["enabled"], declared["state"]) == (True, "started")
    for declared in unit_declarations([{**API, "enabled": False, "state": "stopped"}]):
        assert (declared["enabled"], declared["state"]) == (False, "stopped")


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f")))
def test_a_quoted_word_is_one_word(word: str) -> None:
    # Without line breaks systemd's double quotes mean what a POSIX shell's do, after its own doubling of % and $.
    assert shlex.split(quote(word, command=True)) == [word.replace("%", "%%").replace("$", "$$")]


def test_a_line_break_stays_inside_its_word() -> None:
    assert quote("a\nb\tc") == '"a\\nb\\tc"'
