"""`brickwork serve`: workflows as a page for people and an API for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ...state import InputError
from .shared.change_options import blocks_option
from .shared.target_command import TargetType
from .shared.targets import KINDS, Target

_PORT = 7801


@click.command("serve", short_help="Serve workflows as a page and an API.", epilog=KINDS)
@click.argument("targets", nargs=-1, required=True, type=TargetType(), metavar="TARGET...")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; any but this machine's own asks for --token-file.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=_PORT, show_default=True, help="0 takes one that is free."
)
@click.option("--token-file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="File with a token a line, or a name and a token: who may ask.")  # fmt: skip
@click.option("--queue", type=click.IntRange(1), default=64, show_default=True, help="Runs that may wait.")
@click.option("--workers", type=click.IntRange(1), default=4, show_default=True, help="Runs at once.")
@click.option("--merge", type=click.IntRange(0), default=16, show_default=True,
              help="Rows of a forward that runs share at most; 0 lets each go alone.")  # fmt: skip
@click.option(
    "--bucket",
    is_flag=True,
    help="Fill every forward up to --merge rows, so that a run gives the same bits under any load.",
)
@click.option("--state", type=click.Path(file_okay=False, path_type=Path),
              help="Folder that keeps runs, so that they go on after a restart.")  # fmt: skip
@click.option("--threads", type=click.IntRange(1), help="Threads of each run's arithmetic on the CPU.")
@click.option("--dtype", metavar="NAME", help="In which models are loaded: fp16, bf16, fp32.")
@click.option("--device", metavar="NAME", help="Compute on this device: cuda, mps, cpu.  [default: cpu]")
@blocks_option
@click.option("--repo", metavar="ORIGIN", help="Where a preset's or a recipe's components are from.")
@click.option(
    "--log-prompts", is_flag=True, help="Write the words of errors, which may have prompts in them, to the log."
)
@click.option("--mcp", is_flag=True, help="Serve agents, too: the Model Context Protocol at /mcp.")
@click.option(
    "--mcp-stdio",
    is_flag=True,
    help="Speak the Model Context Protocol over stdin and stdout, for an agent that starts this command; no address is listened on.",
)
def command(targets: tuple[Target, ...], **options: Any) -> None:
    """Serve workflows as a page for people and an API for programs, until Ctrl-C.

    brickwork serve embedded
    """
    _require_extra()
    if options["mcp"] or options["mcp_stdio"]:
        _require_mcp()
    from ..server.settings import is_loopback

    tokens = {} if options["token_file"] is None else _tokens(options["token_file"])
    if not tokens and not is_loopback(options["host"]):
        raise InputError(
            f"--host {options['host']}: whoever reaches this address could use the server. Say who may: --token-file, with a token a line "
            '(python -c "import secrets; print(secrets.token_urlsafe(32))" makes one).'
        )
    if options["bucket"] and not options["merge"]:
        raise InputError("--bucket fills forwards up to --merge rows, and --merge 0 has none.")
    from .shared.serving import serve

    serve(targets, tokens, options)


def _tokens(path: Path) -> dict[str, str]:
    from ..server.access import read_tokens

    try:
        return read_tokens(path.read_text(encoding="utf-8").splitlines())
    except (ValueError, OSError) as error:
        raise InputError(f"--token-file {path}: {error}") from None


def _require_extra() -> None:
    """Refuse to begin where the libraries of a server are not installed.

    Raises:
        InputError: they are not.
    """
    from importlib.util import find_spec

    missing = [
        name
        for name in ("starlette", "uvicorn", "sse_starlette", "prometheus_client", "multipart")
        if find_spec(name) is None
    ]
    if missing:
        raise InputError(f"brickwork serve needs {', '.join(missing)}: pip install 'brickwork[serve]'")


def _require_mcp() -> None:
    """Refuse to begin where the protocol's SDK is not installed.

    Raises:
        InputError: it is not.
    """
    from importlib.util import find_spec

    if find_spec("mcp") is None:
        raise InputError("brickwork serve --mcp needs mcp: pip install 'brickwork[mcp]'")
