"""The metadata service over HTTP on this machine's loopback: who is answered, and with what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from threading import Thread

import pytest
import requests

from lab.images import DEBIAN_12
from lab.imds import Metadata, Server
from lab.instance import Credentials, Instance

ASKING = Instance(
    id="i-0123456789abcdef0",
    account="123456789012",
    region="eu-central-1",
    zone="eu-central-1a",
    state="running",
    address=IPv4Address("127.0.0.1"),
    public_address="",
    image_id=DEBIAN_12.ami_id,
    machine_image=DEBIAN_12,
    instance_type="t3.micro",
    memory_mib=1024,
    public_key="",
    tags={"Name": "catscan-server"},
    role_arn="arn:aws:iam::123456789012:role/catscan-ec2-role",
    profile_arn="arn:aws:iam::123456789012:instance-profile/catscan-ec2-role",
    tokens_required=True,
)


class Service:
    """The running service and the fleet that it knows."""

    def __init__(self) -> None:
        self.fleet = [ASKING]
        self.assumed: list[str] = []
        metadata = Metadata(instances=lambda: self.fleet, assume_role=self._assume)
        self.server = Server(("127.0.0.1", 0), metadata)
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}/latest"

    def _assume(self, instance: Instance) -> Credentials:
        self.assumed.append(instance.role_arn)
        until = datetime.now(UTC) + timedelta(hours=1)
        return Credentials(access_key_id="fake-id", secret_access_key="fake-key", session_token="t", expiration=until)

    def get(self, path: str, token: str | None = None) -> requests.Response:
        headers = {"X-aws-ec2-metadata-token": token} if token else {}
        return requests.get(f"{self.base}/{path}", headers=headers, timeout=5)

    def token(self, ttl: str = "60", **headers: str) -> requests.Response:
        wanted = {"X-aws-ec2-metadata-token-ttl-seconds": ttl, **headers}
        return requests.put(f"{self.base}/api/token", headers=wanted, timeout=5)


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    Thread(target=service.server.serve_forever, daemon=True).start()
    yield service
    service.server.shutdown()
    service.server.server_close()


def test_version_1_is_refused_where_tokens_are_required(service: Service) -> None:
    assert service.get("meta-data/instance-id").status_code == 401
    assert service.get("meta-data/instance-id", "made-up").status_code == 401


def test_version_1_is_answered_where_tokens_are_optional(service: Service) -> None:
    service.fleet = [replace(ASKING, tokens_required=False)]
    assert service.get("meta-data/instance-id").text == ASKING.id


def test_version_2_names_the_host_and_its_role(service: Service) -> None:
    token = service.token().text
    assert service.get("meta-data/instance-id", token).text == ASKING.id
    assert service.get("meta-data/placement/region", token).text == "eu-central-1"
    document = service.get("dynamic/instance-identity/document", token).json()
    assert (document["accountId"], document["instanceId"]) == ("123456789012", ASKING.id)
    assert service.get("meta-data/iam/security-credentials/", token).text == "catscan-ec2-role"


def test_credentials_assume_the_role_once(service: Service) -> None:
    token = service.token().text
    for _ in range(2):
        document = json.loads(service.get("meta-data/iam/security-credentials/catscan-ec2-role", token).text)
        assert (document["Code"], document["AccessKeyId"]) == ("Success", "fake-id")
    assert service.assumed == [ASKING.role_arn]
    assert service.get("meta-data/iam/security-credentials/another-role", token).status_code == 404


def test_unknown_caller_and_stopped_caller_get_nothing(service: Service) -> None:
    for fleet in ([], [replace(ASKING, state="stopped")], [replace(ASKING, address=IPv4Address("172.31.0.9"))]):
        service.fleet = fleet
        assert service.token().status_code == 404
        assert service.get("meta-data/instance-id").status_code == 404


def test_switched_off_service_is_forbidden(service: Service) -> None:
    service.fleet = [replace(ASKING, metadata_enabled=False)]
    assert service.get("meta-data/instance-id").status_code == 403


def test_token_needs_a_lifetime_and_no_proxy(service: Service) -> None:
    assert [service.token(ttl).status_code for ttl in ("0", "21601", "soon")] == [400, 400, 400]
    assert service.token(**{"X-Forwarded-For": "198.51.100.1"}).status_code == 403


def test_token_of_another_host_is_refused(service: Service) -> None:
    token = service.token().text
    service.fleet = [replace(ASKING, id="i-0123456789abcdef1")]
    assert service.get("meta-data/instance-id", token).status_code == 401


def test_tags_only_where_the_instance_shows_them(service: Service) -> None:
    token = service.token().text
    assert service.get("meta-data/tags/instance/Name", token).status_code == 404
    service.fleet = [replace(ASKING, metadata_tags=True)]
    assert service.get("meta-data/tags/instance/Name", token).text == "catscan-server"
    assert service.get("meta-data/tags/instance", token).text == "Name"
