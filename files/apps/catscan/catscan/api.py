"""The HTTP API: ``uvicorn catscan.api:app``. It is meant for loopback; TLS and users belong to the proxy in front."""

from __future__ import annotations

import hmac
import os
import sqlite3
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from . import __version__, database, importer, status
from .settings import ConfigurationError, Settings, load, load_token

BEARER = HTTPBearer(auto_error=False, description="CATSCAN_API_TOKEN")


def release() -> str:
    """The release this process runs, which is the name of its directory under ``releases/``."""
    root = Path(__file__).resolve().parents[2]
    return root.name if root.parent.name == "releases" else "development"


def _now() -> datetime:
    return datetime.now(timezone.utc)


def create_app(settings: Settings, token: str) -> FastAPI:
    """Build the application over one database and drop folder. Raises sqlite3.Error or SchemaError if unusable."""
    with database.connect(settings.database):
        pass  # Makes the schema, so that the first request of a new host finds it.
    app = FastAPI(title="Cat-Scan", version=__version__)
    this_release = release()

    @app.get("/health")
    def health() -> JSONResponse:
        """Healthy (200) if the database answers; a late import is reported but is no reason to stop serving."""
        body: dict[str, Any] = {"status": "healthy", "version": __version__, "release": this_release}
        try:
            with database.connect(settings.database) as connection:
                body.update(status.health(connection, _now()))
        except (database.SchemaError, sqlite3.Error) as error:
            body.update(status="unhealthy", database={"status": "failed", "reason": str(error)}, last_import=None)
        return JSONResponse(body, status_code=200 if body["status"] == "healthy" else 503)

    @app.get("/gmail/status")
    def gmail_status() -> dict[str, Any]:
        """For each report type: the last import, whether it is recent, files waiting and quarantined."""
        with database.connect(settings.database) as connection:
            return status.gmail(connection, settings, _now())

    @app.get("/uploads/history")
    def uploads_history(limit: Annotated[int, Query(ge=1, le=500)] = 50, offset: Annotated[int, Query(ge=0, le=2**31)] = 0) -> dict[str, Any]:
        """The import history, newest first."""
        with database.connect(settings.database) as connection:
            return status.history(connection, limit=limit, offset=offset)

    def authorised(credentials: Annotated[object, Depends(BEARER)]) -> None:
        given = credentials.credentials if isinstance(credentials, HTTPAuthorizationCredentials) else ""
        if not hmac.compare_digest(given.encode(), token.encode()):
            raise HTTPException(401, "A valid bearer token is needed.", headers={"WWW-Authenticate": "Bearer"})

    @app.post("/gmail/run", dependencies=[Depends(authorised)])
    def gmail_run() -> dict[str, Any]:
        """Import what waits in the drop folder now, exactly as the daily job does. Safe to repeat."""
        try:
            return importer.run(settings).as_dict()
        except importer.ImportRunning as error:
            raise HTTPException(409, str(error)) from error

    return app


def app_from_environment() -> FastAPI:
    """Build the application that the environment describes, or end with one clear sentence (status 2)."""
    try:
        return create_app(load(os.environ), load_token(os.environ))
    except (ConfigurationError, database.SchemaError, sqlite3.Error) as error:
        print(f"catscan.api: {error}", file=sys.stderr)
        sys.exit(2)


def __getattr__(name: str) -> FastAPI:
    """Build ``app`` when a server asks for it, not when the module is imported: a release is import-tested unset up."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return app_from_environment()
