"""What a user sees of the command fleetdata once the role s3_archive has put it in place."""

from __future__ import annotations

from typing import Any

COMMAND = "/usr/local/bin/fleetdata"


def test_w16_root_owns_the_command_and_everybody_reads_its_configuration(host: Any) -> None:
    for path, mode in ((COMMAND, 0o755), ("/etc/steady-fleet/fleetdata.json", 0o644)):
        file = host.file(path)
        assert (file.user, file.group, file.mode) == ("root", "root", mode)
    assert host.check_output("find /opt/fleetdata/ -perm /022 -not -type l") == ""
