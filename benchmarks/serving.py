"""Several requests at once: one after another, beside each other, and with shared forwards, of the embedded model.

    .venv/bin/python benchmarks/serving.py [--rounds 3] [--threads 1] [--load SECONDS]
    .venv/bin/python benchmarks/serving.py --server 200 [--rounds 3]
    .venv/bin/python benchmarks/serving.py --start

Requests have their own prompts, guidance, seeds and numbers of steps (20 to 24), at 64x64 pixels. Each form is timed in turn, and of
the ratios within a round the median counts. The ceiling is what the forward's own times allow: the forwards of all requests, of two rows each, against one for all that
are still there at each step.
With `--load`, requests come at random times (a Poisson process, at 1.2 times what one after another can serve). With `--server`, so many requests come at
once to a server on this machine that has places for a quarter of them, over HTTP: each is taken or told when to try again, and none is lost. No two
of all rounds are alike, so that nothing comes from the cache, which is full after the first round: what the process holds may not grow from then on.
With `--start`, `brickwork serve embedded` is started, and asked until it is ready and has made an image.
"""

from __future__ import annotations

import argparse
import functools
import os
import random
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from statistics import median
from typing import Any

import torch

import brickwork
from brickwork import Merger

PROMPTS = [
    "a red apple",
    "three yellow stars",
    "a penguin on a blue background",
    "a purple truck",
    "a cat",
    "a guitar, 3d style",
]


def request(number: int, steps: int | None = None) -> dict[str, Any]:
    """What one of many asks for."""
    count = 20 + number % 5 if steps is None else steps
    return {
        "prompt": PROMPTS[number % 6],
        "guidance_scale": 3.0 + number % 4,
        "num_inference_steps": count,
        "seed": number,
    }


def seconds(work: Callable[[], object]) -> float:
    """How long something takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def together(pipe: Any, count: int) -> None:
    """Requests that begin at the same time, each in a thread."""
    runs = [pipe.start(**request(number), output="latents") for number in range(count)]
    for run in runs:
        run.result()


def forward_seconds(pipe: Any, rows: int) -> float:
    """What a forward of so many rows takes, the median."""
    unet = pipe.unet
    told = {
        "text_embeds": torch.randn(
            rows, unet.config.projection_class_embeddings_input_dim - 6 * unet.config.addition_time_embed_dim
        )
    }
    told["time_ids"] = torch.ones(rows, 6)
    given = torch.randn(rows, 4, 16, 16), torch.tensor(500.0), torch.randn(rows, 32, unet.config.cross_attention_dim)
    with torch.no_grad():
        return median(seconds(lambda: unet(*given, added_cond_kwargs=told)) for _ in range(12))


def ceiling(pipe: Any, count: int) -> float:
    """What the forward's own times allow so many requests: all their forwards of two rows, against one for all at each step, until each has ended."""
    steps = [request(number)["num_inference_steps"] for number in range(count)]
    there = [sum(each > step for each in steps) for step in range(max(steps))]
    took = {number: forward_seconds(pipe, 2 * number) for number in {1, *there}}
    return sum(steps) * took[1] / sum(took[number] for number in there)


def throughput(pipe: Any, rounds: int) -> None:
    """Print what sharing gains for 1, 2, 4 and 8 requests: medians of what is measured in one round each."""
    print("requests  one after another  beside  shared  gain  ceiling  of it  calls a forward")
    for count in (1, 2, 4, 8):
        found = []
        for _ in range(rounds):
            pipe.configure(merge=None)
            after = seconds(lambda n=count: [pipe(**request(i), output="latents") for i in range(n)])
            beside = seconds(lambda n=count: together(pipe, n))
            most = ceiling(pipe, count)
            merger = Merger()
            pipe.configure(merge=merger)
            shared = seconds(lambda n=count: together(pipe, n))
            most = (most + ceiling(pipe, count)) / 2
            calls = sum(size * made for size, made in merger.forwards.items()) / merger.forwards.total()
            found.append((after, beside, shared, after / shared, most, after / shared / most, calls))
        after, beside, shared, gain, most, part, calls = map(median, zip(*found, strict=True))
        shown = f"{after:14.2f} s {beside:9.2f} s {shared:5.2f} s {gain:5.2f}"
        print(f"{count:8} {shown} {most:8.2f} {part:6.2f} {calls:16.2f}", flush=True)


@contextmanager
def answering_at_once(network: Any) -> Iterator[None]:
    """Have a network give what it once gave for inputs of that shape: a forward takes longer, and varies more, than what is measured beside it."""
    cls, known = type(network), {}
    real = cls.forward

    @functools.wraps(real)
    def forward(self: Any, sample: torch.Tensor, *args: Any, **named: Any) -> Any:
        if sample.shape not in known:
            known[sample.shape] = real(self, sample, *args, **named)
        return known[sample.shape]

    cls.forward = forward
    try:
        yield
    finally:
        cls.forward = real


def lone(pipe: Any, rounds: int) -> None:
    """Print what a merger costs a request that is alone: CPU time of this thread, per step."""

    def taken(merger: Merger | None, steps: int) -> float:
        pipe.configure(merge=merger)
        begun = time.thread_time()
        pipe(**request(0, steps), output="latents")
        return (time.thread_time() - begun) / steps

    with answering_at_once(pipe.unet):
        taken(Merger(), 10)
        costs = sorted(taken(Merger(), 400) - taken(None, 400) for _ in range(5 * rounds))
    padded = sorted(taken(Merger(bucket=16), 20) / taken(None, 20) for _ in range(3 * rounds))
    print(
        f"a lone request: {costs[len(costs) // 2] * 1e6:+.0f} us of CPU a step without bucket (half of the pairs {costs[len(costs) // 4] * 1e6:+.0f} to "
        f"{costs[-1 - len(costs) // 4] * 1e6:+.0f}), {padded[len(padded) // 2]:.2f} times as long with 16 rows"
    )


def newcomer(pipe: Any) -> None:
    """Print how long a request waits for its first step while others run, in their steps."""
    pipe.configure(merge=Merger())
    first: list[float] = []
    steps: list[float] = []
    others = [pipe.start(**request(number, 60), output="latents") for number in range(3)]
    time.sleep(0.3)
    for number in range(5):
        begun = time.perf_counter()
        for event in pipe.stream(**request(number, 3), output="latents"):
            if type(event).__name__ == "StepStarted" and event.index == 0:
                begun = time.perf_counter()
            if type(event).__name__ == "StepFinished":
                (steps if event.index else first).append(event.seconds if event.index else time.perf_counter() - begun)
    for run in others:
        run.cancel()
    print(
        f"a newcomer's first step: {1e3 * sorted(first)[2]:.0f} ms, its later ones {1e3 * sorted(steps)[len(steps) // 2]:.0f} ms"
    )


def load(pipe: Any, length: float) -> None:
    """Print latencies of requests that come at random times, and how many were served a second."""
    pipe.configure(merge=None)
    alone = min(seconds(lambda: pipe(**request(0, 20), output="latents")) for _ in range(3))
    chance, now, arrivals = random.Random(0), 0.0, []
    while now < length:
        now += chance.expovariate(1.2 / alone)
        arrivals.append(now)
    for name, merger in (("one after another", None), ("shared", Merger())):
        pipe.configure(merge=merger)
        took, whole = served(pipe, arrivals, threading.Lock() if merger is None else None)
        took.sort()
        print(
            f"{name}: {len(took)} requests, p50 {took[len(took) // 2]:.2f} s, p99 {took[int(len(took) * 0.99)]:.2f} s, "
            f"{len(took) / whole:.2f} a second (alone: {alone:.2f} s each)",
            flush=True,
        )


def served(pipe: Any, arrivals: list[float], lock: Any) -> tuple[list[float], float]:
    """Serve requests that come at these times; with a lock one after another. Returns what each waited, and the time of all."""
    took: list[float] = []
    begun = time.perf_counter()

    def serve(number: int, arrival: float) -> None:
        time.sleep(max(0.0, arrival - (time.perf_counter() - begun)))
        with lock or nullcontext():
            pipe(**request(number, 20), output="latents")
        took.append(time.perf_counter() - begun - arrival)

    threads = [threading.Thread(target=serve, args=(number, at)) for number, at in enumerate(arrivals)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took, time.perf_counter() - begun


def overload(pipe: Any, count: int, rounds: int) -> None:
    """Print what becomes of requests of which four times as many come as a server has places for, until all are served, round after round."""
    import sys
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
    from served import Client, Served

    from brickwork.app.server.served_workflow import ServedWorkflow
    from brickwork.app.server.service import Service
    from brickwork.app.server.settings import ServerSettings

    pipe.configure(merge=Merger())
    service = Service(
        [ServedWorkflow("embedded", "", pipe)],
        ServerSettings(queue=max(1, count // 4 - 4), workers=4, keep=20, cache_bytes=8 << 20),
    )
    server = Served(service)
    client = Client(server.port)
    client.run(request(0, 4))
    held: list[int] = []
    for again in range(rounds):
        known = service.cache.hits
        refused: list[float] = []

        def ask(number: int, refused: list[float] = refused, first: int = again * count) -> str:
            own = first + number + 1
            inputs = {**request(number, 4), "prompt": f"{PROMPTS[number % 6]}, number {own}", "seed": own}
            while True:
                answer = client.post("/api/runs", {"inputs": inputs, "priority": ("interactive", "batch")[number % 2]})
                if answer.status == 202:
                    return str(answer.data["id"])
                assert answer.status == 429, answer.body
                refused.append(float(answer.headers["retry-after"]))
                time.sleep(min(refused[-1], 1.0))

        def serve(number: int) -> str:
            identifier = ask(number)
            return [event.kind for event in client.events(identifier)][-1]

        begun = time.perf_counter()
        with ThreadPoolExecutor(count) as pool:
            ends = list(pool.map(serve, range(count)))
        took = time.perf_counter() - begun
        held.append(resident())
        assert ends == ["finished"] * count, ends
        said = f"told to come again {len(refused)} times, after {min(refused, default=0):.0f} to {max(refused, default=0):.0f} s"
        print(
            f"{count} requests at once: all finished in {took:.1f} s, {said}; {service.cache.hits - known} results of blocks out of the cache; "
            f"{held[-1] / 1e6:.0f} MB held ({(held[-1] - held[0]) / 1e6:+.0f} since the first round)",
            flush=True,
        )
    server.stop()


def start() -> None:
    """Print how long a server takes from its command to its first answer, to being ready, and to the first image; and its own seconds of CPU until each."""
    import json
    import re
    import subprocess
    import sys
    import urllib.request

    def asked(path: str, body: object = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"{place}{path}", data) as answer:
            found: bytes = answer.read()
            return found

    begun = time.perf_counter()
    words = (sys.executable, "-m", "brickwork", "serve", "embedded", "--port", "0")
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = re.search(r"http://\S+", process.stderr.readline())
        assert found is not None
        place, times, computed = found[0], {}, {}

        def note(stage: str) -> None:
            times[stage], computed[stage] = time.perf_counter() - begun, processor_seconds(process.pid)

        note("address")
        asked("/readyz")
        note("ready")
        for path in ("/", "/js/main.js", "/api/workflows"):
            asked(path)
        note("page")
        run = json.loads(asked("/api/runs", {"inputs": {"prompt": "a red apple", "num_inference_steps": 20}}))["id"]
        asked(f"/api/runs/{run}/events")
        asked(f"/api/runs/{run}/outputs/images/0.png")
        note("image")
        process.terminate()
        process.wait()
        times["ended, after the signal"] = time.perf_counter() - begun - times["image"]
    print(
        "brickwork serve embedded: "
        + ", ".join(
            f"{name} {took:.1f} s{f' (CPU {computed[name]:.1f} s)' if name in computed else ''}"
            for name, took in times.items()
        )
    )


def processor_seconds(process: int) -> float:
    """Return what a process has computed so far, on all cores: on a busy machine this says more than a clock."""
    with open(f"/proc/{process}/stat") as file:  # noqa: PTH123 - no file of a disk
        user, system = file.read().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def resident() -> int:
    """Bytes of this process that lie in memory."""
    with open("/proc/self/statm") as file:  # noqa: PTH123 - no file of a disk
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of torch; with 1 the process stays on one core")
    parser.add_argument("--load", type=float, default=0.0, help="seconds of requests at random times")
    parser.add_argument("--server", type=int, default=0, help="requests at once to a server")
    parser.add_argument("--start", action="store_true", help="how long a server takes to start")
    asked = parser.parse_args()
    if asked.start:
        start()
        return
    warnings.simplefilter("ignore")
    torch.set_num_threads(asked.threads)
    if asked.threads == 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    pipe = brickwork.embedded()
    pipe.configure(progress=False)
    pipe(**request(0, 2), output="latents")
    if asked.server:
        overload(pipe, asked.server, asked.rounds)
        return
    throughput(pipe, asked.rounds)
    lone(pipe, asked.rounds)
    newcomer(pipe)
    if asked.load:
        load(pipe, asked.load)


if __name__ == "__main__":
    main()
