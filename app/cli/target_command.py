"""Commands whose options are the inputs of what they are about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from .input_values import choices, converted, is_switch, joined, kind_words, takes_several
from .known_targets import known_target
from .opening import opened
from .targets import KINDS, Target, target_of

_SEED = "seed"


class TargetType(click.ParamType):  # type: ignore[type-arg]  # older versions are not generic
    """The name of a target; files and folders complete."""

    name = "target"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Target:  # noqa: ARG002
        return value if isinstance(value, Target) else target_of(value)

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

    def __init__(self, *args: Any, takes_inputs: bool = True, **kwargs: Any) -> None:
        settings = {"token_normalize_func": _with_dashes, **kwargs.pop("context_settings", {})}
        super().__init__(*args, context_settings=settings, **kwargs)
        self.takes_inputs = takes_inputs
        self.own_params = list(self.params)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        self.params = list(self.own_params)
        text = next((each for each in self._positions(args) if each), None)
        if text is not None and self.takes_inputs:
            target = target_of(text)
            known = self.known(target, args)
            ctx.meta["brickwork.known"] = known
            self.params += input_options(known, self.own_params)
        return super().parse_args(ctx, args)

    def known(self, target: Target, args: Sequence[str]) -> dict[str, Any]:
        """Return what is known of a target, which is opened where it was not before."""
        found = known_target(target)
        if found is not None:
            return found
        from .describing import described

        return described(opened(target, _value_of("--repo", args)))

    def _positions(self, args: Sequence[str]) -> Iterable[str]:
        """Yield the words that are no options; values of the command's own options are passed over."""
        takes_value = {
            flag for param in self.own_params if isinstance(param, click.Option) and not param.is_flag
            for flag in param.opts
        }  # fmt: skip
        words = iter(args)
        for word in words:
            if word == "--":
                return
            if not word.startswith("-") or word == "-":
                yield word
                # Behind the target come options of which nobody knows yet whether they take a value.
                return
            if word in takes_value:
                next(words, None)

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


def target_argument(name: str = "target") -> Any:
    """Return the argument that names the target."""
    return click.argument(name, type=TargetType())


def _with_dashes(word: str) -> str:
    return word.replace("_", "-")


def _value_of(flag: str, args: Sequence[str]) -> str | None:
    for at, word in enumerate(args):
        if word == flag and at + 1 < len(args):
            return args[at + 1]
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
    return None
