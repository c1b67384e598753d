"""WAF."""

from __future__ import annotations

import json
from typing import Any

from moto.wafv2.models import WAFV2Backend
from moto.wafv2.responses import WAFV2Response

from lab.patches.seam import Patch, SetAttribute

WINDOW_SECONDS = 300
LOAD_BALANCER = "APPLICATION_LOAD_BALANCER"


def resources_of_acl(set_attribute: SetAttribute) -> None:
    """ListResourcesForWebACL names what an ACL protects; moto does not have the call."""

    def list_resources(self: Any) -> Any:
        acl = self.wafv2_backend.wacls.get(self._get_param("WebACLArn"))
        kind = self._get_param("ResourceType") or LOAD_BALANCER
        arns = [arn for arn in (acl.associated_resources if acl else []) if (":elasticloadbalancing:" in arn) == (kind == LOAD_BALANCER)]
        return 200, {"Content-Type": "application/json"}, json.dumps({"ResourceArns": arns})

    set_attribute(WAFV2Response, "list_resources_for_web_acl", list_resources)


def evaluation_window(set_attribute: SetAttribute) -> None:
    """A rate-based rule counts over 300 s unless told otherwise, and says so; moto leaves it out."""
    create = WAFV2Backend.create_web_acl

    def create_web_acl(self: Any, *args: Any, **kwargs: Any) -> Any:
        acl = create(self, *args, **kwargs)
        for rule in acl.rules or []:
            statement = rule["Statement"] if isinstance(rule, dict) else rule.statement
            rate = (statement or {}).get("RateBasedStatement")
            if rate is not None:
                rate.setdefault("EvaluationWindowSec", WINDOW_SECONDS)
        return acl

    set_attribute(WAFV2Backend, "create_web_acl", create_web_acl)


PATCHES: tuple[Patch, ...] = (resources_of_acl, evaluation_window)
