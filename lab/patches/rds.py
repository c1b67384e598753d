"""RDS."""

from __future__ import annotations

import json
import secrets
import string
from typing import Any

from moto.rds.exceptions import DBParameterGroupNotFoundError
from moto.rds.models import DBInstance, MasterUserSecret, RDSBackend

from lab.patches.seam import Patch, SetAttribute

GP3_IOPS = 3000
GP3_THROUGHPUT = 125
ENGINE = "postgres"
"""The engine that has bodies."""


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


def resource_ids(set_attribute: SetAttribute) -> None:
    """Every instance has a resource id of its own; moto gives all of them the same one."""
    initialise = DBInstance.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        initialise(self, *args, **kwargs)
        self.dbi_resource_id = "db-" + "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(26))

    set_attribute(DBInstance, "__init__", init)


def managed_passwords(set_attribute: SetAttribute) -> None:
    """A managed secret holds the master user and a random password, another one after a rotation; moto's has always the same user and password."""

    def secret_string(self: Any) -> str:
        return json.dumps({"username": getattr(self.resource, "master_username", None) or "admin", "password": secrets.token_urlsafe(24)})

    def rotate_secret(self: Any) -> None:
        self._status = "rotating"
        self.secretsmanager.put_secret_value(self.secret.arn, self._generate_secret_string(), "", "", ["AWSCURRENT"])

    set_attribute(MasterUserSecret, "_generate_secret_string", secret_string)
    set_attribute(MasterUserSecret, "rotate_secret", rotate_secret)


def available_when_it_answers(set_attribute: SetAttribute) -> None:
    """A PostgreSQL instance that is made or started is not available yet; moto says so at once. Only where a reconciler ends the wait (lab/daemon.py)."""
    initialise, start = DBInstance.__init__, RDSBackend.start_db_instance

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        initialise(self, *args, **kwargs)
        if self.engine == ENGINE:
            self.status = "creating"

    def start_db_instance(self: Any, db_instance_identifier: str) -> Any:
        database = start(self, db_instance_identifier)
        if database.engine == ENGINE:
            database.status = "starting"
        return database

    set_attribute(DBInstance, "__init__", init)
    set_attribute(RDSBackend, "start_db_instance", start_db_instance)


PATCHES: tuple[Patch, ...] = (unknown_parameter_group, gp3_performance, resource_ids, managed_passwords)
