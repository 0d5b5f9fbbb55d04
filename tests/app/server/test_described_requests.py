"""Malformed requests to all that is served: an answer in words each, nothing of the inside, and no fault of the server's.

`--long` sends a thousand bodies and more; the short form some of each operation.
"""

from __future__ import annotations

from collections import Counter

import pytest
from malformed import answers_to_malformed
from served import Client

SHORT = ("POST /api/compositions", "POST /v1/images/edits", "POST /sdapi/v1/options", "GET /api/diff")
"""Of each kind one: to make malformed requests of all takes a minute."""


def test_no_malformed_request_is_a_fault_of_the_server(client: Client, request: pytest.FixtureRequest) -> None:
    is_long = request.config.getoption("--long")
    found = dict(answers_to_malformed(client, 100, ()) if is_long else answers_to_malformed(client, 5, SHORT))
    total: Counter[int] = sum(found.values(), Counter())
    assert [name for name in SHORT if not found[name].total()] == []
    assert total.total() >= (1000 if is_long else 16), found
    assert total[400] + total[422] > total[200]
