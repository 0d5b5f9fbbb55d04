"""Requests that do not fit the served OpenAPI description, as schemathesis makes them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode
from served import Client

_SECONDS = 60
_TRACES = ("Traceback", 'File "/', ".py\\", "site-packages")


def answers_to_malformed(client: Client, each: int, only: Collection[str] = ()) -> Iterator[tuple[str, Counter[int]]]:
    """Send requests to every operation that a description has, and yield how often which status came.

    Args:
        each: as many of one operation at most. only: operations, as "POST /api/runs"; all where none is named.
    """
    schema = schemathesis.openapi.from_dict(client.get("/api/openapi.json").data)
    with requests.Session() as session:
        for found in schema.get_all_operations():
            operation = found.ok()
            takes_any = operation.body or operation.path_parameters or operation.query
            if takes_any and (not only or operation.label in only):
                yield operation.label, _answers(client, operation, each, session)


def _answers(client: Client, operation: Any, each: int, session: requests.Session) -> Counter[int]:
    statuses: Counter[int] = Counter()

    # The same each time: what fails can be asked again.
    @settings(
        max_examples=each, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def ask(case: Any) -> None:
        answer = case.call(base_url=f"http://127.0.0.1:{client.port}", session=session, timeout=_SECONDS)
        statuses[answer.status_code] += 1
        said = f"{operation.label}: {case.as_curl_command()[:2000]}\n{answer.status_code} {answer.text[:1000]}"
        assert answer.status_code < 500 or "/readyz" in operation.label, said
        assert not any(trace in answer.text for trace in _TRACES) or answer.status_code == 200, said
        _cancel(client, answer)

    try:
        ask()
    except Unsatisfiable:
        return statuses
    return statuses


def _cancel(client: Client, answer: requests.Response) -> None:
    """Let no run go on that was taken all the same."""
    if answer.status_code != 202:
        return
    data = json.loads(answer.text)
    for run in data.get("runs", [data]):
        client.ask("DELETE", f"/api/runs/{run['id']}")
