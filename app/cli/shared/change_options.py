"""Options that change a target before it runs, for all commands that run or explain one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from .targets import BLOCKS

_Command = TypeVar("_Command", bound=Callable[..., Any])


class KnownName(click.ParamType):  # type: ignore[type-arg]  # older versions are not generic
    """A text that completes with names that are known of the target.

    Args:
        key: under which they are kept. ending: what follows a name.
    """

    def __init__(self, name: str, key: str, ending: str = "") -> None:
        self.name, self._key, self._ending = name, key, ending

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002
        return self.name

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        known: dict[str, Any] = ctx.meta.get("brickwork.known") or {}
        names = known.get(self._key, ())
        if self._key == "options":
            names = [f"{path}.{option}" for path, options in known.get("options", {}).items() for option in options]
        return [CompletionItem(f"{name}{self._ending}") for name in names if name.startswith(incomplete)]


_OPTIONS = (
    click.option("--set", "sets", multiple=True, type=KnownName("PATH.OPTION=VALUE", "options", "="),
                 help="Set an option of a block, as in denoise.denoiser.batching=sequential."),
    click.option("--guider", type=KnownName("NAME[:SETTING=VALUE,...]", "guiders"), help="Guide by another method."),
    click.option("--scheduler", type=KnownName("NAME", "schedulers"), help="Take another scheduler: euler, dpmpp_2m_karras, ..."),
    click.option("--component", multiple=True, type=KnownName("NAME=ORIGIN", "components", "="),
                 help="Load a component from elsewhere: vae=owner/name, vae=./folder, vae=owner/name@revision#subfolder; vae=null for none."),
    click.option("--lora", multiple=True, metavar="PATH[:WEIGHT]", help="Load a LoRA: a file, a folder or owner/name.  [may be given several times]"),
    click.option("--technique", multiple=True, type=KnownName("COMPONENT=NAME[:SETTING=VALUE,...]", "components", "="),
                 help="Put a technique on a component, as in unet=FreeU:s1=0.9.  [may be given several times]"),
    click.option("--dtype", metavar="NAME", help="Load models in this dtype: fp16, bf16, fp32."),
    click.option("--device", metavar="NAME", help="Compute on this device: cuda, mps, cpu.  [default: cpu]"),
)  # fmt: skip


def change_options(command: _Command) -> _Command:
    """Give a command the options of `changes.change`, and `--blocks`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return blocks_option(command)


def blocks_option(command: _Command) -> _Command:
    """Give a command the option that says where blocks of one's own are; its target has it then."""

    def noted(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> None:  # noqa: ARG001
        ctx.meta[BLOCKS] = value

    # Read before the target, whose type asks for it.
    return click.option(
        "--blocks", multiple=True, metavar="FOLDER", is_eager=True, expose_value=False, callback=noted,
        help="A folder with code of blocks that a workflow file or an image names; it is run. That of a saved repository must have been granted.",
    )(command)  # fmt: skip


def repo_option(command: _Command) -> _Command:
    """Give a command the option that says where a preset's components are from."""
    return click.option(
        "--repo", metavar="ORIGIN", help="Where the components of a preset or of an image's recipe are from: a folder, owner/name, or embedded."
    )(command)  # fmt: skip


def cache_option(command: _Command) -> _Command:
    """Give a command the option that keeps results of steps for later calls."""
    return click.option(
        "--cache", type=click.Path(file_okay=False), metavar="DIR",
        help="Keep what steps give in a folder, and take from it what is known, also from other calls.",
    )(command)  # fmt: skip
