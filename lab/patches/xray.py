"""X-Ray."""

from __future__ import annotations

import json
import uuid
from typing import Any

from moto.xray import urls
from moto.xray.responses import XRayResponse

from lab.patches.seam import Patch, SetAttribute

CALLS = ("Groups", "CreateGroup", "GetSamplingRules", "CreateSamplingRule")


def groups_and_rules(set_attribute: SetAttribute) -> None:
    """Groups and sampling rules can be made and read; moto has segments only."""
    made_groups: dict[str, dict[str, str]] = {}
    made_rules: dict[str, dict[str, Any]] = {}

    def arn(self: Any, kind: str, name: str) -> str:
        return f"arn:aws:xray:{self.region}:{self.current_account}:{kind}/{name}"

    def groups(_self: Any) -> str:
        return json.dumps({"Groups": list(made_groups.values())})

    def create_group(self: Any) -> str:
        asked = json.loads(self.body)
        name = asked["GroupName"]
        made_groups[name] = {
            "GroupName": name,
            "FilterExpression": asked.get("FilterExpression", ""),
            "GroupARN": arn(self, "group", f"{name}/{uuid.uuid4().hex[:26].upper()}"),
        }
        return json.dumps({"Group": made_groups[name]})

    def get_sampling_rules(_self: Any) -> str:
        return json.dumps({"SamplingRuleRecords": [{"SamplingRule": rule} for rule in made_rules.values()]})

    def create_sampling_rule(self: Any) -> str:
        rule = dict(json.loads(self.body)["SamplingRule"])
        rule["RuleARN"] = arn(self, "sampling-rule", rule["RuleName"])
        made_rules[rule["RuleName"]] = rule
        return json.dumps({"SamplingRuleRecord": {"SamplingRule": rule}})

    for call in (groups, create_group, get_sampling_rules, create_sampling_rule):
        set_attribute(XRayResponse, call.__name__, call)
    paths = {f"{{0}}/{call}$": XRayResponse.dispatch for call in CALLS}
    set_attribute(urls, "url_paths", {**urls.url_paths, **paths})


PATCHES: tuple[Patch, ...] = (groups_and_rules,)
