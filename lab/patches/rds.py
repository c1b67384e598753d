"""RDS."""

from __future__ import annotations

from typing import Any

from moto.rds.exceptions import DBParameterGroupNotFoundError
from moto.rds.models import DBInstance, RDSBackend

from lab.patches.seam import Patch, SetAttribute

GP3_IOPS = 3000
GP3_THROUGHPUT = 125


def unknown_parameter_group(set_attribute: SetAttribute) -> None:
    """DescribeDBParameterGroups of an unknown name answers DBParameterGroupNotFound; moto answers an empty list."""
    describe = RDSBackend.describe_db_parameter_groups

    def describe_db_parameter_groups(self: Any, asked: Any) -> Any:
        found = describe(self, asked)
        name = asked.get("db_parameter_group_name")
        if name and not found:
            raise DBParameterGroupNotFoundError(name)
        return found

    set_attribute(RDSBackend, "describe_db_parameter_groups", describe_db_parameter_groups)


def gp3_performance(set_attribute: SetAttribute) -> None:
    """A gp3 instance reports its baseline, 3,000 IOPS and 125 MB/s, when nothing else was asked; moto reports none."""
    initialise = DBInstance.__init__
    stored = DBInstance.storage_throughput

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        initialise(self, *args, **kwargs)
        if self.storage_type == "gp3" and not getattr(self, "iops", None):
            self.iops = GP3_IOPS

    def storage_throughput(self: Any) -> int:
        return stored.fget(self) or (GP3_THROUGHPUT if self.storage_type == "gp3" else 0)

    set_attribute(DBInstance, "__init__", init)
    set_attribute(DBInstance, "storage_throughput", property(storage_throughput, stored.fset))


PATCHES: tuple[Patch, ...] = (unknown_parameter_group, gp3_performance)
