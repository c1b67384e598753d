"""The instance-metadata service (IMDS): tells the host that asks who it is, and gives it its role's temporary keys.

The asking host is known by its source address, so a body needs no key and cannot ask for another's.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

from lab.instance import Credentials, Instance

SESSION_HEADER = "X-aws-ec2-metadata-token"
TTL_HEADER = "X-aws-ec2-metadata-token-ttl-seconds"
MAX_TTL = 21600
RENEW_BEFORE = timedelta(minutes=15)
CREDENTIALS = "iam/security-credentials"


@dataclass(kw_only=True)
class Metadata:
    """Answers by path; holds session tokens and cached credentials."""

    instances: Callable[[], Iterable[Instance]]
    assume_role: Callable[[Instance], Credentials]
    _tokens: dict[str, tuple[str, float]] = field(default_factory=dict)
    _credentials: dict[str, Credentials] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def asking(self, address: str) -> Instance | None:
        """The running instance at ``address``."""
        found = (i for i in self.instances() if str(i.address) == address and i.state in {"pending", "running"})
        return next(found, None)

    def token(self, instance: Instance, ttl: str | None) -> tuple[HTTPStatus, str]:
        """Answer ``PUT /latest/api/token``."""
        if ttl is None or not ttl.isdecimal() or not 1 <= int(ttl) <= MAX_TTL:
            return HTTPStatus.BAD_REQUEST, ""
        token = secrets.token_urlsafe(42)
        with self._lock:
            now = time.monotonic()
            self._tokens = {key: value for key, value in self._tokens.items() if value[1] > now}
            self._tokens[token] = (instance.id, now + int(ttl))
        return HTTPStatus.OK, token

    def admits(self, instance: Instance, token: str | None) -> bool:
        """Whether a request with ``token`` (IMDSv2), or without one (IMDSv1), may be answered."""
        if token is None:
            return not instance.tokens_required
        owner, until = self._tokens.get(token, ("", 0.0))
        return owner == instance.id and until > time.monotonic()

    def get(self, instance: Instance, path: str) -> str | None:
        """The answer to ``GET`` ``path``, or None where AWS has none."""
        if path == "/latest/dynamic/instance-identity/document":
            return json.dumps(_identity(instance), indent=2)
        key = path.removeprefix("/latest/meta-data").strip("/")
        if not path.startswith("/latest/meta-data"):
            return None
        if key.startswith(CREDENTIALS):
            return self._role(instance, key.removeprefix(CREDENTIALS).strip("/"))
        return _listing(_values(instance), key)

    def _role(self, instance: Instance, asked: str) -> str | None:
        role = instance.role_arn.rpartition("/")[2]
        if not role or asked not in {"", role}:
            return None
        return json.dumps(_credentials_document(self._fresh(instance)), indent=2) if asked else role

    def _fresh(self, instance: Instance) -> Credentials:
        with self._lock:
            key = f"{instance.id} {instance.role_arn}"
            held = self._credentials.get(key)
            if held is None or _utc(held.expiration) - datetime.now(UTC) < RENEW_BEFORE:
                held = self._credentials[key] = self.assume_role(instance)
            return held


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _credentials_document(credentials: Credentials) -> dict[str, str]:
    form = "%Y-%m-%dT%H:%M:%SZ"
    return {
        "Code": "Success",
        "LastUpdated": datetime.now(UTC).strftime(form),
        "Type": "AWS-HMAC",
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "Token": credentials.session_token,
        "Expiration": _utc(credentials.expiration).strftime(form),
    }


def _identity(instance: Instance) -> dict[str, str]:
    return {
        "accountId": instance.account,
        "architecture": "x86_64",
        "availabilityZone": instance.zone,
        "imageId": instance.image_id,
        "instanceId": instance.id,
        "instanceType": instance.instance_type,
        "privateIp": str(instance.address),
        "region": instance.region,
        "version": "2017-09-30",
    }


def _values(instance: Instance) -> dict[str, str]:
    values = {
        "ami-id": instance.image_id,
        "hostname": f"{instance.hostname}.{instance.region}.compute.internal",
        "instance-id": instance.id,
        "instance-type": instance.instance_type,
        "local-hostname": f"{instance.hostname}.{instance.region}.compute.internal",
        "local-ipv4": str(instance.address),
        "placement/availability-zone": instance.zone,
        "placement/region": instance.region,
    }
    if instance.public_address:
        values["public-ipv4"] = instance.public_address
    if instance.profile_arn:
        values["iam/info"] = json.dumps({"Code": "Success", "InstanceProfileArn": instance.profile_arn}, indent=2)
        values["iam/security-credentials/"] = ""
    if instance.metadata_tags:
        values |= {f"tags/instance/{key}": value for key, value in instance.tags.items()}
    return values


def _listing(values: dict[str, str], key: str) -> str | None:
    """The value at ``key``, or the names below it as AWS lists them, folders with a slash."""
    if key in values:
        return values[key]
    below = [name.removeprefix(f"{key}/" if key else "") for name in values if name.startswith(f"{key}/" if key else "")]
    names = {name.partition("/")[0] + ("/" if "/" in name else "") for name in below}
    return "\n".join(sorted(names)) or None


class Server(ThreadingHTTPServer):
    """The HTTP door; ``serve_forever`` runs it."""

    def __init__(self, address: tuple[str, int], metadata: Metadata) -> None:
        super().__init__(address, Handler)
        self.metadata = metadata


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_PUT(self) -> None:
        instance = self._instance()
        if instance is None:
            return
        if self.path != "/latest/api/token":
            self._answer(HTTPStatus.NOT_FOUND)
        elif self.headers.get("X-Forwarded-For") is not None:
            self._answer(HTTPStatus.FORBIDDEN)
        else:
            self._answer(*self.server.metadata.token(instance, self.headers.get(TTL_HEADER)))

    def do_GET(self) -> None:
        instance = self._instance()
        if instance is None:
            return
        if not self.server.metadata.admits(instance, self.headers.get(SESSION_HEADER)):
            self._answer(HTTPStatus.UNAUTHORIZED)
            return
        body = self.server.metadata.get(instance, self.path.partition("?")[0])
        self._answer(HTTPStatus.NOT_FOUND if body is None else HTTPStatus.OK, body or "")

    def _instance(self) -> Instance | None:
        instance = self.server.metadata.asking(self.client_address[0])
        if instance is None:
            self._answer(HTTPStatus.NOT_FOUND)
        elif not instance.metadata_enabled:
            self._answer(HTTPStatus.FORBIDDEN)
            instance = None
        return instance

    def _answer(self, status: HTTPStatus, body: str = "") -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        print("imds", self.client_address[0], format % args, flush=True)
