#!/usr/bin/python
# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converge one scope of a host in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_state
short_description: Converge everything that one owner declares on a host, in one call
version_added: 0.1.0
description:
  - Compares a declaration of packages, groups, users, directories, files, links, systemd units and absences with the host,
    plans once, then prints that plan (check mode, diff) or applies it.
  - Every file is written beside its target and validated before any is renamed. systemd is reloaded at most once. Exactly the
    units that a change concerns are restarted.
  - A run that is killed at any point, also by a power cut, is finished by the next one, from a journal that is durable before the first write.
    What a check says in between is what that run does.
  - A call that writes holds the host's run lock. Another run that has it is waited for, up to 75 seconds; then this call fails, naming who it is and
    how to end it (C(-e steady_fleet_break_lock=TOKEN)), and has changed nothing.
  - A manifest on the host (C(/var/lib/steady-fleet/scopes/)) records what each scope declared, so what is no longer declared is removed.
  - Missing parents of a declared path are created as C(root:root 0755).
  - Missing packages are installed by M(ansible.builtin.apt) or M(ansible.builtin.dnf), which this module's action plugin calls only when needed.
author: The steady.fleet developers (@steady-fleet)
options:
  scope:
    description: Whose declaration this is, such as C(base) or C(python_app/catscan). One scope owns a path; no other may declare it.
    type: str
  refuse:
    description: Sentences that say why this declaration must not be applied. With any, the task fails with them before the host is asked.
    type: list
    elements: str
  packages:
    description: Packages that must be installed, by the names of this platform. Never upgraded.
    type: list
    elements: str
  groups:
    description: Groups that must exist. Never removed unless listed under O(absent).
    type: list
    elements: dict
    suboptions:
      name: {description: The group's name., type: str, required: true}
      gid: {description: Its number; chosen by the host when left out., type: int}
      system: {description: Whether to take a new number from the system range., type: bool, default: true}
  users:
    description: Users that must exist. Never removed unless listed under O(absent).
    type: list
    elements: dict
    suboptions:
      name: {description: The login name., type: str, required: true}
      uid: {description: Its number; chosen by the host when left out., type: int}
      group: {description: The primary group; by default one of the same name., type: str}
      groups: {description: Further groups. Other memberships are left alone., type: list, elements: str}
      home: {description: The home directory. It is not created., type: str, default: /nonexistent}
      shell: {description: The login shell., type: str, default: /usr/sbin/nologin}
      system: {description: Whether to take a new number from the system range., type: bool, default: true}
  directories:
    description: Directories that must exist. One that is no longer declared is removed only if it was made here and is empty.
    type: list
    elements: dict
    suboptions:
      path: {description: Its absolute path., type: path, required: true}
      owner: {description: The owner's name., type: str, default: root}
      group: {description: The group's name., type: str, default: root}
      mode: {description: Its permissions in octal., type: str, default: '0755'}
      keep: {description: Leave it in place when it is no longer declared., type: bool, default: false}
  files:
    description: Files with their whole content, said by exactly one of C(content), C(source) and C(template).
    type: list
    elements: dict
    suboptions:
      path: {description: Its absolute path., type: path, required: true}
      content: {description: The text., type: str}
      source: {description: "A file on the controller, found as a role's C(files/) are.", type: str}
      template: {description: "A Jinja template on the controller, found as a role's C(templates/) are.", type: str}
      vars: {description: Further variables for the template., type: dict}
      owner: {description: The owner's name., type: str, default: root}
      group: {description: The group's name., type: str, default: root}
      mode: {description: Its permissions in octal., type: str, default: '0644'}
      validate:
        description: A command, as a list, that must succeed before the file is put in place; C(%s) stands for the staged file.
        type: list
        elements: str
      secret: {description: Show in a diff which C(KEY=) lines change and never a value., type: bool, default: false}
      seed: {description: Write it only if there is none; later content is the application's own., type: bool, default: false}
      keep: {description: Leave it in place when it is no longer declared., type: bool, default: false}
      restarts: {description: Units to restart (if they are running) when it changes., type: list, elements: str}
      reloads: {description: Units to reload (if they are running) when it changes., type: list, elements: str}
      proof:
        description:
          - For what could lock everybody out. C(connection) keeps a change of this file only when a new connection has been made after it,
            with the same user, key, port and jump host, and has become the same user. Else the host takes the change back by itself, after
            O(proof_seconds), when the controller is killed, and at the next boot.
          - A file of sshd's must also take effect, which is checked in the order of sshd's C(Include) lines.
        type: str
        choices: [connection]
      sha256: {description: 'Set by the action plugin: the digest of the content.', type: str}
      data: {description: 'Set by the action plugin: the content in base64, when the host asked for it.', type: str}
  links:
    description: Symbolic links, switched atomically.
    type: list
    elements: dict
    suboptions:
      path: {description: Its absolute path., type: path, required: true}
      target: {description: What it points at., type: str, required: true}
      keep: {description: Leave it in place when it is no longer declared., type: bool, default: false}
      restarts: {description: Units to restart (if they are running) when it changes., type: list, elements: str}
      reloads: {description: Units to reload (if they are running) when it changes., type: list, elements: str}
  units:
    description:
      - systemd units. With C(content), C(source) or C(template) the unit's file C(/etc/systemd/system/NAME) is declared too,
        verified before it is put in place, and a change of it restarts the unit. Without, the unit comes from a package.
    type: list
    elements: dict
    suboptions:
      name: {description: 'The full name, such as C(catscan-api.service).', type: str, required: true}
      content: {description: The text of its file., type: str}
      source: {description: A file on the controller., type: str}
      template: {description: A Jinja template on the controller., type: str}
      vars: {description: Further variables for the template., type: dict}
      enabled: {description: Whether it starts at boot. Left alone when not said., type: bool}
      state: {description: Whether it runs now. Left alone when not said., type: str, choices: [started, stopped]}
      masked: {description: Whether it is masked. Left alone when not said., type: bool}
      ports:
        description: TCP ports that it will listen on. Taken by another process when the unit has to be started, nothing is changed.
        type: list
        elements: int
      proof: {description: As for a file. What is started or enabled is stopped and disabled again., type: str, choices: [connection]}
      sha256: {description: 'Set by the action plugin: the digest of the content.', type: str}
      data: {description: 'Set by the action plugin: the content in base64, when the host asked for it.', type: str}
  absent:
    description: What must not be there, whoever made it.
    type: dict
    suboptions:
      paths: {description: 'Files, links and empty directories.', type: list, elements: path}
      packages: {description: Packages to remove., type: list, elements: str}
      units: {description: 'Units to stop, disable and, where their file lies in C(/etc/systemd/system), remove.', type: list, elements: str}
      users: {description: Users to remove; their files stay., type: list, elements: str}
      groups: {description: Groups to remove., type: list, elements: str}
  proof_seconds:
    description: How long a change with a C(proof) may wait for it. The greatest of all scopes counts.
    type: int
    default: 60
  scopes:
    description: Several declarations in one call, each with the keys above. Excludes all other options.
    type: list
    elements: dict
  gathered:
    description:
      - Converge, in one call, what the tasks before this one declared for this host while the variable C(host_state_gather) was true.
        With that variable a task only declares, so that a play of many roles costs one call a host. Excludes all other options.
      - Then the O(gates) of all of them are passed.
    type: bool
    default: false
  gates:
    description:
      - Gates to pass after converging, in order, also where it failed. Each has the arguments of M(steady.fleet.release_gate), or those of
        M(steady.fleet.command_gate), which has a C(command). One that has nothing to do on an unchanged host costs no further call.
    type: list
    elements: dict
  phase:
    description:
      - Set by the action plugin. C(probe) plans from digests and writes nothing. C(confirm), which comes by a second connection, keeps a change
        that waits for its proof; C(abandon) takes it back now.
    type: str
    choices: [probe, apply, confirm, abandon]
    default: apply
  token: {description: 'Set by the action plugin: the change that C(confirm) and C(abandon) mean.', type: str}
  way: {description: 'Set by the action plugin: the connection plugin of the second connection.', type: str}
  run:
    description: 'Set by the action plugin: who runs what from where, for the run lock.'
    type: dict
attributes:
  check_mode: {support: full, description: The plan of a check is the plan of a run.}
  diff_mode: {support: full, description: Content of text files; names only for secrets.}
  idempotent: {support: full, description: A second call plans nothing.}
  platform: {support: full, platforms: linux, description: Linux with systemd.}
"""

EXAMPLES = r"""
- name: Converge the units of Cat-Scan
  steady.fleet.host_state:
    scope: systemd_service/catscan
    files:
      - path: /etc/catscan/logging.json
        template: logging.json.j2
        restarts: [catscan-api.service]
    units:
      - name: catscan-api.service
        template: uvicorn.service.j2
        vars: {unit: "{{ unit }}"}
        enabled: true
        state: started
        ports: [8000]
    absent:
      units: [redis-server.service]

- name: Converge what all roles of this play have declared, where its vars say host_state_gather
  steady.fleet.host_state:
    gathered: true
"""

RETURN = r"""
plan:
  description: What differed, in the order in which it is applied.
  returned: always
  type: list
  elements: dict
  contains:
    action: {description: 'C(install), C(create), C(change), C(remove), C(enable), C(restart), …', type: str}
    kind: {description: 'C(package), C(group), C(user), C(directory), C(file), C(link), C(unit) or C(systemd).', type: str}
    name: {description: The path or name., type: str}
    why: {description: What differs., type: str}
    scope: {description: The scope it belongs to., type: str}
  sample: [{action: change, kind: file, name: /etc/motd, why: content, scope: base}]
kept:
  description: What is no longer declared but stays (users, directories in use), with the reason.
  returned: always
  type: list
  elements: str
proof:
  description: What the second connection has shown.
  returned: when a change with a C(proof) was kept
  type: str
  sample: a second SSH connection logged in and became root
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.steady.fleet.plugins.module_utils import gate_glance, host_lock
from ansible_collections.steady.fleet.plugins.module_utils.host_state import apply as steps
from ansible_collections.steady.fleet.plugins.module_utils.host_state import diff, guard, model, observe, packages, plan, sshd
from ansible_collections.steady.fleet.plugins.module_utils.host_state.errors import StateError

STRINGS = {"type": "list", "elements": "str"}
PATHS = {"type": "list", "elements": "path"}
NO = {"type": "bool", "default": False}
NAME = {"type": "str", "required": True}
PATH = {"type": "path", "required": True}
TEXT = {"type": "str"}
CONTENT = {"content": TEXT, "source": TEXT, "template": TEXT, "vars": {"type": "dict"}, "sha256": TEXT, "data": TEXT}
OWNER = {"owner": {"type": "str", "default": "root"}, "group": {"type": "str", "default": "root"}}
PROOF = {"type": "str", "choices": ["connection"]}
FOLLOW_UP = {"keep": NO, "restarts": STRINGS, "reloads": STRINGS}


def dicts(options: dict[str, Any]) -> dict[str, Any]:
    """A list of dictionaries with these keys."""
    return {"type": "list", "elements": "dict", "options": options}


SCOPE: dict[str, Any] = {
    "scope": TEXT,
    "refuse": STRINGS,
    "packages": STRINGS,
    "groups": dicts({"name": NAME, "gid": {"type": "int"}, "system": {"type": "bool", "default": True}}),
    "users": dicts(
        {
            "name": NAME,
            "uid": {"type": "int"},
            "group": TEXT,
            "groups": STRINGS,
            "home": {"type": "str", "default": "/nonexistent"},
            "shell": {"type": "str", "default": "/usr/sbin/nologin"},
            "system": {"type": "bool", "default": True},
        }
    ),
    "directories": dicts({"path": PATH, "mode": {"type": "str", "default": "0755"}, "keep": NO, **OWNER}),
    "files": dicts(
        {
            "path": PATH,
            "mode": {"type": "str", "default": "0644"},
            "validate": STRINGS,
            "secret": NO,
            "seed": NO,
            "proof": PROOF,
            **OWNER,
            **CONTENT,
            **FOLLOW_UP,
        }
    ),
    "links": dicts({"path": PATH, "target": NAME, **FOLLOW_UP}),
    "units": dicts(
        {
            "name": NAME,
            "enabled": {"type": "bool"},
            "state": {"type": "str", "choices": ["started", "stopped"]},
            "masked": {"type": "bool"},
            "ports": {"type": "list", "elements": "int"},
            "proof": PROOF,
            **CONTENT,
        }
    ),
    "absent": {"type": "dict", "options": {"paths": PATHS, "packages": STRINGS, "units": STRINGS, "users": STRINGS, "groups": STRINGS}},
    "proof_seconds": {"type": "int", "default": model.PROOF_SECONDS},
}


def declared_scopes(parameters: Mapping[str, Any]) -> tuple[model.Scope, ...]:
    """The scopes of this call, each checked against the same specification. Raises StateError."""
    several = parameters["scopes"]
    if several is None:
        return model.parse(scopes=[parameters])
    checked = []
    for number, scope in enumerate(several, start=1):
        result = ArgumentSpecValidator(SCOPE).validate(scope)
        if result.error_messages:
            raise StateError(f"scopes, item {number}: {'; '.join(result.error_messages)}")
        checked.append(result.validated_parameters)
    return model.parse(scopes=checked)


def converge(module: AnsibleModule) -> dict[str, Any]:
    """Plan, and apply where this call may write. Raises StateError."""
    scopes = declared_scopes(module.params)
    probing, check = module.params["phase"] == "probe", module.check_mode
    observed = observe.observe(scopes=scopes)
    planned = plan.plan(scopes=scopes, observed=observed, check=check)
    sshd.refuse_overruled(plan=planned, scopes=scopes, observed=observed)
    if not probing:
        steps.check_contents(plan=planned, scopes=scopes, observed=observed, check=check)
    if not probing and not check:
        with guard.armed(plan=planned, scopes=scopes):
            steps.apply(plan=planned, scopes=scopes)
    for warning in planned.warnings:
        module.warn(warning)
    settled = probing and not planned.actions and not planned.record and all(gate_glance.is_settled(gate) for gate in module.params["gates"] or ())
    return {
        "settled": settled,
        "changed": bool(planned.actions),
        "plan": [{"action": a.action, "kind": a.kind, "name": a.name, "why": a.why, "scope": a.scope} for a in planned.actions],
        "kept": list(planned.kept),
        "needs": list(planned.needs),
        "record": planned.record,
        "unproved": guard.pending(),
        "unseen": plan.unseen(scopes=scopes, observed=observed) if planned.packages("install") else [],
        "package_manager": packages.manager(),
        "diff": diff.render(plan=planned, scopes=scopes, observed=observed),
    }


class QuietModule(AnsibleModule):  # type: ignore[misc]
    """The declaration carries contents, which may be secret: nothing of it goes to the host's system log. The option no_log would not do,
    as the controller's value for the task replaces it."""

    def _log_invocation(self) -> None:
        return


def confirm(module: AnsibleModule) -> dict[str, Any]:
    """Keep a change: this call is its proof. Raises StateError."""
    return {"changed": True, "proof": guard.confirm(token=module.params["token"], way=module.params["way"])}


def abandon(module: AnsibleModule) -> dict[str, Any]:
    """Take a change back. Raises StateError."""
    return {"changed": True, "outcome": guard.abandon(token=module.params["token"])}


PHASES = {"apply": converge, "confirm": confirm, "abandon": abandon}


def main() -> None:
    """Run the module."""
    several = {"type": "list", "elements": "dict"}
    gates = {"type": "list", "elements": "dict"}
    phase = {"type": "str", "choices": ["probe", "apply", "confirm", "abandon"], "default": "apply"}
    internal = {"phase": phase, "token": {"type": "str", "no_log": False}, "way": TEXT, "run": {"type": "dict"}}
    module = QuietModule(
        argument_spec={**SCOPE, "scopes": several, "gathered": NO, "gates": gates, **internal},
        supports_check_mode=True,
        mutually_exclusive=[("scopes", name) for name in SCOPE if name != "proof_seconds"],
    )
    try:
        if module.check_mode or module.params["phase"] == "probe":
            result = converge(module)
        else:
            with host_lock.hold(host_lock.Run.of(module.params["run"])):
                result = PHASES[module.params["phase"]](module)
    except StateError as error:
        module.fail_json(msg=str(error))
    except host_lock.LockError as error:
        module.fail_json(msg=str(error), holder=error.holder)
    except OSError as error:
        place = error.filename or "the host"
        module.fail_json(msg=f"{place}: {error.strerror}. Put that right on the host (df -h and ls -ld tell more), then run again: it goes on from here.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
