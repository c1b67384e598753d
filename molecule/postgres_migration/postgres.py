"""Play PostgreSQL and Secrets Manager for one scenario: ``postgres.py ADDRESS FOLDER`` writes where they are into FOLDER and ends once that is gone."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "migrate"))
from postgres_server import PASSWORD, served

LOOK_SECONDS = 1
SECRET = {"password": PASSWORD, "owner_password": "canary-owner-5d0c", "application_password": "canary-application-91fe"}


def main() -> None:
    address, folder = sys.argv[1], Path(sys.argv[2])
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    settings = {"region": "eu-central-1", "endpoint_url": f"http://{host}:{port}", "aws_access_key_id": "molecule", "aws_secret_access_key": "molecule"}
    (folder / "aws").write_text("[default]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))
    settings["region_name"] = settings.pop("region")
    boto3.client("secretsmanager", **settings).create_secret(Name="shop/postgres", SecretString=json.dumps(SECRET))
    with tempfile.TemporaryDirectory() as base, served(Path(base) / "server", address=address) as server:
        (folder / "authority.crt").write_bytes(server.authority.read_bytes())
        said = folder / "postgres"
        said.write_text(json.dumps({"host": address, "port": server.port}))
        while said.exists():
            time.sleep(LOOK_SECONDS)
    moto.stop()


if __name__ == "__main__":
    main()
