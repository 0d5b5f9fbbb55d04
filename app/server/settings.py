"""What is chosen when a server is started."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

from attrs import field, frozen

_LOCAL = "localhost"
LARGEST_BODY = 1 << 20
"""Bytes of a request that is no file."""
LARGEST_FILE = 32 << 20
"""Bytes of an image that is uploaded."""
MOST_PIXELS = 1 << 25
"""Of an image that is uploaded: 32 million."""
_STEPS, _PIXELS = 100, 1 << 20


@frozen
class ServerSettings:
    """What is chosen when a server is started.

    Attributes:
        host, port: where it listens. tokens: of those who may ask, with the name of each; empty for anybody who reaches it, which only a loopback address
            may be told. queue: runs that may wait. workers: runs at once. state: folder that keeps runs over a restart; None for one that goes with the
            process. keep: finished runs whose outputs are kept. snapshot_every: steps between two snapshots of a run, where there is a `state`. memory: bytes
            that all runs may take beside the models; None for what is free. logs_prompts: details of failed runs go to the log, too.
    """

    host: str = "127.0.0.1"
    port: int = 7801
    tokens: Mapping[str, str] = field(factory=dict)
    queue: int = 64
    workers: int = 4
    state: Path | None = None
    keep: int = 200
    snapshot_every: int = 5
    memory: int | None = None
    logs_prompts: bool = False
    cache_bytes: int = 256 << 20
    files_bytes: int = 1 << 30

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches it."""
        return is_loopback(self.host)

    @property
    def most_work(self) -> float:
        """Steps times pixels of all runs that wait or go on."""
        return float(self.queue * _STEPS * _PIXELS)

    @property
    def most_work_of_client(self) -> float:
        """Steps times pixels of the runs of one client."""
        return self.most_work / 2


def is_loopback(host: str) -> bool:
    """Return whether an address is one of this machine alone."""
    if host == _LOCAL:
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
