"""How the values of a run become the arguments of a method, and its result values again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from inspect import get_annotations
from operator import is_, itemgetter
from types import MethodType
from typing import Any
from weakref import WeakKeyDictionary

from ...engine.execution.executor import value_or_fail
from ...engine.nodes import Call, Presence, Values
from ...state import Conditioning, Outputs, RunError
from ...state.defaults import is_editable, own_default
from ...state.types import group_marker, resolve_hint
from ...state.unfit_values import value_words
from .declaration import RunParameter, group_fields, name_of
from .standalone_run import unchecked, wrong_result

Fetch = Callable[[Values], dict[str, Any]]


def run_caller(owner: type[Any], presence: Presence) -> Callable[[Any], Call]:
    """Make, once per plan, what turns a bound block into a function over the values."""
    out: type[Outputs] | None = owner.declaration.out
    grouped = _grouped_outputs(owner, out) if out is not None else ()
    parameters = owner.declaration.parameters
    # Three ways, from the fastest to the most general: which one a block takes is known when the plan is made, so a
    # run asks nothing.
    if out is not None and not grouped and all(_is_plain(owner, p, presence) for p in parameters):
        return _plain_caller(owner, out, [p.name for p in parameters])
    invoker = method_invoker(owner, parameters, presence)

    run = unchecked(owner.run)

    def make_call(bound: object) -> Call:
        invoke = invoker(MethodType(run, bound))
        if out is None:
            return partial(_without_result, owner, invoke)

        def call(values: Values) -> None:
            result = invoke(values)
            # By identity, which costs a pointer; a subclass of `Out` would bring values that nobody has declared.
            if result.__class__ is not out:
                raise wrong_result(owner, out, result)
            values.update(result.__dict__)
            for field_name, names in grouped:
                group = values.pop(field_name)
                values.update({name: group.get(name) for name in names})

        return call

    return make_call


def _without_result(owner: type[Any], invoke: Callable[[Values], Any], values: Values) -> None:
    result = invoke(values)
    if result is not None:
        raise RunError(
            f"{owner.__name__}.run says '-> None' and returned {value_words(result)}, which nobody would get. Name it: class "
            "Out(Outputs) with a line `name: type`, '-> Out', and return self.Out(name=...)."
        )


def _is_plain(owner: type[Any], parameter: RunParameter, presence: Presence) -> bool:
    return not parameter.by_name and parameter.name in presence.known and _group_names(owner, parameter) is None


def _plain_caller(owner: type[Any], out: type[Outputs], names: list[str]) -> Callable[[Any], Call]:
    """Return the caller of the usual case, in as few steps as Python allows: every input is there, and no group is
    among them.
    """
    if len(names) == 1:
        return _single_caller(owner, out, names[0])
    getter: Callable[[Values], Any] = itemgetter(*names) if names else lambda _: ()
    method = unchecked(owner.run)

    def make_call(bound: object) -> Call:
        run = MethodType(method, bound)

        def call(values: Values) -> None:
            result = run(*getter(values))
            if result.__class__ is not out:
                raise wrong_result(owner, out, result)
            values.update(result.__dict__)

        return call

    return make_call


def _single_caller(owner: type[Any], out: type[Outputs], name: str) -> Callable[[Any], Call]:
    method = unchecked(owner.run)

    def make_call(bound: object) -> Call:
        run = MethodType(method, bound)

        def call(values: Values) -> None:
            result = run(values[name])
            if result.__class__ is not out:
                raise wrong_result(owner, out, result)
            values.update(result.__dict__)

        return call

    return make_call


def method_invoker(
    owner: type[Any], parameters: tuple[RunParameter, ...], presence: Presence
) -> Callable[[Any], Callable[[Values], Any]]:
    """Make, once per plan, what turns a bound method into a function from the values to its result.

    Inputs that nobody gives keep Python's own defaults. Leading inputs that are certainly there are passed by
    position, which is the fast way; the rest by name.
    """
    groups = {p.name: _group_names(owner, p) for p in parameters}
    leading: list[tuple[str, tuple[str, ...] | None]] = []
    for parameter in parameters:
        group = groups[parameter.name]
        # Python takes no positional argument after one that was left out.
        if parameter.by_name or (group is None and parameter.name not in presence.known):
            break
        leading.append((parameter.name, group))
    rest = [p for p in parameters[len(leading) :] if _is_there(p, groups, presence)]

    def make(bound_method: Callable[..., Any]) -> Callable[[Values], Any]:
        positional = _positional_getter(leading, presence)
        # A list as a default is one object for all calls, and a block that appends to it would change the next run.
        # And a default of the family stands in no signature.
        editable = {
            p.own or p.name: p.default for p in parameters[len(leading) :] if p.of_family or is_editable(p.default)
        }
        if not rest and not editable:
            return lambda values: bound_method(*positional(values))
        fetch = _with_own_defaults(_keyword_fetcher(owner, rest, groups, presence), editable)
        return lambda values: bound_method(*positional(values), **fetch(values))

    return make


def _is_there(parameter: RunParameter, groups: dict[str, Any], presence: Presence) -> bool:
    name = parameter.name
    return parameter.required or groups[name] is not None or name in presence.known or name in presence.maybe


def _positional_getter(
    leading: list[tuple[str, tuple[str, ...] | None]], presence: Presence
) -> Callable[[Values], Sequence[Any]]:
    if any(group is not None for _, group in leading):
        getters = [itemgetter(name) if group is None else _group_getter(group, presence) for name, group in leading]
        return lambda values: [get(values) for get in getters]
    names = [name for name, _ in leading]
    if len(names) > 1:
        return itemgetter(*names)
    if names:
        name = names[0]
        return lambda values: (values[name],)
    return lambda _: ()


def _keyword_fetcher(
    owner: type[Any], parameters: list[RunParameter], groups: dict[str, Any], presence: Presence
) -> Fetch:
    getters: list[tuple[str, Callable[[Values], Any]]] = []
    optional: list[tuple[str, str]] = []
    for parameter in parameters:
        name, argument = parameter.name, parameter.own or parameter.name
        if groups[name] is not None:
            getters.append((argument, _group_getter(groups[name], presence)))
        elif name in presence.known:
            getters.append((argument, itemgetter(name)))
        elif parameter.required:
            path, writers = presence.path or owner.__name__, presence.writers.get(name, ())
            getters.append((argument, partial(value_or_fail, name=name, path=path, writers=writers)))
        else:
            optional.append((argument, name))

    def fetch(values: Values) -> dict[str, Any]:
        arguments = {argument: get(values) for argument, get in getters}
        for argument, name in optional:
            if name in values:
                arguments[argument] = values[name]
        return arguments

    return fetch


def _with_own_defaults(fetch: Fetch, editable: dict[str, Any]) -> Fetch:
    """Give a copy of each default that a block may edit, in place of the one that all runs share."""
    if not editable:
        return fetch
    return lambda values: {**{name: own_default(default) for name, default in editable.items()}, **fetch(values)}


def _group_names(owner: type[Any], parameter: RunParameter) -> tuple[str, ...] | None:
    return _names_of_group(owner, parameter.hint)


def _names_of_group(owner: type[Any], hint: object) -> tuple[str, ...] | None:
    group = group_marker(hint)
    if group is None:
        return None
    return tuple(name_of(field, positive) for field, positive in group_fields(owner.family, group))


def _group_getter(names: tuple[str, ...], presence: Presence) -> Callable[[Values], Conditioning]:
    """Gather a group. While its values are the very same objects, the very same mapping is handed out."""
    names = tuple(name for name in names if name in presence.known or name in presence.maybe)
    find: Callable[[Values], tuple[Any, ...]] = lambda values: tuple([values.get(name) for name in names])  # noqa: E731
    # `itemgetter` gathers in C, and gives a tuple only for several names.
    if len(names) > 1 and presence.known.issuperset(names):
        find = itemgetter(*names)
    last_values: tuple[Any, ...] | None = None
    last = Conditioning({})

    def gather(values: Values) -> Conditioning:
        nonlocal last_values, last
        found = find(values)
        # The same mapping again, so that what blocks have made of it (batches for the denoiser) is known by identity.
        if last_values is None or not all(map(is_, found, last_values)):
            last_values = found
            last = Conditioning({name: value for name, value in zip(names, found, strict=True) if value is not None})
        return last

    return gather


_GROUPED: WeakKeyDictionary[type, tuple[type, Any, tuple[tuple[str, tuple[str, ...]], ...]]] = WeakKeyDictionary()


def _grouped_outputs(owner: type[Any], out: type[Outputs]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    # Every step of every plan asks, and evaluating annotations is most of what it takes to bind one; see `Declaration`.
    known = _GROUPED.get(owner)
    if known is None or known[0] is not out or known[1] is not owner.family:
        # Of the classes that it derives from, too: `class Out(Base.Out)` has their fields.
        hints = {
            name: resolve_hint(hint, cls)
            for cls in reversed(out.__mro__)
            for name, hint in get_annotations(cls).items()
            if name in out.__brickwork_fields__
        }
        fields = {name: _names_of_group(owner, hint) for name, hint in hints.items()}
        named = tuple((name, names) for name, names in fields.items() if names is not None)
        known = _GROUPED[owner] = out, owner.family, named
    return known[2]
