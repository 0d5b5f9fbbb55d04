"""The page: files of a folder, as they are; and what says that there is none."""

from __future__ import annotations

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from .requests import in_thread

FOLDER = Path(__file__).parent.parent / "page" / "static"
_HINT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Brickwork</title>
<h1>Brickwork</h1><p>The server is here, and this installation has no page. Programs ask under <a href="/api/workflows">/api</a>;
<a href="/api/openapi.json">/api/openapi.json</a> says what there is.</p></html>"""
_TYPES = {
    ".mjs": "text/javascript",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}


class _Files(StaticFiles):
    """Files with the types that browsers ask for, whatever this machine's list of types says."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the answer for a path; one where nothing is, is not found, whatever is asked of it."""
        if scope["method"] not in ("GET", "HEAD") and (await in_thread(self.lookup_path, path))[1] is None:
            raise HTTPException(404)
        return await super().get_response(path, scope)

    def file_response(self, full_path: object, *args: object, **named: object) -> Response:
        """Return a file, or that it is as it was."""
        found = super().file_response(full_path, *args, **named)  # type: ignore[arg-type]  # as they come
        kind = _TYPES.get(Path(str(full_path)).suffix)
        if kind is not None and found.status_code == 200:
            found.headers["content-type"] = f"{kind}; charset=utf-8"
        # Asked for again each time, and answered by 304 where it is as it was.
        found.headers["cache-control"] = "no-cache"
        return found


async def _hint(request: Request) -> Response:  # noqa: ARG001 - as all handlers
    return HTMLResponse(_HINT)


def page_routes(folder: Path = FOLDER) -> list[BaseRoute]:
    """Return the routes of a page's files; where there are none, that of a hint."""
    if not (folder / "index.html").is_file():
        return [Route("/", _hint)]
    return [Mount("/", _Files(directory=folder, html=True))]
