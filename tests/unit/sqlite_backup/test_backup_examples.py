"""What the documents show of backups is what the parser, the roles and the instance's policy take (SHOP-28, MRPT-5, CTI-29, VDB-25)."""

from __future__ import annotations

import re
from typing import Any

import checkout
import pytest
import yaml
from ansible_collections.steady.fleet.plugins.filter.sqlite_backup_problems import sqlite_backup_problems
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup import keys, settings
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.model import Backups
from ansible_collections.steady.fleet.plugins.plugin_utils import role_arguments
from ansible_collections.steady.fleet.plugins.plugin_utils.cron import job_problems

OF_THE_ROLE = "sqlite_backup_"
DEFAULTS: dict[str, Any] = yaml.safe_load((checkout.ROOT / "roles/sqlite_backup/defaults/main.yml").read_text())


def blocks(path: str) -> list[dict[str, Any]]:
    return [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```$", (checkout.ROOT / path).read_text(), re.MULTILINE | re.DOTALL)]


EXAMPLES = blocks("docs/backup-examples.md")
HOSTS = [block for block in [*EXAMPLES, *blocks("roles/sqlite_backup/README.md")] if f"{OF_THE_ROLE}bucket" in block]
PAIRS = list(zip(EXAMPLES[::2], EXAMPLES[1::2], strict=True))


def name(block: dict[str, Any]) -> str:
    return str(block[f"{OF_THE_ROLE}bucket"])


def declared(block: dict[str, Any]) -> dict[str, Any]:
    """What the role writes for such variables."""
    said = {**DEFAULTS, **{name: value for name, value in block.items() if name.startswith(OF_THE_ROLE)}}
    return {name.removeprefix(OF_THE_ROLE): value for name, value in said.items() if name != f"{OF_THE_ROLE}user"}


def parsed(block: dict[str, Any]) -> Backups:
    return settings.parse(declared(block), "an example")


def problems(role: str, block: dict[str, Any]) -> list[str]:
    options = role_arguments.options_of(yaml.safe_load((checkout.ROOT / "roles" / role / "meta/argument_specs.yml").read_text()))
    return role_arguments.problems(options, {name: value for name, value in block.items() if name.startswith(f"{role}_")})


@pytest.mark.parametrize("block", HOSTS, ids=name)
def test_each_example_is_a_declaration_that_works(block: dict[str, Any]) -> None:
    assert sqlite_backup_problems(declared(block)) == []
    assert problems("sqlite_backup", block) == []
    assert problems("cron_jobs", block) == []
    assert job_problems(block["cron_jobs_list"]) == []
    assert parsed(block).subjects


@pytest.mark.parametrize("block", HOSTS, ids=name)
def test_each_example_s_job_makes_every_backup_as_the_user_who_owns_the_work_directory(block: dict[str, Any]) -> None:
    job = block["cron_jobs_list"][0]
    assert job["command"] == ["/usr/local/bin/fleetdata", "backup"]
    assert job["user"] == block[f"{OF_THE_ROLE}user"]
    assert job["expect"] == {"backups": len(parsed(block).subjects)}


@pytest.mark.parametrize(("host", "aws"), PAIRS, ids=lambda block: name(block) if f"{OF_THE_ROLE}bucket" in block else "")
def test_w2_the_instance_s_policy_covers_exactly_what_is_backed_up(host: dict[str, Any], aws: dict[str, Any]) -> None:
    backups = parsed(host)
    (bucket,) = aws["aws_archive_bucket_buckets"]
    (granted,) = aws["aws_instance_role_roles"][0]["backups"]
    assert (bucket["name"], bucket["purpose"], granted["bucket"]) == (backups.bucket, "backups", backups.bucket)
    assert "expire_days" not in bucket
    stems = {keys.stem(prefix=backups.prefix, name=subject).rpartition("/")[0] for subject in backups.subjects}
    assert set(granted["prefixes"]) == stems
    assert problems("aws_archive_bucket", aws) == []
    assert problems("aws_instance_role", {**aws, "aws_instance_role_region": "us-east-1", "aws_instance_role_account_id": "123456789012"}) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bucket": "A_bucket"}, "bucket: 'A_bucket' is not the name of a bucket"),
        ({"databases": {"shop": {"databse": "/x.db"}}}, "databases.shop.databse: is not a setting; database is the nearest"),
        ({"databases": {"shop": {"database": "x.db"}}}, "databases.shop.database: 'x.db' is not an absolute path"),
        ({"databases": {"shop": {"database": "/x.db", "keep": {"last": 0}}}}, "databases.shop.keep.last: must be a whole number from 1"),
        ({"databases": {}, "folders": {}}, "there is nothing to back up"),
    ],
)
def test_what_cannot_work_is_one_sentence_before_a_host_is_asked(change: dict[str, Any], said: str) -> None:
    good = {"bucket": "shop-backups", "region": "eu-central-1", "databases": {"shop": {"database": "/srv/shop.db"}}}
    assert sqlite_backup_problems(good) == []
    (sentence,) = sqlite_backup_problems({**good, **change})
    assert sentence.startswith("the backups that the variables sqlite_backup_* declare: ")
    assert said in sentence
