"""Work in another thread, of which a test says that it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable


def ends(work: Callable[[], object], seconds: float = 20) -> None:
    """Do something in another thread, and fail where it hangs."""
    errors: list[BaseException] = []

    def caught() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    thread = threading.Thread(target=caught, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "it hangs"
    if errors:
        raise errors[0]
