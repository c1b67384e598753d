"""Play S3 for one scenario: ``s3.py ADDRESS FILE BUCKET…`` writes the address of the service into FILE and ends once FILE is gone."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from moto.server import ThreadedMotoServer

LOOK_SECONDS = 1


def main() -> None:
    address, file, buckets = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    server = ThreadedMotoServer(ip_address=address, port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    s3 = boto3.client("s3", region_name="eu-central-1", endpoint_url=endpoint, config=Config(signature_version=UNSIGNED))
    for bucket in buckets:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    file.write_text(endpoint)
    while file.exists():
        time.sleep(LOOK_SECONDS)
    server.stop()


if __name__ == "__main__":
    main()
