"""The same state for pyinfra (STATE names the file, see state.py). Run by pyinfra, which also puts the host into scope."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

from pyinfra.api.command import StringCommand
from pyinfra.api.exceptions import OperationError
from pyinfra.api.facts import FactBase
from pyinfra.api.operation import operation
from pyinfra.context import host
from pyinfra.operations import apt, files, server, systemd
from pyinfra.operations.util import any_changed


class HealthStatus(FactBase[str]):
    """The status code that an address answers: a fact, as a command would count as a change."""

    def command(self, url: str) -> StringCommand:
        """The command that asks."""
        return StringCommand("curl", "--silent", "--output", "/dev/null", "--write-out", "'%{http_code}'", "--retry", "15", "--retry-connrefused", url)

    def process(self, output: list[str]) -> str:
        """The code."""
        return "".join(output).strip()


@operation()
def healthy(url: str, status: str) -> Generator[StringCommand]:
    """Fail where the address does not answer so; never a change."""
    answer = host.get_fact(HealthStatus, url=url)
    if answer != status:
        raise OperationError(f"{url} answered {answer}")
    yield from ()


def write(item: dict[str, Any]) -> Any:
    """One file."""
    return files.put(
        name=item["path"],
        src=io.StringIO(item["content"]),
        dest=item["path"],
        user=item["owner"],
        group=item["group"],
        mode=item["mode"],
    )


state: dict[str, Any] = json.loads(Path(os.environ["STATE"]).read_text())

apt.packages(name="packages", packages=state["packages"], no_recommends=True)
for group in state["system_groups"]:
    server.group(name=f"group {group['name']}", group=group["name"], system=True)
for user in state["users"]:
    server.user(
        name=f"user {user['name']}",
        user=user["name"],
        group=user["group"],
        groups=user["groups"],
        append=True,
        home=user["home"],
        shell=user["shell"],
        ensure_home=False,
        system=True,
    )
for item in state["directories"]:
    files.directory(name=item["path"], path=item["path"], user=item["owner"], group=item["group"], mode=item["mode"])
written = [(item, write(item)) for item in state["files"]]
for item in state["links"]:
    files.link(name=item["path"], path=item["path"], target=item["target"])
for path in state["absent"]:
    files.file(name=path, path=path, present=False)
systemd.daemon_reload(name="reload systemd", _if=any_changed(*(result for _, result in written)))
for unit in dict.fromkeys(unit for item in state["files"] for unit in item.get("restarts", [])):
    causes = [result for item, result in written if unit in item.get("restarts", [])]
    server.shell(name=f"restart {unit}", commands=[f"systemctl try-restart {unit}"], _if=any_changed(*causes))
for unit in state["units"]:
    systemd.service(name=unit["name"], service=unit["name"], running=unit.get("state") == "started", enabled=unit.get("enabled"))
for health in state["health"]:
    healthy(name=health["url"], url=health["url"], status=str(health["status"]))
