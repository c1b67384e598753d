#!/usr/bin/python3
"""Make two archives below a directory, laid out as AWS's: ``good`` is signed as it should be, ``tampered`` changed after that.

The package has the real one's name, user, paths and unit; its program does what matters here: it gives its configuration
to the user named in it and becomes that user, as the real one does. The file ``fingerprint`` names the key.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

VERSION = "1.300071.0b1"
CONTROL = f"""Package: amazon-cloudwatch-agent
Version: {VERSION}-1
Architecture: all
Maintainer: Molecule <molecule@example.com>
Depends: python3
Description: Stand-in for the Amazon CloudWatch agent
"""
PREINST = "#!/bin/sh\nset -e\nid cwagent >/dev/null 2>&1 || useradd -r -M cwagent -d /home/cwagent -U -s /sbin/nologin\n"
UNIT = """[Unit]
Description=Amazon CloudWatch Agent

[Service]
ExecStart=/opt/aws/amazon-cloudwatch-agent/bin/start-amazon-cloudwatch-agent
Restart=on-failure
RestartSec=60s

[Install]
WantedBy=multi-user.target
"""
PROGRAM = """#!/usr/bin/python3
import grp, json, os, pathlib, pwd, signal
etc = pathlib.Path("/opt/aws/amazon-cloudwatch-agent/etc")
config = json.loads((etc / "amazon-cloudwatch-agent.json").read_text())
user = pwd.getpwnam(config["agent"]["run_as_user"])
for path in [etc, *etc.rglob("*")]:
    os.chown(path, user.pw_uid, user.pw_gid)
os.setgroups([group.gr_gid for group in grp.getgrall() if user.pw_name in group.gr_mem])
os.setgid(user.pw_gid)
os.setuid(user.pw_uid)
print("collecting", " ".join(sorted(config["metrics"]["metrics_collected"])), flush=True)
signal.pause()
"""


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> None:
    root = Path(sys.argv[1])
    tree, home = root / "tree", root / "gnupg"
    files = {
        "DEBIAN/control": CONTROL,
        "DEBIAN/preinst": PREINST,
        "etc/systemd/system/amazon-cloudwatch-agent.service": UNIT,
        "opt/aws/amazon-cloudwatch-agent/bin/start-amazon-cloudwatch-agent": PROGRAM,
        "opt/aws/amazon-cloudwatch-agent/etc/common-config.toml": "",
    }
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if "start-" in name or "preinst" in name else 0o644)
    folder = root / "good/debian/amd64" / VERSION
    folder.mkdir(parents=True)
    (root / "good/assets").mkdir()
    home.mkdir(mode=0o700)
    os.environ["GNUPGHOME"] = str(home)
    run("dpkg-deb", "--root-owner-group", "--build", str(tree), str(folder / "amazon-cloudwatch-agent.deb"))
    run("gpg", "--batch", "--passphrase", "", "--quick-generate-key", "Molecule <molecule@example.com>", "rsa2048", "sign")
    run("gpg", "--batch", "--detach-sign", "--output", str(folder / "amazon-cloudwatch-agent.deb.sig"),
        str(folder / "amazon-cloudwatch-agent.deb"))  # fmt: skip
    key = run("gpg", "--batch", "--armor", "--export")
    (root / "good/assets/amazon-cloudwatch-agent.gpg").write_text(key)
    shutil.copytree(root / "good", root / "tampered")
    with open(root / "tampered/debian/amd64" / VERSION / "amazon-cloudwatch-agent.deb", "ab") as package:
        package.write(b"\n")
    listing = run("gpg", "--batch", "--with-colons", "--fingerprint")
    fingerprint = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))
    (root / "fingerprint").write_text(fingerprint)


if __name__ == "__main__":
    main()
