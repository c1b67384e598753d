"""A change of the SSH server or the firewall that locks everybody out does not stay (F77, W-20, X-REQ-9)."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from lockout_host import Host, kill, scope, wait

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(900)]

GOOD = "MaxAuthTries 5\n"
DROP_IN = "/etc/ssh/sshd_config.d/00-lockout.conf"


def unshared_ssh(folder: Path, name: str, then: str) -> str:
    """An ssh for the controller that does something else when it is asked for a connection of its own."""
    path = folder / name
    path.write_text(f'#!/bin/bash\ncase "$*" in *ControlPath=none*) {then};; esac\nexec ssh "$@"\n')
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def as_before(host: Host) -> object:
    """A host with one good setting; it has to be the same, and reachable, at the end."""
    host.play("change.yml", scopes=[scope(GOOD)])
    before = host.run("/usr/sbin/sshd -T; cat /etc/ssh/sshd_config.d/*")
    yield
    assert host.run("/usr/sbin/sshd -T; cat /etc/ssh/sshd_config.d/*") == before
    assert host.logs_in()
    wait(lambda: host.leftovers() == "inactive")  # its last act is to say so


def test_f77_a_good_change_is_proved_and_kept(host: Host) -> None:
    play = host.play("change.yml", scopes=[scope("MaxAuthTries 4\n")])
    assert "proof: a second SSH connection logged in and became root" in play.stdout, play.stdout
    assert host.sshd("maxauthtries") == ["4"]
    assert host.leftovers() == "inactive"
    content = base64.b64encode(b"MaxAuthTries 4\n").decode()
    assert content not in host.run("journalctl --quiet --output cat"), "what a declaration carries went to the host's log"


def test_f77_an_unchanged_host_sees_no_second_connection(host: Host, as_before: None) -> None:
    logins = "journalctl -q -t sshd -o cat | grep -c 'Accepted publickey' || true"
    before = host.run(logins)
    play = host.play("change.yml", scopes=[scope(GOOD)])
    assert "changed=0" in play.stdout, play.stdout
    assert "none was needed" in play.stdout
    assert host.run(logins) == before


def test_f77_check_mode_predicts_and_arms_nothing(host: Host, as_before: None) -> None:
    play = host.play("change.yml", "--check", "--diff", scopes=[scope("AllowUsers nobody\n")])
    assert "changed=1" in play.stdout, play.stdout
    assert "+AllowUsers nobody" in play.stdout


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("AllowUsers nobody", "Permission denied"),
        ("PubkeyAuthentication no", "Permission denied"),
        ("Port 2222", "Connection"),
        ("MaxSessions 0", "open failed"),
        ("ForceCommand /bin/false", "a second connection failed"),
        ("ForceCommand /bin/sleep 1000", "no answer within"),
    ],
)
def test_f77_w20_what_locks_out_is_taken_back(host: Host, as_before: None, setting: str, said: str) -> None:
    play = host.play("change.yml", scopes=[scope(f"{setting}\n", seconds=6 if "sleep" in setting else 60)])
    assert play.returncode == 2, play.stdout
    assert f"{DROP_IN}: a second connection failed after this change: " in play.stdout
    assert said in play.stdout
    assert "The host took the change back and is as before." in play.stdout


def test_f77_the_host_needs_no_controller_to_take_it_back(host: Host, as_before: None) -> None:
    """Without a shared connection the controller is locked out too, and has to wait for the host."""
    play = host.play("change.yml", scopes=[scope("AllowUsers nobody\n", seconds=6)], environment={"ANSIBLE_SSH_ARGS": "-o ControlMaster=no"})
    assert "Permission denied" in play.stdout, play.stdout
    assert "The host took the change back and is as before." in play.stdout


def test_f77_a_privilege_that_is_lost_is_a_lock_out(host: Host, as_before: None) -> None:
    path = "/etc/sudoers.d/zz-lockout"
    declared = scope(GOOD, seconds=6)
    declared["files"] += scope("admin ALL=(ALL) PASSWD: ALL\n", path=path, mode="0440", validate=["/usr/sbin/visudo", "-cf", "%s"])["files"]
    play = host.play("change.yml", scopes=[declared])
    assert f"{path}: a second connection failed" in play.stdout, play.stdout
    assert "The host took the change back and is as before." in play.stdout


def test_f77_a_shared_connection_proves_nothing(host: Host, as_before: None) -> None:
    shares = unshared_ssh(host.folder, "sharing", 'exec ssh -o ControlMaster=auto -o ControlPath="$(ls $HOME_CP/* | head -1)" "$@"')
    play = host.play("change.yml", scopes=[scope("MaxAuthTries 3\n")], ansible_ssh_executable=shares, environment={"HOME_CP": str(host.folder / "cp")})
    assert "shared by ssh's ControlMaster, so it proves nothing" in play.stdout, play.stdout


def test_f77_a_killed_controller_leaves_the_host_as_it_was(host: Host, as_before: None) -> None:
    mute = unshared_ssh(host.folder, "mute", "exec sleep 600")
    play = host.start_play("change.yml", scopes=[scope("AllowUsers nobody\n", seconds=6)], ansible_ssh_executable=mute)
    wait(host.waiting)
    kill(play)
    assert not host.logs_in()
    wait(host.logs_in)


def test_f77_the_next_run_proves_what_a_killed_controller_left(host: Host) -> None:
    mute = unshared_ssh(host.folder, "mute", "exec sleep 600")
    declared = [scope("MaxAuthTries 3\n", seconds=600)]
    play = host.start_play("change.yml", scopes=declared, ansible_ssh_executable=mute)
    wait(host.waiting)
    kill(play)
    again = host.play("change.yml", scopes=declared)
    assert "proof: a second SSH connection" in again.stdout, again.stdout
    assert host.sshd("maxauthtries") == ["3"]
    assert host.leftovers() == "inactive"


def test_f77_a_power_cut_before_the_proof_reverts_at_boot(host: Host, as_before: None) -> None:
    mute = unshared_ssh(host.folder, "mute", "exec sleep 600")
    play = host.start_play("change.yml", scopes=[scope("AllowUsers nobody\n", seconds=600)], ansible_ssh_executable=mute)
    wait(host.waiting)
    host.cut_power()
    kill(play)
    host.start()
    wait(host.logs_in)


def test_w20_a_setting_that_another_file_overrules_is_no_hardening(host: Host, as_before: None) -> None:
    host.run("sed -i '1i PasswordAuthentication yes' /etc/ssh/sshd_config")
    try:
        play = host.play("change.yml", scopes=[scope("PasswordAuthentication no\n")])
    finally:
        host.run("sed -i 1d /etc/ssh/sshd_config")
    assert "sshd obeys 'passwordauthentication yes' of /etc/ssh/sshd_config line 1" in play.stdout, play.stdout


def test_vdb5_w20_the_firewall_is_proved_too(host: Host) -> None:
    host.run("apt-get update -qq")
    host.play("change.yml", scopes=[scope("MaxAuthTries 4\n", path="/etc/ssh/sshd_config.d/90-lockout.conf")])
    empty = host.play("firewall.yml", "--check", base_firewall_allow=[{"ports": [80]}])
    assert empty.returncode == 0, empty.stdout
    assert "changed=1" in empty.stdout
    play = host.play("firewall.yml", base_firewall_allow=[{"ports": [80]}])
    assert play.returncode == 0, play.stdout
    assert "tcp dport 80 accept" in host.run("nft list table inet steady_fleet").replace("{ 80 }", "80")
    for options in ((), ("--check",)):
        assert "changed=0" in host.play("firewall.yml", *options, base_firewall_allow=[{"ports": [80]}]).stdout


def test_vdb5_w20_a_firewall_that_shuts_us_out_is_taken_back(host: Host) -> None:
    before = host.run("nft list ruleset")
    play = host.play("firewall.yml", base_firewall_ssh_sources=["192.0.2.0/24"])
    assert "/etc/steady-fleet/firewall.nft: a second connection failed" in play.stdout, play.stdout
    assert "The host took the change back and is as before." in play.stdout
    assert host.run("nft list ruleset") == before
    assert host.logs_in()


def test_w20_a_firewall_that_cuts_even_the_connection_in_use_is_taken_back(host: Host) -> None:
    before = host.run("nft list ruleset")
    rules = "table inet shut {\nchain input {\ntype filter hook input priority 0; policy drop;\n}\n}\n"
    unit = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/sbin/nft --file /etc/shut.nft\nExecStop=/usr/sbin/nft delete table inet shut\n"
    declared = {
        **scope(rules, path="/etc/shut.nft", seconds=6),
        "units": [{"name": "shut.service", "content": unit, "state": "started", "proof": "connection"}],
    }
    play = host.play("change.yml", scopes=[declared])
    assert "took the change back" in play.stdout, play.stdout
    wait(host.logs_in)
    assert host.run("nft list ruleset") == before
    assert host.run("ls /etc/shut.nft /etc/systemd/system/shut.service", check=False) == ""
