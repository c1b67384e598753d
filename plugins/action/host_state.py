# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of host_state: render once, ask the host with digests, send contents only where they differ.

An unchanged host sees one small call, and no secret crosses the wire.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible import constants as C
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template
from ansible_collections.steady.fleet.plugins.plugin_utils import gathered, run_lock, second_connection
from ansible_collections.steady.fleet.plugins.plugin_utils.packages import install_missing, remove_present
from ansible_collections.steady.fleet.plugins.plugin_utils.refusal import refuse

MODULE = "steady.fleet.host_state"
RELEASE_GATE, COMMAND_GATE = "steady.fleet.release_gate", "steady.fleet.command_gate"
WAYS = ("content", "source", "template")
INTERNAL = ("settled", "needs", "record", "package_manager", "unseen", "unproved", "holder")
Item = dict[str, Any]


class ActionModule(ActionBase):  # type: ignore[misc]
    """Converge one or more scopes."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False
    _settled = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Converge what this task declares; or leave it for one call at the end of the play; or make that call."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        private = {"folder": C.DEFAULT_LOCAL_TMP, "host": str(variables.get("inventory_hostname", ""))}
        if self._task.args.get("gathered"):
            return self._converge_gathered(gathered.take(**private), variables)
        contents: dict[str, bytes] = {}
        arguments = dict(self._task.args)
        gates = arguments.pop("gates", None) or []
        arguments = self._render(arguments, contents, variables)
        if boolean(variables.get("host_state_gather", False)):
            gathered.add(**private, scopes=list(_scopes(arguments)), contents=contents, gates=gates)
            return {"changed": False, "plan": [], "kept": []}
        return self._converge_through(arguments, contents, gates, variables)

    def _converge_gathered(self, declared: gathered.Gathered, variables: dict[str, Any]) -> dict[str, Any]:
        if not declared.scopes:
            return self._pass_gates({"changed": False, "plan": [], "kept": []}, declared.gates, variables)
        return self._converge_through({"scopes": declared.scopes}, declared.contents, declared.gates, variables)

    def _converge_through(self, arguments: Item, contents: Mapping[str, bytes], gates: Sequence[Item], variables: dict[str, Any]) -> dict[str, Any]:
        """Converge, then pass the gates, also where converging failed: a release that does not even start is rolled back too.

        Gates that have nothing to do on an unchanged host are known from the probe, and cost no call of their own.
        """
        try:
            result = self._converge({**arguments, "gates": gates} if gates else arguments, contents, variables)
        except AnsibleActionFail as error:
            if not gates:
                raise
            result = {"changed": False, "plan": [], "kept": [], "failed": True, "msg": str(error)}
        return result if self._settled else self._pass_gates(result, gates, variables)

    def _pass_gates(self, result: dict[str, Any], gates: Sequence[Item], variables: dict[str, Any]) -> dict[str, Any]:
        for gate in gates:
            if gate.get("command") and result.get("failed"):
                continue  # it would judge what is not converged
            if gate.get("command"):  # it only judges, so it needs no lock
                outcome = self._execute_module(module_name=COMMAND_GATE, module_args=gate, task_vars=variables)
            else:
                outcome = run_lock.execute(self, module=RELEASE_GATE, arguments=gate, task_vars=variables)
            if outcome.get("failed"):
                said = [str(failed.get("msg")) for failed in (result, outcome) if failed.get("failed")]
                return {**result, "failed": True, "msg": "\n".join(said)}
            if outcome["changed"]:
                result = {**result, "changed": True, "diff": [*result.get("diff", []), outcome["diff"]]}
        return result

    def _converge(self, arguments: Item, contents: Mapping[str, bytes], variables: dict[str, Any]) -> dict[str, Any]:
        """Probe, install what is missing, apply. What is reported is what differed when this task began."""
        first = self._call(arguments, variables, phase="probe")
        self._settled = bool(first.get("settled"))
        if first.get("failed") or not (first["changed"] or first["record"]):
            return _public(second_connection.settle(self, first, variables))
        checking = self._task.check_mode
        if checking and not (first["needs"] or (self._task.diff and first["changed"])):
            return _public(first)
        needs = first["needs"]
        if not checking and self._packages(first, variables):
            second = self._call(arguments, variables, phase="probe")
            if second.get("failed"):
                return _public(second)
            needs = second["needs"]
        last = self._call(_with_data(arguments, contents, needs), variables, phase="apply")
        if last.get("failed"):
            return _public(last)
        return _public(second_connection.settle(self, _merged(first, last), variables))

    def _call(self, arguments: Item, variables: dict[str, Any], *, phase: str) -> dict[str, Any]:
        full = {**arguments, "phase": phase}
        if phase == "apply" and not self._task.check_mode:
            return run_lock.execute(self, module=MODULE, arguments=full, task_vars=variables)
        result: dict[str, Any] = self._execute_module(module_name=MODULE, module_args=full, task_vars=variables)
        return result

    def _packages(self, probe: Mapping[str, Any], variables: dict[str, Any]) -> bool:
        actions = [action for action in probe["plan"] if action["kind"] == "package"]
        for verb, change in (("install", install_missing), ("remove", remove_present)):
            wanted = [action for action in actions if action["action"] == verb]
            change(
                self,
                manager=probe["package_manager"],
                packages=[action["name"] for action in wanted],
                task_vars=variables,
                declared_by=", ".join(sorted({action["scope"] for action in wanted})),
            )
        return bool(actions)

    def _render(self, arguments: Item, contents: dict[str, bytes], variables: dict[str, Any]) -> Item:
        """Replace every content by its digest, and keep the bytes here, by the path or unit that they belong to."""
        search = _search_path(variables)
        templar = self._templar.copy_with_new_env(searchpath=search, available_variables=variables)
        host = str(variables.get("inventory_hostname", "this host"))
        for scope in _scopes(arguments):
            refuse(scope.pop("refuse", None) or [], host=host)
            _refuse_bare_modes(scope)
            for kind, key in (("files", "path"), ("units", "name")):
                items = scope.get(kind)
                if items:
                    scope[kind] = [self._digest(dict(item), key, contents, templar, variables) for item in items]
        return arguments

    def _digest(self, item: Item, key: str, contents: dict[str, bytes], templar: Any, variables: dict[str, Any]) -> Item:
        name = item.get(key)
        ways = [way for way in WAYS if item.get(way) is not None]
        if len(ways) > 1 or (key == "path" and not ways):
            raise AnsibleActionFail(
                f"{name}: say its content by exactly one of content, source and template; the declaration has {', '.join(ways) or 'none of them'}."
            )
        extra = item.pop("vars", None) or {}
        if ways:
            data = self._content(str(name), ways[0], item.pop(ways[0]), templar, {**variables, **extra} if extra else variables)
            item["sha256"] = hashlib.sha256(data).hexdigest()
            contents[_path_of(item, key)] = data
        return {option: value for option, value in item.items() if option not in WAYS}

    def _content(self, name: str, way: str, value: Any, templar: Any, variables: dict[str, Any]) -> bytes:
        if way == "content":
            return str(value).encode()
        try:
            if way == "source":
                with open(self._find_needle("files", value), "rb") as stream:
                    return stream.read()
            text = trust_as_template(self._loader.get_text_file_contents(self._find_needle("templates", value)))
            templar.available_variables = variables
            return str(templar.template(text, escape_backslashes=False, overrides={"trim_blocks": True})).encode()
        except (AnsibleError, OSError) as error:
            raise AnsibleActionFail(f"{name}: its {way} {value} cannot be read or rendered: {error}") from error


def _search_path(variables: Mapping[str, Any]) -> list[str]:
    return [path for base in variables.get("ansible_search_path", []) for path in (os.path.join(base, "templates"), base)]


def _scopes(arguments: Item) -> Iterator[Item]:
    """Every scope of a task's arguments, as dictionaries that may be changed in place."""
    if arguments.get("scopes"):
        arguments["scopes"] = [dict(scope) for scope in arguments["scopes"]]
        yield from arguments["scopes"]
    else:
        yield arguments


def _refuse_bare_modes(scope: Mapping[str, Any]) -> None:
    """YAML reads a bare 0644 as the number 420, which is another mode."""
    for item in [*(scope.get("files") or []), *(scope.get("directories") or [])]:
        if isinstance(item.get("mode"), int):
            raise AnsibleActionFail(f"{item.get('path')}: write its mode in quotes, such as '0644': YAML takes a bare 0644 for the number 420.")


def _path_of(item: Mapping[str, Any], key: str) -> str:
    return str(item["path"]) if key == "path" else f"/etc/systemd/system/{item['name']}"


def _with_data(arguments: Item, contents: Mapping[str, bytes], needs: Sequence[str]) -> Item:
    """The same declaration with the contents that the host asked for."""
    full = dict(arguments)
    for scope in _scopes(full):
        for kind, key in (("files", "path"), ("units", "name")):
            if scope.get(kind):
                scope[kind] = [_item_with_data(item, key, contents, needs) for item in scope[kind]]
    return full


def _item_with_data(item: Item, key: str, contents: Mapping[str, bytes], needs: Sequence[str]) -> Item:
    path = _path_of(item, key)
    return {**item, "data": base64.b64encode(contents[path]).decode()} if path in needs and path in contents else item


def _merged(first: Mapping[str, Any], last: Mapping[str, Any]) -> dict[str, Any]:
    """One result: the host as this task found it against the host as it left it, which is what a check predicts.

    What the last plan adds is a step on that way where a package of this very run brought the thing: its unit was never restarted but
    started, its file never changed but created. So is the start of a unit that is to be restarted: packages make systemd read its files
    anew, and a timer whose file is gone ends by that. Anything else that is new in it is a surprise, and is reported too.
    """
    things = {(action["kind"], action["name"]) for action in first["plan"] if action["kind"] != "unit"}
    known = {_key(action) for action in first["plan"]}
    known |= {("start", "unit", action["name"]) for action in first["plan"] if action["action"] == "restart"}
    later = [
        action
        for action in last["plan"]
        if _key(action) not in known and (action["kind"], action["name"]) not in things and action["name"] not in first["unseen"]
    ]
    said = dict(zip(map(_key, last["plan"]), _lines(last), strict=True))
    lines = [said.get(_key(action), line) for action, line in zip(first["plan"], _lines(first), strict=True)] + [said[_key(action)] for action in later]
    contents = [part for part in last["diff"] if "prepared" not in part]
    diff = ([{"prepared": "".join(lines)}] if lines else []) + contents
    return {**last, "plan": [*first["plan"], *later], "changed": first["changed"] or last["changed"], "diff": diff}


def _key(action: Mapping[str, Any]) -> tuple[str, str, str]:
    return action["action"], action["kind"], action["name"]


def _lines(result: Mapping[str, Any]) -> list[str]:
    """The diff's line of each action, in the order of the plan."""
    return [line for part in result["diff"] for line in part.get("prepared", "").splitlines(keepends=True)]


def _public(result: Mapping[str, Any]) -> dict[str, Any]:
    """Without what only this plugin needs, and without the arguments, which carry contents."""
    return {key: value for key, value in result.items() if key not in INTERNAL and key != "invocation"}
