"""An account that the playbook was run on, shared by the tests that ask what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from empty_account import Account, Run

PARAMETER = "/example/server-image"


@dataclass(frozen=True)
class Provisioned:
    """One account after: check mode on nothing, a run, a newer AMI, a run."""

    account: Account
    image: str
    check: Run
    first: Run
    hosts: Run
    token: str
    second: Run

    def instance(self) -> dict[str, Any]:
        answer = self.account.client("ec2").describe_instances()
        (found,) = [instance for reservation in answer["Reservations"] for instance in reservation["Instances"]]
        return dict(found)


@pytest.fixture(scope="session")
def provisioned(account: Account) -> Provisioned:
    ssm = account.client("ssm")
    image, newer_image, *_ = (found["ImageId"] for found in account.client("ec2").describe_images()["Images"])
    ssm.put_parameter(Name=PARAMETER, Type="String", Value=image)
    check = account.provision("--check", "--diff", catscan_image_parameter=PARAMETER)
    first = account.provision("-vvv", catscan_image_parameter=PARAMETER)
    hosts = account.run("ansible", "catscan", "--list-hosts")
    token = account.client("secretsmanager").get_secret_value(SecretId="catscan/prod/app")["SecretString"]
    ssm.put_parameter(Name=PARAMETER, Type="String", Value=newer_image, Overwrite=True)
    second = account.provision("--diff", catscan_image_parameter=PARAMETER)
    return Provisioned(account, image, check, first, hosts, token, second)
