"""RDS instances with bodies: a real PostgreSQL that is reached as RDS's is, follows its instance, and takes a migration."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import certifi
import chatmrpt_tables
import psycopg
import pytest
from migrate_calls import Call
from real_lab import Lab, docker, until, up

from lab import authority
from lab.images import DEBIAN_12

MANAGED, GIVEN = "chatmrpt-staging-db", "shop-db"
PASSWORD = "given-and-long-enough"
SUBNETS = {"DBSubnetGroupName": "private", "DBSubnetGroupDescription": "private subnets"}
PLAY = f"""
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: The database
      amazon.aws.rds_instance:
        id: {GIVEN}
        engine: postgres
        engine_version: "15.7"
        db_instance_class: db.t3.micro
        allocated_storage: 20
        storage_type: gp3
        db_subnet_group_name: private
        publicly_accessible: false
        username: shop_admin
        password: {PASSWORD}
        db_name: shop
        port: 5433
        wait: false
"""
TALK = """
import socket, ssl, sys
with socket.create_connection((sys.argv[1], 5432), timeout=20) as plain:
    plain.sendall(bytes([0, 0, 0, 8, 4, 210, 22, 47]))
    assert plain.recv(1) == b"S"
    with ssl.create_default_context(cadata=sys.stdin.read()).wrap_socket(plain, server_hostname=sys.argv[1]) as secure:
        print(secure.version())
"""
"""PostgreSQL's request for TLS, and its certificate checked for the endpoint's name, with nothing but Python."""
pytestmark = [pytest.mark.docker, pytest.mark.slow]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with up(tmp_path_factory.mktemp("lab") / "state", ssh_port=26000, tunnel_port=29500) as lab:
        lab("image", "postgres-15", "postgres-17")
        yield lab


@pytest.fixture(scope="module")
def managed(lab: Lab) -> dict[str, Any]:
    """PostgreSQL 17 whose password RDS keeps, as soon as it is available; and one instance beside it."""
    subnets = [one["SubnetId"] for one in lab.client("ec2").describe_subnets()["Subnets"]]
    lab.client("rds").create_db_subnet_group(SubnetIds=subnets, **SUBNETS)
    lab.client("ec2").import_key_pair(KeyName="lab-test", PublicKeyMaterial=(lab.state / "id_ed25519.pub").read_bytes())
    lab.client("ec2").run_instances(ImageId=DEBIAN_12.ami_id, InstanceType="t3.micro", KeyName="lab-test", MinCount=1, MaxCount=1)
    made: dict[str, Any] = lab.client("rds").create_db_instance(
        DBInstanceIdentifier=MANAGED, DBInstanceClass="db.t3.micro", Engine="postgres", EngineVersion="17.2", AllocatedStorage=20,
        DBSubnetGroupName="private", DBName="chatmrpt", MasterUsername="chatmrpt_admin", ManageMasterUserPassword=True,
    )["DBInstance"]  # fmt: skip
    assert made["DBInstanceStatus"] == "creating"
    lab.client("rds").get_waiter("db_instance_available").wait(DBInstanceIdentifier=MANAGED, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    return row(lab, MANAGED)


def row(lab: Lab, name: str) -> dict[str, Any]:
    found: dict[str, Any] = lab.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
    return found


def secret(lab: Lab) -> dict[str, str]:
    arn = row(lab, MANAGED)["MasterUserSecret"]["SecretArn"]
    found: dict[str, str] = json.loads(lab.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
    return found


def loopback_port(lab: Lab, name: str) -> int:
    databases = json.loads((lab.state / "status.json").read_text())["databases"]
    return int(next(one["loopback_port"] for one in databases if one["name"] == name))


def connect(lab: Lab, name: str = MANAGED, **more: Any) -> psycopg.Connection[Any]:
    """A connection from the controller, by the endpoint's name through loopback."""
    who = {"user": "shop_admin", "password": PASSWORD} if name == GIVEN else {"user": "chatmrpt_admin", "password": secret(lab)["password"]}
    given = {
        "host": row(lab, name)["Endpoint"]["Address"], "hostaddr": "127.0.0.1", "port": loopback_port(lab, name), "dbname": "postgres",
        "sslmode": "verify-full", "sslrootcert": str(lab.state / "rds-ca.pem"), **who,
    }  # fmt: skip
    return psycopg.connect(**(given | more), autocommit=True)


def refusal(call: Callable[[], psycopg.Connection[Any]]) -> str:
    with pytest.raises(psycopg.OperationalError) as error:
        call()
    return str(error.value)


def test_mrpt11_w4_the_server_proves_that_it_is_the_endpoint(lab: Lab, managed: dict[str, Any], tmp_path: Path) -> None:
    with connect(lab, dbname="chatmrpt") as connection:
        assert connection.execute(
            "SELECT ssl, split_part(current_setting('server_version'), '.', 1) FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        ).fetchone() == (True, "17")
    authority.ensure(tmp_path / "other.pem", tmp_path / "other.key")
    assert "certificate verify failed" in refusal(lambda: connect(lab, sslrootcert=certifi.where()))
    assert "SSL error" in refusal(lambda: connect(lab, sslrootcert=str(tmp_path / "other.pem"))), "another authority of the same name"
    assert "does not match host name" in refusal(lambda: connect(lab, host="other.example.org"))
    assert (lab.state / "rds-ca.key").stat().st_mode & 0o777 == 0o600


def test_mrpt11_w4_nobody_comes_in_without_tls_and_nobody_as_rdss_own_superuser(lab: Lab, managed: dict[str, Any]) -> None:
    assert "no encryption" in refusal(lambda: connect(lab, sslmode="disable"))
    assert "rejects connection" in refusal(lambda: connect(lab, user="rdsadmin"))


def test_mrpt11_the_master_user_makes_databases_and_roles_and_is_no_superuser(lab: Lab, managed: dict[str, Any]) -> None:
    with connect(lab) as connection:
        rights = "SELECT rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, pg_has_role('rds_superuser', 'USAGE') FROM pg_roles WHERE rolname = current_user"
        assert connection.execute(rights).fetchone() == (False, True, True, False, True)
        connection.execute("CREATE ROLE application LOGIN")
        connection.execute("CREATE DATABASE other")
        owners = connection.execute("SELECT datname, datdba::regrole::text FROM pg_database WHERE NOT datistemplate").fetchall()
        assert sorted(owners) == [(name, "chatmrpt_admin") for name in ("chatmrpt", "other", "postgres")]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("COPY (SELECT 1) TO PROGRAM 'true'")
        connection.execute("DROP DATABASE other")


def test_mrpt13_another_host_resolves_the_endpoint_and_checks_its_certificate(lab: Lab, managed: dict[str, Any]) -> None:
    lab("wait")
    instance = lab.status()["instances"][0]["instance_id"]
    bundle = (lab.state / "rds-ca.pem").read_text()
    done = lab.ssh(instance, f"cat > bundle; cat > talk.py <<'END'\n{TALK}END\npython3 talk.py {managed['Endpoint']['Address']} < bundle", text=bundle)
    assert done.stdout == "TLSv1.3\n", done.stderr


def test_mrpt14_chatmrpts_tables_go_there_are_cut_over_and_come_back(lab: Lab, managed: dict[str, Any], tmp_path: Path) -> None:
    database = chatmrpt_tables.make(tmp_path / "chatmrpt.db")
    password = tmp_path / "password"
    password.write_text(secret(lab)["password"])
    password.chmod(0o600)
    where = f"chatmrpt_admin@{managed['Endpoint']['Address']}:{loopback_port(lab, MANAGED)}/chatmrpt"
    said = (database, "--target", f"postgresql://{where}?sslmode=verify-full&sslrootcert={lab.state}/rds-ca.pem", "--password-file", password)

    def call(word: str, *more: str) -> Call:
        return Call(word, *said, *more, PGHOSTADDR="127.0.0.1")

    loaded = call("run")
    assert f"14 tables, 46,580 rows are in schema public of {where}, compared value by value." in loaded.stdout, loaded.stderr
    assert "46,580 rows compared value by value: all the same." in call("verify").stdout
    assert call("cutover").code == 0
    with connect(lab, dbname="chatmrpt") as postgres:
        postgres.execute("UPDATE settings SET value = 'changed since' WHERE key = 'key 2'")
        postgres.execute("INSERT INTO feedback (id, user_id, stars) VALUES (1000, 1, 5)")
    back = call("back", "--json").document["summary"]
    assert (back["status"], back["came"]) == ("back", 2)
    with closing(chatmrpt_tables.sqlite3.connect(database)) as old:
        assert old.execute("SELECT value FROM settings WHERE key = 'key 2'").fetchone() == ("changed since",)
    assert call("done").code == 0


def test_w7_the_password_follows_the_secret(lab: Lab, managed: dict[str, Any]) -> None:
    before = secret(lab)
    assert before["username"] == "chatmrpt_admin"
    lab.client("rds").modify_db_instance(DBInstanceIdentifier=MANAGED, RotateMasterUserPassword=True, ApplyImmediately=True)
    assert secret(lab)["password"] != before["password"]
    until(lambda: answers(lab))
    assert "password authentication failed" in refusal(lambda: connect(lab, password=before["password"]))
    log = docker("logs", f"steady-lab-{managed['DbiResourceId']}") + (lab.state / "lab.log").read_text()
    assert before["password"] not in log


def answers(lab: Lab, name: str = MANAGED) -> bool:
    try:
        connect(lab, name).close()
    except psycopg.OperationalError:
        return False
    return True


def test_the_body_follows_stop_start_and_delete(lab: Lab, managed: dict[str, Any]) -> None:
    rds = lab.client("rds")
    with connect(lab) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    rds.stop_db_instance(DBInstanceIdentifier=MANAGED)
    container = f"steady-lab-{managed['DbiResourceId']}"
    until(lambda: docker("inspect", "--format", "{{.State.Status}}", container) == "exited")
    assert rds.start_db_instance(DBInstanceIdentifier=MANAGED)["DBInstance"]["DBInstanceStatus"] == "starting"
    lab("wait")
    assert row(lab, MANAGED)["DBInstanceStatus"] == "available"
    with connect(lab) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
    rds.delete_db_instance(DBInstanceIdentifier=MANAGED, SkipFinalSnapshot=True)
    until(lambda: docker("ps", "--all", "--quiet", "--filter", f"name={container}") == "")


def test_mrpt11_cti8_a_play_makes_it_and_changes_nothing_again(lab: Lab, managed: dict[str, Any], tmp_path: Path) -> None:
    """PostgreSQL 15 on a port of its own, by the module of amazon.aws. It does not wait here: its waiter looks every 30 s."""
    (tmp_path / "play.yml").write_text(PLAY)
    environment = os.environ | lab.environment | {"AWS_ENDPOINT_URL": lab.endpoint, "AWS_REGION": "eu-central-1"}
    environment |= dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "fake-key-that-opens-nothing")
    for changed in (1, 0):
        argv = ["ansible-playbook", "-i", "localhost,", tmp_path / "play.yml"]
        done = subprocess.run(argv, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert f"changed={changed} " in done.stdout, done.stdout + done.stderr
        assert PASSWORD not in done.stdout
        lab("wait")
        with connect(lab, GIVEN, dbname="shop") as connection:
            assert connection.execute("SHOW port").fetchone() == ("5433",)
            assert connection.info.server_version // 10000 == 15


def test_w4_a_parameter_group_may_take_force_ssl_back(lab: Lab, managed: dict[str, Any]) -> None:
    rds = lab.client("rds")
    rds.create_db_parameter_group(DBParameterGroupName="plain", DBParameterGroupFamily="postgres15", Description="without TLS")
    parameter = {"ParameterName": "rds.force_ssl", "ParameterValue": "0", "ApplyMethod": "immediate"}
    rds.modify_db_parameter_group(DBParameterGroupName="plain", Parameters=[parameter])
    assert "no encryption" in refusal(lambda: connect(lab, GIVEN, sslmode="disable"))
    rds.modify_db_instance(DBInstanceIdentifier=GIVEN, DBParameterGroupName="plain", MasterUserPassword="another-and-long-enough")
    until(lambda: plain(lab))


def plain(lab: Lab) -> bool:
    try:
        connect(lab, GIVEN, sslmode="disable", password="another-and-long-enough").close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_version_without_a_body_is_explained(lab: Lab) -> None:
    lab.client("rds").create_db_instance(
        DBInstanceIdentifier="old-db", DBInstanceClass="db.t3.micro", Engine="postgres", EngineVersion="13.4", AllocatedStorage=20,
        MasterUsername="shop_admin", MasterUserPassword=PASSWORD,
    )  # fmt: skip
    done = lab.attempt("wait", "--seconds", "2")
    assert "PostgreSQL 13.4 has no body in the lab: give engine_version 15 or 17." in done.stderr
    assert row(lab, "old-db")["DBInstanceStatus"] == "failed"


def test_down_leaves_no_database(lab: Lab) -> None:
    """Runs last."""
    lab("down")
    assert docker("ps", "--all", "--quiet", "--filter", f"label=steady-lab.network={lab.network}") == ""
    assert docker("network", "ls", "--quiet", "--filter", f"name={lab.network}") == ""
    assert not lab.state.exists()
