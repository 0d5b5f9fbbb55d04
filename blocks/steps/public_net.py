"""Downloads from the public net: by http and https, from no address that leads into a private network, within one deadline."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from concurrent.futures import Future
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from attrs import define, field

from ...state import InputError, TrustError

SECONDS = 20.0
"""From the question after an address to the last byte, redirections included."""
_REDIRECTIONS = 5
_PLAIN = "/%:=&?~+!$,;'@()*[]"
_MOVED = (301, 302, 303, 307, 308)
_SPECIAL = [
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
        *("192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
    )
]
"""The registries of special addresses (RFC 6890 and after), and multicast. Python's `is_global` differs between its versions."""
_PUBLIC_6 = ip_network("2000::/3")
"""Outside of it lie all that stand for addresses of IPv4: mapped, compatible, translated (NAT64); within it 6to4 and Teredo."""
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""Before an address of IPv4 in the lower half (RFC 5214)."""


def download(url: str, largest: int, seconds: float = SECONDS) -> bytes:
    """Return what is at an address.

    Raises:
        TrustError: it is, or is redirected to, an address that is not public, or by another protocol. InputError: it cannot be had, is
            larger, or takes longer.
    """
    job = _Download(url, largest, seconds)
    # A thread of its own, because nothing else ends a name server, a handshake or a line that comes byte by byte.
    worker = threading.Thread(target=job.run, daemon=True, name="brickwork-download")
    worker.start()
    worker.join(seconds)
    if not job.result.done():
        job.stop()
        raise InputError(f"{url[:200]} could not be loaded within {seconds:g} seconds.")
    return job.result.result()


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address is one of the public net, and stands for none of another."""
    if any(address in network for network in _SPECIAL):
        return False
    return address.version == 4 or (address in _PUBLIC_6 and int(address) >> 32 & 0xFFFF_FFFF not in _ISATAP)


@define(eq=False)
class _Download:
    """One download, in a thread of its own."""

    url: str
    largest: int
    seconds: float
    result: Future[bytes] = field(factory=Future)
    _socket: socket.socket | None = None
    _stopped: bool = False

    def run(self) -> None:
        """Fetch it, and put what came of it into `result`."""
        try:
            self.result.set_result(self._fetched())
        except (OSError, http.client.HTTPException, ValueError) as error:
            own = isinstance(error, InputError)
            self.result.set_exception(error if own else InputError(f"{self.url[:200]} could not be loaded: {error}"))
        except Exception as error:  # noqa: BLE001 - raised again where the download was asked for
            self.result.set_exception(error)

    def stop(self) -> None:
        """Let go of the connection, so that the thread ends."""
        self._stopped = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _fetched(self) -> bytes:
        url = self.url
        for _ in range(_REDIRECTIONS + 1):
            parts = _checked(url)
            with contextlib.closing(self._connected(parts)) as connection:
                query = f"?{quote(parts.query, safe=_PLAIN)}" if parts.query else ""
                path = quote(parts.path or "/", safe=_PLAIN) + query
                connection.request("GET", path, headers={"User-Agent": "brickwork", "Connection": "close"})
                with connection.getresponse() as answer:
                    moved = answer.getheader("Location") if answer.status in _MOVED else None
                    if moved is None:
                        return self._body(answer)
                    url = urljoin(url, moved)
        raise InputError(f"{self.url[:200]} is redirected more than {_REDIRECTIONS} times.")

    def _body(self, answer: http.client.HTTPResponse) -> bytes:
        if answer.status != http.client.OK:
            raise InputError(f"{self.url[:200]} could not be loaded: the server says {answer.status} {answer.reason}.")
        # The length that a server states may be missing, or wrong.
        data = answer.read(self.largest + 1)
        if len(data) > self.largest:
            raise InputError(f"{self.url[:200]} has more than {self.largest:,} bytes.")
        return data

    def _connected(self, parts: SplitResult) -> http.client.HTTPConnection:
        """Connect to an address that was checked, not to its name again, which might stand for another by then."""
        secure = parts.scheme == "https"
        host, port = str(parts.hostname), parts.port or (443 if secure else 80)
        connection = (http.client.HTTPSConnection if secure else http.client.HTTPConnection)(host, port)
        # Twice the deadline: the thread that waits ends it before, and this is only so that the socket is not kept
        # for good.
        connection.sock = self._socket = _open(_public_addresses(host, port), 2 * self.seconds)
        # `stop` came while there was no socket to shut down yet.
        if self._stopped:
            connection.close()
            raise InputError(f"{self.url[:200]} took too long.")
        if secure:
            try:
                connection.sock = self._socket = ssl.create_default_context().wrap_socket(
                    self._socket, server_hostname=host
                )
            except OSError:
                connection.close()
                raise
        return connection


def _checked(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise TrustError(f"{url[:200]!r} is no address of http or https; nothing is loaded by other protocols.")
    if parts.username is not None or parts.password is not None:
        raise TrustError(
            f"{url[:200]!r} has a name before its host, which is how addresses look like others; leave it out."
        )
    if not parts.hostname:
        raise InputError(f"{url[:200]!r} names no host.")
    return parts


def _public_addresses(host: str, port: int) -> list[tuple[int, Any]]:
    """Return all addresses of a host.

    Raises:
        TrustError: one of them is not public. OSError: there are none.
    """
    found: list[tuple[int, Any]] = [
        (family, place) for family, _, _, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    ]
    # All of them: a name with a public and a private address would be tried at one after the other.
    for _, place in found:
        # Link-local addresses of IPv6 carry their interface after a percent sign.
        address = ip_address(str(place[0]).partition("%")[0])
        if not is_public(address):
            raise TrustError(
                f"{host} is at {address}, which is no address of the public net; it is not loaded from there."
            )
    return found


def _open(addresses: list[tuple[int, Any]], seconds: float) -> socket.socket:
    """Connect to the first address that answers."""
    refusal: OSError = OSError("the host has no address")
    for family, place in addresses:
        made = socket.socket(family, socket.SOCK_STREAM)
        made.settimeout(seconds)
        try:
            made.connect(place)
        except OSError as error:
            made.close()
            refusal = error
        else:
            return made
    raise refusal
