"""Makes the bodies follow the instances: a pure plan from what is and what should be, then its execution."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum

from lab import body, cloud, docker, keys
from lab.docker import Container, Engine
from lab.errors import LabError
from lab.instance import Instance
from lab.settings import Settings

UP = {"pending", "running"}
DOWN = {"stopping", "stopped"}
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
    """What to do, from the instances' EC2 states and the containers' Docker states, both by instance id.

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
    looked_at: float = 0.0
    _seen: dict[str, str] = field(default_factory=dict)
    _look_again: float = 0.0
    _ports: dict[str, int] = field(default_factory=dict)

    def tick(self) -> None:
        """Look once and do what is due."""
        self.looked_at = time.time()
        self.instances = cloud.instances()
        states = {instance.id: instance.state for instance in self.instances}
        if states != self._seen or time.monotonic() >= self._look_again:
            self._converge(states)
            self._seen, self._look_again = states, time.monotonic() + RETRY_SECONDS
        self._tag()
        self._look_for_ready()

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
        self._ports = {key: container.ssh_port for key, container in self.containers.items()}
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
            instance = next(i for i in self.instances if i.id == action.instance_id)
            port = self._ports[action.instance_id]
            body.create(instance, ssh_port=port, settings=self.settings, engine=self.engine)
        elif action.verb is Verb.START:
            docker.start(name)
        elif action.verb is Verb.STOP:
            docker.stop(name)
        else:
            docker.remove_containers([name])
            keys.unpin(self.settings.known_hosts, action.instance_id)

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
                wanted = {PORT_TAG: str(container.ssh_port), USER_TAG: instance.machine_image.login}
                if not wanted.items() <= instance.tags.items():
                    cloud.tag(instance, wanted)

    def _look_for_ready(self) -> None:
        for instance in self.instances:
            container = self.containers.get(instance.id)
            if instance.id in self.ready or instance.state not in UP or container is None:
                continue
            if body.answers_ssh(container.ssh_port) and body.has_booted(instance.id):
                self.ready.add(instance.id)
                self.say(f"{instance.id}: answers SSH on port {container.ssh_port}")


def _bindable(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((body.LOOPBACK, port))
        except OSError:
            return False
    return True
