"""Auto Scaling."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import EmptyResult

from lab.patches.seam import Patch, SetAttribute


def disable_metrics_collection(set_attribute: SetAttribute) -> None:
    """DisableMetricsCollection succeeds; moto does not have the call."""

    def disable(_self: Any) -> Any:
        return EmptyResult()

    set_attribute(AutoScalingResponse, "disable_metrics_collection", disable)


PATCHES: tuple[Patch, ...] = (disable_metrics_collection,)
