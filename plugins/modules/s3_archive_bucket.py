#!/usr/bin/python
# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converge one S3 bucket that holds archives or backups."""

from __future__ import annotations

DOCUMENTATION = r"""
module: s3_archive_bucket
short_description: Converge one S3 bucket that holds archives or backups
version_added: 0.2.0
description:
  - Makes a bucket private, versioned, encrypted and reached over TLS only, with exactly the declared lifecycle, tags and bucket policy.
  - Reads the bucket, plans once, and prints that plan (check mode, diff) or applies it and reads the bucket again. So check mode is the report of
    what deviates from the declaration, and changes nothing.
  - The policy of an archive also denies every upload without C(If-None-Match), so that no object can be overwritten, and every deletion.
    S3 cannot copy objects into such a bucket (C(CopyObject)), as copying knows no condition.
  - Lifecycle rules that are not declared are removed, for they may expire objects; the plan says what each did. So are tags and policy statements.
  - A bucket of another account or in another region is an error, and nothing is changed.
author: The steady.fleet developers (@steady-fleet)
requirements: [boto3]
options:
  name:
    description: Name of the bucket, unique in the whole of AWS.
    type: str
    required: true
  region:
    description: Its region. By default the region that boto3 is configured for.
    type: str
  endpoint_url:
    description: An address of S3 and STS other than AWS's own. By default that of the environment variable C(AWS_ENDPOINT_URL), if any.
    type: str
  purpose:
    description:
      - C(archive) keeps every object for ever. Objects cannot be overwritten or deleted.
      - C(backups) may be overwritten and deleted by whose own policy allows it, and may expire.
    type: str
    choices: [archive, backups]
    default: archive
  infrequent_access_days:
    description:
      - Age in days at which objects move to STANDARD_IA, at least 30; 0 for never.
      - Objects of up to 128 KiB stay in STANDARD. STANDARD_IA charges 128 KiB for them and a fee for the move.
    type: int
    default: 30
  expire_days:
    description: Age in days at which objects are deleted; 0 for never. Refused for an archive.
    type: int
    default: 0
  noncurrent_days:
    description:
      - How many days a version is kept after it was overwritten or deleted, which is how long that can be taken back; 0 for ever.
      - Unless said, 30 for backups, as a versioned bucket never gets smaller otherwise, and 0 for an archive.
    type: int
  abort_multipart_days:
    description: Age in days at which an unfinished multipart upload is dropped; 0 for never.
    type: int
    default: 7
  kms_key:
    description: ARN of the KMS key that encrypts new objects. Without it, keys of S3 do (AES256).
    type: str
  admin_arns:
    description:
      - ARNs of the roles and users that alone may delete objects and change versioning, encryption, lifecycle, policy or other settings of the bucket,
        such as C(arn:aws:iam::123456789012:role/fleet-admin); C(*) and C(?) stand for any characters.
      - Without it nobody may delete objects of an archive, and whoever's own policy allows it may change the bucket.
      - Credentials that are none of these cannot apply a policy that names them, as they could not undo it.
    type: list
    elements: str
    default: []
  object_lock_days:
    description:
      - How many days Object Lock, in governance mode, keeps every object version; 0 leaves Object Lock as it is.
      - It is switched on when the bucket is made. On a bucket without it this is an error that says how to do it by hand, as it cannot be undone.
    type: int
    default: 0
  tags:
    description: All tags of the bucket. Those of AWS itself (C(aws:*)) stay.
    type: dict
    default: {}
attributes:
  check_mode: {support: full, description: The plan of a check is the plan of a run.}
  diff_mode: {support: full, description: 'Each aspect that differs, before and after, and a sentence for each difference.'}
  idempotent: {support: full, description: A second call plans nothing.}
  platform: {support: full, platforms: posix, description: Where boto3 and credentials are.}
"""

EXAMPLES = r"""
- name: Converge an archive that keeps everything for ever
  steady.fleet.s3_archive_bucket:
    name: rtbcat-csv-archive-frankfurt-123456789012
    region: eu-central-1

- name: Converge a bucket of daily backups that go after a month
  steady.fleet.s3_archive_bucket:
    name: vdb-backups-123456789012
    region: eu-central-1
    purpose: backups
    infrequent_access_days: 0
    expire_days: 30
    noncurrent_days: 7
"""

RETURN = r"""
arn: {description: ARN of the bucket., returned: success, type: str, sample: 'arn:aws:s3:::rtbcat-csv-archive-frankfurt-123456789012'}
plan:
  description: What differed from the declaration, in the order in which it is applied.
  returned: success
  type: list
  elements: dict
  contains:
    aspect:
      description:
        - One of C(bucket), C(object_lock), C(public_access), C(acl), C(ownership), C(versioning), C(encryption), C(lifecycle), C(tags), C(policy).
      type: str
    before: {description: Its value as found; null where there was none., type: raw}
    after: {description: Its value as declared., type: raw}
    why: {description: A sentence for each difference., type: list, elements: str}
  sample:
    - aspect: versioning
      before: Suspended
      after: Enabled
      why: [is Suspended, is to be Enabled]
"""

import time
import traceback
from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.steady.fleet.plugins.module_utils.archive_bucket import apply as steps
from ansible_collections.steady.fleet.plugins.module_utils.archive_bucket import model, observe, plan, policy

try:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    MISSING = ""
except ImportError:
    MISSING = traceback.format_exc()

STRING: dict[str, Any] = {"type": "str"}
NEVER: dict[str, Any] = {"type": "int", "default": 0}
ARGUMENTS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "region": STRING,
    "endpoint_url": STRING,
    "purpose": {"type": "str", "choices": [model.ARCHIVE, model.BACKUPS], "default": model.ARCHIVE},
    "infrequent_access_days": {"type": "int", "default": 30},
    "expire_days": NEVER,
    "noncurrent_days": {"type": "int"},
    "abort_multipart_days": {"type": "int", "default": 7},
    "kms_key": {"type": "str", "no_log": False},  # an ARN, no key
    "admin_arns": {"type": "list", "elements": "str", "default": []},
    "object_lock_days": NEVER,
    "tags": {"type": "dict", "default": {}},
}


def converge(module: AnsibleModule, asked: dict[str, Any]) -> dict[str, Any]:
    """Plan and, outside check mode, apply. Raises BucketError, BotoCoreError or ClientError."""
    region, endpoint = asked.pop("region") or boto3.session.Session().region_name, asked.pop("endpoint_url") or None
    if not region:
        raise model.BucketError(f"Bucket {asked['name']}: no region. Give region, or configure one for boto3 (AWS_REGION, or the profile's).")
    client = boto3.client("s3", region_name=region, endpoint_url=endpoint)
    caller = observe.whose(boto3.client("sts", region_name=region, endpoint_url=endpoint))
    if asked["noncurrent_days"] is None:
        asked["noncurrent_days"] = model.NONCURRENT_DAYS[asked["purpose"]]
    tags = {str(key): str(value) for key, value in asked.pop("tags").items()}
    bucket = model.Bucket(**{**asked, "kms_key": asked["kms_key"] or "", "admin_arns": tuple(asked["admin_arns"]), "region": region, "tags": tags})

    state = observe.observe(client=client, bucket=bucket, caller=caller)
    changes = plan.plan(bucket=bucket, state=state)
    refusal = policy.locks_out(bucket, caller) if any(change.aspect == "policy" for change in changes) else ""
    if refusal and not module.check_mode:
        raise model.BucketError(f"{refusal} Nothing was changed.")
    if refusal:
        module.warn(refusal)
    if not module.check_mode:
        steps.apply(client=client, bucket=bucket, caller=caller, state=state, changes=changes, sleep=time.sleep)
    return {
        "changed": bool(changes),
        "arn": policy.arn(bucket),
        "plan": [asdict(change) for change in changes],
        "diff": plan.diff(bucket=bucket, changes=changes),
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if MISSING:
        module.fail_json(msg=missing_required_lib("boto3"), exception=MISSING)
    name = module.params["name"]
    try:
        answer = converge(module, dict(module.params))
    except model.BucketError as error:
        module.fail_json(msg=str(error))
    except (BotoCoreError, ClientError) as error:
        module.fail_json(msg=f"Bucket {name}: AWS cannot be asked: {error} Check the credentials (AWS_PROFILE), the region and the network.")
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
