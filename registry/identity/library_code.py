"""What in this process is not as its libraries have it: replaced classes, methods and functions, global hooks, modes.

Of a library's code its version says what it is, as long as nobody replaces a part of it: `UNet2DConditionModel.forward = mine`,
`F.scaled_dot_product_attention = mine`. Classes and modules that components and blocks run are watched: all names in them
are compared by identity with what they were when they were first seen, which takes a fraction of a millisecond. Not seen is
a library's function that was put in place of another one before that, and what lies two imports away.
"""

from __future__ import annotations

import builtins
import enum
import gc
import sys
import threading
import weakref
from collections.abc import Iterable, Mapping
from functools import cached_property, partial
from operator import is_
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from attrs import define

from ...state.classes.class_bodies import parts_of
from ...state.code_home import is_library, is_library_function, is_own, is_own_function, is_packaged
from ...state.digest import DigestWriter, NoDigestError, digest_of
from ...state.watch import cell_value
from .torch_modes import active_modes

# Every network's numbers go through these, although no class of it stands there.
_ALWAYS: Mapping[str, str | None] = {
    "torch": "Tensor", "torch.nn.functional": None, "diffusers.models.attention_dispatch": "_AttentionBackendRegistry",
    "transformers.masking_utils": None, "transformers.integrations.sdpa_attention": None, "transformers.modeling_utils": None,
}  # fmt: skip
"""Modules, each with a class in it that is watched, too."""
_SETTINGS = {"diffusers.models.attention_dispatch": ("_AttentionBackendRegistry", "_active_backend", "native")}
"""Settings of the process that lie on a library's class: its name, the attribute, and what it usually is."""
_ONE_AWAY = frozenset({"math", "cmath", "operator", "functools", "itertools", "statistics", "copy", "collections"})
"""Modules of Python that numbers go through; they are watched where a watched module names them, as other packages' are."""
_TAGGING = "torch._dynamo.mutation_guard"
"""Where torch wraps `Module.__init__` at the first `torch.compile` of the process: it only counts modules."""
_MODES_OF_TORCH = frozenset({"torch.utils._device", "torch.utils.flop_counter"})
_PLAIN = (bool, int, float, str)
_TELLING = (ModuleType, staticmethod, classmethod, property, cached_property, enum.Enum, *_PLAIN)


@define(eq=False)
class _Place:
    """A class or module that is watched. `first` is what stood in it when it was first seen."""

    name: str
    is_class: bool
    body: dict[str, Any]
    first: dict[str, Any]
    inside: list[Any]
    words: tuple[str, ...]


_lock = threading.Lock()
_places: dict[int, _Place] = {}
_seen: weakref.WeakSet[type] = weakref.WeakSet()
_to_come = {*_ALWAYS}
"""Those that are not watched yet, since nobody has imported them."""
_state: tuple[list[Any], tuple[str, ...]] = ([], ())


def watch_classes(classes: Iterable[type]) -> None:
    """Watch classes that somebody runs, what they derive from, and the modules in which they stand."""
    _watch_always()
    new = [cls for cls in classes if cls not in _seen]
    if not new:
        return
    with _lock:
        _seen.update(new)
        # Without `object`, which cannot be changed.
        bases = dict.fromkeys(base for cls in new for base in cls.__mro__[:-1])
        for base in bases:
            if is_library(base.__module__) or is_own(base.__module__):
                _watch(base)
                module = sys.modules.get(base.__module__)
                if module is not None and base.__module__ != "builtins":
                    _watch(module)
                    for named in _named_in(module):
                        _watch(named)
        _watch(builtins)


def _watch_always() -> None:
    """Watch what every network's numbers go through, as soon as it is imported, which may be after all classes were seen."""
    for name in [name for name in _to_come if name in sys.modules]:
        held = vars(sys.modules[name])
        cls = _ALWAYS[name]
        if cls is not None and cls not in held:
            continue  # another thread is importing it
        with _lock:
            _watch(sys.modules[name])
            if cls is not None:
                _watch(held[cls])
            _to_come.discard(name)


def _named_in(module: ModuleType) -> list[ModuleType]:
    """Return the modules that a module names, as far as numbers may go through them."""
    named = {value.__name__: value for value in vars(module).values() if isinstance(value, ModuleType)}
    return [
        each
        for name, each in named.items()
        if name in _ONE_AWAY or (is_library(name) and name.partition(".")[0] not in sys.stdlib_module_names)
    ]


def _watch(place: type | ModuleType) -> None:
    # `vars` of a class is a new proxy at each call; the garbage collector knows the dict behind it, whose identity
    # stays.
    (body,) = gc.get_referents(vars(place)) if isinstance(place, type) else (vars(place),)
    if id(body) not in _places:
        name = f"{place.__module__}.{place.__qualname__}" if isinstance(place, type) else place.__name__
        _places[id(body)] = _Place(name, isinstance(place, type), body, dict(body), [], ())


def process_words() -> tuple[str, ...]:
    """Return what in the process changes what networks compute, a line each; empty in the usual case.

    Raises:
        NoDigestError: a mode is active, or a hook is there, of which nothing says what it does.
    """
    return (*replaced_code(), *_hooks_and_modes())


def replaced_code() -> tuple[str, ...]:
    """Return what was replaced in watched classes and modules, as "name=digest"; remembered while every name stands as
    it did.
    """
    global _state  # noqa: PLW0603 - one for the process, as what it is about
    _watch_always()
    # A copy: another thread may begin to watch a class meanwhile.
    places = list(_places.values())
    now = gc.get_referents(*(place.body for place in places))
    # The usual case is one comparison of lists by identity, in C, over all names of all places.
    if are_same(now, _state[0]):
        return _state[1]
    words: list[str] = []
    for place in places:
        inside = gc.get_referents(place.body)
        if not are_same(inside, place.inside):
            place.words = tuple(_words_of(place))
            place.inside = inside
        words += place.words
    _state = now, tuple(sorted(words))
    return _state[1]


def are_same(one: list[Any], other: list[Any]) -> bool:
    """Return whether two lists hold the same objects, or equal ones, which do as well and are compared in a quarter of
    the time.
    """
    try:
        # Python's comparison of lists looks at identity first, and asks an object only where that differs.
        return one == other
    except (ValueError, TypeError, RuntimeError):  # arrays and tensors have no single answer
        return len(one) == len(other) and all(map(is_, one, other))


def _words_of(place: _Place) -> list[str]:
    found = []
    module, _, cls = place.name.rpartition(".")
    settings = {(each, owner, name): usual for each, (owner, name, usual) in _SETTINGS.items()}
    for name, value in list(place.body.items()):
        # By type: some objects warn of their own age at any question.
        if not (callable(value) or issubclass(type(value), _TELLING)):
            continue
        # torch.compile wraps `Module.__init__` for the rest of the process to count modules, which changes no number.
        if name.startswith("__brickwork") or _is_tagging(value):
            continue
        # Ray, pytest and consoles put one of their own there, and no number goes through it.
        if (place.name, name) == ("builtins", "print"):
            continue
        is_plain = isinstance(value, (enum.Enum, *_PLAIN))
        is_other = name in place.first and value is not place.first[name] and not _is_put_back(name, value, place)
        if isinstance(value, ModuleType):
            if is_other:
                found.append(f"{place.name}.{name}={_digest(value)}")
        elif any(map(_is_foreign, parts_of(value))) or (is_other and (callable(value) or isinstance(value, property))):
            found.append(f"{place.name}.{name}={_digest(value)}")
        elif (module, cls, name) in settings:
            if str(getattr(value, "value", value)) != settings[module, cls, name]:
                found.append(f"{place.name}.{name}={value!r}")
        # Plain values of modules are left out: counters, caches and warnings that were given stand there, and change
        # in every run.
        elif is_plain and is_other and place.is_class and not name.startswith("__"):
            found.append(f"{place.name}.{name}={value!r}")
    return found


def _is_tagging(value: object) -> bool:
    return isinstance(value, FunctionType) and value.__globals__.get("__name__") == _TAGGING


def _is_put_back(name: str, value: object, place: _Place) -> bool:
    """Return whether a library's function stands again in its own place, which somebody else's held when it was first
    seen.
    """
    if not (isinstance(value, FunctionType) and is_library_function(value) and value.__name__ == name):
        return False
    return any(map(_is_foreign, parts_of(place.first[name])))


def _is_foreign(value: object) -> bool:
    """Return whether something that is called is, or wraps, what is neither a library's nor ours."""
    if isinstance(value, partial):
        return _is_foreign(value.func)
    if isinstance(value, MethodType):
        return _is_foreign(value.__func__)
    if not isinstance(value, FunctionType):
        return callable(value) and not isinstance(value, type) and not is_packaged(type(value).__module__)
    if not (is_library_function(value) or is_own_function(value)):
        return True
    inside = [cell_value(cell) for cell in value.__closure__ or ()]
    return any(isinstance(part, FunctionType) and part is not value and _is_foreign(part) for part in inside)


def _digest(value: object) -> str:
    if isinstance(value, BuiltinFunctionType) or (isinstance(value, FunctionType) and is_library_function(value)):
        return f"{value.__module__}.{value.__qualname__}"
    writer = DigestWriter(is_code=True)
    try:
        for part in parts_of(value):
            writer.add(part)
        digest = writer.hexdigest()
    except NoDigestError as error:
        raise NoDigestError(
            f"a function of a library was replaced, and what does so cannot be compared: {error}"
        ) from None
    if writer.unknown:
        raise NoDigestError(f"a function of a library was replaced: {writer.unknown[0]}")
    return digest


def _hooks_and_modes() -> list[str]:
    torch = sys.modules.get("torch")
    if torch is None:
        return []
    from torch.nn.modules import module

    found = []
    for name in ("_global_forward_hooks", "_global_forward_pre_hooks"):
        # In the order in which they are called: each gets what the one before has given.
        found += [f"{name}={digest_of(hook)}" for hook in vars(module)[name].values()]
    for mode in active_modes():
        cls = type(mode)
        if cls.__module__ not in _MODES_OF_TORCH:
            raise NoDigestError(f"the mode {cls.__qualname__} is active, and what it does cannot be told")
        found.append(f"mode {cls.__qualname__}={digest_of(getattr(mode, 'device', None))}")
    return found
