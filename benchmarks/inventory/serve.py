"""The process of an account (see account.py): moto with its instances, and a line for each request for instances."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import boto3
from moto import mock_aws
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from benchmarks.inventory.account import REGION
from lab import patches
from lab.settings import DEFAULT_VPC

BATCH = 20

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def recording(application: Application, log: Path) -> Application:
    """``application``, with a line in ``log`` for each request for instances."""

    def recorded(environment: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        body = environment["wsgi.input"].read(int(environment.get("CONTENT_LENGTH") or 0))
        environment["wsgi.input"] = BytesIO(body)
        answer = b"".join(application(environment, start))
        fields = dict(parse_qsl(body.decode(errors="replace")))
        if fields.get("Action") == "DescribeInstances":
            with log.open("a") as file:
                file.write(json.dumps({"filters": filters(fields), "instances": answer.count(b"<instanceState>")}) + "\n")
        return [answer]

    return recorded


def filters(fields: Mapping[str, str]) -> dict[str, list[str]]:
    """The filters of a request: name to values."""
    names = {found.group(1): value for key, value in fields.items() if (found := re.fullmatch(r"Filter\.(\d+)\.Name", key))}
    return {name: [value for key, value in fields.items() if key.startswith(f"Filter.{number}.Value.")] for number, name in names.items()}


def fill(fleets: Iterable[Mapping[str, Any]]) -> None:
    """Start the instances, in turn in each zone, as one subnet holds 4,091."""
    client = boto3.client("ec2", region_name=REGION)
    subnets = [subnet["SubnetId"] for subnet in client.describe_subnets()["Subnets"]]
    number = 0
    for fleet in fleets:
        for first in range(0, fleet["count"], BATCH):
            count, number = min(BATCH, fleet["count"] - first), number + 1
            tags = [{"ResourceType": "instance", "Tags": [{"Key": key, "Value": value} for key, value in fleet["tags"].items()]}] if fleet["tags"] else []
            made = client.run_instances(
                ImageId="ami-0123456789abcdef0",
                InstanceType="t3.micro",
                MinCount=count,
                MaxCount=count,
                SubnetId=subnets[number % len(subnets)],
                TagSpecifications=tags,
            )
            if fleet["stopped"]:
                client.stop_instances(InstanceIds=[instance["InstanceId"] for instance in made["Instances"]])


def serve(folder: Path) -> None:
    """Fill an account and serve it until the process is ended."""
    patches.apply(setattr, default_vpc=str(DEFAULT_VPC))
    with mock_aws():
        fill(json.loads((folder / "fleets.json").read_text()))
        server = make_server("127.0.0.1", 0, recording(DomainDispatcherApplication(create_backend_app), folder / "requests.jsonl"), threaded=True)
        (folder / "endpoint.new").write_text(f"http://127.0.0.1:{server.port}")
        (folder / "endpoint.new").rename(folder / "endpoint")
        server.serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
