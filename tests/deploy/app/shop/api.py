"""An ASGI application: a body worth cutting off, a slow answer, and a health address."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from shop import release

PADDING = "x" * 20_000
DIGEST = hashlib.sha256(PADDING.encode()).hexdigest()


async def app(scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    """Answer every path; ``/slow`` late."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/slow":
        await asyncio.sleep(0.3)
    answer = {"status": release.HEALTH, "release": release.NAME, "padding": PADDING, "digest": DIGEST}
    await send({"type": "http.response.start", "status": release.STATUS, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})
