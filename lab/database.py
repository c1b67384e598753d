"""An RDS instance as the lab sees it, apart from moto: the command line must not wait for moto's import."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Database:
    """One RDS instance with the engine postgres at this moment."""

    id: str
    """RDS's resource id, which stays when an instance gets another name."""
    account: str
    region: str
    name: str
    status: str
    version: str
    endpoint: str
    port: int
    master: str
    password: str = field(repr=False)
    database: str
    """What the instance was made with besides the database postgres; may be empty."""
    force_ssl: bool

    @property
    def state(self) -> str:
        """The state of an EC2 instance that this status is, as far as a body cares."""
        return "stopped" if self.status == "stopped" else "running"

    @property
    def major(self) -> str:
        return self.version.partition(".")[0]

    @property
    def settings(self) -> tuple[str, bool]:
        """What may change while the server runs."""
        return self.password, self.force_ssl
