# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of ``python_release``: source, ship list, name, wheels; one small call when the host has it already."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import io
import json
import os
import shlex
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import constants as C
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.steady.fleet.plugins.module_utils import release_environment
from ansible_collections.steady.fleet.plugins.module_utils.release_store import WITHDRAWN
from ansible_collections.steady.fleet.plugins.plugin_utils import packages, platform_python, run_lock, ship, sources, wheels

USER_ERRORS = (ship.ShipError, sources.SourceError, wheels.WheelError)


@dataclasses.dataclass(frozen=True)
class Release:
    """One release, known by its content before anything is sent."""

    id: str
    root: str
    source: sources.Source
    archive: bytes
    pins: tuple[wheels.Pin, ...]

    @property
    def path(self) -> str:
        return f"{self.root}/releases/{self.id}"


def name_release(source: sources.Source, *, root: str, python: str, lock_name: str) -> Release:
    """Check the lock and compute the id of what was obtained."""
    text = source.requirements.decode("utf-8", errors="replace")
    pins = wheels.parse_lock(text, where=f"{source.description}: {lock_name}")
    archive = ship.archive(source.entries)
    wheel_name, wheel = source.wheel or ("", b"")
    release = ship.release_id(archive, source.requirements, python.encode(), wheel_name.encode(), wheel)
    return Release(id=release, root=root, source=source, archive=archive, pins=tuple(pins))


def bundle(release: Release, fetched: list[Path], pins: list[wheels.Pin], path: str) -> None:
    """Write the one archive that goes to the host: ``app/…``, ``wheels/*.whl``, ``requirements.txt``."""

    def add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(data), 0o644
        tar.addfile(info, io.BytesIO(data))

    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        with tarfile.open(fileobj=io.BytesIO(release.archive)) as app:
            for member in app:
                content = app.extractfile(member) if member.isreg() else None
                member.name = f"app/{member.name}"
                tar.addfile(member, content)
        for wheel in fetched:
            tar.add(wheel, f"wheels/{wheel.name}", recursive=False)
        if release.source.wheel:
            add(tar, f"wheels/{release.source.wheel[0]}", release.source.wheel[1])
        if pins:
            add(tar, "requirements.txt", "".join(f"{pin.render()}\n" for pin in pins).encode())


def _plan(args: Mapping[str, Any], release: Release, state: Mapping[str, Any]) -> list[dict[str, str]]:
    """What a build changes on the host, in the words of host_state's plan."""
    scope = f"python_release/{args['name']}"
    steps = [("install", "package", name, "this Python cannot make virtual environments") for name in args["packages"] if state["python"] is None]
    steps += [(action, "directory", path, "a release needs it") for action, path in state["directories"]]
    steps.append(("create", "release", release.path, "missing"))
    return [{"action": action, "kind": kind, "name": name, "why": why, "scope": scope} for action, kind, name, why in steps]


class ActionModule(ActionBase):  # type: ignore[misc]
    """Probe once; build only what is not there."""

    TRANSFERS_FILES = False  # a temporary folder only for a build: three commands less on every other run
    _supports_check_mode = True
    _supports_async = False
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        del tmp
        task_vars = task_vars or {}
        args = dict(self._task.args)
        python, needed = platform_python.choose(python=str(args.get("python") or ""), facts=task_vars.get("ansible_facts") or {})
        try:
            return self._converge({**args, "python": python, "packages": args.get("packages") or needed}, task_vars)
        except USER_ERRORS as error:
            raise AnsibleActionFail(f"{task_vars.get('inventory_hostname', 'host')}: {error}") from None

    def _converge(self, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        release = self._release(args)
        state = self._glance(release) or self._call(args, {"phase": "probe"}, release, task_vars)
        declined = self._declined(args, release, state)
        result = {
            "release": release.id,
            "path": release.path,
            "current": state["current"],
            "target": state["current"] if declined else release.id,
            "declined": declined,
            "withdrawn": bool(declined) and state["rejected"]["kind"] == WITHDRAWN,
            "source": release.source.description,
            "changed": not state["complete"],
            "plan": [] if state["complete"] else _plan(args, release, state),
        }
        if state["complete"]:
            return result
        result["diff"] = {
            "before_header": f"releases of {args['name']}",
            "after_header": f"releases of {args['name']}",
            "before": "",
            "after": f"{release.path} from {release.source.description}\n",
            "prepared": "".join(f"+ {step['action']} {step['kind']} {step['name']}: {step['why']}\n" for step in result["plan"]),
        }
        self._check_secrets(args)
        if not self._task.check_mode:
            self._build(args, release, state, task_vars)
        return result

    def _cache(self) -> str:
        base = os.path.dirname(C.CONFIG_FILE) if C.CONFIG_FILE else os.getcwd()
        return os.path.join(base, ".cache", "steady-fleet")

    def _find(self, path: str) -> str:
        path = os.path.expanduser(path)
        if os.path.isabs(path):
            return path
        try:
            found: str = self._find_needle("files", path)
        except AnsibleError:
            looked = "the role's and the playbook's files/ directories and beside the playbook"
            raise sources.SourceError(f"{path!r} was not found on the controller; looked in {looked}") from None
        return found

    def _release(self, args: Mapping[str, Any]) -> Release:
        for required in ("name", "source"):
            if not args.get(required):
                raise AnsibleActionFail(f"python_release needs {required}")
        lock = str(args.get("requirements", "requirements.txt") or "")
        request = sources.Request(
            source=args["source"],
            rules=ship.Rules(ship=tuple(args.get("ship") or ("**",)), never=tuple(args.get("never_ship") or ())),
            requirements=lock,
            cache=self._cache(),
            find=self._find,
        )
        root = str(args.get("root") or f"/opt/{args['name']}")
        source = sources.obtain(request)
        return name_release(source, root=root, python=str(args["python"]), lock_name=lock)

    def _glance(self, release: Release) -> dict[str, Any] | None:
        """The state of a host that has the release, read without a Python start there, which costs seven times as much; else None."""
        record, link = f"{release.path}/release.json", f"{release.root}/current"
        rejected = shlex.quote(f"{release.path}/rejected.json")
        command = f"test -e {shlex.quote(record)} && readlink {shlex.quote(link)} && if test -e {rejected}; then cat {rejected}; fi"
        answer = self._low_level_execute_command(command, sudoable=True)
        if answer["rc"] != 0:
            return None
        current, _, rejection = answer["stdout"].strip().partition("\n")
        return {
            "complete": True,
            "directories": [],
            "current": os.path.basename(current.strip()),
            "rejected": json.loads(rejection) if rejection else None,
        }

    def _call(self, args: Mapping[str, Any], request: dict[str, Any], release: Release, task_vars: dict[str, Any]) -> dict[str, Any]:
        request = {"root": release.root, "release": release.id, "python": args["python"], **request}
        module_args = {"name": args["name"], "source": {}, "request": request}
        result = run_lock.execute(self, module="steady.fleet.python_release", arguments=module_args, task_vars=task_vars)
        if result.get("failed"):
            host = task_vars.get("inventory_hostname", "host")
            raise AnsibleActionFail(f"{host}: release {release.id} of {args['name']}: {result.get('msg', result)}")
        return result

    def _declined(self, args: Mapping[str, Any], release: Release, state: Mapping[str, Any]) -> str:
        """One sentence why a release that the host has rejected is not switched to again; empty where it may be."""
        rejected, current = state.get("rejected"), state["current"]
        if not rejected or not current or boolean(args.get("retry", False)):
            return ""
        at = f"{rejected['at'][:16].replace('T', ' ')} UTC"
        again = "-e python_app_retry=true tries it again"
        if rejected["kind"] == WITHDRAWN:
            return f"release {release.id} of {args['name']} was rolled back by hand at {at}, so {current} stays until the source changes; {again}."
        environment = dict(args.get("environment") or {}) | self._check_secrets(args)
        if release_environment.digest(release_environment.render(environment)) != rejected["environment"]:
            return ""
        return (
            f"release {release.id} of {args['name']} failed its gate at {at} ({rejected['why']}), so {current} stays. Correct the release or its"
            f" environment and run again; {again} unchanged."
        )

    def _check_secrets(self, args: Mapping[str, Any]) -> dict[str, str]:
        """The secrets' values. One that is missing should stop the run now, not after minutes of building."""
        if not args.get("secrets"):
            return {}
        # Imported only here: boto3 takes a third of a second, which a run without a build should not pay.
        aws = importlib.import_module("ansible_collections.steady.fleet.plugins.plugin_utils.release_aws")
        try:
            return dict(aws.environment_of_secrets(args["secrets"]))
        except aws.AwsError as error:
            raise AnsibleActionFail(str(error)) from None

    def _target(self, args: Mapping[str, Any], release: Release, state: dict[str, Any], task_vars: dict[str, Any]) -> wheels.Target:
        if state["python"] is None:
            wanted = list(args["packages"])
            packages.install_missing(self, manager=state["manager"], packages=wanted, task_vars=task_vars)
            state = self._call(args, {"phase": "probe"}, release, task_vars)
        if state["python"] is None:
            raise sources.SourceError(
                f"the host's {args['python']} does not run or cannot make virtual environments, even with the packages "
                f"{', '.join(args['packages']) or '(none declared)'}; correct python and packages"
            )
        return wheels.Target.of(state["python"])

    def _build(self, args: Mapping[str, Any], release: Release, state: dict[str, Any], task_vars: dict[str, Any]) -> None:
        target = self._target(args, release, state, task_vars)
        pins = wheels.select(release.pins, target)
        fetched = wheels.fetch(pins, target, self._cache())
        directory = self._connection._shell.tmpdir or self._make_tmp_path()
        try:
            remote = self._connection._shell.join_path(directory, "release.tar")
            with tempfile.NamedTemporaryFile(prefix="release.", suffix=".tar") as local:
                bundle(release, fetched, pins, local.name)
                self._transfer_file(local.name, remote)
            build = {
                "root": release.root,
                "release": release.id,
                "archive": remote,
                "python": str(args["python"]),
                "imports": list(args.get("imports") or []),
                "source": release.source.description,
                "requirements_sha256": hashlib.sha256(release.source.requirements).hexdigest(),
                "wheel": release.source.wheel[0] if release.source.wheel else "",
            }
            self._call(args, {"phase": "build", "build": build}, release, task_vars)
        finally:
            self._remove_tmp_path(directory, force=True)
