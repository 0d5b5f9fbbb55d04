"""Packages that only some components and formats need: what is said where one is not installed."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable

from ...state import ComponentError

_DISTRIBUTIONS = {
    "PIL": "pillow", "bs4": "beautifulsoup4", "cv2": "opencv-python-headless", "google": "protobuf", "opencv": "opencv-python-headless",
    "vision": "pillow", "yaml": "pyyaml",
}  # fmt: skip
"""Name of a module, or of what transformers calls a back end, to that of the package where it is another."""
_EXTRAS = {
    "peft": "lora", "scipy": "schedulers", "torchsde": "schedulers", "av": "video",
    "soundfile": "audio",
    **dict.fromkeys(["beautifulsoup4", "ftfy", "opencv-python-headless", "sentencepiece"], "families"),
}  # fmt: skip
"""Packages that are extras of ours in pyproject.toml."""


def refuse_without(package: str, what: str) -> None:
    """Refuse what needs a package that is not there, before anything is changed.

    Args:
        what: needs it, with its verb: "LoRAs need".

    Raises:
        ComponentError: the package cannot be imported; the line that installs it is in the message.
    """
    try:
        importlib.import_module(package)
    except ImportError as error:
        # One that is there may be broken, or miss a package of its own.
        why = "which is not installed" if _is_missing(package, error) else f"which cannot be imported ({error})"
        raise ComponentError(f"{what} the package {package}, {why}: {install_line([package])}") from None


def install_line(packages: Iterable[str]) -> str:
    """Return what to type in a shell, and the extra of ours that has all of it."""
    names = [_DISTRIBUTIONS.get(name, name) for name in packages]
    extras = {_EXTRAS.get(name) for name in names}
    extra = extras.pop() if len(extras) == 1 else None
    return f"pip install {' '.join(names)}" + (f", or pip install 'brickwork[{extra}]'" if extra else "")


def install_hint(error: BaseException) -> str:
    """Say how to install what an error misses, as the end of a message; nothing where it misses none, or says so itself."""
    if not isinstance(error, ModuleNotFoundError) or not error.name or "pip install" in str(error):
        return ""
    return f" Install it: {install_line([error.name.partition('.')[0]])}"


def is_installed(package: str) -> bool:
    """Return whether a module is there, without importing it."""
    return package.isidentifier() and importlib.util.find_spec(package) is not None


def _is_missing(package: str, error: ImportError) -> bool:
    return isinstance(error, ModuleNotFoundError) and error.name == package
