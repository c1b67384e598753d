"""Each patch of the other services: stock moto still has the gap, and the patch closes it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from probes import Compare, error_of

from lab.patches import ALL, acm, autoscaling, backup, dynamodb, ecs, elasticache, rds, wafv2, xray

ROLE = "arn:aws:iam::123456789012:role/backup"


def test_every_patch_has_a_test() -> None:
    """A patch without a test would outlive its reason unseen."""
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_patches_*.py"))
    assert [patch.__name__ for patch in ALL if f"def test_{patch.__name__}(" not in tests] == []


def test_disable_metrics_collection(compare: Compare) -> None:
    def probe() -> str:
        client = boto3.client("autoscaling")
        return error_of(lambda: client.disable_metrics_collection(AutoScalingGroupName="x"))

    stock, patched = compare(autoscaling.disable_metrics_collection, probe)
    assert (stock != "", patched) == (True, "")


def test_unknown_parameter_group(compare: Compare) -> None:
    def probe() -> str:
        return error_of(lambda: boto3.client("rds").describe_db_parameter_groups(DBParameterGroupName="none"))

    stock, patched = compare(rds.unknown_parameter_group, probe)
    assert stock == ""
    assert patched.startswith("DBParameterGroupNotFound")


def database(name: str, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = boto3.client("rds").create_db_instance(
        DBInstanceIdentifier=name, DBInstanceClass="db.t3.micro", Engine="postgres", AllocatedStorage=20, MasterUsername="shop_admin", **more
    )["DBInstance"]
    return made


def test_gp3_performance(compare: Compare) -> None:
    def probe() -> tuple[Any, Any]:
        row = database("x", StorageType="gp3", MasterUserPassword="fake-and-long-enough")
        return row.get("Iops"), row.get("StorageThroughput")

    stock, patched = compare(rds.gp3_performance, probe)
    assert stock != patched
    assert patched == (3000, 125)


def test_resource_ids(compare: Compare) -> None:
    def probe() -> int:
        return len({database(name, MasterUserPassword="fake-and-long-enough")["DbiResourceId"] for name in ("x", "y")})

    assert compare(rds.resource_ids, probe) == (1, 2)


def test_managed_passwords(compare: Compare) -> None:
    def probe() -> tuple[set[str], int, str]:
        """The users of all secrets; how many passwords two databases have had, one of them rotated; and what asking for that one says."""
        seen = []
        for name in ("x", "y"):
            arn = database(name, ManageMasterUserPassword=True)["MasterUserSecret"]["SecretArn"]
            seen.append(secret(arn))
        boto3.client("rds").modify_db_instance(DBInstanceIdentifier="y", RotateMasterUserPassword=True, ApplyImmediately=True)
        error = error_of(lambda: seen.append(secret(arn)))
        return {one["username"] for one in seen}, len({one["password"] for one in seen}), error

    def secret(arn: str) -> dict[str, str]:
        found: dict[str, str] = json.loads(boto3.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
        return found

    assert compare(rds.managed_passwords, probe) == (({"admin"}, 1, "ResourceNotFoundException"), ({"shop_admin"}, 3, ""))


def test_available_when_it_answers(compare: Compare) -> None:
    def probe() -> str:
        return str(database("x", MasterUserPassword="fake-and-long-enough")["DBInstanceStatus"])

    assert compare(rds.available_when_it_answers, probe) == ("available", "creating")


def redis() -> dict[str, Any]:
    """One Redis node, as described with its nodes."""
    client = boto3.client("elasticache")
    client.create_cache_cluster(CacheClusterId="x", Engine="redis", CacheNodeType="cache.t3.micro", NumCacheNodes=1, SecurityGroupIds=["sg-1"])
    row: dict[str, Any] = client.describe_cache_clusters(CacheClusterId="x", ShowCacheNodeInfo=True)["CacheClusters"][0]
    return row


def test_cache_nodes(compare: Compare) -> None:
    def probe() -> tuple[int, int]:
        row = redis()
        return len(row.get("CacheNodes", [])), len(row.get("SecurityGroups", []))

    assert compare(elasticache.cache_nodes, probe) == ((0, 0), (1, 1))


def test_cluster_defaults(compare: Compare) -> None:
    def probe() -> tuple[str, str]:
        row = redis()
        return row.get("PreferredAvailabilityZone", ""), row.get("CacheParameterGroup", {}).get("CacheParameterGroupName", "")

    stock, patched = compare(elasticache.cluster_defaults, probe)
    assert stock != patched
    assert patched == ("eu-central-1a", "default.redis7")


def test_table_id(compare: Compare) -> None:
    def probe() -> bool:
        client = boto3.client("dynamodb")
        client.create_table(
            TableName="x",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        return "TableId" in client.describe_table(TableName="x")["Table"]

    assert compare(dynamodb.table_id, probe) == (False, True)


def test_capacity_providers(compare: Compare) -> None:
    def probe() -> bool:
        return "capacityProviders" in boto3.client("ecs").create_cluster(clusterName="x")["cluster"]

    assert compare(ecs.capacity_providers, probe) == (False, True)


def test_update_cluster_settings(compare: Compare) -> None:
    settings = [{"name": "containerInsights", "value": "enabled"}]

    def probe() -> str:
        client = boto3.client("ecs")
        client.create_cluster(clusterName="x")
        return error_of(lambda: client.update_cluster_settings(cluster="x", settings=settings))

    stock, patched = compare(ecs.update_cluster_settings, probe)
    assert (stock != "", patched) == (True, "")


def test_service_deployment(compare: Compare) -> None:
    def probe() -> int | None:
        client = boto3.client("ecs")
        client.create_cluster(clusterName="x")
        client.register_task_definition(family="t", containerDefinitions=[{"name": "c", "image": "i", "memory": 64}])
        client.create_service(cluster="x", serviceName="s", taskDefinition="t", desiredCount=1, healthCheckGracePeriodSeconds=60)
        found: dict[str, Any] = client.describe_services(cluster="x", services=["s"])["services"][0]
        return found.get("healthCheckGracePeriodSeconds")

    stock, patched = compare(ecs.service_deployment, probe)
    assert (stock != 60, patched) == (True, 60)


def test_imported_chain(compare: Compare) -> None:
    certificate, key = self_signed()

    def probe() -> bool:
        client = boto3.client("acm")
        arn = client.import_certificate(Certificate=certificate, PrivateKey=key)["CertificateArn"]
        answer = client.get_certificate(CertificateArn=arn)
        return answer.get("CertificateChain", "").strip() == answer["Certificate"].strip()

    assert compare(acm.imported_chain, probe) == (False, True)


def web_acl(client: Any) -> dict[str, Any]:
    """A web ACL with one rate-based rule."""
    visibility = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "x"}
    statement = {"RateBasedStatement": {"Limit": 100, "AggregateKeyType": "IP"}}
    rule = {"Name": "r", "Priority": 1, "Statement": statement, "Action": {"Block": {}}, "VisibilityConfig": visibility}
    row: dict[str, Any] = client.create_web_acl(Name="x", Scope="REGIONAL", DefaultAction={"Allow": {}}, Rules=[rule], VisibilityConfig=visibility)["Summary"]
    return row


def test_resources_of_acl(compare: Compare) -> None:
    def probe() -> str:
        client = boto3.client("wafv2")
        arn = web_acl(client)["ARN"]
        return error_of(lambda: client.list_resources_for_web_acl(WebACLArn=arn))

    stock, patched = compare(wafv2.resources_of_acl, probe)
    assert (stock != "", patched) == (True, "")


def test_evaluation_window(compare: Compare) -> None:
    def probe() -> int | None:
        client = boto3.client("wafv2")
        made = web_acl(client)
        acl = client.get_web_acl(Name="x", Scope="REGIONAL", Id=made["Id"])["WebACL"]
        rate: dict[str, Any] = acl["Rules"][0]["Statement"]["RateBasedStatement"]
        return rate.get("EvaluationWindowSec")

    assert compare(wafv2.evaluation_window, probe) == (None, 300)


def test_unknown_vault(compare: Compare) -> None:
    def probe() -> str:
        return error_of(lambda: boto3.client("backup").describe_backup_vault(BackupVaultName="none"))

    stock, patched = compare(backup.unknown_vault, probe)
    assert (stock != patched, patched) == (True, "AccessDeniedException")


def test_selections(compare: Compare) -> None:
    def probe() -> str:
        client = boto3.client("backup")
        client.create_backup_vault(BackupVaultName="v")
        rules = [{"RuleName": "daily", "TargetBackupVaultName": "v"}]
        plan = client.create_backup_plan(BackupPlan={"BackupPlanName": "p", "Rules": rules})["BackupPlanId"]
        selection = {"SelectionName": "s", "IamRoleArn": ROLE}
        made = error_of(lambda: client.create_backup_selection(BackupPlanId=plan, BackupSelection=selection))
        if made:
            return made
        rows = client.list_backup_selections(BackupPlanId=plan)["BackupSelectionsList"]
        return ",".join(row["SelectionName"] for row in rows)

    stock, patched = compare(backup.selections, probe)
    assert (stock != "s", patched) == (True, "s")


def test_groups_and_rules(compare: Compare) -> None:
    def probe() -> str:
        client = boto3.client("xray")
        made = error_of(lambda: client.create_group(GroupName="g"))
        return made or ",".join(group["GroupName"] for group in client.get_groups()["Groups"])

    stock, patched = compare(xray.groups_and_rules, probe)
    assert (stock != "g", patched) == (True, "g")


def self_signed() -> tuple[bytes, bytes]:
    """A throw-away certificate and its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "example.org")])
    start = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return certificate.public_bytes(Encoding.PEM), private
