"""`brickwork doctor`: what this machine has, and what is not well. Never prints a token."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
from attrs import asdict, frozen

from ... import __version__
from ...state import BrickworkError
from ...state.home import home
from ...state.packages.api_version import API_VERSION
from ...state.packages.block_packages import BLOCKS, PRESETS, block_packages
from .shared.output import print_json, table

_PACKAGES = ("torch", "diffusers", "transformers", "accelerate", "huggingface_hub", "safetensors", "numpy", "pillow")
_OPTIONAL = {"peft": "LoRAs", "scipy": "the LMS scheduler, beta sigmas", "torchvision": "faster image processors"}


@frozen
class Finding:
    """One line of the report; `ok` is None where it is only said."""

    name: str
    said: str
    ok: bool | None = None


@click.command("doctor", short_help="Say versions, devices, and what is not well.")
@click.option("--online", is_flag=True, help="Ask the Hub whether it can be reached, and who is logged in.")
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
@click.pass_context
def command(ctx: click.Context, online: bool, as_json: bool) -> None:
    """Say versions, devices and free memory, and whether the lock and caches are well.

    Nothing is asked of the network without --online. Tokens are never printed. Exit code 1 if something is not well.
    """
    found = [*_software(), *_packages(), *_devices(), *_places(), *_hub(online)]
    if as_json:
        print_json([asdict(each) for each in found])
    else:
        marks = {True: "ok", False: "NOT WELL", None: ""}
        click.echo(table([(each.name, marks[each.ok], each.said) for each in found]))
    ctx.exit(1 if any(each.ok is False for each in found) else 0)


def _software() -> Iterator[Finding]:
    yield Finding("brickwork", f"{__version__}, API {API_VERSION}")
    yield Finding("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for name in _PACKAGES:
        found = _version(name)
        yield Finding(name, found or "is not installed", None if found else False)
    for name, what in _OPTIONAL.items():
        yield Finding(name, _version(name) or f"is not installed; it is for {what}")
    yield from _extras()


def _extras() -> Iterator[Finding]:
    """Say of each extra whether its packages are there: as the installed package declares them."""
    from importlib.metadata import PackageNotFoundError, metadata, requires

    try:
        extras, needs = metadata("brickwork").get_all("Provides-Extra") or [], requires("brickwork") or []
    except PackageNotFoundError:
        return  # a checkout that is not installed declares none
    for extra in sorted(extras):
        # The form of a wheel: `peft>=0.15; extra == "lora"`.
        own = [need.partition(";")[0] for need in needs if re.search(rf"extra == ['\"]{re.escape(extra)}['\"]", need)]
        names = [re.split(r"[^\w.-]", need.strip(), maxsplit=1)[0] for need in own]
        missing = [name for name in names if _version(name) is None]
        said = f"not all there ({', '.join(missing)}): pip install 'brickwork[{extra}]'" if missing else "is there"
        yield Finding(f"extra {extra}", said)


def _packages() -> Iterator[Finding]:
    """Say which installed packages bring blocks, and why some do not fit; nothing of them is imported."""
    for each in block_packages():
        counts = [
            f"{len(names)} {what}{'' if len(names) == 1 else 's'}"
            for what, group in (("block", BLOCKS), ("preset", PRESETS))
            if (names := each.names(group))
        ]
        api = f"for API {', '.join(map(str, each.apis))}" if each.apis else "says no API that it was written for"
        said = ", ".join([*counts, api])
        yield Finding(each.words, "; ".join([said, *each.faults, *each.notes]), not each.faults)


def _version(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _devices() -> Iterator[Finding]:
    import torch

    yield Finding("cpu", f"{os.cpu_count()} cores, torch uses {torch.get_num_threads()} threads{_free_memory()}")
    for number in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(number)
        yield Finding(
            f"cuda:{number}", f"{torch.cuda.get_device_name(number)}, {_words(free)} of {_words(total)} free", True
        )
    if torch.backends.mps.is_available():
        yield Finding("mps", "available", True)


def _free_memory() -> str:
    try:
        pages, size = os.sysconf("SC_AVPHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return ""
    return f", {_words(pages * size)} of memory free"


def _places() -> Iterator[Finding]:
    from ...registry.hub.lock import Lock

    place = home()
    there = next(each for each in (place, *place.parents) if each.exists())
    can_write = os.access(there, os.W_OK)
    yield Finding("BRICKWORK_HOME", f"{place}, {_words(shutil.disk_usage(there).free)} free", can_write)
    try:
        known = list(Lock.at(None).entries().values())
        granted = sum(1 for _, entry in known if entry.code)
        yield Finding("lock", f"{len(known)} repositories, {granted} with code that was granted", True)
    except BrickworkError as error:
        yield Finding("lock", str(error), False)
    schemas = list((place / "schemas").glob("*.json"))
    lost = sum(1 for each in schemas if not _is_readable(each))
    broken = f"; {lost} of them cannot be read, and are made anew" if lost else ""
    yield Finding("schemas", f"{len(schemas)} targets are known without opening them{broken}")


def _is_readable(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_text(encoding="utf-8")), dict)
    except (OSError, ValueError):
        return False


def _hub(online: bool) -> Iterator[Finding]:
    from huggingface_hub import constants

    from ...registry.hub.hub_client import token_place, without_secrets

    cache = Path(constants.HF_HUB_CACHE)
    yield Finding("hub cache", f"{cache}, {len(list(cache.glob('models--*')))} repositories{_unfinished(cache)}")
    place = token_place()
    yield Finding("hub token", place or "none")
    endpoint = without_secrets(constants.ENDPOINT)
    whose = ", nor whose the token is" if place else ""
    if constants.HF_HUB_OFFLINE:
        yield Finding("hub", f"{endpoint} is not asked{whose}: HF_HUB_OFFLINE is set")
    elif online:
        yield _reached(endpoint, place is not None)
    else:
        yield Finding("hub", f"{endpoint} was not asked{whose}; --online does")


def _unfinished(cache: Path) -> str:
    """Say how much of downloads lies there that were cut off, as the end of a sentence; the next download of the same file goes on."""
    sizes = [path.stat().st_size for path in cache.glob("models--*/blobs/*.incomplete")]
    return f", {len(sizes)} unfinished downloads of {_words(sum(sizes))}" if sizes else ""


def _reached(endpoint: str, has_token: bool) -> Finding:
    from ...registry.hub.hub_client import hub_api, hub_calls

    try:
        with hub_calls():
            if has_token:
                return Finding("hub", f"{endpoint}, logged in as {hub_api().whoami()['name']}", True)
            hub_api(token=False).model_info("hf-internal-testing/tiny-random-bert", timeout=10)
        return Finding("hub", f"{endpoint} answers; nobody is logged in", True)
    except Exception as error:  # noqa: BLE001 - which errors the client raises depends on its version
        # The class alone: a message may quote headers.
        return Finding("hub", f"{endpoint} does not answer ({type(error).__name__})", False)


def _words(size: float) -> str:
    from ...registry.loading.weights import byte_words

    return byte_words(int(size))
