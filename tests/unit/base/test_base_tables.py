"""What the role base declares on each platform, without a host (W-20, VDB-5)."""

from __future__ import annotations

from typing import Any

import checkout
import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROLE = checkout.ROOT / "roles" / "base"


def trusted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return trust_as_template(value) if isinstance(value, str) else value


def variables(distribution: str, **more: Any) -> dict[str, Any]:
    facts = {"distribution": distribution, "os_family": "RedHat" if distribution == "Amazon" else "Debian", "memtotal_mb": 4096, "user_id": "root", "env": {}}
    read = [yaml.safe_load((ROLE / path / "main.yml").read_text()) for path in ("defaults", "vars")]
    return trusted({**read[0], **read[1], "ansible_facts": facts, **more})


def render(text: str, variables: dict[str, Any]) -> Any:
    return Templar(loader=DataLoader(), variables=variables).template(trust_as_template(text), overrides={"trim_blocks": True})


def template(name: str, variables: dict[str, Any]) -> str:
    return str(render((ROLE / "templates" / name).read_text(), variables))


@pytest.mark.parametrize(
    ("distribution", "units"),
    [
        ("Debian", [["ssh.service"]]),
        ("Amazon", [["sshd.service"]]),
        ("Ubuntu", [["ssh.service"], ["ssh.socket"]]),
    ],
)
def test_f77_another_port_concerns_the_units_that_listen(distribution: str, units: list[list[str]]) -> None:
    declared = variables(distribution, base_sshd_settings={"Port": [22, 2222]})
    files = render("{{ __base_sshd.files }}", declared)
    assert [file.get("reloads") or file.get("restarts") for file in files] == units
    assert all(file["proof"] == "connection" for file in files)
    assert template("sshd.conf.j2", declared).splitlines()[1:] == ["Port 22", "Port 2222"]
    assert template("sshd.socket.j2", declared).splitlines()[-3:] == ["ListenStream=", "ListenStream=22", "ListenStream=2222"]


def test_f77_the_socket_is_left_alone_while_the_port_is() -> None:
    assert [file["path"] for file in render("{{ __base_sshd.files }}", variables("Ubuntu"))] == ["/etc/ssh/sshd_config.d/00-steady-fleet.conf"]


def test_vdb5_the_firewall_lets_in_what_is_declared_and_the_ssh_ports() -> None:
    declared = variables(
        "Debian",
        base_sshd_settings={"Port": [22, 2222]},
        base_firewall_ssh_sources=["203.0.113.0/24", "2001:db8::/32"],
        base_firewall_allow=[{"ports": [80, 443]}, {"ports": [53], "protocol": "udp", "sources": ["198.51.100.7"]}],
    )
    lines = [line.strip() for line in template("firewall.nft.j2", declared).splitlines()]
    assert lines[lines.index("meta l4proto { 1, 58 } accept") + 1 : -2] == [
        "ip saddr { 203.0.113.0/24 } tcp dport { 22, 2222 } accept",
        "ip6 saddr { 2001:db8::/32 } tcp dport { 22, 2222 } accept",
        "tcp dport { 80, 443 } accept",
        "ip saddr { 198.51.100.7 } udp dport { 53 } accept",
    ]


@pytest.mark.parametrize(("source", "refused"), [("203.0.113.0/24", False), ("2001:db8::1", False), ("office.example.org", True), ("10.0.0.1; accept", True)])
def test_vdb5_a_source_that_is_no_address_is_refused(source: str, refused: bool) -> None:
    declared = variables("Debian", base_manage_firewall=True, base_firewall_ssh_sources=[source])
    assert ("is not an address" in str(render("{{ __base_problems }}", declared))) is refused
