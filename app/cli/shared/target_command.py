"""Commands whose options are the inputs of what they are about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from ....pipeline.forms.input_values import choices, converted, is_switch, joined, kind_words, takes_several
from ....state import BrickworkError
from .known_targets import known_target
from .opening import opened_for_later, repo_of
from .option_faults import FaultyOptionsError, option_faults
from .targets import BLOCKS, KINDS, Target, target_of
from .unknown_options import AskedTarget

_Command = TypeVar("_Command", bound=Callable[..., Any])
_SEED = "seed"


class TargetType(click.ParamType):  # type: ignore[type-arg]  # older versions are not generic
    """The name of a target; files and folders complete."""

    name = "target"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Target:  # noqa: ARG002
        if isinstance(value, Target):
            return value
        return target_of(value)._replace(blocks=() if ctx is None else ctx.meta.get(BLOCKS, ()))

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        names = [name for name in ("embedded",) if name.startswith(incomplete)]
        return [*map(CompletionItem, names), CompletionItem(incomplete, type="file")]


class InputType(click.ParamType):  # type: ignore[type-arg]  # older versions are not generic
    """A value by its JSON schema."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema
        self.name = kind_words(schema)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002
        return self.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return converted(value, self.schema) if isinstance(value, str) else value
        except ValueError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        words = choices(self.schema)
        if words:
            return [CompletionItem(word) for word in words if word.startswith(incomplete)]
        return [CompletionItem(incomplete, type="file")] if "FILE" in self.name else []


class InputOption(click.Option):
    """An option that stands for an input of a workflow."""

    def __init__(self, name: str, schema: Mapping[str, Any], required: bool, taken: Iterable[str]) -> None:
        self.input_name = name
        self.schema = schema
        flag = name.replace("_", "-")
        # What the command itself calls so comes first.
        flag = f"input-{flag}" if flag in taken else flag
        is_flag = is_switch(schema)
        said = str(schema.get("description", "")).rstrip(".")
        default = schema.get("default")
        more = ["required"] if required else [f"default: {default}"] if default is not None else []
        more += ["may be given several times"] if takes_several(schema) else []
        kind: dict[str, Any] = {} if is_flag else {"type": InputType(schema), "multiple": takes_several(schema)}
        super().__init__(
            [f"--{flag}/--no-{flag}" if is_flag else f"--{flag}", f"input_{name}"],
            default=None,
            help=f"{said}{'.' if said else ''}{'  [' + '; '.join(more) + ']' if more else ''}",
            **kind,
        )


class TargetCommand(click.Command):
    """A command that reads its target first, and then knows which options there are.

    What was opened before is known from a file, and neither help nor a wrong option opens it again.
    """

    takes_inputs = True

    def __init__(
        self, name: str | None, takes_inputs: bool = True, given_by: Sequence[str] | None = None, **kwargs: Any
    ) -> None:
        """Make a command.

        Args:
            takes_inputs: its options are the inputs, too. given_by: own options by which inputs come besides; None where what the target
                requires need not be given.
        """
        super().__init__(name, **{"context_settings": {"token_normalize_func": _with_dashes}, **kwargs})
        self.takes_inputs = takes_inputs
        self.given_by = given_by
        self.own_params = list(self.params)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        self.params = list(self.own_params)
        if self.takes_inputs:
            known = self._known_of(ctx, args)
            if known is not None:
                ctx.meta["brickwork.known"] = known
                self.params += input_options(known, self.own_params)
                return self._parsed(ctx, args, known)
        return super().parse_args(ctx, args)

    def _asked(self, ctx: click.Context, args: Sequence[str]) -> AskedTarget:
        """Return what a command line is about; it is opened where that is asked for."""
        text = self._first_position(ctx, args)
        assert text is not None
        target, repo = _target(text, args), _value_of("--repo", args)
        return AskedTarget(text, lambda: opened_for_later(target, repo).blocks, lambda: repo_of(target, repo))

    def _parsed(self, ctx: click.Context, args: list[str], known: Mapping[str, Any]) -> list[str]:
        """Read the options; where there is not one of that name, say what is wrong with all others, too."""
        words = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption:
            if ctx.resilient_parsing:
                raise
            faults = option_faults(self, ctx, words, known, self.given_by, self._asked(ctx, words))
            if not faults:
                raise
            raise FaultyOptionsError(faults, ctx) from None

    def _known_of(self, ctx: click.Context, args: Sequence[str]) -> dict[str, Any] | None:
        """Return what is known of the target that a command line names; None where it names none."""
        if not ctx.resilient_parsing:
            text = self._first_position(ctx, args)
            return None if text is None else self.known(_target(text, args), args)
        # A shell that completes waits for the answer: nothing is opened, and nothing is said.
        try:
            text = self._first_position(ctx, args)
            return None if text is None else known_target(target_of(text))
        except (BrickworkError, click.UsageError):
            return None

    def known(self, target: Target, args: Sequence[str]) -> dict[str, Any]:
        """Return what is known of a target, which is opened where it was not before."""
        found = known_target(target)
        if found is not None:
            return found
        from .describing import described

        pipe = opened_for_later(target, _value_of("--repo", args))
        return known_target(target) or described(pipe)

    def _first_position(self, ctx: click.Context, args: Sequence[str]) -> str | None:
        """Return the first word that is no option; values of the command's own options are passed over.

        Raises:
            UsageError: an option comes before the target, of which nobody knows yet whether it takes a value.
        """
        own = [param for param in self.own_params if isinstance(param, click.Option)]
        takes_value = {flag: not param.is_flag for param in own for flag in (*param.opts, *param.secondary_opts)}
        words = iter(args)
        for word in words:
            if word == "-" or not word.startswith("-"):
                return word
            flag, sign, _ = _with_dashes(word).partition("=")
            if flag in ctx.help_option_names:
                continue
            if flag not in takes_value and flag.startswith("--"):
                # Of a command line without a target the parser says what it knows.
                if any(not each.startswith("-") for each in words):
                    raise click.UsageError(
                        f"{flag} may be an input: TARGET comes before it, as in brickwork {self.name} embedded {flag} ...",
                        ctx,
                    )
                return None
            if takes_value.get(flag) and not sign:
                next(words, None)
        return None

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        if self.takes_inputs and "brickwork.known" not in ctx.meta:
            formatter.write_paragraph()
            formatter.write_text(f"{KINDS} Its inputs are options, too: brickwork {self.name} TARGET --help")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the inputs of the target apart from the command's own options."""
        sections: dict[str, list[tuple[str, str]]] = {"Inputs": [], "Options": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and isinstance(param, click.Option):
                sections["Inputs" if isinstance(param, InputOption) else "Options"].append(record)
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def input_options(known: Mapping[str, Any], own: Sequence[click.Parameter]) -> list[click.Parameter]:
    """Return an option for each input; those that are required first."""
    taken = {flag.lstrip("-") for param in own for flag in (*param.opts, *param.secondary_opts)}
    has_seed = any(param.name == _SEED for param in own)
    properties, required = known["properties"], known["required"]
    names = sorted(properties, key=lambda name: name not in required)
    return [
        InputOption(name, properties[name], name in required, taken)
        for name in names
        if not (name == _SEED and has_seed)
    ]


def given_inputs(ctx: click.Context) -> dict[str, Any]:
    """Return the inputs that the command line gives, by name."""
    found = {}
    for param in ctx.command.params:
        if isinstance(param, InputOption):
            value = ctx.params.get(str(param.name))
            if value is not None and value != ():
                found[param.input_name] = joined(value, param.schema) if param.multiple else value
    return found


def schemas(ctx: click.Context) -> dict[str, Any]:
    """Return the schemas of the target's inputs by name."""
    known = ctx.meta.get("brickwork.known") or {}
    found: dict[str, Any] = known.get("properties", {})
    return found


def target_argument(name: str = "target") -> Callable[[_Command], _Command]:
    """Return the argument that names the target."""
    return click.argument(name, type=TargetType())


def _target(text: str, args: Sequence[str]) -> Target:
    return target_of(text)._replace(blocks=tuple(_values_of("--blocks", args)))


def _with_dashes(word: str) -> str:
    return word.replace("_", "-")


def _value_of(flag: str, args: Sequence[str]) -> str | None:
    return next(_values_of(flag, args), None)


def _values_of(flag: str, args: Sequence[str]) -> Iterator[str]:
    for at, word in enumerate(args):
        if word == flag and at + 1 < len(args):
            yield args[at + 1]
        elif word.startswith(f"{flag}="):
            yield word.partition("=")[2]
