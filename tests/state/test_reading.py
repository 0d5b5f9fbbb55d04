"""Bytes of files: what fails while they are read names the file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from brickwork import InputError
from brickwork.state.reading import read_bytes

MEMORY = Path("/proc/self/mem")
"""An ordinary file, by what the system says of it, whose beginning cannot be read."""


@pytest.mark.skipif(not MEMORY.exists(), reason="Linux shows a process its own memory")
def test_a_file_that_fails_while_it_is_read_is_named_with_the_cause() -> None:
    with pytest.raises(InputError, match=f"^{re.escape(str(MEMORY))} cannot be read: .*Input/output error") as caught:
        read_bytes(MEMORY, 10, InputError)
    assert isinstance(caught.value.__cause__, OSError)
