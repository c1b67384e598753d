"""The plan of an archive bucket, its policy and its lifecycle: pure functions, no AWS."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.archive_bucket import lifecycle, plan, policy
from ansible_collections.steady.fleet.plugins.module_utils.archive_bucket.model import ASPECTS, Bucket, BucketError, Caller, State, faults
from hypothesis import given
from hypothesis import strategies as st

ARCHIVE = Bucket(name="reports", region="eu-central-1", tags={"System": "catscan"})
MRPT6 = replace(ARCHIVE, purpose="backups", noncurrent_days=90)
VDB8 = replace(ARCHIVE, purpose="backups", infrequent_access_days=0, expire_days=30, noncurrent_days=7)
ADMIN = "arn:aws:iam::123456789012:role/fleet-admin"


def as_declared(bucket: Bucket) -> State:
    return State(exists=True, aspects={"acl": [], **plan.wanted(bucket)})


@pytest.mark.parametrize("bucket", [ARCHIVE, MRPT6, VDB8, replace(ARCHIVE, admin_arns=(ADMIN,), object_lock_days=9)])
def test_a_bucket_as_declared_plans_nothing(bucket: Bucket) -> None:
    assert plan.plan(bucket=bucket, state=as_declared(bucket)) == []
    assert plan.diff(bucket=bucket, changes=[]) == []


def test_cs12_a_missing_bucket_is_planned_whole() -> None:
    changes = plan.plan(bucket=ARCHIVE, state=State(exists=False))
    assert [change.aspect for change in changes] == ["bucket", "public_access", "ownership", "versioning", "encryption", "lifecycle", "tags", "policy"]
    assert {change.aspect: change.after for change in changes[1:]}.items() <= plan.wanted(ARCHIVE).items()
    assert all(change.before is None for change in changes)


DRIFT: dict[str, tuple[Any, str]] = {
    "public_access": ({}, "BlockPublicPolicy is not set, is to be True"),
    "acl": (["READ for everybody"], "a grant goes: READ for everybody"),
    "ownership": ("ObjectWriter", "is ObjectWriter, is to be BucketOwnerEnforced"),
    "versioning": ("Suspended", "is Suspended, is to be Enabled"),
    "encryption": ({"algorithm": "none"}, "algorithm is none, is to be AES256"),
    "lifecycle": ([], "rule 'clean-up' comes: it drops unfinished uploads after 7 days"),
    "tags": ({"System": "other"}, "System is other, is to be catscan"),
    "policy": (None, "statement DenyOverwriting comes"),
}


@pytest.mark.parametrize("aspect", DRIFT)
def test_w22_what_differs_is_planned_alone_and_said(aspect: str) -> None:
    found, sentence = DRIFT[aspect]
    state = as_declared(ARCHIVE)
    (change,) = plan.plan(bucket=ARCHIVE, state=replace(state, aspects={**state.aspects, aspect: found}))
    assert (change.aspect, change.before, change.after) == (aspect, found, plan.wanted(ARCHIVE)[aspect])
    assert sentence in change.why
    prepared, whole = plan.diff(bucket=ARCHIVE, changes=[change])
    assert f"~ bucket reports, {aspect}: {sentence}\n" in prepared["prepared"]
    assert whole["before"] != whole["after"]


@given(st.sets(st.sampled_from([*DRIFT])))
def test_exactly_what_differs_is_planned_in_the_order_of_its_application(drifted: set[str]) -> None:
    state = as_declared(ARCHIVE)
    found = {**state.aspects, **{aspect: DRIFT[aspect][0] for aspect in drifted}}
    assert [change.aspect for change in plan.plan(bucket=ARCHIVE, state=replace(state, aspects=found))] == [a for a in ASPECTS if a in drifted]


def test_object_lock_is_never_switched_on_by_the_way() -> None:
    locked = replace(ARCHIVE, object_lock_days=30)
    state = as_declared(locked)
    with pytest.raises(BucketError, match=r"aws s3api put-object-lock-configuration --bucket reports .* Nothing was changed"):
        plan.plan(bucket=locked, state=replace(state, aspects={**state.aspects, "object_lock": None}))
    (change,) = plan.plan(bucket=locked, state=replace(state, aspects={**state.aspects, "object_lock": {"Mode": "GOVERNANCE", "Days": 7}}))
    assert change.why == ("Days is 7, is to be 30",)


CLEAN_UP: dict[str, Any] = {"ID": "clean-up", "Status": "Enabled", "Filter": {"Prefix": ""}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}
INFREQUENT: dict[str, Any] = {
    "ID": "infrequent-access",
    "Status": "Enabled",
    "Filter": {"ObjectSizeGreaterThan": 131072},
    "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}],
}
LIFECYCLES: dict[str, tuple[Bucket, list[dict[str, Any]]]] = {
    "CS-13: an archive": (ARCHIVE, [CLEAN_UP, INFREQUENT]),
    "MRPT-6: backups": (
        MRPT6,
        [CLEAN_UP | {"NoncurrentVersionExpiration": {"NoncurrentDays": 90}, "Expiration": {"ExpiredObjectDeleteMarker": True}}, INFREQUENT],
    ),
    "VDB-8: backups of a month": (VDB8, [CLEAN_UP | {"NoncurrentVersionExpiration": {"NoncurrentDays": 7}, "Expiration": {"Days": 30}}]),
    "none": (replace(ARCHIVE, infrequent_access_days=0, abort_multipart_days=0), []),
}


@pytest.mark.parametrize(("bucket", "rules"), LIFECYCLES.values(), ids=LIFECYCLES)
def test_cs13_mrpt6_vdb8_w22_the_lifecycle_document(bucket: Bucket, rules: list[dict[str, Any]]) -> None:
    assert lifecycle.rules(bucket) == rules


def test_w22_a_rule_that_goes_is_named_with_what_it_did() -> None:
    old = lifecycle.canonical(
        [
            INFREQUENT,
            CLEAN_UP | {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3}},
            {"ID": "old", "Status": "Enabled", "Prefix": "performance/", "Expiration": {"Days": 400}},
        ]
    )
    assert [*lifecycle.sentences(old, lifecycle.rules(ARCHIVE))] == [
        "rule 'clean-up' drops unfinished uploads after 3 days; it is to be one that drops unfinished uploads after 7 days",
        "rule 'old' goes: it deletes objects after 400 days under performance/",
    ]


def test_w2_the_policy_of_an_archive() -> None:
    statements = {one["Sid"]: one for one in policy.document(ARCHIVE)["Statement"]}
    assert all((one["Effect"], one["Principal"]) == ("Deny", "*") for one in statements.values())
    assert {sid: (one["Action"], one.get("Condition")) for sid, one in statements.items()} == {
        "DenyWithoutTls": ("s3:*", {"Bool": {"aws:SecureTransport": "false"}}),
        "DenyOverwriting": ("s3:PutObject", {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}),
        "DenyDeleting": (["s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion"], None),
    }
    with_admin = {one["Sid"]: one for one in policy.document(replace(ARCHIVE, admin_arns=(ADMIN,)))["Statement"]}
    assert with_admin.keys() == {*statements, "DenyConfiguring"}
    assert all(with_admin[sid]["Condition"] == {"ArnNotLike": {"aws:PrincipalArn": ADMIN}} for sid in ("DenyDeleting", "DenyConfiguring"))
    assert [one["Sid"] for one in policy.document(MRPT6)["Statement"]] == ["DenyWithoutTls"]


def test_policies_that_mean_the_same_are_equal() -> None:
    written = policy.document(ARCHIVE)
    other = json.loads(json.dumps(written))
    other["Statement"].reverse()
    for one in other["Statement"]:
        one["Principal"] = {"AWS": "*"}
        one["Action"] = one["Action"][::-1] if isinstance(one["Action"], list) else [one["Action"]]
    other["Statement"][0]["Condition"] = {"Bool": {"aws:SecureTransport": [False]}}
    assert policy.parse(json.dumps(other)) == written
    other["Statement"][0]["Effect"] = "Allow"
    assert policy.parse(json.dumps(other)) != written


CALLERS: dict[str, tuple[str, str, bool]] = {
    "a session of the role": ("arn:aws:sts::123456789012:assumed-role/fleet-admin/anna", ADMIN, True),
    "of a role with a path": ("arn:aws:sts::123456789012:assumed-role/admin/anna", "arn:aws:iam::123456789012:role/aws-reserved/admin", True),
    "of a role by pattern": ("arn:aws:sts::123456789012:assumed-role/fleet-admin/anna", "arn:aws:iam::123456789012:role/fleet-*", True),
    "of another role": ("arn:aws:sts::123456789012:assumed-role/host/i-0", ADMIN, False),
    "of another account": ("arn:aws:sts::210987654321:assumed-role/fleet-admin/anna", ADMIN, False),
    "the user": ("arn:aws:iam::123456789012:user/anna", "arn:aws:iam::123456789012:user/anna", True),
    "another user": ("arn:aws:iam::123456789012:user/anna", "arn:aws:iam::123456789012:user/ann", False),
}


@pytest.mark.parametrize(("caller", "admin", "may"), CALLERS.values(), ids=CALLERS)
def test_nobody_locks_themselves_out(caller: str, admin: str, may: bool) -> None:
    assert (policy.locks_out(replace(ARCHIVE, admin_arns=(admin,)), Caller("123456789012", caller)) == "") is may
    assert policy.locks_out(ARCHIVE, Caller("123456789012", caller)) == ""


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "an archive that expires": ({"expire_days": 400}, "an archive keeps its objects for ever"),
    "too early": ({"infrequent_access_days": 7}, "after 30 days at the earliest"),
    "gone before it moves": ({"purpose": "backups", "expire_days": 30}, "Say infrequent_access_days: 0"),
    "negative": ({"noncurrent_days": -1}, "noncurrent_days is -1"),
    "a name": ({"name": "My_Bucket"}, "3 to 63 lower case letters"),
    "an admin": ({"admin_arns": ("anna",)}, "'anna' in admin_arns is not an ARN"),
    "a key": ({"kms_key": "alias/mine"}, "'alias/mine' is not a key's ARN"),
}


@pytest.mark.parametrize(("fields", "sentence"), FAULTS.values(), ids=FAULTS)
def test_a_declaration_that_cannot_be_is_refused(fields: dict[str, Any], sentence: str) -> None:
    (fault,) = faults(replace(ARCHIVE, **fields))
    assert sentence in fault
    with pytest.raises(BucketError):
        plan.plan(bucket=replace(ARCHIVE, **fields), state=State(exists=False))
