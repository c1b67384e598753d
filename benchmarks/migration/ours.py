"""``python -m benchmarks.migration.ours DATABASE PORT count|digest WORK``: one migration by fleetdata, in a process of its own."""

from __future__ import annotations

import json
import sys

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Migration, Target
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.run import run


def main() -> int:
    """Exit status: that of the run."""
    database, port, verify, work = sys.argv[1:]
    target = Target(host="127.0.0.1", port=int(port), database="bench", user="bench", ssl_mode="disable")
    report = run(migration=Migration(name="bench", database=database, target=target, verify=verify, work=work))
    print(json.dumps(dict(report.phases)))
    return report.code


if __name__ == "__main__":
    sys.exit(main())
