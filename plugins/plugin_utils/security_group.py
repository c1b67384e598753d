# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a declared security group may open, and its rules in the form that amazon.aws.ec2_security_group takes."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

PUBLIC_PORTS = frozenset({80, 443})
"""Ports that anybody may reach: a web server with TLS and its redirect."""

WIDEST = {4: 8, 6: 32}
"""Shortest prefix, by IP version, that still names somebody. 0.0.0.0/1 twice is the world as much as 0.0.0.0/0."""


def refusals(*, group: Mapping[str, Any], today: datetime.date) -> list[str]:
    """Return one sentence for every reason not to apply ``group``; empty when it may be applied.

    ``group`` is ``{name, rules: [{description, ports, protocol?, sources?, groups?, override?: {reason, expires}}]}``.
    ``today`` is the date, in UTC, that an override's ``expires`` is compared with: it holds through that day.
    """
    return [
        f'Security group {group["name"]}, rule "{rule.get("description", "?")}": {fault}'
        for rule in group.get("rules") or []
        for fault in _faults(rule=rule, today=today)
    ]


def module_rules(*, group: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rules of ``group`` as ``amazon.aws.ec2_security_group`` expects them in ``rules``."""
    return [_module_rule(rule) for rule in group.get("rules") or []]


def _module_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    networks = [ipaddress.ip_network(source) for source in rule.get("sources") or []]
    targets = {
        "cidr_ip": [str(network) for network in networks if network.version == 4],
        "cidr_ipv6": [str(network) for network in networks if network.version == 6],
        "group_name": list(rule.get("groups") or []),
    }
    return {
        "proto": rule.get("protocol", "tcp"),
        "ports": [str(port) for port in rule["ports"]],
        "rule_desc": rule["description"],
        **{key: values for key, values in targets.items() if values},
    }


def _faults(*, rule: Mapping[str, Any], today: datetime.date) -> Iterator[str]:
    sources = rule.get("sources") or []
    if not sources and not rule.get("groups"):
        yield "it names nobody who may connect. Give `sources` (a list of CIDR ranges) or `groups` (security group names)."
    world = False
    for source in sources:
        try:
            network = ipaddress.ip_network(source)
        except ValueError as error:
            yield f"{source!r} is not a CIDR range ({error}). Write a range such as 203.0.113.7/32."
        else:
            world = world or network.prefixlen < WIDEST[network.version]
    closed = sorted(set(map(int, rule["ports"])) - PUBLIC_PORTS)
    if world and (closed or rule.get("protocol", "tcp") != "tcp"):
        yield from _override_faults(override=rule.get("override"), what=_what(rule, closed), today=today)


def _what(rule: Mapping[str, Any], closed: list[int]) -> str:
    protocol = rule.get("protocol", "tcp")
    return f"{protocol} port {', '.join(map(str, closed or rule['ports']))} would be open to the whole internet"


def _override_faults(*, override: Mapping[str, Any] | None, what: str, today: datetime.date) -> Iterator[str]:
    way_out = "Narrow `sources` to the ranges that need it, or give `override: {reason: ..., expires: YYYY-MM-DD}`."
    if not override:
        yield f"{what}. {way_out}"
        return
    if not str(override.get("reason") or "").strip():
        yield f"{what} and its override gives no reason. {way_out}"
    try:
        expires = datetime.date.fromisoformat(str(override.get("expires")))
    except ValueError:
        yield f"{what} and its override has no expiry date in the form YYYY-MM-DD. {way_out}"
        return
    if expires < today:
        yield f"{what} and its override expired on {expires}. {way_out}"
