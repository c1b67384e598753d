"""The command line: ``python -m lab up|down|status|wait|tunnel|env|image``."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable
from typing import Any

from lab import commands
from lab.errors import LabError
from lab.images import BODIES
from lab.settings import Settings, from_environment


def main(argv: list[str] | None = None) -> int:
    """Run one command; return the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        _run(arguments, from_environment())
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


def _run(arguments: argparse.Namespace, settings: Settings) -> None:
    steps: dict[str, Callable[[], object]] = {
        "up": lambda: commands.up(settings, say=_say),
        "down": lambda: commands.down(settings, images=arguments.images, say=_say),
        "status": lambda: _print_status(commands.status(settings), as_json=arguments.json),
        "wait": lambda: commands.wait(settings, seconds=arguments.seconds, say=_say),
        "tunnel": lambda: print(commands.open_tunnel(settings, host=arguments.host, port=arguments.port)),
        "env": lambda: _print_environment(settings),
        "image": lambda: commands.images(arguments.names, say=_say),
        "serve": lambda: commands.serve(settings),
    }
    steps[arguments.command]()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lab",
        description="A whole small AWS on one machine.",
        epilog="Settings: STEADY_LAB_STATE, _NETWORK, _CIDR, _API_PORT, _IMDS_PORT, _SSH_PORT, _TUNNEL_PORT, _PLATFORM, _AMAZON_BASE.",
    )
    add = parser.add_subparsers(dest="command", required=True, metavar="COMMAND").add_parser
    add("up", help="start the lab, or see that it runs")
    down = add("down", help="remove the lab: nothing stays but the cached images")
    down.add_argument("--images", action="store_true", help="remove the cached images too")
    status = add("status", help="say what runs")
    status.add_argument("--json", action="store_true", help="for programs")
    wait = add("wait", help="wait until every running instance and database answers")
    wait.add_argument("--seconds", type=float, default=120, help="give up after this long (default: %(default)s)")
    tunnel = add("tunnel", help="open a way to an application that listens on its host's loopback only")
    tunnel.add_argument("host", nargs="?", default="", help="Name tag or instance id; may be left out with one host")
    tunnel.add_argument("--port", type=int, default=8000, help="the application's port (default: %(default)s)")
    add("env", help='print the shell\'s environment for AWS clients: eval "$(python -m lab env)"')
    image = add("image", help="build the bodies' container images")
    image.add_argument("names", nargs="*", metavar="NAME", help=f"{' or '.join(BODIES)} (default: all)")
    add("serve", help="run the daemon in the foreground (up does it for you)")
    return parser


def _say(line: str) -> None:
    print(f"lab: {line}", flush=True)


def _print_environment(settings: Settings) -> None:
    for name, value in settings.client_environment().items():
        print(f"export {name}={shlex.quote(value)}")


def _print_status(status: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(status, indent=2))
        return
    _say(f"{status['state']}{', AWS at ' + status['endpoint'] if status['state'] == 'up' else ''}")
    for row in status["instances"]:
        ready = "answers SSH" if row["ready"] else row["problem"] or f"body {row['body']}"
        _say(f"{row['name']}_{row['instance_id']}: {row['state']}, {ready}, {row['user']}@127.0.0.1:{row['ssh_port']}")
    for row in status["databases"]:
        said = row["problem"] or f"PostgreSQL {row['version']} at {row['endpoint']}:{row['port']}, 127.0.0.1:{row['loopback_port']}"
        _say(f"{row['name']}: {row['status']}, {said}")
    for row in status["tunnels"]:
        _say(f"tunnel {row['url']} to {row['instance_id']}: {'open' if row['open'] else 'closed'}")


if __name__ == "__main__":
    sys.exit(main())
