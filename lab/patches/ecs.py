"""ECS."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ecs.models import Cluster
from moto.ecs.responses import EC2ContainerServiceResponse

from lab.patches.seam import Patch, SetAttribute


def capacity_providers(set_attribute: SetAttribute) -> None:
    """A cluster always lists its capacity providers, if only none; moto leaves the lists out."""
    initialise = Cluster.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        initialise(self, *args, **kwargs)
        self.capacity_providers = self.capacity_providers or []
        self.default_capacity_provider_strategy = self.default_capacity_provider_strategy or []

    set_attribute(Cluster, "__init__", init)


def update_cluster_settings(set_attribute: SetAttribute) -> None:
    """UpdateClusterSettings switches Container Insights; moto does not have the call."""

    def update(self: Any) -> Any:
        cluster = self.ecs_backend._get_cluster(self._get_param("cluster"))
        cluster.settings = self._get_param("settings")
        return ActionResult({"cluster": cluster})

    set_attribute(EC2ContainerServiceResponse, "update_cluster_settings", update)


def service_deployment(set_attribute: SetAttribute) -> None:
    """CreateService keeps the grace period and the deployment configuration; moto drops both."""
    create = EC2ContainerServiceResponse.create_service
    kept = {
        "healthCheckGracePeriodSeconds": "health_check_grace_period_seconds",
        "deploymentConfiguration": "deployment_configuration",
    }

    def create_service(self: Any) -> Any:
        answer = create(self)
        cluster = (self._get_param("cluster") or "default").rpartition("/")[2]
        service = self.ecs_backend.services[f"{cluster}:{self._get_param('serviceName')}"]
        for parameter, attribute in kept.items():
            if self._get_param(parameter) is not None:
                setattr(service, attribute, self._get_param(parameter))
        return answer

    set_attribute(EC2ContainerServiceResponse, "create_service", create_service)


PATCHES: tuple[Patch, ...] = (capacity_providers, update_cluster_settings, service_deployment)
