# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules over the library fleetdata have in common: options, the archive that they declare, and how they start and end."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable

from .fleetdata import answers, config, configuration, settings, sources
from .fleetdata.catalogue import Wanted
from .fleetdata.errors import ConfigurationError, FleetDataError
from .fleetdata.model import FILE_NAME, FIRST, LAST, ONLY, Archive

with suppress(ImportError):  # the options are of use without Ansible, too
    from ansible.module_utils.common.respawn import has_respawned, respawn_module

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

PYTHON = "/opt/fleetdata/current/venv/bin/python"
"""The Python of the command: it has boto3 and isal in the versions that were tested together."""

TEXT: dict[str, Any] = {"type": "str"}
FLAG: dict[str, Any] = {"type": "bool"}
NUMBER: dict[str, Any] = {"type": "int"}
TEXTS: dict[str, Any] = {"type": "list", "elements": "str"}
REPORT_TYPE: dict[str, Any] = {
    "columns": TEXTS,
    "day_column": TEXT,
    "day_format": TEXT,
    "report_day": {"type": "str", "choices": [ONLY, FIRST, LAST, FILE_NAME]},
    "file_day": TEXT,
    "delimiter": TEXT,
    "final_newline": FLAG,
    "empty": FLAG,
    "extra_columns": FLAG,
    "files": TEXTS,
    "first_day": TEXT,
    "late_after_hours": NUMBER,
}
WHERE: dict[str, Any] = {"bucket": TEXT, "region": TEXT, "prefix": TEXT, "endpoint_url": TEXT}
PLACE: dict[str, Any] = {**WHERE, "key": {"type": "str", "no_log": False}, "concurrency": NUMBER}
ARGUMENTS: dict[str, Any] = {**PLACE, "config": {"type": "path"}, "report_type": {"type": "dict", "options": REPORT_TYPE}}
"""Besides ``report``, which each module says for itself."""
REQUIRED_ONE_OF = [("config", "bucket"), ("config", "region"), ("config", "report_type")]
REQUIRED_BY = {"report_type": ("report",)}


def better_python() -> str:
    """The command's Python where it is installed and this is another one, else empty."""
    there = os.access(PYTHON, os.X_OK) and os.path.realpath(sys.prefix) != os.path.realpath(os.path.dirname(os.path.dirname(PYTHON)))
    return PYTHON if there else ""


def place(params: Mapping[str, Any]) -> Archive:
    """Where a module's options put what is no report: the archive of ``config``, or one of no reports. Raises ConfigurationError."""
    declared = configuration.load(params["config"]).archive if params["config"] else Archive(bucket="", region="", reports={})
    try:
        said = config.read({name: params[name] for name in WHERE if params[name] is not None}, settings.ARCHIVE, "")
    except settings.Wrong as wrong:
        raise ConfigurationError(f"The archive of this task: {wrong}.") from None
    return dataclasses.replace(declared, **said)


def archive(params: Mapping[str, Any], *settings: str) -> Archive:
    """The archive that a module's options declare. settings: its options that are settings of the archive too, besides those all have."""
    data = config.to_data(config.load(params["config"])) if params["config"] else {"reports": {}}
    data.update({name: params[name] for name in (*PLACE, *settings) if params[name] is not None})
    if params["report_type"] is not None:
        said = {name: value for name, value in params["report_type"].items() if value is not None}
        data["reports"] = {**data["reports"], params["report"]: said}
    return config.parse(data, "The archive of this task")


def wanted(params: Mapping[str, Any], archive: Archive) -> Wanted:
    """The days that a module's options name. Raises ConfigurationError."""
    return Wanted(reports=tuple(sources.reports(archive=archive, name=params["report"])), first=params["first"], last=params["last"])


def told_to_everybody(path: str = "/etc/environment") -> dict[str, str]:
    """What the host says to everybody of AWS and proxies. It reaches logins, but not what sudo runs, such as a module; the command reads it, too."""
    told = {}
    with suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            name, said, value = line.strip().partition("=")
            if said and (name.startswith("AWS_") or name.lower() in ("http_proxy", "https_proxy", "no_proxy")):
                told[name] = value[1:-1] if value[:1] == value[-1:] == '"' and len(value) > 1 else value
    return told


def conclude(module: AnsibleModule, act: Callable[[AnsibleModule], answers.Answer]) -> None:
    """Let the module act, under the command's Python where it is installed, and end it with the answer. act: raises FleetDataError and OSError."""
    for name, value in told_to_everybody().items():
        os.environ.setdefault(name, value)
    python = better_python()
    if python and not has_respawned():
        respawn_module(python)
    try:
        answer = act(module)
    except FleetDataError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=answers.system(error))
    result = {"changed": answer.changed, answer.things: list(answer.files), "summary": dict(answer.summary), "diff": list(answer.diff), **answer.more}
    if answer.code:
        module.fail_json(msg=" ".join(answer.problems) or answer.sentence, **result)
    module.exit_json(**result)
