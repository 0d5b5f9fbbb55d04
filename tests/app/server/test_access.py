"""Who may ask, and what browsers may do with answers."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import pytest
from kept_logging import kept_logging
from served import Client, Served

from brickwork.app.cli.shared.serving import begin_log
from brickwork.app.server.access import POLICY, read_tokens
from brickwork.app.server.served_workflow import ServedWorkflow
from brickwork.app.server.service import Service
from brickwork.app.server.settings import LARGEST_BODY, LARGEST_FILE, ServerSettings, is_loopback

ANN, BEN = "a" * 20, "b" * 20


@pytest.fixture(scope="module")
def guarded(workflow: ServedWorkflow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that asks for a token, as one that others reach."""
    settings = ServerSettings(
        host="0.0.0.0", tokens={ANN: "ann", BEN: "ben"}, workers=1, state=tmp_path_factory.mktemp("guarded")
    )
    found = Served(Service([workflow], settings))
    yield found
    found.stop()


@pytest.mark.parametrize("host",
    [
        "evil.com", "127.0.0.1.evil.com", "", "[", "10.0.0.1", "localhost.evil.com:80", "user@127.0.0.1:80", "127.0.0.1:80@evil.com", "localhost/x",
        "localhost?x", "localhost:999999", "localhost:x", "localhost, evil.com", "[::1", "[::1]x",
    ],
)  # fmt: skip
def test_a_name_of_another_machine_is_refused(client: Client, host: str) -> None:
    answer = client.get("/api/workflows", Host=host)
    assert answer.status == 421
    assert "is not known as" in answer.error["message"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:7801", "[::1]:7801", "LOCALHOST:1"])
def test_names_of_this_machine_are_known(client: Client, host: str) -> None:
    assert client.get("/healthz", Host=host).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.com"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/runs"), ("POST", "/api/files"), ("DELETE", "/api/runs/x"), ("PUT", "/api/runs")]
)
def test_a_page_of_another_origin_may_change_nothing(
    client: Client, headers: dict[str, str], method: str, path: str
) -> None:
    answer = client.ask(method, path, {}, headers)
    assert (answer.status, answer.error["type"]) == (403, "OriginError")


def test_the_own_page_may_change_something(client: Client) -> None:
    own = {"Origin": f"http://127.0.0.1:{client.port}", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/runs", {"inputs": {}}, own).status == 422
    assert client.get("/api/workflows", **own).status == 200


READ = (
    "/api/workflows",
    "/api/runs/x/events",
    "/api/runs/x/outputs/images/0.png",
    "/v1/models",
    "/sdapi/v1/options",
    "/metrics",
    "/mcp",
    "/",
)


@pytest.mark.parametrize("path", READ)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.com"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    ],
)
def test_a_page_of_another_origin_reads_nothing(client: Client, headers: dict[str, str], path: str) -> None:
    answer = client.get(path, **headers)
    assert answer.status == 403
    assert b"A page of another origin may neither change nor read anything here." in answer.body


def test_a_link_of_another_page_leads_here(client: Client) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert client.get("/", **link).status == 200
    # A form of another page is sent by such a request, too.
    assert client.ask("POST", "/api/runs", {}, link).status == 403


def test_answers_say_what_browsers_may_do(client: Client) -> None:
    for path in ("/", "/api/workflows", "/none", "/api/runs/x"):
        headers = client.get(path).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in headers
    assert "frame-ancestors 'none'" in POLICY
    assert "unsafe" not in POLICY
    assert client.get("/api/workflows").headers["cache-control"] == "no-store"


def test_the_drawing_of_a_plan_keeps_its_colours(client: Client) -> None:
    import base64
    import hashlib
    import re

    svg = client.get("/api/workflows/embedded").data["graph"]["svg"]
    (style,) = re.findall(r"<style>(.*?)</style>", svg, re.DOTALL)
    assert f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'" in POLICY


@pytest.mark.parametrize(("path", "most"), [("/api/runs", LARGEST_BODY), ("/api/files", LARGEST_FILE)])
def test_a_request_that_says_it_is_too_large_is_refused(client: Client, path: str, most: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
    connection.putrequest("POST", path)
    connection.putheader("Content-Length", str(most + 1))
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413
    assert f"at most {most:,} bytes" in answer.read().decode()
    connection.close()


def test_a_request_that_does_not_say_how_large_it_is_is_refused(client: Client) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
    pieces = (b" " * 65536 for _ in range(LARGEST_BODY // 65536 + 1))
    connection.request("POST", "/api/runs", pieces, encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    answer = connection.getresponse()
    assert answer.status == 413
    connection.close()


def test_without_a_token_nothing_is_told(guarded: Served) -> None:
    client = guarded.client()
    for path in ("/", "/api/workflows", "/metrics", "/none"):
        answer = client.get(path)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer realm="brickwork"')
    assert client.get("/healthz").status == 200
    assert client.get("/readyz").status == 200
    for wrong in (f"Bearer {ANN}x", "Bearer", f"Basic {ANN}", "Bearer \xe9"):
        assert client.get("/api/workflows", Authorization=wrong).status == 401


def test_a_token_lets_through(guarded: Served) -> None:
    assert guarded.client(Authorization=f"Bearer {ANN}").get("/api/workflows").status == 200
    assert guarded.client(Authorization=f"bearer {BEN}", Host="brickwork.example").get("/api/workflows").status == 200


def test_the_page_takes_a_token_once_and_keeps_a_cookie(guarded: Served) -> None:
    client = guarded.client()
    answer = client.get(f"/?token={ANN}&x=1")
    assert (answer.status, answer.headers["location"]) == (303, "/?x=1")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert ANN not in cookie
    session = cookie.partition(";")[0]
    assert client.get("/api/workflows", Cookie=f"other=1; {session}").status == 200
    assert client.get("/api/workflows", Cookie=session[:-1]).status == 401
    assert client.get("/api/workflows", Cookie='"').status == 401
    assert client.get("/?token=wrong").status == 401
    assert client.post(f"/api/runs?token={ANN}", {}).status == 401


def test_a_token_leaves_the_address_also_where_there_is_a_cookie_already(guarded: Served) -> None:
    browser = guarded.client()
    cookie = browser.get(f"/?token={ANN}").headers["set-cookie"].partition(";")[0]
    assert browser.get(f"/?token={BEN}&a=1", Cookie=cookie).headers["location"] == "/?a=1"
    assert browser.get("/?token=none", Cookie=cookie).status == 401


def test_the_way_back_from_a_token_leads_nowhere_else(guarded: Served) -> None:
    assert guarded.client().get(f"//evil.com/?token={ANN}").headers["location"] == "/evil.com/"


def test_runs_are_those_of_the_owner_of_the_token(guarded: Served) -> None:
    for token, name in ((ANN, "ann"), (BEN, "ben")):
        identifier = guarded.client(Authorization=f"Bearer {token}").asked({"prompt": "x", "num_inference_steps": 1})
        assert guarded.service.jobs.get(identifier).client == name


def test_tokens_are_read_from_lines() -> None:
    assert read_tokens(["# of us", "", ANN, f"ben {BEN}"]) == {ANN: "token 3", BEN: "ben"}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "there is no token in it"),
        (["short"], "line 1: a token has 16 characters or more"),
        (["a b c"], "line 1 has 3 words"),
    ],
)
def test_lines_that_are_no_tokens_are_refused(lines: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_tokens(lines)


def test_addresses_of_this_machine_alone_are_known() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "example.org", "")))


@pytest.fixture
def logging_of_a_server() -> Iterator[None]:
    """What is logged, as the command has it."""
    with kept_logging():
        begin_log(False)
        yield


@pytest.mark.usefixtures("logging_of_a_server")
def test_nothing_is_said_of_a_prompt_in_the_log(
    client: Client, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    client.run({"prompt": "zebra crossing", "num_inference_steps": 1})
    client.post("/api/runs", {"inputs": {"prompt": "zebra crossing", "height": 65}})
    assert "zebra" not in caplog.text + "".join(capfd.readouterr())
