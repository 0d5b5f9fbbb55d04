"""What the components of one run are is asked once, also where nothing tells."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from brickwork.engine.execution.identities import RunIdentities
from brickwork.registry import identity_of
from brickwork.state.digest import NoDigestError


def test_a_component_of_which_nothing_tells_what_it_is_is_looked_at_once_and_refused_each_time() -> None:
    thing = SimpleNamespace(items=iter([1]))
    identities = RunIdentities({"thing": thing}, content=True, whole=False)
    words = "SimpleNamespace.items: A builtins.list_iterator has no content that could be compared."
    assert identities.look("thing") == words
    thing.items = [1]
    with pytest.raises(NoDigestError) as caught:
        identities.digest("thing")
    assert str(caught.value) == words
    identities.forget("thing")
    assert identities.digest("thing") == identity_of(thing).digest
