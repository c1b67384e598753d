"""The lab's one process: AWS and the metadata service in threads, the reconciler in the foreground.

Started by ``python -m lab serve``, which sets what moto reads from the environment when it is imported.
"""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Callable
from threading import Event, Thread
from types import FrameType
from typing import Any

from lab import aws, cloud, docker, imds, state
from lab.database import Database
from lab.errors import LabError
from lab.patches import rds
from lab.reconcile import DOWN, UP, Reconciler
from lab.settings import Settings, from_environment

TICK_SECONDS = 0.5


def serve(settings: Settings) -> None:
    """Serve until SIGTERM; the bodies stay, ``down`` removes them."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _setter(stop))
    state.hold(settings.state)
    engine = docker.engine()
    rds.available_when_it_answers(setattr)
    metadata = imds.Metadata(instances=cloud.instances, assume_role=cloud.assume_role)
    for listener in (aws.server(settings), imds.Server((str(settings.gateway), settings.imds_port), metadata)):
        Thread(target=listener.serve_forever, daemon=True).start()
    reconciler = Reconciler(settings=settings, engine=engine, say=_say)
    while not stop.is_set():
        _tick(reconciler)
        state.write_json(settings.state / "status.json", describe(reconciler))
        stop.wait(TICK_SECONDS)


def describe(reconciler: Reconciler) -> dict[str, Any]:
    """The status file's content: the addresses, and each instance and database with its body, port and readiness."""
    settings = reconciler.settings
    rows = []
    for instance in reconciler.instances:
        container = reconciler.containers.get(instance.id)
        if instance.state not in UP | DOWN:
            continue
        rows.append(
            {
                "instance_id": instance.id,
                "name": instance.name,
                "state": instance.state,
                "address": str(instance.address),
                "body": container.state if container else "none",
                "ssh_port": container.loopback_port if container else None,
                "user": instance.machine_image.login if instance.machine_image else None,
                "ready": instance.id in reconciler.ready,
                "problem": reconciler.problems.get(instance.id, ""),
            }
        )
    return {
        "endpoint": settings.endpoint,
        "metadata_service": settings.imds,
        "looked_at": reconciler.looked_at,
        "instances": rows,
        "databases": [_describe_database(reconciler, database) for database in reconciler.databases],
    }


def _describe_database(reconciler: Reconciler, database: Database) -> dict[str, Any]:
    container = reconciler.containers.get(database.id)
    return {
        "id": database.id,
        "name": database.name,
        "state": database.state,
        "status": database.status,
        "version": database.version,
        "endpoint": database.endpoint,
        "port": database.port,
        "body": container.state if container else "none",
        "loopback_port": container.loopback_port if container else None,
        "ready": database.id in reconciler.ready,
        "problem": reconciler.problems.get(database.id, ""),
    }


def _tick(reconciler: Reconciler) -> None:
    try:
        reconciler.tick()
    except LabError as error:
        _say(str(error))
    except Exception:
        # This process holds all of the lab's AWS in memory: a fault while looking goes to the log and must not end it.
        traceback.print_exc()


def _setter(stop: Event) -> Callable[[int, FrameType | None], None]:
    def handler(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    return handler


def _say(line: str) -> None:
    print("lab:", line, flush=True)


if __name__ == "__main__":
    try:
        serve(from_environment())
    except LabError as error:
        sys.exit(f"lab: {error}")
