"""A real lab beside any other: instances get bodies that follow them, and nothing stays behind."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from real_lab import Lab, docker, until, up

from lab.images import DEBIAN_12

ROLE = "lab-test-role"
TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
pytestmark = [pytest.mark.docker, pytest.mark.slow]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with up(tmp_path_factory.mktemp("lab") / "state", ssh_port=25000, tunnel_port=29000) as lab:
        yield lab


@pytest.fixture(scope="module")
def instance_id(lab: Lab) -> str:
    """One instance with the lab's key pair and an instance profile, its body ready."""
    iam, ec2 = lab.client("iam"), lab.client("ec2")
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.create_instance_profile(InstanceProfileName=ROLE)
    iam.add_role_to_instance_profile(InstanceProfileName=ROLE, RoleName=ROLE)
    ec2.import_key_pair(KeyName="lab-test", PublicKeyMaterial=(lab.state / "id_ed25519.pub").read_bytes())
    instance: str = ec2.run_instances(
        ImageId=DEBIAN_12.ami_id,
        InstanceType="t3.micro",
        KeyName="lab-test",
        IamInstanceProfile={"Name": ROLE},
        MetadataOptions={"HttpTokens": "required"},
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "lab-test-server"}]}],
        MinCount=1,
        MaxCount=1,
    )["Instances"][0]["InstanceId"]
    lab("wait")
    return instance


def test_body_is_the_instance(lab: Lab, instance_id: str) -> None:
    """The instance's own address and name, a booted systemd, the key pair's login, the type's memory limit."""
    row = lab.row(instance_id)
    assert row is not None
    assert (row["name"], row["state"], row["body"], row["ready"]) == ("lab-test-server", "running", "running", True)
    done = lab.ssh(instance_id, "hostname; getent hosts $(hostname); systemctl is-system-running; sudo id -u")
    host = "ip-" + row["address"].replace(".", "-")
    assert done.stdout.split() == [host, row["address"], host, "running", "0"], done.stderr
    memory = docker("inspect", "--format", "{{.HostConfig.Memory}}", f"steady-lab-{instance_id}")
    assert memory in {str(1 << 30), "0"}


def test_x_req_1_inventory_can_read_how_to_connect(lab: Lab, instance_id: str) -> None:
    tags = lab.client("ec2").describe_tags(Filters=[{"Name": "resource-id", "Values": [instance_id]}])["Tags"]
    row = lab.row(instance_id)
    assert row is not None
    found = {tag["Key"]: tag["Value"] for tag in tags}
    assert (found["aws:lab:SshPort"], found["aws:lab:SshUser"]) == (str(row["ssh_port"]), "admin")


def test_no_key_lies_on_the_host(lab: Lab, instance_id: str) -> None:
    """The environment says where AWS is; the keys come from the metadata service, for the host's own role."""
    lines = lab.ssh(instance_id, "cat /etc/environment").stdout.splitlines()
    assert {line.partition("=")[0] for line in lines} == {
        "AWS_ENDPOINT_URL",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_REGION",
    }
    service = "sudo systemd-run --quiet --wait --pipe env"
    assert set(lines) <= set(lab.ssh(instance_id, service).stdout.splitlines())


def test_host_gets_its_roles_credentials(lab: Lab, instance_id: str) -> None:
    script = (
        'B="$AWS_EC2_METADATA_SERVICE_ENDPOINT/latest"; '
        'curl -s -o /dev/null -w "%{http_code} " $B/meta-data/instance-id; '
        'T=$(curl -s -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" $B/api/token); '
        f'curl -s -H "X-aws-ec2-metadata-token: $T" $B/meta-data/iam/security-credentials/{ROLE}'
    )
    code, _, document = lab.ssh(instance_id, script).stdout.partition(" ")
    credentials = json.loads(document)
    assert code == "401"
    who = boto3.client(
        "sts",
        endpoint_url=lab.status()["endpoint"],
        region_name="eu-central-1",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["Token"],
    ).get_caller_identity()
    assert who["Arn"].endswith(f":assumed-role/{ROLE}/{instance_id}")


def test_wrong_host_key_is_refused(lab: Lab, instance_id: str) -> None:
    known = lab.state / "known_hosts"
    pinned = known.read_text()
    try:
        known.write_text(f"{instance_id} {(lab.state / 'id_ed25519.pub').read_text()}")
        refused = lab.ssh(instance_id, "true")
    finally:
        known.write_text(pinned)
    assert refused.returncode == 255
    assert "Host key verification failed" in refused.stderr
    assert lab.ssh(instance_id, "true").returncode == 0


def test_shop_4_tunnel_reaches_an_application_on_the_hosts_loopback(lab: Lab, instance_id: str) -> None:
    server = "sudo systemd-run --quiet --unit hello python3 -m http.server --bind 127.0.0.1 --directory /usr/share 8000"
    assert lab.ssh(instance_id, server).returncode == 0
    url = lab("tunnel", "lab-test-server").strip()
    assert url == "http://127.0.0.1:29000"

    def answers() -> bool:
        # http.server greets once it listens; before that the tunnel closes or resets the connection.
        with socket.create_connection(("127.0.0.1", 29000), timeout=5) as connection:
            try:
                connection.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
                return connection.recv(16).startswith(b"HTTP/1.0 200")
            except ConnectionError:
                return False

    until(answers)
    assert [(one["url"], one["open"]) for one in lab.status()["tunnels"]] == [(url, True)]
    assert lab("tunnel", instance_id).strip() == url


def test_body_follows_stop_and_start(lab: Lab, instance_id: str) -> None:
    ec2 = lab.client("ec2")
    before = lab.row(instance_id)
    assert before is not None
    lab.ssh(instance_id, "echo kept | sudo tee /var/lib/kept")
    ec2.stop_instances(InstanceIds=[instance_id])
    until(lambda: docker("inspect", "--format", "{{.State.Status}}", f"steady-lab-{instance_id}") == "exited")
    ec2.start_instances(InstanceIds=[instance_id])
    lab("wait")
    after = lab.row(instance_id)
    assert after is not None
    assert (after["ssh_port"], after["address"]) == (before["ssh_port"], before["address"])
    assert lab.ssh(instance_id, "cat /var/lib/kept").stdout == "kept\n"


def test_missing_body_is_explained(lab: Lab, instance_id: str) -> None:
    """An AMI without a body: one sentence that names it, and the other hosts go on."""
    ec2 = lab.client("ec2")
    made = ec2.run_instances(ImageId="ami-0123456789abcdef0", InstanceType="t3.micro", MinCount=1, MaxCount=1)
    other = made["Instances"][0]["InstanceId"]
    done = lab.attempt("wait", "--seconds", "3")
    assert done.returncode == 1
    assert "The AMI ami-0123456789abcdef0 has no body in the lab" in done.stderr
    assert "Traceback" not in done.stderr
    ec2.terminate_instances(InstanceIds=[other])
    lab("wait")
    assert lab.ssh(instance_id, "true").returncode == 0


def test_second_up_changes_nothing(lab: Lab, instance_id: str) -> None:
    before = lab.row(instance_id)
    lab("up")
    assert lab.row(instance_id) == before
    assert [one["open"] for one in lab.status()["tunnels"]] == [True], "the stop closed it, up opens it again"


def test_terminated_instance_loses_its_body(lab: Lab, instance_id: str) -> None:
    lab.client("ec2").terminate_instances(InstanceIds=[instance_id])
    label = f"label=steady-lab.instance={instance_id}"
    until(lambda: docker("ps", "--all", "--quiet", "--filter", label) == "")
    until(lambda: lab.row(instance_id) is None)
    assert instance_id not in (lab.state / "known_hosts").read_text()


def test_down_leaves_nothing(lab: Lab) -> None:
    """Runs last, with an orphan such as a killed daemon leaves."""
    docker(
        *("create", "--label", f"steady-lab.network={lab.network}", "--label", "steady-lab.instance=i-0123456789abcdef0"),
        *("--label", "steady-lab.ssh-port=25999", "--name", f"orphan-{os.getpid()}", DEBIAN_12.body),
    )
    pid = int((lab.state / "daemon.pid").read_text())
    lab("down")
    assert docker("ps", "--all", "--quiet", "--filter", f"label=steady-lab.network={lab.network}") == ""
    assert docker("network", "ls", "--quiet", "--filter", f"name={lab.network}") == ""
    assert not lab.state.exists()
    # A process that has ended but was not yet reaped by init has no command line.
    command = Path(f"/proc/{pid}/cmdline")
    assert not command.exists() or not command.read_bytes()
    assert lab.status() == {"state": "down", "instances": [], "databases": [], "tunnels": []}
