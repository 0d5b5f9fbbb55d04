"""Declarations of inputs, outputs and configuration values, with the field names that foreign blocks use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from attrs import evolve, frozen

from .errors import DeclarationError, did_you_mean
from .template_words import INPUT_WORDS, OUTPUT_WORDS, Word
from .types import type_words


def _from_template(
    words: dict[str, Word], template_name: str, note: str | None, overrides: dict[str, Any]
) -> dict[str, Any]:
    if template_name not in words:
        raise DeclarationError(f"No template is named {template_name!r}. {did_you_mean(template_name, words)}")
    word = words[template_name]
    fields: dict[str, Any] = {
        "name": None if word.is_group else template_name,
        "type_hint": word.type_hint,
        "description": f"{word.doc} ({note})" if note else word.doc,
        "kwargs_type": word.kwargs_type,
    }
    return {**fields, **overrides}


@frozen
class InputParam:
    """One value that a block reads.

    Attributes:
        name: the value's name; None for a whole group of values (`kwargs_type`).
        type_hint: a type, or its name as text.
        default: what is read where nobody gives the value.
        required: somebody must give the value.
        description: meaning, shape, unit or range.
        kwargs_type: the group that the value belongs to, such as "denoiser_input_fields".
        metadata: free for tools.
        defaults_by_block: of a choice whose branches read different defaults: branch to its own; `default` is None.
    """

    name: str | None = None
    type_hint: Any = None
    default: Any = None
    required: bool = False
    description: str = ""
    kwargs_type: str | None = None
    metadata: dict[str, Any] | None = None
    defaults_by_block: dict[str, Any] | None = None

    @classmethod
    def template(cls, template_name: str, note: str | None = None, **overrides: object) -> Self:
        """Take name, type and description of a well-known value; `overrides` replace single fields."""
        fields = _from_template(INPUT_WORDS, template_name, note, overrides)
        word = INPUT_WORDS[template_name]
        # Who writes a default says that it need not be given.
        fields.setdefault("required", word.required and overrides.get("default") is None)
        # What must be given has no default.
        fields.setdefault("default", None if fields["required"] else word.default)
        return cls(**fields)

    def __repr__(self) -> str:
        state = "required" if self.required else "optional"
        about = f"; {self.description}" if self.description else ""
        words = type_words(self.type_hint)
        return f"<{self.name or self.kwargs_type}: {words}, {state}, default={self.default}{about}>"


@frozen
class OutputParam:
    """One value that a block writes. Fields as in `InputParam`."""

    name: str
    type_hint: Any = None
    description: str = ""
    kwargs_type: str | None = None
    metadata: dict[str, Any] | None = None

    @classmethod
    def template(cls, template_name: str, note: str | None = None, **overrides: object) -> Self:
        """Take name, type and description of a well-known value; `overrides` replace single fields."""
        return cls(**_from_template(OUTPUT_WORDS, template_name, note, overrides))

    def __repr__(self) -> str:
        about = f"; {self.description}" if self.description else ""
        return f"<{self.name}: {type_words(self.type_hint)}{about}>"


@frozen
class ConfigSpec:
    """A setting of the whole pipeline that blocks read as `components.config.<name>`.

    Attributes:
        type_hint: of its values; None where only the default says it.
    """

    name: str
    default: Any = None
    description: str | None = None
    type_hint: Any = None


def with_defaults_of_branches(inputs: Mapping[str, Sequence[InputParam]]) -> list[InputParam]:
    """Return the inputs of all branches in a row; where branches read different defaults, each says them all."""
    defaults: dict[str, dict[str, Any]] = {}
    for branch, params in inputs.items():
        for param in params:
            if param.name is None or param.required:
                continue
            if param.defaults_by_block or param.default is not None:
                defaults.setdefault(param.name, {}).update(_defaults_in(branch, param))
    several = {name: found for name, found in defaults.items() if len({repr(value) for value in found.values()}) > 1}
    return [
        evolve(param, default=None, defaults_by_block=several[param.name]) if param.name in several else param
        for params in inputs.values()
        for param in params
    ]


def _defaults_in(block: str, param: InputParam) -> dict[str, Any]:
    """Return the defaults of an input of a block; those of a choice in it by the path of the branch."""
    if not param.defaults_by_block:
        return {block: param.default}
    return {f"{block}.{inner}": default for inner, default in param.defaults_by_block.items()}


def combine_inputs(*named_inputs: tuple[str, Sequence[InputParam]]) -> list[InputParam]:
    """Return the inputs of several blocks, each once, as the first block declares it.

    Where blocks have different defaults (None is one), the default is None and `defaults_by_block` has them all.

    Args:
        named_inputs: name of a block and its inputs.
    """
    first: dict[str, InputParam] = {}
    defaults: dict[str, dict[str, Any]] = {}
    shared: set[str] = set()
    for block, params in named_inputs:
        for param in params:
            key = param.name or f"**{param.kwargs_type}"
            shared |= {key} & first.keys()
            first.setdefault(key, param)
            defaults.setdefault(key, {}).update(_defaults_in(block, param))
    several = {key for key in shared if len({repr(value) for value in defaults[key].values()}) > 1}
    return [
        evolve(param, default=None, defaults_by_block=defaults[key]) if key in several else param
        for key, param in first.items()
    ]


def merge_input(known: InputParam, other: InputParam) -> InputParam:
    """Merge two declarations of one input: it is required where either says so; texts come from the first."""
    if known is other:
        return known
    # Where branches differ no single default is true, so none is said.
    by_block = {**(known.defaults_by_block or {}), **(other.defaults_by_block or {})} or None
    said = {
        "required": known.required or other.required,
        "default": None if by_block else known.default if known.default is not None else other.default,
        "defaults_by_block": by_block,
        "description": known.description or other.description,
        "type_hint": known.type_hint if known.type_hint is not None else other.type_hint,
        "kwargs_type": known.kwargs_type or other.kwargs_type,
    }
    # Mostly the other says nothing more, and to make an object takes longer than to see that.
    return evolve(known, **said) if any(getattr(known, name) is not value for name, value in said.items()) else known
