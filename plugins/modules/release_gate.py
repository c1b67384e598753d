#!/usr/bin/python
# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove a release healthy, or return to the one proved last."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_gate
short_description: Prove the current release healthy, or return to the one proved last
version_added: 0.1.0
description:
  - Asks the application's health address from the host itself until it answers as declared and its units run.
  - Healthy, the release is marked as proved and old releases are removed, never the current one nor the one to return to.
  - Not healthy and never proved before, the link C(<root>/current) and the environment file go back to what was proved last, the units are restarted,
    and the module fails with what the probe saw, the units' last journal lines (secrets masked), and what runs now. The release is noted as failed.
  - Where it may write it holds the host's run lock, and leaves no lease, as it is a deploy's last call. A return that is killed before the units were
    restarted owes that restart to the next converge of the scope C(python_app/<name>).
  - A release that was proved before is not rolled back. If its environment is new, that goes back; else it is neither that is at fault.
  - While the variable C(host_state_gather) is true the gate is only declared; the call of M(steady.fleet.host_state) that converges what the play gathered
    passes it.
author: The steady.fleet developers (@steady-fleet)
options:
  name: {description: The application's name., type: str, required: true}
  root: {description: Where its releases lie. By default C(/opt/<name>)., type: path}
  host: {description: 'The host as people know it, for messages.', type: str, default: this host}
  release: {description: The release that should be current., type: str}
  declined: {description: 'Why the declared release was not switched to. When the current one is proved, the module fails with it.', type: str}
  action:
    description:
      - C(prove) the current release; or C(roll_back) to the one proved before it, which withdraws the current one.
      - C(ask) only asks, and fails where the answer is not healthy. It needs no release, and writes and shows nothing of the host.
    type: str
    choices: [prove, roll_back, ask]
    default: prove
  units: {description: The units that run the release., type: list, elements: str, default: []}
  keep: {description: How many releases to keep., type: int, default: 3}
  environment_file: {description: The units' environment file; the secrets in it are masked in journal lines., type: path}
  secret_names: {description: The variables in it that are secret., type: list, elements: str, default: []}
  health:
    description: What a healthy answer is. Without it, units that run are the proof.
    type: dict
    suboptions:
      url: {description: 'The address, as seen from the host.', type: str, required: true}
      status: {description: The status that it must answer with., type: int, default: 200}
      json: {description: 'Fields (C(a.b) for nested ones) and the values that they must have.', type: dict, default: {}}
      timeout: {description: Seconds that one whole request may take., type: float, default: 5.0}
      retries: {description: How often to ask again., type: int, default: 10}
      delay: {description: Seconds between two requests., type: float, default: 3.0}
  run: {description: 'Set by the action plugin: who runs what from where, for the run lock.', type: dict}
attributes:
  check_mode: {support: full, description: Asks once and says what it would do; an unhealthy or empty host is no failure.}
  diff_mode: {support: full, description: The releases before and after.}
  idempotent: {support: full, description: 'Proving anew is no change, only removing old releases is.'}
  platform: {support: full, platforms: linux, description: Linux with systemd.}
"""

EXAMPLES = r"""
- name: Prove the release
  steady.fleet.release_gate:
    name: catscan
    units: [catscan-api.service]
    health:
      url: http://127.0.0.1:8000/health
      json: {status: ok}
"""

RETURN = r"""
verdict: {description: What the probe saw., returned: success, type: str, sample: healthy}
detail: {description: 'The same, for a person.', returned: success, type: str, sample: 'status 200, 1 field(s) as expected'}
withdrawn: {description: 'The release that was rolled back.', returned: 'action is roll_back', type: str, sample: 0c1d2e3f4a5b}
release: {description: The release that was proved., returned: success, type: str, sample: 3f9a1c0b7d52}
removed: {description: The old releases that were removed., returned: success, type: list, elements: str, sample: [0c1d2e3f4a5b]}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.steady.fleet.plugins.module_utils import host_lock, http_probe, release_gate, release_store

HEALTH = {
    "url": {"type": "str", "required": True},
    "status": {"type": "int", "default": 200},
    "json": {"type": "dict", "default": {}},
    "timeout": {"type": "float", "default": 5.0},
    "retries": {"type": "int", "default": 10},
    "delay": {"type": "float", "default": 3.0},
}


def gate(params: dict[str, Any]) -> release_gate.Gate:
    """Make the typed request of the module's parameters. Raises ``ValueError`` for a check that could never work."""
    health = http_probe.Check(**params["health"]) if params["health"] else None
    if health is not None:
        http_probe.validate(health)
    if params["keep"] < 2:
        raise ValueError("keep must be at least 2: the current release and the one to return to")
    return release_gate.Gate(
        root=params["root"] or f"/opt/{params['name']}",
        scope=f"python_app/{params['name']}",
        host=params["host"],
        units=params["units"],
        keep=params["keep"],
        health=health,
        release=params["release"],
        environment_file=params["environment_file"],
        secret_names=params["secret_names"],
    )


def run(request: release_gate.Gate, who: host_lock.Run, *, asks: bool, check: bool) -> release_gate.Result:
    """Ask, prove or return, under the run lock where that may write. The gate is the last call of a deploy, so no lease stays."""
    if asks:
        return release_gate.ask(request, once=check)
    if check:
        return release_gate.check(request)
    if release_gate.is_settled(request):
        host_lock.end(who)
        return release_gate.run(request)
    with host_lock.hold(who, last=True):
        return release_gate.run(request)


def roll_back(request: release_gate.Gate, who: host_lock.Run) -> dict[str, Any]:
    """Go back as a person asks, under the run lock."""
    with host_lock.hold(who, last=True):
        return way_back(release_gate.roll_back(request))


def way_back(result: release_gate.Result) -> dict[str, Any]:
    """What the module says of a roll-back that was done, or would be."""
    headers = {"before_header": "current release", "after_header": "current release"}
    diff = {**headers, "before": f"{result.plan.release}\n", "after": f"{result.plan.back_to}\n"}
    return {"changed": True, "msg": result.message, "release": result.plan.back_to, "withdrawn": result.plan.release, "diff": diff}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "root": {"type": "path"},
            "host": {"type": "str", "default": "this host"},
            "release": {"type": "str"},
            "declined": {"type": "str"},
            "action": {"type": "str", "choices": ["prove", "roll_back", "ask"], "default": "prove"},
            "units": {"type": "list", "elements": "str", "default": []},
            "keep": {"type": "int", "default": 3},
            "environment_file": {"type": "path"},
            "secret_names": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "health": {"type": "dict", "options": HEALTH},
            "run": {"type": "dict"},
        },
        supports_check_mode=True,
    )
    try:
        request = gate(module.params)
        who = host_lock.Run.of(module.params["run"])
        if module.params["action"] == "roll_back":
            module.exit_json(**(way_back(release_gate.roll_back(request, dry=True)) if module.check_mode else roll_back(request, who)))
        result = run(request, who, asks=module.params["action"] == "ask", check=module.check_mode)
    except host_lock.LockError as error:
        module.fail_json(msg=str(error), holder=error.holder)
    except (ValueError, release_store.ReleaseError) as error:
        module.fail_json(msg=str(error))
    if module.params["declined"] and not module.check_mode:
        module.fail_json(msg=f"{request.host}: {module.params['declined']}")
    before = "".join(f"{name}\n" for name in result.plan.prune)
    module.exit_json(
        changed=result.changed,
        msg=result.message,
        verdict=result.verdict.kind,
        detail=result.verdict.detail,
        release=result.plan.release or "",
        removed=list(result.plan.prune),
        diff={"before_header": "old releases", "after_header": "old releases", "before": before, "after": ""},
    )


if __name__ == "__main__":
    main()
