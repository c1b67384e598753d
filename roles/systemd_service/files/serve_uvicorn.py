# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""uvicorn with its own command line, stopped so that no request is lost.

At a stop uvicorn closes each connection that has no request at that moment; a request that is on its way there meets a reset.
Here every answer after the stop ends its connection by HTTP's own word, ``Connection: close``, and only what then stays idle is closed.
The listening socket belongs to systemd: connections that come later wait there for the next process.
"""

from __future__ import annotations

import asyncio
from socket import socket

from uvicorn.main import main
from uvicorn.server import Server

IDLE_SECONDS = 1.0
TICK_SECONDS = 0.05

close_now = Server.shutdown


async def shutdown(self: Server, sockets: list[socket] | None = None) -> None:
    """Stop accepting, answer what comes over the connections that are open, then stop as uvicorn does."""
    for server in self.servers:
        server.close()
    self.server_state.default_headers.append((b"connection", b"close"))
    for _ in range(int(IDLE_SECONDS / TICK_SECONDS)):
        await asyncio.sleep(TICK_SECONDS)
        if not self.server_state.connections:
            break
    await close_now(self, sockets)


# At import, so that worker processes, which import this file anew, do it too.
Server.shutdown = shutdown  # type: ignore[method-assign]

if __name__ == "__main__":
    main()
