"""pyinfra with TCP_NODELAY on its connections, which its SSH library leaves off: 40 ms less on each remote command."""

from __future__ import annotations

import socket
import sys
from importlib import import_module
from typing import Any
from unittest.mock import patch

program = import_module("pyinfra_cli.main")  # before its SSH library: it patches the standard library for gevent
transport = import_module("paramiko").Transport
original = transport.__init__


def without_delay(self: Any, sock: Any, *arguments: Any, **options: Any) -> None:
    """Start the transport as ever, on a socket that sends at once."""
    original(self, sock, *arguments, **options)
    self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


sys.argv[0] = "pyinfra"
with patch.object(transport, "__init__", without_delay):
    sys.exit(program.main())
