"""What ``python -m lab`` does: up, down, status, wait, tunnel, env, image."""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from lab import authority, build, docker, keys, state, tunnel
from lab.errors import LabError
from lab.images import ACCOUNT, BODIES, MACHINE_IMAGES, body_of, machine_image
from lab.settings import PROJECT, Settings

Say = Callable[[str], None]
START_SECONDS = 60.0
STOP_SECONDS = 20.0


def up(settings: Settings, *, say: Say) -> None:
    """Bring the lab up, or see that it is."""
    engine = docker.engine()
    say(f"Docker Engine {engine.version}")
    state.create(settings.state)
    build.ensure(machine_image(settings.platform).body, say=say)
    made = docker.ensure_network(settings)
    say(f"network {settings.network} {settings.cidr} ({'created' if made else 'there'})")
    keys.ensure_user_key(settings.private_key)
    authority.ensure(settings.database_authority, settings.database_authority_key)
    settings.known_hosts.touch()
    if state.daemon_pid(settings.state) is None:
        docker.check_ports(settings)
        _start_daemon(settings)
    say(f"AWS at {settings.endpoint}, metadata service at {settings.imds}, log in {settings.log}")
    for opened in tunnel.reopen(_report(settings)["instances"], settings):
        say(f"tunnel http://127.0.0.1:{opened.local_port} to {opened.instance_id}")


def down(settings: Settings, *, images: bool, say: Say) -> None:
    """Take everything away that ``up`` and the instances brought: processes, containers, network, files."""
    tunnel.close_all(settings)
    if _stop_daemon(settings):
        say("daemon stopped")
    docker.engine()
    bodies = [container.name for container in docker.containers(settings.network).values()]
    docker.remove_containers(bodies)
    docker.remove_network(settings.network)
    state.remove(settings.state)
    say(f"{len(bodies)} bodies, the network and {settings.state} removed")
    if images:
        build.remove_all(say=say)


def images(names: list[str], *, say: Say) -> None:
    """Build the images of these names; all, if none is named."""
    for body in [body_of(name) for name in names or BODIES]:
        build.ensure(body, say=say)


def status(settings: Settings) -> dict[str, Any]:
    """What runs: ``state`` (up or down), the endpoints, each instance and database with its body, and the tunnels."""
    if state.daemon_pid(settings.state) is None:
        return {"state": "down", "instances": [], "databases": [], "tunnels": []}
    rows = [
        {
            "instance_id": one.instance_id,
            "url": f"http://127.0.0.1:{one.local_port}",
            "remote_port": one.remote_port,
            "open": tunnel.is_open(one, settings),
        }
        for one in tunnel.known(settings)
    ]
    return {"state": "up", **_report(settings), "tunnels": rows}


def wait(settings: Settings, *, seconds: float, say: Say) -> None:
    """Return when every running instance and database answers; raise :class:`LabError` that names those that do not."""
    began = time.time()
    until = time.monotonic() + seconds
    while True:
        if state.daemon_pid(settings.state) is None:
            raise LabError("The lab is not up: run python -m lab up.")
        current = _report(settings)
        rows = [*current["instances"], *current["databases"]]
        late = [row for row in rows if row["state"] in {"pending", "running"} and not row["ready"]]
        # A look that began after us has seen whatever was launched before us.
        if not late and current.get("looked_at", 0) > began:
            say(f"{len(current['instances'])} instances and {len(current['databases'])} databases, every running one answers")
            return
        if time.monotonic() > until:
            names = "; ".join(f"{row['name']} ({row['problem'] or 'still booting'})" for row in late)
            raise LabError(f"After {seconds:.0f} s these do not answer: {names}. The log: {settings.log}")
        time.sleep(0.3)


def open_tunnel(settings: Settings, *, host: str, port: int) -> str:
    """Open a tunnel to ``port`` on the loopback of ``host`` (Name tag, instance id or inventory name); return its URL."""
    ready = [row for row in status(settings)["instances"] if row["ready"]]
    names = {row["instance_id"]: {row["instance_id"], row["name"], f"{row['name']}_{row['instance_id']}"} for row in ready}
    found = [row for row in ready if not host or host in names[row["instance_id"]]]
    if len(found) != 1:
        there = ", ".join(f"{row['name']}_{row['instance_id']}" for row in ready) or "none"
        raise LabError(f"Tunnel to {host or 'the one host'}: {len(found)} hosts match, one is needed. Ready hosts: {there}.")
    opened = tunnel.open_one(found[0], remote_port=port, settings=settings)
    return f"http://127.0.0.1:{opened.local_port}"


def serve(settings: Settings) -> None:
    """Become the daemon, with the environment that moto reads when it is imported."""
    amis = settings.state / "amis.json"
    state.write_json(amis, [image.moto(ACCOUNT) for image in MACHINE_IMAGES])
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    os.environ["MOTO_AMIS_PATH"] = str(amis)
    os.environ["MOTO_PORT"] = str(settings.api_port)
    runpy.run_module("lab.daemon", run_name="__main__")


def _start_daemon(settings: Settings) -> None:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"}
    (settings.state / "status.json").unlink(missing_ok=True)
    with settings.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "lab", "serve"],
            cwd=settings.state,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    until = time.monotonic() + START_SECONDS
    while not (settings.state / "status.json").exists():
        if process.poll() is not None or time.monotonic() > until:
            lines = settings.log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["nothing"]
            raise LabError(f"The lab's daemon did not start; its log {settings.log} ends with: {lines[-1]}")
        time.sleep(0.1)


def _stop_daemon(settings: Settings) -> bool:
    pid = state.daemon_pid(settings.state)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + STOP_SECONDS
    while state.daemon_pid(settings.state) == pid:
        if time.monotonic() > until:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
    return True


def _report(settings: Settings) -> dict[str, Any]:
    report: dict[str, Any] = state.read_json(settings.state / "status.json", {"instances": [], "databases": []})
    return report
