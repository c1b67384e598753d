"""W-1: what a security group may open to whom."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.plugin_utils.security_group import module_rules, refusals

TODAY = datetime.date(2026, 11, 22)
REASON = "a partner without fixed addresses"


def group(**rule: Any) -> dict[str, Any]:
    return {"name": "catscan-sg", "rules": [{"description": "API", "ports": [8000], **rule}]}


@pytest.mark.parametrize(
    "source",
    ["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "::/1", "2000::/3"],
)
def test_w1_a_port_open_to_the_world_is_refused(source: str) -> None:
    (sentence,) = refusals(group=group(sources=["203.0.113.7/32", source]), today=TODAY)
    assert 'Security group catscan-sg, rule "API": tcp port 8000 would be open to the whole internet.' in sentence
    assert "override" in sentence


def test_w1_only_the_closed_ports_of_a_rule_are_named() -> None:
    (sentence,) = refusals(group=group(ports=[80, 22, 443, 5555], sources=["0.0.0.0/0"]), today=TODAY)
    assert "tcp port 22, 5555 would" in sentence


def test_w1_udp_is_not_the_web() -> None:
    (sentence,) = refusals(group=group(ports=[443], protocol="udp", sources=["0.0.0.0/0"]), today=TODAY)
    assert "udp port 443 would" in sentence


@pytest.mark.parametrize(
    "rule",
    [
        {"ports": [80, 443], "sources": ["0.0.0.0/0", "::/0"]},
        {"sources": ["203.0.113.0/24", "2001:db8::/32"]},
        {"groups": ["alb-sg"]},
        {"sources": ["0.0.0.0/0"], "override": {"reason": REASON, "expires": "2026-11-22"}},
    ],
    ids=["web", "named ranges", "a security group", "override through today"],
)
def test_w1_what_is_allowed(rule: dict[str, Any]) -> None:
    assert refusals(group=group(**rule), today=TODAY) == []


@pytest.mark.parametrize(
    ("override", "fault"),
    [
        ({"reason": REASON, "expires": "2026-11-21"}, "expired on 2026-11-21"),
        ({"reason": REASON, "expires": "soon"}, "no expiry date"),
        ({"reason": REASON}, "no expiry date"),
        ({"reason": " ", "expires": "2026-12-31"}, "no reason"),
    ],
)
def test_w1_an_override_needs_a_reason_and_a_date_to_come(override: dict[str, str], fault: str) -> None:
    (sentence,) = refusals(group=group(sources=["::/0"], override=override), today=TODAY)
    assert fault in sentence


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ({}, "nobody who may connect"),
        ({"sources": []}, "nobody who may connect"),
        ({"sources": ["203.0.113.7/24"]}, "'203.0.113.7/24' is not a CIDR range"),
        ({"sources": ["office"]}, "'office' is not a CIDR range"),
    ],
)
def test_cs6_ssh_sources_must_be_named_and_readable(rule: dict[str, Any], fault: str) -> None:
    (sentence,) = refusals(group=group(**rule), today=TODAY)
    assert fault in sentence


def test_every_fault_is_told_at_once() -> None:
    rules = [{"description": name, "ports": [22], "sources": ["0.0.0.0/0"]} for name in ("one", "two")]
    assert len(refusals(group={"name": "g", "rules": rules}, today=TODAY)) == 2


def test_rules_take_the_form_of_the_module() -> None:
    declared = group(sources=["203.0.113.0/24", "2001:db8::/32"], groups=["alb-sg"], protocol="udp")
    assert module_rules(group=declared) == [
        {
            "proto": "udp",
            "ports": ["8000"],
            "rule_desc": "API",
            "cidr_ip": ["203.0.113.0/24"],
            "cidr_ipv6": ["2001:db8::/32"],
            "group_name": ["alb-sg"],
        }
    ]


def test_rules_leave_out_what_is_not_named() -> None:
    assert module_rules(group=group(sources=["203.0.113.7/32"])) == [{"proto": "tcp", "ports": ["8000"], "rule_desc": "API", "cidr_ip": ["203.0.113.7/32"]}]
