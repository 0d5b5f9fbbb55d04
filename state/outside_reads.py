"""Code whose results hang on something that nobody hands to it: the clock, files, the environment, names that it makes up.

Found by names in byte code, which is an estimate on the safe side: a method of one's own that is called `now` counts, too. A
block says `cached = True` where that is wrong, and `cached = False` where something like it is not found.
"""

from __future__ import annotations

import dis
import itertools
from collections.abc import Mapping
from functools import lru_cache
from types import CodeType

from attrs import frozen

_CLOCK = "the clock"
_FILES = "files"
_PROCESS = "the process around it"
_CHANCE = "chance"
_NETWORK = "the network"
_NAMES = "names that are made up while it runs"
_GLOBALS: Mapping[str, str] = {
    **dict.fromkeys(("globals", "locals", "vars", "eval", "exec", "__import__", "builtins", "importlib"), _NAMES),
    **dict.fromkeys(("requests", "httpx", "socket", "urllib"), _NETWORK),
    **dict.fromkeys(("open", "glob", "shutil", "tempfile"), _FILES),
    **dict.fromkeys(("input", "subprocess", "contextvars"), _PROCESS),
    "secrets": _CHANCE,
}  # fmt: skip
"""Builtins and modules of which every use counts."""
_ATTRIBUTES: Mapping[str, str] = {
    **dict.fromkeys(("time", "time_ns", "perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns", "process_time",
                     "now", "utcnow", "today", "localtime", "gmtime", "ctime", "strftime"), _CLOCK),
    **dict.fromkeys(("open", "read_text", "read_bytes", "listdir", "scandir", "iterdir", "iglob", "rglob", "walk",
                     "fromfile", "loadtxt", "genfromtxt", "memmap", "imread", "load", "load_file", "safe_open", "stat",
                     "exists", "is_file", "is_dir", "getsize", "getmtime", "from_pretrained", "from_single_file",
                     "read_csv", "load_image"), _FILES),
    **dict.fromkeys(("environ", "getenv", "environb", "getcwd", "cwd", "argv", "getpid", "gethostname", "getuser",
                     "stdin", "check_output", "Popen", "current_thread", "get_ident", "getcontext", "get_native_id"),
                    _PROCESS),
    **dict.fromkeys(("urandom", "uuid1", "uuid4", "token_bytes", "token_hex", "token_urlsafe", "randbelow", "randbits",
                     "SystemRandom", "default_rng"), _CHANCE),
    **dict.fromkeys(("urlopen", "urlretrieve", "hf_hub_download", "snapshot_download", "create_connection"), _NETWORK),
    **dict.fromkeys(("import_module", "_getframe", "currentframe", "get_nowait"), _NAMES),
}  # fmt: skip
"""Functions that are asked of a module or an object, or imported by their own name."""
OF_MODULES: Mapping[tuple[str, str], str] = {("sys", "modules"): _NAMES, ("gc", "get_objects"): _NAMES}
"""Names that count only where they are asked of that module."""


@frozen
class Names:
    """Names that a piece of code looks up, with the code inside of it.

    Attributes:
        looked_up: global names, each with the attributes that are asked of it ("linalg.norm"); None where it is handed on whole.
        imported: modules that it imports while it runs: their name, how many levels up that is relative to, and what it takes out of them.
        outside: why its results hang on something that nobody hands to it, in words.
    """

    looked_up: Mapping[str, frozenset[str] | None]
    imported: frozenset[tuple[str, int, tuple[str, ...]]]
    outside: tuple[str, ...]


@lru_cache(maxsize=4096)
def names_of(code: CodeType) -> Names:
    """Read the names in byte code; remembered, as code never changes."""
    found: dict[str, set[str] | None] = {}
    imported: set[tuple[str, int, tuple[str, ...]]] = set()
    outside: dict[str, None] = {}
    instructions = list(dis.get_instructions(code))
    asked = dict.fromkeys(i.argval for i in instructions if i.opname in ("LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM"))
    for place, each in enumerate(instructions):
        if each.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            known = found.setdefault(each.argval, set())
            chain = _attributes_after(instructions, place)
            if chain and known is not None:
                known.add(chain)
            else:
                found[each.argval] = None
        elif each.opname == "IMPORT_NAME":
            # Before it stand the level and the names that are taken from it.
            constants = [i.argval for i in instructions[:place] if i.opname in ("LOAD_CONST", "LOAD_SMALL_INT")]
            imported.add((each.argval, constants[-2], constants[-1] or ()))
        elif each.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            outside[f"it sets the global {each.argval}"] = None
    reads = {**{n: _GLOBALS[n] for n in found if n in _GLOBALS}}
    reads |= {n: _ATTRIBUTES[n] for n in [*asked, *found] if n in _ATTRIBUTES}
    outside |= {f"it reads {what} ({name})": None for name, what in reads.items()}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            inner = names_of(constant)
            for name, attributes in inner.looked_up.items():
                known = found.setdefault(name, set())
                found[name] = None if known is None or attributes is None else known | attributes
            imported |= inner.imported
            outside |= dict.fromkeys(inner.outside)
    looked_up = {name: None if each is None else frozenset(each) for name, each in found.items()}
    return Names(looked_up, frozenset(imported), tuple(outside))


def _attributes_after(instructions: list[dis.Instruction], place: int) -> str:
    """Return the attributes that are asked of what an instruction loads, one of the other, with dots between them."""
    found = itertools.takewhile(lambda each: each.opname in ("LOAD_ATTR", "LOAD_METHOD"), instructions[place + 1 :])
    return ".".join(str(each.argval) for each in found)
