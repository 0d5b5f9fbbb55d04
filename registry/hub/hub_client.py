"""The Hub's client as this package calls it: it sends what was asked for, its own versions and ours, and says no token in any error."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ... import __version__

CALLER: Mapping[str, Any] = {"library_name": "brickwork", "library_version": __version__}
"""What the client says of who asks."""
_SECRETS = re.compile(r"(?<=Bearer )[^'\"]+|\b(?:hf|api_org)_[\w.-]{20,}|(?<=://)[^/@\s]+(?=@)")
_lock = threading.Lock()
_calls: dict[str, Any] = {"count": 0, "before": False}


@contextlib.contextmanager
def hub_calls() -> Iterator[None]:
    """Keep the client from sending more than what is asked for, as long as calls to it go on.

    By itself it asks the Hub once a day which programs for writing code there are, and sends which of them runs this process, and the
    version of torch.
    """
    from huggingface_hub import constants

    with _lock:
        if _calls["count"] == 0:
            _calls["before"] = constants.HF_HUB_DISABLE_TELEMETRY
            constants.HF_HUB_DISABLE_TELEMETRY = True
        _calls["count"] += 1
    try:
        yield
    finally:
        with _lock:
            _calls["count"] -= 1
            if _calls["count"] == 0:
                constants.HF_HUB_DISABLE_TELEMETRY = _calls["before"]


def hub_api(token: Any = None) -> Any:
    """Return the client; calls of it go into `hub_calls`."""
    from huggingface_hub import HfApi

    return HfApi(token=token, **CALLER)


def without_secrets(text: object) -> str:
    """Return a text without tokens and without names and passwords in addresses: errors of HTTP libraries quote what they sent."""
    return _SECRETS.sub("<hidden>", str(text))


def cause_of(error: BaseException) -> BaseException | None:
    """Return an error as the cause of another one; None where its own text, which tracebacks show, holds a secret."""
    each: BaseException | None = error
    while each is not None:
        if without_secrets(each) != str(each):
            return None
        each = each.__cause__ or each.__context__
    return error


def token_place() -> str | None:
    """Say where a token is; None where there is none. Nothing is asked of anybody, as the client itself might to renew one."""
    from huggingface_hub import constants

    if os.environ.get("HF_OIDC_RESOURCE"):
        return "HF_OIDC_RESOURCE gets one when it is needed"
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if os.environ.get(name, "").strip():
            return f"there is one, in {name}"
    path = Path(constants.HF_TOKEN_PATH)
    try:
        return f"there is one, in {path}" if path.stat().st_size else None
    except OSError:
        return None
