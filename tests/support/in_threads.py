"""Runs jobs in eight threads that begin together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
THREADS = 8


def in_threads(job: Callable[[int], T], count: int) -> list[T]:
    """Results of jobs 0 to count - 1, in order; raises the first error of any."""
    found: dict[int, T] = {}
    errors: list[BaseException] = []
    start = threading.Barrier(THREADS)

    def work(first: int) -> None:
        try:
            start.wait(30)
            for number in range(first, count, THREADS):
                found[number] = job(number)
        except BaseException as error:  # noqa: BLE001 - it is raised below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    for error in errors:
        raise error
    return [found[number] for number in range(count)]
