"""A small server that speaks the protocol of the Hub, on loopback, with faults to inject."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from attrs import define, field

LFS = re.compile(r".*\.(safetensors|bin|pt|ckpt|model|png)$")
TOKEN = "hf_loopback"


def git_digest(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@define(eq=False)
class RepoThere:
    """One repository: commits with all their files."""

    private: bool = False
    trees: dict[str, dict[str, bytes]] = field(factory=dict)
    refs: dict[str, str] = field(factory=dict)

    def commit(self, files: dict[str, bytes | None], branch: str = "main") -> str:
        """Add a commit; None deletes a file."""
        tree = dict(self.trees.get(self.refs.get(branch, ""), {}))
        for name, data in files.items():
            if data is None:
                tree.pop(name, None)
            else:
                tree[name] = data
        text = json.dumps([len(self.trees), sorted((n, git_digest(d)) for n, d in tree.items())])
        sha = hashlib.sha1(text.encode()).hexdigest()
        self.trees[sha] = tree
        self.refs[branch] = sha
        return sha

    def at(self, revision: str) -> str | None:
        return self.refs.get(revision) or (revision if revision in self.trees else None)

    @property
    def files(self) -> dict[str, bytes]:
        return self.trees[self.refs["main"]]


Fault = Callable[[str, str], str | int | None]
"""Takes method and path; says what goes wrong: a status, "cut", "corrupt", or nothing."""


@define(eq=False)
class Hub:
    """What the server holds and has heard."""

    repos: dict[str, RepoThere] = field(factory=dict)
    uploads: dict[str, bytes] = field(factory=dict)
    requests: list[tuple[str, str]] = field(factory=list)
    headers: list[dict[str, str]] = field(factory=list)
    commits: list[dict[str, Any]] = field(factory=list)
    """What each commit said: repository, revision, message, and whether it is only proposed."""
    fault: Fault | None = None
    port: int = 0

    def reset(self) -> None:
        self.repos.clear()
        self.uploads.clear()
        self.requests.clear()
        self.headers.clear()
        self.commits.clear()
        self.fault = None

    def add(self, name: str, files: dict[str, bytes]) -> str:
        """Make a repository with a commit."""
        return self.repos.setdefault(name, RepoThere()).commit(dict(files))

    def add_folder(self, name: str, folder: Any) -> str:
        files = {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
        return self.add(name, files)

    @contextmanager
    def failing(self, fault: Fault) -> Iterator[None]:
        self.fault = fault
        try:
            yield
        finally:
            self.fault = None


class Handler(BaseHTTPRequestHandler):
    """Answers requests."""

    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        self.answer()

    do_HEAD = do_POST = do_PUT = do_GET

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length) if length else self.chunks()
        parts = urlsplit(self.path)
        self.query = parse_qs(parts.query)
        path = unquote(parts.path)
        self.hub.requests.append((self.command, path))
        self.hub.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.wrong = self.hub.fault(self.command, path) if self.hub.fault else None
        if isinstance(self.wrong, int):
            self.reply(self.wrong, {"error": "injected"}, {"X-Error-Message": "injected"})
            return
        for pattern, handle in ROUTES:
            found = re.fullmatch(pattern, path)
            if found:
                handle(self, **found.groupdict())
                return
        self.reply(404, {"error": f"no route {path}"})

    def chunks(self) -> bytes:
        data = b""
        if "chunked" in (self.headers.get("Transfer-Encoding") or ""):
            while size := int(self.rfile.readline().strip() or b"0", 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        return data

    def reply(self, status: int, data: Any = b"", headers: dict[str, str] | None = None) -> None:
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if "Content-Length" not in (headers or {}):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def repo(self, name: str) -> RepoThere | None:
        found = self.hub.repos.get(name)
        if found is None or (found.private and self.headers.get("Authorization") != f"Bearer {TOKEN}"):
            self.reply(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
            return None
        return found

    def revision(self, repo: RepoThere, name: str) -> str | None:
        sha = repo.at(name)
        if sha is None:
            self.reply(404, {"error": "Revision not found"}, {"X-Error-Code": "RevisionNotFound"})
        return sha

    # Routes

    def whoami(self) -> None:
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.reply(401, {"error": "Invalid credentials"})
            return
        self.reply(200, {"name": "me", "type": "user", "orgs": [], "auth": {"accessToken": {"role": "write"}}})

    def create(self) -> None:
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.reply(401, {"error": "Invalid credentials"})
            return
        asked = json.loads(self.body)
        name = f"{asked.get('organization') or 'me'}/{asked['name']}"
        url = f"http://127.0.0.1:{self.hub.port}/{name}"
        if name in self.hub.repos:
            self.reply(409, {"error": "exists", "url": url})
            return
        there = self.hub.repos[name] = RepoThere(
            private=bool(asked.get("private")) or asked.get("visibility") == "private"
        )
        there.commit({".gitattributes": b"*.safetensors filter=lfs\n"})
        self.reply(200, {"url": url, "name": name, "id": name})

    def info(self, name: str, revision: str | None = None) -> None:
        repo = self.repo(name)
        sha = self.revision(repo, revision or "main") if repo else None
        if repo is None or sha is None:
            return
        siblings = [{"rfilename": n, **self.details(n, d)} for n, d in sorted(repo.trees[sha].items())]
        self.reply(200, {"id": name, "modelId": name, "sha": sha, "siblings": siblings, "private": repo.private})

    def details(self, name: str, data: bytes) -> dict[str, Any]:
        lfs = {"lfs": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}}
        return {"size": len(data), "blobId": git_digest(data), **(lfs if LFS.match(name) else {})}

    def tree(self, name: str, revision: str, path: str | None = None) -> None:
        repo = self.repo(name)
        sha = self.revision(repo, revision) if repo else None
        if repo is None or sha is None:
            return
        entries = [
            {"type": "file", "path": n, "oid": git_digest(d), "size": len(d)}
            for n, d in sorted(repo.trees[sha].items())
        ]
        self.reply(200, entries)

    def preupload(self, name: str, revision: str) -> None:
        if self.repo(name) is None:
            return
        files = json.loads(self.body)["files"]
        modes = ["lfs" if LFS.match(each["path"]) else "regular" for each in files]
        listed = [
            {"path": f["path"], "uploadMode": m, "shouldIgnore": False} for f, m in zip(files, modes, strict=True)
        ]
        self.reply(200, {"files": listed})

    def batch(self, name: str) -> None:
        answers = []
        for each in json.loads(self.body)["objects"]:
            actions = {"upload": {"href": f"http://127.0.0.1:{self.hub.port}/upload/{each['oid']}", "header": {}}}
            there = each["oid"] in self.hub.uploads
            answers.append({**each, "authenticated": True, **({} if there else {"actions": actions})})
        headers = {"Content-Type": "application/vnd.git-lfs+json"}
        self.reply(200, json.dumps({"transfer": "basic", "objects": answers}).encode(), headers)

    def upload(self, oid: str) -> None:
        if hashlib.sha256(self.body).hexdigest() != oid:
            self.reply(400, {"error": "not what was announced"})
            return
        self.hub.uploads[oid] = self.body
        self.reply(200)

    def commit(self, name: str, revision: str) -> None:
        repo = self.repo(name)
        if repo is None:
            return
        files: dict[str, bytes | None] = {}
        parent = None
        is_proposed = self.query.get("create_pr") == ["1"]
        for line in self.body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header":
                parent = value.get("parentCommit")
                said = {"name": name, "revision": revision, "message": value["summary"], "is_proposed": is_proposed}
            elif entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.uploads[value["oid"]]
            elif entry["key"] == "deletedFile":
                files[value["path"]] = None
        if parent is not None and parent != repo.refs.get(revision):
            self.reply(412, {"error": "A commit has happened since."})
            return
        self.hub.commits.append(said)
        if is_proposed:
            repo.refs["refs/pr/1"] = repo.refs[revision]
        sha = repo.commit(files, "refs/pr/1" if is_proposed else revision)
        url = f"http://127.0.0.1:{self.hub.port}/{name}"
        answer = {"success": True, "commitOid": sha, "commitUrl": f"{url}/commit/{sha}", "hookOutput": ""}
        self.reply(200, {**answer, **({"pullRequestUrl": f"{url}/discussions/1"} if is_proposed else {})})

    def resolve(self, name: str, revision: str, path: str) -> None:
        repo = self.repo(name)
        sha = self.revision(repo, revision) if repo else None
        if repo is None or sha is None:
            return
        data = repo.trees[sha].get(path)
        if data is None:
            self.reply(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": sha})
            return
        headers = {"X-Repo-Commit": sha, "Accept-Ranges": "bytes"}
        if not LFS.match(path):
            self.send(data, {**headers, "ETag": f'"{git_digest(data)}"'})
            return
        oid = hashlib.sha256(data).hexdigest()
        self.hub.uploads[oid] = data
        linked = {"X-Linked-Etag": f'"{oid}"', "X-Linked-Size": str(len(data)), "ETag": f'"{git_digest(data)}"'}
        place = f"http://localhost:{self.hub.port}/lfs/{oid}"
        self.reply(302, b"", {**headers, **linked, "Location": place})

    def lfs(self, oid: str) -> None:
        self.send(self.hub.uploads[oid], {"ETag": f'"{oid}"', "Accept-Ranges": "bytes"})

    def send(self, data: bytes, headers: dict[str, str]) -> None:
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if self.wrong == "corrupt":
            data = bytes([data[0] ^ 1]) + data[1:]
        if found:
            start, end = int(found[1]), int(found[2] or len(data) - 1)
            headers = {**headers, "Content-Range": f"bytes {start}-{end}/{len(data)}"}
            self.reply(206, data[start : end + 1], headers)
            return
        if self.wrong == "cut" and self.command == "GET":
            self.send_response(200)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
            return
        self.reply(200, data, {**headers, "Content-Length": str(len(data))})

    def valid(self) -> None:
        self.reply(200, {"errors": [], "warnings": []})


_REPO = r"(?P<name>[^/]+/[^/]+)"
ROUTES: list[tuple[str, Callable[..., None]]] = [
    (r"/api/whoami-v2", Handler.whoami),
    (r"/api/repos/create", Handler.create),
    (r"/api/validate-yaml", Handler.valid),
    (rf"/api/models/{_REPO}/preupload/(?P<revision>[^/]+)", Handler.preupload),
    (rf"/api/models/{_REPO}/commit/(?P<revision>[^/]+)", Handler.commit),
    (rf"/api/models/{_REPO}/tree/(?P<revision>[^/]+)(/(?P<path>.+))?", Handler.tree),
    (rf"/api/models/{_REPO}/revision/(?P<revision>.+)", Handler.info),
    (rf"/api/models/{_REPO}", Handler.info),
    (rf"/{_REPO}\.git/info/lfs/objects/batch", Handler.batch),
    (r"/upload/(?P<oid>[0-9a-f]{64})", Handler.upload),
    (r"/lfs/(?P<oid>[0-9a-f]{64})", Handler.lfs),
    (rf"/{_REPO}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", Handler.resolve),
]


def environment(port: int, home: Path | str) -> dict[str, str]:
    """What the Hub's client reads when it is imported: a Hub on this machine, and folders of one's own."""
    return {
        "HF_ENDPOINT": f"http://127.0.0.1:{port}",
        "HF_HOME": f"{home}/huggingface",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "BRICKWORK_HOME": f"{home}/brickwork",
    }


def serve(hub: Hub, port: int = 0) -> ThreadingHTTPServer:
    """Bind a port of this machine, 0 for any, and answer from a thread of its own."""
    server = ThreadingHTTPServer(("127.0.0.1", port), type("Bound", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True, name="hub").start()
    return server
