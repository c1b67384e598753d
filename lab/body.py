"""One body: the systemd container that is an EC2 instance, from the files put into it to the moment it answers."""

from __future__ import annotations

import io
import socket
import tarfile
import time
from dataclasses import dataclass

from lab import docker, keys
from lab.command import attempt, run
from lab.docker import INSTANCE_LABEL, NETWORK_LABEL, PORT_LABEL, Engine
from lab.errors import LabError
from lab.images import MachineImage
from lab.instance import Instance
from lab.settings import Settings

LOOPBACK = "127.0.0.1"
LOGIN_ID = 1000
BOOTED = {"running", "degraded"}


@dataclass(frozen=True, kw_only=True)
class File:
    """A file that a body gets before it boots."""

    path: str
    content: bytes
    mode: int = 0o644
    owner: int = 0


def container_name(instance_id: str) -> str:
    return f"steady-lab-{instance_id}"


def create(instance: Instance, *, ssh_port: int, settings: Settings, engine: Engine) -> None:
    """Make and boot the body of ``instance``, with a host key of its own that is pinned before it first answers."""
    image = _machine_image(instance, settings)
    host_key = keys.generate()
    name = container_name(instance.id)
    flags = options(instance, ssh_port=ssh_port, settings=settings, engine=engine)
    tar = archive(files(instance, image, host_key=host_key, environment=settings.body_environment()))
    if not docker.image_id(image.body):
        raise LabError(f"The body of {image.name} is not built: there is no image {image.body}. Run python -m lab image {image.platform}.")
    run("docker", "create", "--pull", "never", "--name", name, *flags, image.body)
    try:
        run("docker", "cp", "-", f"{name}:/", stdin=tar)
        keys.pin(settings.known_hosts, instance.id, host_key.public)
        run("docker", "start", name)
    except LabError:
        # A half-made body must not pass for a stopped one at the next look.
        run("docker", "rm", "--force", name)
        raise


def options(instance: Instance, *, ssh_port: int, settings: Settings, engine: Engine) -> list[str]:
    """The arguments of ``docker create``: address, labels, SSH on loopback, what systemd needs, the type's memory."""
    labels = {NETWORK_LABEL: settings.network, INSTANCE_LABEL: instance.id, PORT_LABEL: str(ssh_port)}
    memory = f"{instance.memory_mib}m"
    return [
        *("--hostname", instance.hostname, "--network", settings.network, "--ip", str(instance.address)),
        *(part for key, value in labels.items() for part in ("--label", f"{key}={value}")),
        *("--publish", f"{LOOPBACK}:{ssh_port}:22", "--stop-signal", "SIGRTMIN+3"),
        *("--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
        *("--tmpfs", "/run", "--tmpfs", "/run/lock"),
        *_cgroup(engine),
        *(("--memory", memory, "--memory-swap", memory) if engine.memory_limit and instance.memory_mib else ()),
    ]


def _cgroup(engine: Engine) -> tuple[str, ...]:
    if engine.cgroup_version == 1:
        return ("--volume", "/sys/fs/cgroup:/sys/fs/cgroup:ro")
    return ("--cgroupns", "host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw")


def files(instance: Instance, image: MachineImage, *, host_key: keys.KeyPair, environment: dict[str, str]) -> list[File]:
    """What cloud-init would leave on a first boot: host key, the key pair's public key, and where AWS is."""
    manager = " ".join(f'"{key}={value}"' for key, value in environment.items())
    return [
        File(path="etc/ssh/ssh_host_ed25519_key", content=host_key.private, mode=0o600),
        File(path="etc/ssh/ssh_host_ed25519_key.pub", content=f"{host_key.public}\n".encode()),
        File(path="etc/environment", content="".join(f"{k}={v}\n" for k, v in environment.items()).encode()),
        File(path="etc/systemd/system.conf.d/lab.conf", content=f"[Manager]\nDefaultEnvironment={manager}\n".encode()),
        File(
            path=f"home/{image.login}/.ssh/authorized_keys",
            content=f"{instance.public_key}\n".encode(),
            mode=0o600,
            owner=LOGIN_ID,
        ),
    ]


def archive(files: list[File]) -> bytes:
    """The files as a tar stream, owners and modes kept."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for file in files:
            entry = tarfile.TarInfo(file.path)
            entry.size, entry.mode, entry.mtime = len(file.content), file.mode, int(time.time())
            entry.uid = entry.gid = file.owner
            tar.addfile(entry, io.BytesIO(file.content))
    return buffer.getvalue()


def answers_ssh(port: int) -> bool:
    """Whether sshd greets on the loopback port; Docker's proxy accepts before sshd is there, so read the greeting."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1) as connection:
            connection.settimeout(1)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def has_booted(instance_id: str) -> bool:
    """Whether systemd has finished its start; before that, PAM refuses every login but root's."""
    result = attempt(["docker", "exec", container_name(instance_id), "systemctl", "is-system-running"], timeout=20)
    return result.stdout.decode().strip() in BOOTED


def _machine_image(instance: Instance, settings: Settings) -> MachineImage:
    if instance.machine_image is None:
        raise LabError(f"The AMI {instance.image_id} has no body in the lab: use one of the lab's AMIs (lab/images.py).")
    if instance.address not in settings.cidr:
        raise LabError(f"The address {instance.address} lies outside the lab's network {settings.cidr}: launch the instance in the default VPC.")
    return instance.machine_image
