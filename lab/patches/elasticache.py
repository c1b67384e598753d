"""ElastiCache."""

from __future__ import annotations

from typing import Any

from moto.elasticache.models import CacheCluster

from lab.patches.seam import Patch, SetAttribute


def cache_nodes(set_attribute: SetAttribute) -> None:
    """A cluster lists its nodes with their endpoints and its security groups; moto lists neither."""

    def nodes(self: Any) -> list[dict[str, Any]]:
        return [
            {
                "CacheNodeId": f"{number + 1:04}",
                "CacheNodeStatus": "available",
                "ParameterGroupStatus": "in-sync",
                "CustomerAvailabilityZone": self.preferred_availability_zone or "",
                "Endpoint": {"Address": f"{self.cache_cluster_id}.lab.cache.amazonaws.com", "Port": self.port},
            }
            for number in range(self.num_cache_nodes)
        ]

    def by_name(self: Any) -> list[dict[str, str]]:
        return [{"CacheSecurityGroupName": name, "Status": "active"} for name in self.cache_security_group_names]

    def by_id(self: Any) -> list[dict[str, str]]:
        return [{"SecurityGroupId": group, "Status": "active"} for group in self.security_group_ids]

    set_attribute(CacheCluster, "cache_nodes", property(nodes))
    set_attribute(CacheCluster, "cache_security_groups", property(by_name))
    set_attribute(CacheCluster, "security_groups", property(by_id))


def cluster_defaults(set_attribute: SetAttribute) -> None:
    """AWS chooses zone, maintenance window and parameter group when nobody else does; moto leaves them out."""
    initialise = CacheCluster.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        initialise(self, *args, **kwargs)
        self.preferred_availability_zone = self.preferred_availability_zone or f"{kwargs['region_name']}a"
        self.preferred_maintenance_window = self.preferred_maintenance_window or "sun:05:00-sun:06:00"
        self.cache_parameter_group = {
            "CacheParameterGroupName": self.cache_parameter_group_name or "default.redis7",
            "ParameterApplyStatus": "in-sync",
            "CacheNodeIdsToReboot": [],
        }

    set_attribute(CacheCluster, "__init__", init)


PATCHES: tuple[Patch, ...] = (cache_nodes, cluster_defaults)
