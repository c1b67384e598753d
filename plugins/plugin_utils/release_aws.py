# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release takes from AWS, on the controller: an object of S3, values of Secrets Manager.

Kept apart because boto3 takes a third of a second to import: most runs need neither.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError


class AwsError(Exception):
    """A sentence for the user. Never holds a secret's value."""


def get_object(wanted: Mapping[str, Any]) -> bytes:
    """Return the content of the object that ``bucket``, ``key`` and, if given, ``version_id`` and ``region`` name."""
    where = f"s3://{wanted['bucket']}/{wanted['key']}"
    version = {"VersionId": wanted["version_id"]} if wanted.get("version_id") else {}
    try:
        client = boto3.client("s3", region_name=wanted.get("region") or None)
        body: bytes = client.get_object(Bucket=wanted["bucket"], Key=wanted["key"], **version)["Body"].read()
    except ClientError as error:
        reason = error.response.get("Error", {}).get("Code", "unknown")
        raise AwsError(f"{where} cannot be fetched: S3 answers {reason}; check bucket, key, version and the controller's rights") from None
    except BotoCoreError as error:
        raise AwsError(f"{where} cannot be fetched: {error}") from None
    return body


def _command(verb: str, name: str, region: str, keys: Sequence[str]) -> str:
    document = json.dumps(dict.fromkeys(keys, "..."))
    where = f" --region {region}" if region else ""
    named = "--name" if verb == "create-secret" else "--secret-id"
    return f"aws secretsmanager {verb}{where} {named} {name} --secret-string '{document}'"


def _fetch(name: str, region: str, keys: Sequence[str]) -> dict[str, Any]:
    try:
        client = boto3.client("secretsmanager", region_name=region or None)
        region = region or client.meta.region_name
        text = client.get_secret_value(SecretId=name).get("SecretString")
    except ClientError as error:
        reason = error.response.get("Error", {}).get("Code", "unknown")
        if reason == "ResourceNotFoundException":
            hint = f"make it with: {_command('create-secret', name, region, keys)}"
        else:
            hint = "check that the controller may call secretsmanager:GetSecretValue on it"
        raise AwsError(f"secret {name!r} in region {region or '(none)'} cannot be read: {reason}; {hint}") from None
    except BotoCoreError as error:
        raise AwsError(f"secret {name!r} cannot be read from Secrets Manager: {error}") from None
    try:
        document = json.loads(text or "")
    except ValueError:
        document = None
    if not isinstance(document, dict):
        hint = _command("put-secret-value", name, region, keys)
        raise AwsError(f"secret {name!r} in region {region} is not a JSON object; store one with: {hint}")
    return document


def _entry(item: Mapping[str, Any]) -> tuple[str, str, dict[str, str]]:
    keys = item.get("keys")
    if not isinstance(item.get("secret"), str) or not isinstance(keys, Mapping) or not keys:
        raise AwsError("each entry of the application's secrets needs secret (a name) and keys ({VARIABLE: key in the secret})")
    return str(item["secret"]), str(item.get("region") or ""), {str(name): str(key) for name, key in keys.items()}


def environment_of_secrets(items: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return ``{VARIABLE: value}``. Each secret is fetched once; a missing secret or key is one clear sentence."""
    fetched: dict[tuple[str, str], dict[str, Any]] = {}
    values: dict[str, str] = {}
    for name, region, keys in map(_entry, items):
        if (name, region) not in fetched:
            fetched[name, region] = _fetch(name, region, list(keys.values()))
        document = fetched[name, region]
        for variable, key in keys.items():
            if not isinstance(document.get(key), (str, int, float)):
                found = "is neither text nor a number" if key in document else "is not in it"
                hint = _command("put-secret-value", name, region, [*document, *({key} - set(document))])
                raise AwsError(
                    f"secret {name!r}{f' in region {region}' if region else ''}: key {key!r} (for {variable}) {found}; store all its keys with: {hint}"
                )
            values[variable] = str(document[key])
    return values
