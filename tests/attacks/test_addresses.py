"""Addresses: of private networks in every spelling, by redirections, by names that change, by servers that never end."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

import pytest
from canary import Canary

from brickwork import InputError, load_image
from brickwork.blocks.steps import public_net

PUBLIC = "127.0.0.2"
"""Stands for a public address: this machine's own, and not the canary's."""

PRIVATE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.255",
    "192.0.0.1", "192.0.0.8", "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.0.1", "192.175.48.1", "198.18.0.1",
    "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::8.8.8.8", "::ffff:0:10.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::808:808", "64:ff9b:1::a00:1", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1",
    "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "2002:808:808::", "2620:4f:8000::1", "3fff::1", "5f00::1", "4000::1",
    "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1", "2600:1::5efe:10.0.0.1", "2600:1::200:5efe:c0a8:1",
]  # fmt: skip


@pytest.mark.parametrize("text", PRIVATE)
def test_addresses_that_are_special_are_not_public(text: str) -> None:
    assert public_net.is_public(ip_address(text)) is False


@pytest.mark.parametrize(
    "text", ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e", "100.128.0.1"]
)
def test_addresses_of_the_public_net_are(text: str) -> None:
    assert public_net.is_public(ip_address(text)) is True


SPELLINGS = [
    "http://127.0.0.1:{port}/x.png", "http://localhost:{port}/", "http://127.1:{port}/", "http://2130706433:{port}/", "http://0x7f000001:{port}/",
    "http://0177.0.0.1:{port}/", "http://0.0.0.0:{port}/", "http://[::1]:{port}/", "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/", "http://[::127.0.0.1]:{port}/", "http://[64:ff9b::7f00:1]:{port}/", "http://[2002:7f00:1::]:{port}/",
    "http://user@127.0.0.1:{port}/", "http://8.8.8.8@127.0.0.1:{port}/", "http://127.0.0.1:{port}@8.8.8.8/", "http://localhost.:{port}/",
    "http://LOCALHOST:{port}/", "https://127.0.0.1:{port}/", "http://127.0.0.1:{port}#@8.8.8.8/", "http://127.0.0.1:{port}\\@8.8.8.8/",
    "http://169.254.169.254/latest/meta-data/", "http://[fe80::1%25lo]:{port}/", "http://[fd00:ec2::254]/", "http://127.0.0.1:{port}/\r\nHost: x",
    "http:127.0.0.1:{port}", "http:///127.0.0.1:{port}/", "http://①②⑦.⓪.⓪.①:{port}/", "http://127。0。0。1:{port}/", "http://127.0.0.1:99999/",
]  # fmt: skip


@pytest.mark.parametrize("url", SPELLINGS)
def test_no_spelling_of_this_machine_is_loaded(url: str, canary: Canary) -> None:
    canary.refused(lambda: load_image(url.format(port=canary.port)))
    canary.refused(lambda: load_image(url.format(port=canary.port), allow_urls=True))


@pytest.mark.parametrize("url", ["ftp://127.0.0.1:{port}/x", "file:///etc/passwd", "data:image/png;base64,AA", "gopher://127.0.0.1:{port}/", "//127.0.0.1:{port}/x",
                                 "\\\\127.0.0.1@{port}\\x", " http://127.0.0.1:{port}/", "jar:http://127.0.0.1:{port}/", "smb://127.0.0.1:{port}/x"])  # fmt: skip
def test_other_protocols_are_names_of_files_that_are_not_there(url: str, canary: Canary) -> None:
    canary.refused(lambda: load_image(url.format(port=canary.port), allow_urls=True))


Answer = Callable[[socket.socket], None]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Answer], str]]:
    """A server at an address that counts as public."""
    monkeypatch.setattr(public_net, "is_public", lambda address: str(address) == PUBLIC)
    held: list[socket.socket] = []

    def start(answer: Answer) -> str:
        listening = socket.create_server((PUBLIC, 0))
        held.append(listening)

        def work() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection, contextlib.suppress(OSError):
                        connection.recv(65536)
                        answer(connection)

        threading.Thread(target=work, daemon=True).start()
        return f"http://{PUBLIC}:{listening.getsockname()[1]}/x.png"

    yield start
    for each in held:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


def redirect(place: str) -> Answer:
    return lambda connection: connection.sendall(
        f"HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode()
    )


@pytest.mark.parametrize(
    "place",
    [
        "http://127.0.0.1:{port}/", "//127.0.0.1:{port}/", "http://localhost:{port}/", "http://[::1]:{port}/", "ftp://127.0.0.1:{port}/x.png",
        "ftp://127.0.0.2:{port}/x.png", "file:///etc/passwd", "data:image/png;base64,AA", "gopher://127.0.0.1:{port}/", "javascript:1", "",
        "http://127.0.0.2@127.0.0.1:{port}/", "https://127.0.0.1:{port}/", "HTTP://0x7f.1:{port}/", "http://[64:ff9b::7f00:1]:{port}/",
    ],
)  # fmt: skip
def test_a_redirection_leads_to_no_other_network_and_protocol(
    place: str, canary: Canary, serve: Callable[[Answer], str]
) -> None:
    url = serve(redirect(place.format(port=canary.port)))
    canary.refused(lambda: load_image(url, allow_urls=True))


def test_redirections_end(canary: Canary, serve: Callable[[Answer], str]) -> None:
    url = serve(redirect("/again"))
    assert "redirected more than 5 times" in canary.refused(lambda: load_image(url, allow_urls=True))


def test_a_name_is_looked_up_once_so_it_cannot_become_another(
    canary: Canary, serve: Callable[[Answer], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = serve(lambda connection: connection.sendall(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"))
    port = int(url.rpartition(":")[2].partition("/")[0])
    answers = iter([PUBLIC, "127.0.0.1", "127.0.0.1"])

    def look_up(host: str, at: int, *_: Any, **__: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert "the server says 404" in canary.refused(lambda: load_image("http://evil.example/x", allow_urls=True))
    assert next(answers) == "127.0.0.1", "it was looked up once"


def test_a_name_with_a_private_address_among_public_ones_is_refused(
    canary: Canary, serve: Callable[[Answer], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, canary.port)) for place in (PUBLIC, "127.0.0.1")]
    serve(redirect("/"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    said = canary.refused(lambda: load_image("http://evil.example/x", allow_urls=True))
    assert "evil.example is at 127.0.0.1, which is no address of the public net" in said


def _dribble(connection: socket.socket, data: bytes) -> None:
    for byte in data * 1000:
        connection.sendall(bytes([byte]))
        time.sleep(0.02)


SLOW: dict[str, Answer] = {
    "headers": lambda c: _dribble(c, b"HTTP/1.1 200 OK\r\nX: "),
    "one header": lambda c: (c.sendall(b"HTTP/1.1 200 OK\r\nX: "), _dribble(c, b"a"))[1],
    "the body": lambda c: (c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"), _dribble(c, b"a"))[1],
    "chunks": lambda c: (
        c.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        _dribble(c, b"1\r\na\r\n"),
    )[1],
    "nothing": lambda c: time.sleep(3),
    "redirections": lambda c: (time.sleep(0.15), redirect("/again")(c))[1],
}


@pytest.mark.parametrize("what", SLOW)
def test_a_whole_download_has_one_deadline(
    what: str, canary: Canary, serve: Callable[[Answer], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_net.download, "__defaults__", (0.3,))
    url = serve(SLOW[what])
    start = time.monotonic()
    with pytest.raises(InputError, match="could not be loaded within 0.3 seconds"):
        load_image(url, allow_urls=True)
    assert time.monotonic() - start < 1


def test_a_name_server_that_does_not_answer_has_the_same_deadline(
    canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_net.download, "__defaults__", (0.2,))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(1) or [])
    assert "within 0.2 seconds" in canary.refused(lambda: load_image("http://evil.example/x", allow_urls=True))


@pytest.mark.parametrize("answer", [b"", b"no\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000,
                                    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc",
                                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"HTTP/1.1 500 No\r\n\r\n"])  # fmt: skip
def test_an_answer_that_is_none_is_an_error_in_words(
    answer: bytes, canary: Canary, serve: Callable[[Answer], str]
) -> None:
    url = serve(lambda connection: connection.sendall(answer))
    canary.refused(lambda: load_image(url, allow_urls=True))
