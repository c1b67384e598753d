"""The plan as a table: wanted and observed state in, actions out. No host is touched."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.host_state import model, plan
from ansible_collections.steady.fleet.plugins.module_utils.host_state.errors import StateError
from ansible_collections.steady.fleet.plugins.module_utils.host_state.manifest import Manifest
from ansible_collections.steady.fleet.plugins.module_utils.host_state.observe import Observed, PathState, UserState
from ansible_collections.steady.fleet.plugins.module_utils.host_state.systemd import UnitStatus

ROOT = {"root": UserState(0, 0, "/root", "/bin/bash", frozenset())}
DIGEST = hashlib.sha256(b"x").hexdigest()
ETC = {"/etc": PathState("directory", mode=0o755), "/etc/demo": PathState("directory", mode=0o755)}
SAME = PathState("file", mode=0o644, digest=DIGEST)
UNIT_PATH = "/etc/systemd/system/a.service"
SYSTEMD = {"/etc": ETC["/etc"], "/etc/systemd": ETC["/etc"], "/etc/systemd/system": ETC["/etc"]}
RUNNING = UnitStatus(load="loaded", active="active", sub="running", file_state="enabled")


def host(**parts: Any) -> Observed:
    return Observed(**{"users": ROOT, "groups": {"root": 0}, "paths": ETC, **parts})


def decide(declaration: dict[str, Any], observed: Observed, *, check: bool = False) -> list[str]:
    scopes = model.parse(scopes=[{"scope": "demo", **declaration}])
    return [f"{a.action} {a.name}" for a in plan.plan(scopes=scopes, observed=observed, check=check).actions]


FILE = {"path": "/etc/demo/a", "sha256": DIGEST}
UNIT = {"name": "a.service", "sha256": DIGEST, "enabled": True, "state": "started"}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (None, ["create /etc/demo/a"]),
        (SAME, []),
        (PathState("file", mode=0o644, digest="other"), ["change /etc/demo/a"]),
        (PathState("file", mode=0o600, digest=DIGEST), ["change /etc/demo/a"]),
        (PathState("file", uid=7, mode=0o644, digest=DIGEST), ["change /etc/demo/a"]),
        (PathState("file", gid=7, mode=0o644, digest=DIGEST), ["change /etc/demo/a"]),
        (PathState("link", target="/dev/null"), ["change /etc/demo/a"]),
    ],
)
def test_a_file_is_written_exactly_when_it_differs(state: PathState | None, expected: list[str]) -> None:
    paths = ETC if state is None else {**ETC, "/etc/demo/a": state}
    assert decide({"files": [FILE]}, host(paths=paths)) == expected


def test_a_directory_in_place_of_a_file_is_never_deleted() -> None:
    with pytest.raises(StateError, match="is to be a file, but there is a directory"):
        decide({"files": [FILE]}, host(paths={**ETC, "/etc/demo/a": PathState("directory")}))


def test_missing_parents_are_made_once_nearest_root_first() -> None:
    files = [{**FILE, "path": "/etc/x/y/a"}, {**FILE, "path": "/etc/x/y/b"}]
    assert decide({"files": files}, host()) == ["create /etc/x", "create /etc/x/y", "create /etc/x/y/a", "create /etc/x/y/b"]


def test_a_seed_is_written_once_and_then_left_alone() -> None:
    seed = {"files": [{**FILE, "seed": True}]}
    assert decide(seed, host()) == ["create /etc/demo/a"]
    assert decide(seed, host(paths={**ETC, "/etc/demo/a": PathState("file", mode=0o600, digest="other")})) == []


def test_xreq7_what_is_no_longer_declared_is_removed() -> None:
    old = Manifest("demo", paths={"/etc/demo/old": ("file", ""), "/etc/demo/own": ("file", "")}, kept=("/etc/demo/own",))
    paths = {**ETC, "/etc/demo/old": SAME, "/etc/demo/own": SAME}
    assert decide({}, host(paths=paths, manifests={"demo": old})) == ["remove /etc/demo/old"]


def test_a_made_directory_goes_only_when_it_is_empty_then() -> None:
    old = Manifest("demo", paths={"/opt/demo/a": ("file", "")}, made=("/opt/demo",))
    inside = {"/opt/demo": PathState("directory", names=frozenset({"a"})), "/opt/demo/a": SAME}
    assert decide({}, host(paths=inside, manifests={"demo": old})) == ["remove /opt/demo/a", "remove /opt/demo"]
    crowded = {**inside, "/opt/demo": PathState("directory", names=frozenset({"a", "somebody's"}))}
    assert decide({}, host(paths=crowded, manifests={"demo": old})) == ["remove /opt/demo/a"]


def test_another_scopes_path_is_refused_naming_it() -> None:
    other = Manifest("base", paths={"/etc/demo/a": ("file", "")})
    with pytest.raises(StateError, match="scope base owns it"):
        decide({"files": [FILE]}, host(manifests={"base": other}))


def test_a_missing_owner_is_an_error_and_in_check_mode_a_warning() -> None:
    declaration = {"files": [{**FILE, "owner": "nobody-here"}]}
    with pytest.raises(StateError, match="nobody-here, who does not exist"):
        decide(declaration, host())
    assert decide(declaration, host(), check=True) == ["create /etc/demo/a"]


def test_an_owner_declared_in_the_same_call_is_fine() -> None:
    declaration = {"users": [{"name": "app"}], "files": [{**FILE, "owner": "app", "group": "app"}]}
    assert decide(declaration, host()) == ["create app", "create app", "create /etc/demo/a"]


@pytest.mark.parametrize(
    ("status", "file_same", "expected"),
    [
        (UnitStatus(), False, ["create " + UNIT_PATH, "reload manager", "enable a.service", "start a.service"]),
        (RUNNING, True, []),
        (RUNNING, False, ["change " + UNIT_PATH, "reload manager", "restart a.service"]),
        (UnitStatus("loaded", "inactive", "dead", "enabled"), True, ["start a.service"]),
        (UnitStatus("loaded", "activating", "auto-restart", "enabled"), True, ["start a.service"]),
        (UnitStatus("loaded", "active", "running", "disabled"), True, ["enable a.service"]),
        (UnitStatus("masked", "inactive", "dead", "masked-runtime"), True, ["unmask a.service", "enable a.service", "start a.service"]),
        (UnitStatus("loaded", "active", "running", "enabled", stale=True), True, ["reload manager", "restart a.service"]),
    ],
)
def test_cs23_a_unit_is_brought_to_its_state_and_no_further(status: UnitStatus, file_same: bool, expected: list[str]) -> None:
    digest = DIGEST if file_same else "other"
    paths = dict(SYSTEMD) if not status.exists else {**SYSTEMD, UNIT_PATH: PathState("file", mode=0o644, digest=digest)}
    assert decide({"units": [UNIT]}, host(paths=paths, units={"a.service": status})) == expected


def test_f67_a_unit_that_is_masked_where_its_file_goes_is_unmasked_and_said_to_be() -> None:
    """Also one that is neither to start nor to run: its file takes the place of the link to /dev/null."""
    idle = {**UNIT, "enabled": False, "state": "stopped"}
    masked = UnitStatus("masked", "inactive", "dead", "masked")
    link = {**SYSTEMD, UNIT_PATH: PathState("link", target="/dev/null")}
    assert decide({"units": [idle]}, host(paths=link, units={"a.service": masked})) == ["change " + UNIT_PATH, "reload manager", "unmask a.service"]
    mine = {**SYSTEMD, UNIT_PATH: PathState("file", mode=0o644, digest=DIGEST)}
    elsewhere = UnitStatus("masked", "inactive", "dead", "masked-runtime")
    assert decide({"units": [idle]}, host(paths=mine, units={"a.service": elsewhere})) == []


@pytest.mark.parametrize(("status", "expected"), [(RUNNING, ["restart a.service"]), (UnitStatus("loaded"), []), (UnitStatus(), [])])
def test_exactly_the_running_units_that_a_change_concerns_are_restarted(status: UnitStatus, expected: list[str]) -> None:
    declaration = {"files": [{**FILE, "restarts": ["a.service"]}, {**FILE, "path": "/etc/demo/b", "restarts": ["b.service"]}]}
    paths = {**ETC, "/etc/demo/b": SAME}
    observed = host(paths=paths, units={"a.service": status, "b.service": RUNNING})
    assert decide(declaration, observed) == ["create /etc/demo/a", *expected]


def test_a_restart_makes_a_reload_needless() -> None:
    declaration = {"files": [{**FILE, "restarts": ["a.service"], "reloads": ["a.service"]}]}
    assert decide(declaration, host(units={"a.service": RUNNING}))[1:] == ["restart a.service"]


def test_what_an_interrupted_run_owes_is_done() -> None:
    old = Manifest("demo", paths={"/etc/demo/a": ("file", "")}, owed=(("restart", "a.service"),))
    observed = host(paths={**ETC, "/etc/demo/a": SAME}, units={"a.service": RUNNING}, manifests={"demo": old})
    assert decide({"files": [{**FILE, "restarts": ["a.service"]}]}, observed) == ["restart a.service"]


def test_xreq7_a_retired_unit_is_stopped_disabled_and_removed() -> None:
    old = Manifest("demo", paths={UNIT_PATH: ("file", "a.service")})
    observed = host(paths={**SYSTEMD, UNIT_PATH: SAME}, units={"a.service": RUNNING}, manifests={"demo": old})
    assert decide({}, observed) == ["remove " + UNIT_PATH, "reload manager", "stop a.service", "disable a.service"]


def test_mrpt10_an_absent_unit_of_a_package_is_stopped_and_disabled() -> None:
    observed = host(units={"redis-server.service": RUNNING})
    assert decide({"absent": {"units": ["redis-server.service"]}}, observed) == ["stop redis-server.service", "disable redis-server.service"]


def test_a_port_already_taken_is_refused_with_its_holder() -> None:
    observed = host(paths=SYSTEMD, ports={8000: "nginx (pid 7, nginx.service)"})
    with pytest.raises(StateError, match=r"port 8000, which nginx \(pid 7, nginx.service\) has taken. Nothing was changed"):
        decide({"units": [{**UNIT, "ports": [8000]}]}, observed)


def test_its_own_port_is_no_conflict() -> None:
    paths = {**SYSTEMD, UNIT_PATH: SAME}
    observed = host(paths=paths, units={"a.service": RUNNING}, ports={8000: "python3 (pid 7, a.service)"})
    assert decide({"units": [{**UNIT, "ports": [8000]}]}, observed) == []


SOCKET_PATH = "/etc/systemd/system/a.socket"
SOCKET = {**UNIT, "name": "a.socket", "ports": [8000]}
BY_SERVICE, BY_SYSTEMD = {8000: "python3 (pid 7, a.service)"}, {8000: "systemd (pid 1, init.scope)"}
ABSENT = UnitStatus()


@pytest.mark.parametrize("holder", [BY_SERVICE, {8000: "another process"}])
def test_cs22_a_service_that_holds_its_port_itself_gives_it_to_its_socket(holder: dict[int, str]) -> None:
    paths = {**SYSTEMD, UNIT_PATH: PathState("file", mode=0o644, digest="former")}
    old = Manifest("demo", paths={UNIT_PATH: ("file", "a.service")})
    observed = host(paths=paths, units={"a.service": RUNNING, "a.socket": ABSENT}, ports=holder, manifests={"demo": old})
    assert decide({"units": [SOCKET, UNIT]}, observed)[2:] == ["reload manager", "enable a.socket", "restart a.service", "start a.socket"]


@pytest.mark.parametrize("status", [RUNNING, UnitStatus("loaded", "failed", "failed", "enabled")])
def test_cs22_a_service_takes_the_port_of_the_socket_that_it_had(status: UnitStatus) -> None:
    old = Manifest("demo", paths={UNIT_PATH: ("file", "a.service"), SOCKET_PATH: ("file", "a.socket")})
    paths = {**SYSTEMD, UNIT_PATH: PathState("file", mode=0o644, digest="former"), SOCKET_PATH: SAME}
    observed = host(paths=paths, units={"a.service": status, "a.socket": RUNNING}, ports=BY_SYSTEMD, manifests={"demo": old})
    verb = "restart" if status is RUNNING else "start"
    expected = ["remove " + SOCKET_PATH, "reload manager", "stop a.socket", "disable a.socket", f"{verb} a.service"]
    assert decide({"units": [{**UNIT, "ports": [8000]}]}, observed)[1:] == expected


def test_cs22_a_lost_socket_comes_back_with_its_service() -> None:
    paths = {**SYSTEMD, UNIT_PATH: SAME, SOCKET_PATH: SAME}
    observed = host(paths=paths, units={"a.service": RUNNING, "a.socket": UnitStatus("loaded", "failed", "failed", "enabled")}, ports=BY_SERVICE)
    assert decide({"units": [SOCKET, UNIT]}, observed) == ["restart a.service", "start a.socket"]


@pytest.mark.parametrize(("state", "verb"), [("started", "start"), ("stopped", "stop")])
def test_a_socket_goes_before_its_service(state: str, verb: str) -> None:
    paths = {**SYSTEMD, UNIT_PATH: SAME, SOCKET_PATH: SAME}
    status = RUNNING if state == "stopped" else UnitStatus("loaded", "inactive", "dead", "enabled")
    observed = host(paths=paths, units={"a.service": status, "a.socket": status})
    assert decide({"units": [{**UNIT, "state": state}, {**SOCKET, "state": state}]}, observed) == [f"{verb} a.socket", f"{verb} a.service"]


def test_a_port_that_systemd_holds_for_another_socket_is_refused() -> None:
    with pytest.raises(StateError, match=r"port 8000, which systemd \(pid 1, init.scope\) has taken"):
        decide({"units": [SOCKET]}, host(paths=SYSTEMD, ports=BY_SYSTEMD))


def test_a_unit_that_nothing_brings_is_refused() -> None:
    with pytest.raises(StateError, match=r"there is no unit typo.service"):
        decide({"units": [{"name": "typo.service", "enabled": True}]}, host())


def test_packages_come_first_and_are_never_upgraded() -> None:
    observed = host(packages=frozenset({"git"}))
    assert decide({"packages": ["git", "cron"], "files": [FILE]}, observed) == ["install cron", "create /etc/demo/a"]


def test_renumbering_is_refused() -> None:
    observed = host(users={**ROOT, "app": UserState(5, 0, "/nonexistent", "/usr/sbin/nologin", frozenset())}, groups={"root": 0, "app": 5})
    with pytest.raises(StateError, match="user app has number 5 on this host, not 9"):
        decide({"users": [{"name": "app", "uid": 9}]}, observed)


# -- what a check must know to be exact

APP = {"users": [{"name": "app"}], "directories": [{"path": "/etc/demo", "owner": "app", "group": "app"}], "files": [{**FILE, "owner": "app"}]}


def test_f67_a_removed_account_gets_the_number_back_that_its_files_carry() -> None:
    paths = {"/etc": ETC["/etc"], "/etc/demo": PathState("directory", 998, 997, 0o755), "/etc/demo/a": PathState("file", 998, 0, 0o644, digest=DIGEST)}
    observed = host(paths=paths, orphan_uids=frozenset({998}), orphan_gids=frozenset({997}))
    scopes = model.parse(scopes=[{"scope": "demo", **APP}])
    planned = plan.plan(scopes=scopes, observed=observed)
    assert [a.sentence() for a in planned.actions] == ["create group app: missing", "create user app: missing"]
    assert planned.numbers == {("user", "app"): 998, ("group", "app"): 997}


def test_f67_a_new_account_has_none_of_the_files_there() -> None:
    paths = {"/etc": ETC["/etc"], "/etc/demo": PathState("directory", 54321, 0, 0o755), "/etc/demo/a": SAME}
    observed = host(paths=paths, orphan_uids=frozenset({54321}))
    assert decide(APP, observed) == ["create app", "create app", "change /etc/demo", "change /etc/demo/a"]


def test_a_unit_that_keeps_failing_is_stopped_where_it_shall_not_run() -> None:
    failing = UnitStatus(load="loaded", active="activating", sub="auto-restart", file_state="disabled")
    assert decide({"units": [{"name": "a.service", "state": "stopped"}]}, host(units={"a.service": failing})) == ["stop a.service"]


def test_f67_a_package_of_two_scopes_is_installed_once() -> None:
    scopes = model.parse(scopes=[{"scope": name, "packages": ["cron"]} for name in ("one", "two")])
    assert [a.sentence() for a in plan.plan(scopes=scopes, observed=host()).actions] == ["install package cron: missing"]


def test_f67_a_check_warns_of_what_a_run_would_refuse() -> None:
    declaration = {"scope": "demo", "units": [{"name": "a.service", "state": "started"}]}
    scopes = model.parse(scopes=[declaration])
    assert "no unit a.service" in plan.plan(scopes=scopes, observed=host(), check=True).warnings[0]
    with pytest.raises(StateError, match=r"no unit a\.service"):
        plan.plan(scopes=scopes, observed=host())


def test_a_drop_in_that_nobody_declared_is_left_alone_but_said() -> None:
    by_hand, declared = f"{UNIT_PATH}.d/override.conf", f"{UNIT_PATH}.d/ours.conf"
    paths = {**SYSTEMD, UNIT_PATH: SAME, f"{UNIT_PATH}.d": ETC["/etc"], declared: SAME}
    scopes = model.parse(scopes=[{"scope": "demo", "units": [UNIT], "files": [{**FILE, "path": declared}]}])
    observed = host(paths=paths, units={"a.service": RUNNING}, drop_ins={"a.service": (by_hand, declared)})
    planned = plan.plan(scopes=scopes, observed=observed)
    assert not planned.actions
    assert len(planned.warnings) == 1
    assert by_hand in planned.warnings[0]


def test_xreq5_an_interrupted_run_is_finished_also_by_another_declaration() -> None:
    """Its staged file goes, what it was to keep stays, and a restart is owed to a unit that has come up since."""
    begun = Manifest(
        "demo",
        paths={"/etc/demo/kept": ("file", "")},
        kept=("/etc/demo/kept",),
        owed=(("restart", "a.service"), ("restart", "b.service")),
        staged=("/etc/demo/.a.steady~",),
        begun=True,
    )
    paths = {**ETC, "/etc/demo/kept": SAME, "/etc/demo/.a.steady~": SAME}
    observed = host(paths=paths, units={"a.service": RUNNING}, manifests={"demo": begun})
    assert decide({}, observed) == ["remove /etc/demo/.a.steady~", "restart a.service"]


def test_xreq5_the_journal_owes_what_no_state_shows() -> None:
    old = Manifest("demo", paths={"/etc/demo/old": ("file", "")}, kept=("/etc/demo/old",))
    scopes = model.parse(scopes=[{"scope": "demo", "files": [{**FILE, "restarts": ["a.service"]}]}])
    (journal,) = plan.plan(scopes=scopes, observed=host(paths=ETC, manifests={"demo": old})).journal
    assert journal.owed == (("restart", "a.service"),), "also to a unit that does not run yet"
    assert journal.paths == {"/etc/demo/old": ("file", ""), "/etc/demo/a": ("file", "")}
    assert journal.kept == ("/etc/demo/old",)


def test_xreq5_half_made_accounts_are_completed() -> None:
    state = UserState(1, 1, "/nonexistent", "/usr/sbin/nologin", frozenset(), shadowed=False)
    observed = host(users={"demo": state}, groups={"demo": 1}, bare_groups=frozenset({"demo"}))
    assert decide({"users": [{"name": "demo"}]}, observed) == ["change demo", "change demo"]
