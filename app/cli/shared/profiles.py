"""How long blocks took on this machine, as `bench` has measured it, for `explain`: one file for a target and a device."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from ....state import RepoError
from ....state.atomic import write_text
from ....state.home import home
from .known_targets import software
from .output import table
from .targets import Target, content_digest

_FORMAT = 2
_NOTHING: tuple[Mapping[str, int], Mapping[str, str]] = ({}, {})
_CHANGES = ("repo", "sets", "guider", "scheduler", "component", "lora", "dtype")
"""Options that change a target: with others its steps take another time."""


def keep_profile(
    target: Target,
    device: Any,
    options: Mapping[str, Any],
    inputs: Mapping[str, Any],
    blocks: Mapping[str, float],
    handed_on: tuple[Mapping[str, int], Mapping[str, str]] = _NOTHING,
) -> Path | None:
    """Keep the seconds of blocks by path; None for a target of which nothing says what it is, such as a branch on the Hub.

    Args:
        options: of the command line. inputs: with which it was measured. handed_on: bytes after each step, and why there are none.
    """
    path = _place(target, device, options)
    if path is None:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "format": _FORMAT,
        "software": _software(),
        "device": _device_words(device),
        "date": date.today().isoformat(),
    }
    plain = {name: value for name, value in inputs.items() if isinstance(value, (str, int, float, bool))}
    handed = {"handed_on": dict(handed_on[0]), "not_handed_on": dict(handed_on[1])}
    write_text(path, json.dumps({**about, "inputs": plain, "blocks": dict(blocks), **handed}))
    return path


def profile_of(target: Target, device: Any, options: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what was kept of a target on a device, changed by the same options; with `stale`, whether it is of other versions of the software."""
    path = _place(target, device, options)
    found: Any = None
    if path is not None:
        with contextlib.suppress(OSError, ValueError, RepoError):
            found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or found.get("format") != _FORMAT:
        return None
    return {**found, "stale": found.get("software") != _software()}


def seconds_words(profile: Mapping[str, Any], paths: list[str], target: Target) -> str:
    """Return a table of seconds of the steps that were measured, and where they are from; of a stale profile that alone."""
    again = f"brickwork bench {target.text} measures again."
    if profile["stale"]:
        return f"Seconds were measured on {profile['date']} with other versions of the software, and are not shown. {again}"
    rows = [(path, f"{profile['blocks'][path]:.4f}") for path in paths if path in profile["blocks"]]
    given = ", ".join(f"{name}={value!r}" for name, value in profile["inputs"].items())
    said = f"Measured by brickwork bench on {profile['date']} on {profile['device']}, with {given}."
    return f"{table(rows, ('step', 'seconds'))}\n{said}" if rows else f"No step of this plan was measured. {again}"


def _place(target: Target, device: Any, options: Mapping[str, Any]) -> Path | None:
    digest = content_digest(target)
    if digest is None:
        return None
    changes = json.dumps({name: options[name] for name in _CHANGES if options.get(name)})
    whole = hashlib.sha256("\0".join([digest, _device_words(device), changes]).encode()).hexdigest()
    return home() / "profiles" / f"{whole}.json"


def _software() -> str:
    return hashlib.sha256("\0".join(software()).encode()).hexdigest()


def _device_words(device: Any) -> str:
    """Say which device it is: one machine may be given another card, and a home may be that of several machines."""
    import torch

    found = torch.device(device)
    if found.type == "cuda":
        return f"{found}, {torch.cuda.get_device_name(found)}"
    return f"{found} of {platform.node()}, {platform.machine()} with {os.cpu_count()} cores, {torch.get_num_threads()} threads"
