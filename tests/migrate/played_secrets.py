"""AWS Secrets Manager as the controller's plays meet it, on this machine's loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer


@dataclass(frozen=True)
class Secrets:
    """environment: of who reads them."""

    environment: dict[str, str]
    client: Any

    def put(self, name: str, **values: str) -> None:
        """Store a secret, or replace it."""
        said = json.dumps(values)
        try:
            self.client.create_secret(Name=name, SecretString=said)
        except ClientError:
            self.client.put_secret_value(SecretId=name, SecretString=said)


@contextmanager
def played() -> Iterator[Secrets]:
    """Run it until the block ends; all that it keeps goes then."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    at, region, key = f"http://{host}:{port}", "eu-central-1", "only-for-tests"
    client = boto3.client("secretsmanager", endpoint_url=at, region_name=region, aws_access_key_id=key, aws_secret_access_key=key)
    yield Secrets({"AWS_ENDPOINT_URL": at, "AWS_DEFAULT_REGION": region, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": key}, client)
    moto.stop()
