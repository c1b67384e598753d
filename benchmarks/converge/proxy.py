"""A TCP proxy that delays: every byte arrives half a round trip later, in both directions, with no limit on bandwidth."""

from __future__ import annotations

import asyncio
import socket
import statistics
import threading
import time
from collections.abc import Coroutine
from typing import Any

CHUNK = 1 << 16
Timed = tuple[float, bytes]


class Proxy:
    """Forwards one loopback port to another; ``round_trip`` (seconds) may be changed between connections."""

    def __init__(self, *, target: int) -> None:
        self.target = target
        self.round_trip = 0.0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        threading.Thread(target=self._run, args=(ready,), daemon=True).start()
        ready.wait()

    def _run(self, ready: threading.Event) -> None:
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        self._loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        delay = self.round_trip / 2
        # The client was accepted at once; over a real distance its handshake would have taken one round trip.
        await asyncio.sleep(self.round_trip)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        for end in (writer, far_writer):
            end.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await _together(_forward(reader, far_writer, delay), _forward(far_reader, writer, delay))
        for end in (writer, far_writer):
            end.close()


async def _together(*ways: Coroutine[Any, Any, None]) -> None:
    await asyncio.gather(*ways, return_exceptions=True)


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Pass everything on, each piece ``delay`` seconds after it came; an empty piece is the end."""
    queue: asyncio.Queue[Timed] = asyncio.Queue()
    await _together(_receive(reader, queue), _send(queue, writer, delay))


async def _receive(reader: asyncio.StreamReader, queue: asyncio.Queue[Timed]) -> None:
    data = b"-"
    while data:
        try:
            data = await reader.read(CHUNK)
        except OSError:
            data = b""
        queue.put_nowait((time.monotonic(), data))


async def _send(queue: asyncio.Queue[Timed], writer: asyncio.StreamWriter, delay: float) -> None:
    while True:
        came, data = await queue.get()
        await asyncio.sleep(max(0.0, came + delay - time.monotonic()))
        if not data:
            if writer.can_write_eof():
                writer.write_eof()
            return
        writer.write(data)
        await writer.drain()


def measured_round_trip(*, round_trip: float, samples: int = 20) -> float:
    """What a byte and its echo really take through such a proxy: the median, in seconds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_echo, args=(server,), daemon=True).start()
        proxy = Proxy(target=server.getsockname()[1])
        proxy.round_trip = round_trip
        with socket.create_connection(("127.0.0.1", proxy.port)) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            times = []
            for _ in range(samples + 1):
                start = time.monotonic()
                client.sendall(b"x")
                client.recv(1)
                times.append(time.monotonic() - start)
    return statistics.median(times[1:])  # the first one carries the handshake


def _echo(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := connection.recv(CHUNK):
            connection.sendall(data)
