"""Makes the bodies follow the instances and databases: a pure plan from what is and what should be, then its execution."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum

from lab import body, cloud, database_body, docker, keys
from lab.database import Database
from lab.docker import Container, Engine
from lab.errors import LabError
from lab.instance import Instance
from lab.settings import Settings

UP = {"pending", "running"}
DOWN = {"stopping", "stopped"}
UNDECIDED = {"creating", "starting", "failed"}
"""A database's statuses that end when its body answers, or cannot be made."""
# The prefix aws: is AWS's own: no client may write such a tag, and modules that purge tags leave it alone.
PORT_TAG = "aws:lab:SshPort"
USER_TAG = "aws:lab:SshUser"
RETRY_SECONDS = 10.0


class Verb(StrEnum):
    CREATE = "create"
    START = "start"
    STOP = "stop"
    REMOVE = "remove"


@dataclass(frozen=True, kw_only=True)
class Action:
    """One step that brings one body to where its instance is."""

    verb: Verb
    instance_id: str


def plan(states: Mapping[str, str], containers: Mapping[str, str]) -> list[Action]:
    """What to do, from the instances' EC2 states and the containers' Docker states, both by id.

    A container whose instance is terminated or unknown goes; an instance that was never up while we looked gets its
    body when it starts.
    """
    actions = [Action(verb=Verb.REMOVE, instance_id=instance_id) for instance_id in containers if states.get(instance_id) not in UP | DOWN]
    for instance_id, state in states.items():
        body_state = containers.get(instance_id)
        if state in UP and body_state is None:
            actions.append(Action(verb=Verb.CREATE, instance_id=instance_id))
        elif state in UP and body_state != "running":
            actions.append(Action(verb=Verb.START, instance_id=instance_id))
        elif state in DOWN and body_state == "running":
            actions.append(Action(verb=Verb.STOP, instance_id=instance_id))
    return actions


@dataclass(kw_only=True)
class Reconciler:
    """Holds what was last seen, so that a quiet second costs no call of Docker."""

    settings: Settings
    engine: Engine
    say: Callable[[str], None] = print
    problems: dict[str, str] = field(default_factory=dict)
    ready: set[str] = field(default_factory=set)
    containers: dict[str, Container] = field(default_factory=dict)
    instances: list[Instance] = field(default_factory=list)
    databases: list[Database] = field(default_factory=list)
    looked_at: float = 0.0
    _seen: dict[str, str] = field(default_factory=dict)
    _look_again: float = 0.0
    _ports: dict[str, int] = field(default_factory=dict)
    _settled: dict[str, tuple[str, bool]] = field(default_factory=dict)

    def tick(self) -> None:
        """Look once and do what is due."""
        self.looked_at = time.time()
        self.instances, self.databases = cloud.instances(), cloud.databases()
        states = {instance.id: instance.state for instance in self.instances}
        states |= {database.id: database.state for database in self.databases}
        if states != self._seen or time.monotonic() >= self._look_again:
            self._converge(states)
            self._seen, self._look_again = states, time.monotonic() + RETRY_SECONDS
        self._tag()
        self._look_for_ready()
        self._look_for_ready_databases()

    def _converge(self, states: Mapping[str, str]) -> None:
        self.containers = docker.containers(self.settings.network)
        actions = plan(states, {key: container.state for key, container in self.containers.items()})
        if actions:
            self._forget(actions)
            with ThreadPoolExecutor(max_workers=4) as pool:
                list(pool.map(self._apply, actions))
            self.containers = docker.containers(self.settings.network)

    def _forget(self, actions: Iterable[Action]) -> None:
        """Before the threads start: whom the actions concern is not ready, and a new body has its port reserved."""
        self._ports = {key: container.loopback_port for key, container in self.containers.items()}
        for action in actions:
            self.ready.discard(action.instance_id)
            if action.verb is Verb.CREATE:
                self._ports[action.instance_id] = self._free_port()

    def _apply(self, action: Action) -> None:
        try:
            self._execute(action)
        except LabError as error:
            self.problems[action.instance_id] = str(error)
            self.say(f"{action.instance_id}: {action.verb} failed: {error}")
            return
        self.problems.pop(action.instance_id, None)
        self.say(f"{action.instance_id}: {action.verb} done")

    def _execute(self, action: Action) -> None:
        name = body.container_name(action.instance_id)
        if action.verb is Verb.CREATE:
            self._create(action.instance_id)
        elif action.verb is Verb.START:
            docker.start(name)
        elif action.verb is Verb.STOP:
            docker.stop(name)
        else:
            docker.remove_containers([name])
            keys.unpin(self.settings.known_hosts, action.instance_id)

    def _create(self, id_: str) -> None:
        port = self._ports[id_]
        database = next((one for one in self.databases if one.id == id_), None)
        if database is None:
            instance = next(one for one in self.instances if one.id == id_)
            body.create(instance, ssh_port=port, settings=self.settings, engine=self.engine)
            return
        database_body.create(database, port=port, settings=self.settings)
        self._settled[id_] = database.settings

    def _free_port(self) -> int:
        taken = set(self._ports.values())
        for port in self.settings.ssh_ports:
            if port not in taken and _bindable(port):
                return port
        raise LabError(f"No port from {self.settings.ssh_ports.start} on is free: set STEADY_LAB_SSH_PORT.")

    def _tag(self) -> None:
        for instance in self.instances:
            container = self.containers.get(instance.id)
            if container and instance.machine_image and instance.state in UP | DOWN:
                wanted = {PORT_TAG: str(container.loopback_port), USER_TAG: instance.machine_image.login}
                if not wanted.items() <= instance.tags.items():
                    cloud.tag(instance, wanted)

    def _look_for_ready(self) -> None:
        for instance in self.instances:
            container = self.containers.get(instance.id)
            if instance.id in self.ready or instance.state not in UP or container is None:
                continue
            if body.answers_ssh(container.loopback_port) and body.has_booted(instance.id):
                self.ready.add(instance.id)
                self.say(f"{instance.id}: answers SSH on port {container.loopback_port}")

    def _look_for_ready_databases(self) -> None:
        """See which databases answer, settle what changed meanwhile, and tell RDS how far they are."""
        for database in self.databases:
            container = self.containers.get(database.id)
            if database.state in UP and container and container.state == "running" and database.id not in self.ready and database_body.answers(database):
                self.ready.add(database.id)
                self.say(f"{database.id}: {database.name} answers")
            if database.id in self.ready and self._settled.get(database.id) != database.settings:
                database_body.settle(database)
                self._settled[database.id] = database.settings
            if database.status in UNDECIDED and database.state in UP:
                failed = "failed" if database.id in self.problems else database.status
                cloud.set_status(database, "available" if database.id in self.ready else failed)


def _bindable(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((body.LOOPBACK, port))
        except OSError:
            return False
    return True
