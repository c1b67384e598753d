"""What a user sees of an application that the role python_app deploys, and what happens when a release is bad."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SCENARIO = Path(__file__).parents[1]
CANARY = "canary-4f1b6a90c2"
Deploy = Callable[..., subprocess.CompletedProcess[str]]

# Complete by its own hash, but what it needs is not in the lock.
INCOMPLETE_LOCK = """
jinja2==3.1.6 --hash=sha256:85ece4451f492d0c13c5dd7c13a64681a86afae63a5f347908daf103ce6d2f67
"""
OTHER_HASH = "itsdangerous==2.2.0 --hash=sha256:" + "0" * 64 + "\n"


def health(host: Any) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(host.check_output("curl -s --max-time 5 http://127.0.0.1:8090/health"))
    return answer


def releases(host: Any) -> list[str]:
    return sorted(host.check_output("ls /opt/greeter/releases").split())


def current(host: Any) -> str:
    return str(host.check_output("basename $(readlink -f /opt/greeter/current)"))


@pytest.fixture
def deploy(tmp_path: Path) -> Deploy:
    """Run the scenario's play on a copy of its application, with some files changed."""
    copy = tmp_path / "scenario"
    shutil.copytree(SCENARIO, copy)

    def run(*options: str, **files: str) -> subprocess.CompletedProcess[str]:
        for name, text in files.items():
            paths = {"release": "greeter/release.py", "lock": "requirements.txt"}
            (copy / "files" / "greeter" / paths[name]).write_text(text)
        environment = {**os.environ, "MOLECULE_SCENARIO_DIRECTORY": str(copy)}
        inventory = os.environ["MOLECULE_INVENTORY_FILE"]
        argv = ["ansible-playbook", "--inventory", inventory, *options, str(copy / "converge.yml")]
        return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)

    return run


def said(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join((done.stdout + done.stderr).split())


def test_cs24_w24_the_application_answers_on_loopback_only(host: Any) -> None:
    assert health(host)["release"] == "one"
    assert host.socket("tcp://127.0.0.1:8090").is_listening
    assert not host.socket("tcp://0.0.0.0:8090").is_listening


def test_w8_the_environment_arrives_exactly(host: Any) -> None:
    assert health(host)["greeting"] == 'hello "world" $HOME `id` \\ # not a comment'


@pytest.mark.parametrize("user", ["greeter", "nobody", "login"])
def test_w8_nobody_but_root_reads_the_environment(host: Any, platform: dict[str, Any], user: str) -> None:
    user = platform.get(user, user)
    env = host.file("/etc/greeter/env")
    assert (env.user, env.group, env.mode) == ("root", "root", 0o600)
    assert host.run(f"setpriv --reuid={user} --clear-groups cat /etc/greeter/env").rc != 0


def test_w16_the_user_cannot_log_in(host: Any) -> None:
    user = host.user("greeter")
    assert user.shell == "/usr/sbin/nologin"
    assert user.groups == ["greeter"]
    assert user.uid < 1000


@pytest.mark.parametrize("path", ["/opt/greeter", "/opt/greeter/releases", "/opt/greeter/current/app/greeter/api.py", "/etc/greeter"])
def test_w16_the_application_cannot_write_its_own_code(host: Any, path: str) -> None:
    assert host.file(path).user == "root"
    assert host.run(f"setpriv --reuid=greeter --clear-groups test -w {path}").rc != 0
    assert host.check_output("find /opt/greeter/ -perm /022 -not -type l") == ""


def test_the_application_owns_its_data(host: Any) -> None:
    for path in ("/var/lib/greeter", "/var/lib/greeter/uploads"):
        assert (host.file(path).user, host.file(path).mode) == ("greeter", 0o750)


def test_cs20_w23_neither_tests_nor_an_index_nor_editable_trees(host: Any) -> None:
    assert not host.file("/opt/greeter/current/app/tests").exists
    assert host.check_output("find /opt/greeter/current/ -name '*.egg-link' -o -name '__editable__*'") == ""
    pip = host.check_output("/opt/greeter/current/venv/bin/python -m pip list --format json")
    assert {"itsdangerous"} <= {package["name"] for package in json.loads(pip)} <= {"itsdangerous", "pip", "setuptools"}


def test_it_is_importable_from_anywhere_as_cron_starts_it(host: Any) -> None:
    run = "cd / && setpriv --reuid=greeter --clear-groups /opt/greeter/current/venv/bin/python -c 'import greeter.release as r; print(r.NAME)'"
    assert host.check_output(run) == "one"


def test_f17_the_release_says_what_it_is(host: Any) -> None:
    record = json.loads(host.file("/opt/greeter/current/release.json").content_string)
    assert record["id"] == current(host)
    assert record["proved"] is True
    assert record["source"].startswith("directory ")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"release": "import nowhere_to_be_found\n"}, "import greeter.api, tried as user nobody failed .* No module named 'nowhere_to_be_found'"),
        ({"lock": INCOMPLETE_LOCK}, "Installing the requirements .jinja2.* markupsafe"),
        ({"lock": OTHER_HASH}, "itsdangerous==2.2.0 .line 1 of the lock. does not have the hash"),
    ],
    ids=["import", "incomplete", "hash"],
)
def test_f23_cs22_a_broken_release_leaves_the_old_one_running(host: Any, deploy: Deploy, changes: dict[str, str], says: str) -> None:
    before = releases(host)
    done = deploy(**changes)
    assert done.returncode == 2
    assert re.search(says, said(done), re.IGNORECASE)
    assert health(host)["release"] == "one"
    assert releases(host) == before


def test_f18_w12_an_unhealthy_release_is_rolled_back(host: Any, deploy: Deploy) -> None:
    good = current(host)
    done = deploy(release='NAME = "two"\nHEALTH = "database is missing"\n')
    assert done.returncode == 2
    for part in (
        "did not become healthy",
        "field 'status' is 'database is missing', expected 'ok'",
        f"Release {good} runs again and is healthy",
        "Last lines of greeter.service",
        "release two starts, token ********",
    ):
        assert part in said(done)
    assert CANARY not in done.stdout + done.stderr
    assert health(host)["release"] == "one"
    assert current(host) == good


def test_f18_a_release_that_dies_is_rolled_back_with_its_last_words(host: Any, deploy: Deploy) -> None:
    done = deploy(release='import os\nif "GREETING" in os.environ:\n    raise SystemExit("no disk left")\nNAME = HEALTH = "x"\n')
    assert done.returncode == 2
    assert "unit greeter.service is not running" in said(done)
    assert "no disk left" in said(done)
    assert health(host)["release"] == "one"


def test_w12_what_failed_is_not_tried_again_by_itself(host: Any, deploy: Deploy) -> None:
    bad = 'NAME = "two"\nHEALTH = "database is missing"\n'
    done = deploy(release=bad)
    assert done.returncode == 2
    assert "failed its gate at" in said(done)
    assert "python_app_retry=true" in said(done)
    assert "release two starts" not in said(done)
    again = deploy("--extra-vars", "python_app_retry=true", release=bad)
    assert again.returncode == 2
    assert "did not become healthy" in said(again)
    assert health(host)["release"] == "one"


def test_w12_a_bad_environment_goes_back_and_its_secrets_stay_root_s(host: Any, deploy: Deploy) -> None:
    before = host.file("/etc/greeter/env").content_string
    done = deploy("--extra-vars", json.dumps({"python_app_environment": {"API_TOKEN": CANARY}}))  # it cannot start without GREETING
    assert done.returncode == 2
    assert "with its new environment" in said(done)
    assert CANARY not in done.stdout + done.stderr
    assert host.file("/etc/greeter/env").content_string == before
    assert host.file("/etc/greeter/env").mode == 0o600
    assert health(host)["release"] == "one"
    assert host.check_output("find /opt/greeter/releases -name env -not -perm 0600 -o -name rejected.json -not -perm 0600") == ""


def test_check_mode_writes_nothing(host: Any, deploy: Deploy) -> None:
    before = releases(host), current(host)
    done = deploy("--check", "--diff", release='NAME = "three"\nHEALTH = "ok"\n')
    assert done.returncode == 0
    assert "+/opt/greeter/releases/" in done.stdout
    assert (releases(host), current(host)) == before


def test_f17_a_good_release_replaces_the_old_and_n_are_kept(host: Any, deploy: Deploy) -> None:
    before = current(host)
    done = deploy("--extra-vars", "python_app_keep=2", release='NAME = "three"\nHEALTH = "ok"\n')
    assert done.returncode == 0, done.stdout
    assert health(host)["release"] == "three"
    assert releases(host) == sorted([before, current(host)])


def test_w12_what_a_kill_left_behind_is_built_anew(host: Any, deploy: Deploy) -> None:
    three = current(host)
    host.check_output(f"mv /opt/greeter/releases/{three}/release.json /root/")
    host.check_output(f"rm -r /opt/greeter/releases/{three}/venv/lib")
    done = deploy(release='NAME = "three"\nHEALTH = "ok"\n')
    assert done.returncode == 0, done.stdout
    assert host.check_output("/opt/greeter/current/venv/bin/python -c 'import itsdangerous, greeter.release as r; print(r.NAME)'") == "three"
