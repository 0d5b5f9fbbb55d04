"""What is said of a class body when the class is made."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
import torch
from torch import Tensor

from brickwork import Block, Conditioning, DeclarationError, Group, Outputs, SequentialPipelineBlocks, config
from brickwork.blocks import LoopSequentialPipelineBlocks
from brickwork.state import Value

if TYPE_CHECKING:
    from decimal import Decimal  # noqa: F401 - named in texts

Share = Annotated[float, Value(low=0, high=1)]
Row = Annotated[Tensor, Value("b n")]
UNSET: Any = object()


def made(hint: object, default: object = ..., body: dict[str, Any] | None = None) -> type[Block]:
    """A block with one input, of a type and with a default."""

    def run(self, thing=default):  # type: ignore[no-untyped-def]  # its annotations follow
        return None

    run.__annotations__ = {"thing": hint, "return": None}
    if default is ...:
        run.__defaults__ = None
    return type("Doer", (Block,), {"__doc__": "Do.", "__module__": __name__, "run": run, **(body or {})})


def refused(make: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(DeclarationError) as caught:
        make(*args, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize(
    ("hint", "default", "said"),
    [
        (float, "much", "the default of thing is 'much' (a str); it must be float."),
        ("float", "much", "the default of thing is 'much' (a str); it must be float."),
        (int, 0.5, "the default of thing is 0.5 (a float); it must be int."),
        (int, True, "the default of thing is True (a bool); it must be int."),
        (Literal["round", "square"], "sqare", "it must be 'round' | 'square'. Did you mean 'square'?"),
        (Tensor, 3, "the default of thing is 3 (an int); it must be Tensor."),
        (Share, 1.5, "the default of thing is 1.5; it must be between 0 and 1."),
        (list[int], 3, "the default of thing is 3 (an int); it must be list[int]."),
        (list[int], ("1",), "the default of thing is ('1',) (a tuple); it must be list[int]."),
        (tuple[int, int], (1, 2, 3), "the default of thing is (1, 2, 3) (a tuple); it must be tuple[int, int]."),
        (str | None, 3, "the default of thing is 3 (an int); it must be str | None."),
        (dict[str, int], [], "the default of thing is [] (a list); it must be dict[str, int]."),
        (Fraction, int, "the default of thing is the class int; it must be Fraction."),
    ],
)
def test_a_default_that_is_not_of_its_type_is_refused_with_both(hint: object, default: object, said: str) -> None:
    text = refused(made, hint, default)
    assert text.startswith("Doer.run: ")
    assert said in text


@pytest.mark.parametrize(
    ("hint", "default"),
    [
        (float, 1), ("float", 1), (int | None, None), ("int | None", None), (Any, None), (Any, 3),
        (object, 3), (int | str, "a"), (Share, 1), (list[int], []), (list[int], (1, 2)), (tuple[int, int], [1, 2]),
        (dict[str, int], {}), (Sequence[int], (1,)), (Literal["a"], "a"), (Tensor, torch.zeros(1)), ("Decimal | None", None),
        (type[int], bool), (tuple[int, ...], ()), (tuple[()], ()), (Annotated[Any, Value(low=1)], None), (bool, False),
    ],
)  # fmt: skip
def test_a_default_that_is_of_its_type_is_taken(hint: object, default: object) -> None:
    assert made(hint, default)().inputs[0].default == default


def test_what_was_not_known_when_the_class_was_made_is_said_when_types_are_resolved() -> None:
    kind = made("Decimal", 3)
    assert refused(lambda: kind().inputs) == "Doer.run: the default of thing is 3 (an int); it must be Decimal."
    assert warned(made("Decimal", None)) == (
        "Doer.run: the default of thing is None; it must be Decimal. Write thing: Decimal | None, or another default.",
    )


def warned(kind: type[Block]) -> tuple[str, ...]:
    report = SequentialPipelineBlocks.from_blocks_dict({"doer": kind}).check()
    assert report.faults == ()
    return report.warnings


@pytest.mark.parametrize(
    ("hint", "words"),
    [(int, "int"), ("int", "int"), (Row, "Tensor[b n]"), (list[int], "list[int]"), (Literal["a"], "'a'")],
)
def test_a_default_of_none_that_its_type_does_not_say_runs_and_the_composition_warns(
    hint: object, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    kind = made(hint, None)
    said = (
        f"Doer.run: the default of thing is None; it must be {words}. Write thing: {words} | None, or another default."
    )
    assert warned(kind) == (said,)
    pipe = SequentialPipelineBlocks.from_blocks_dict({"doer": kind}).init_pipeline()
    assert said in caplog.text
    pipe()
    # As who inherits from it, and is given it by another.
    assert warned(type("Derived", (kind,), {"__doc__": "Do."})) == (said,)


def test_none_as_the_default_of_an_option_an_output_and_of_iterate_is_warned_of() -> None:
    class Doer(Block):
        """Do."""

        axis: int = None  # type: ignore[assignment]  # what is tested

        class Out(Outputs):
            y: int = None  # type: ignore[assignment]  # what is tested

        def run(self) -> Out:
            return self.Out(y=1)

    class Loop(LoopSequentialPipelineBlocks):
        """Repeat."""

        class Vars(Outputs):
            i: int

        def iterate(self, times: int = None) -> Iterator[Vars]:  # type: ignore[assignment]  # noqa: RUF013 - what is tested
            yield self.Vars(i=0)

    texts = SequentialPipelineBlocks.from_blocks_dict({"loop": Loop.from_blocks_dict({"doer": Doer})}).check().warnings
    for where, name in (("Doer", "axis"), ("Doer.Out", "y"), ("Loop.iterate", "times")):
        assert any(
            f"{where}: the default of {name} is None; it must be int. Write {name}: int | None" in each
            for each in texts
        )


def test_defaults_of_options_configs_outputs_and_loops_are_looked_at_as_well() -> None:
    class Loop(LoopSequentialPipelineBlocks):
        class Vars(Outputs):
            i: int

    def odd() -> None:
        class Doer(Block):
            axis: int = "wide"  # type: ignore[assignment]  # what is tested
            strong: bool = config("yes")
            free: bool = config()

            class Out(Outputs):
                y: int = "one"  # type: ignore[assignment]  # what is tested

            def run(self) -> Out:
                return self.Out()

    text = refused(odd)
    assert "Doer.Out: the default of y is 'one' (a str); it must be int." in text
    assert "Doer: the default of axis is 'wide' (a str); it must be int." in text
    assert "Doer: the default of strong is 'yes' (a str); it must be bool." in text
    assert "3 faults" in text

    def iterate(self, times="often"):  # type: ignore[no-untyped-def]  # its annotations follow
        yield Loop.Vars(i=0)

    iterate.__annotations__ = {"times": int}
    assert "iterate: the default of times is 'often' (a str)" in refused(type, "Odd", (Loop,), {"iterate": iterate})


def test_a_class_that_inherits_says_nothing_of_what_it_inherits() -> None:
    base = made(Share, 0.5)
    assert type("Next", (base,), {"__doc__": "Do."})().inputs[0].default == 0.5


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        (Annotated[int, Value("b c")], "thing is int, and its Value has the shape 'b c', which only tensors have."),
        (
            Annotated[int | None, Value(dtype="int")],
            "thing is int, and its Value has the dtype 'int', which only tensors have.",
        ),
        (Annotated[str, Value(low=0)], "thing is str, and its Value has low=0, which only numbers have."),
        (Annotated[list[str], Value(high=3)], "thing is list[str], and its Value has high=3, which only numbers have."),
        (Annotated[Conditioning, Group("")], "the group of thing is named ''; name one of the family's"),
        (Annotated[Conditioning, Group(3)], "the group of thing is named 3; name one of the family's"),  # type: ignore[arg-type]
        (
            Annotated[Conditioning, Group("prompts", side="left")],
            "has the side 'left'; it must be 'both', 'positive' or",
        ),  # type: ignore[arg-type]
        (Annotated[int, Group("prompts")], "thing stands for a group and is int; a group is read as one Conditioning"),
        (Annotated[Conditioning, Group], "thing is annotated with the class Group; write Group(...)"),
    ],
)
def test_a_type_that_says_what_cannot_be_together_is_refused(hint: object, said: str) -> None:
    text = refused(made, hint)
    assert text.startswith("Doer.run: ")
    assert said in text


@pytest.mark.parametrize(
    "hint",
    [
        Annotated[int, Value("", "How many.")], Annotated[list[int], Value(low=0)], Annotated[float | list[float], Value(low=0)],
        Annotated[Tensor | None, Value("b c", dtype="int")], Annotated[Tensor | float, Value("b c")],
        Annotated[str | int, Value(low=0)], Annotated[Conditioning, Group("prompts", side="negative")], Row | None,
    ],
)  # fmt: skip
def test_a_type_that_says_what_can_be_together_is_taken(hint: object) -> None:
    assert made(hint).declaration.parameters[0].hint == hint


def _static(seed: int) -> None: ...


async def _coroutine(self: Any, seed: int) -> None: ...


async def _generates(self: Any, seed: int) -> Any:
    yield None


def _generator(self: Any, seed: int) -> Any:
    yield None


def _bare() -> None: ...


def _selfless(seed: int) -> None: ...


def _with_default(seed=3) -> None: ...  # type: ignore[no-untyped-def]  # what is tested


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (staticmethod(_static), "is a static method; leave the decorator out, and write `self`"),
        (classmethod(_static), "is a class method; leave the decorator out, and write `self`"),
        (_coroutine, "is async; blocks are called one after the other, so write `def run`."),
        (_generates, "is async; blocks are called"),
        (_generator, "is a generator, because it has a `yield`; return Out, once."),
        (_bare, "has no `self`; write it as the first parameter: def run(self, ...)."),
        (_selfless, "has no `self`"),
        (_with_default, "has no `self`"),
        (3, "is 3; it must be the method that does the work. Give what it is now another name."),
    ],
)
def test_a_run_that_cannot_be_called_is_refused(run: Any, said: str) -> None:
    text = refused(type, "Doer", (Block,), {"__doc__": "Do.", "__module__": __name__, "run": run})
    assert text.startswith("Doer.run ")
    assert said in text


def test_self_may_have_another_name_or_a_type() -> None:
    class Doer(Block):
        def run(this, seed: int) -> None: ...

    class Typed(Block):
        def run(self: Any, seed: int) -> None: ...

    assert Doer().input_names == Typed().input_names == ["seed"]


def test_an_output_without_a_type_is_named_and_constants_and_helpers_are_none() -> None:
    class Out(Outputs):
        image: int
        KINDS = ("a", "b")
        _own = 3

        def doubled(self) -> int:
            return self.image * 2

    class Odd(Out):
        mask = None

    def with_out(out: type[Outputs]) -> type[Block]:
        def run(self: Any) -> Any: ...

        run.__annotations__ = {"return": out}
        return type("Doer", (Block,), {"__doc__": "Do.", "Out": out, "run": run})

    assert [output.name for output in with_out(Out)().intermediate_outputs] == ["image"]
    assert "Odd: mask has no type annotation, so it is no output; write mask: ... ." in refused(with_out, Odd)


@pytest.mark.parametrize("name", ["steps", "device", "options", "bind", "plan"])
def test_an_option_that_would_hide_a_method_of_blocks_is_refused(name: str) -> None:
    text = refused(made, int, body={"__annotations__": {name: int}, name: 3})
    assert text.startswith(f"Doer: {name!r} is a method of every block (")
    assert text.endswith("; choose another name.")


def test_what_a_class_may_say_of_itself_is_no_option_that_hides_anything() -> None:
    kind = made(int, body={"__annotations__": {"description": str, "size": int}, "description": "Do it.", "size": 3})
    assert kind(size=4).options["size"] == 4


MODULE = """
from __future__ import annotations
from typing import TYPE_CHECKING
from brickwork import Block
if TYPE_CHECKING:
    from decimal import Decimal

class Doer(Block):
    def run(self, seed: {hint}) -> None: ...

class Later: ...
"""


def test_a_type_that_a_module_never_has_is_refused_and_one_that_it_will_have_is_not(tmp_path: Any) -> None:
    (tmp_path / "good.py").write_text(MODULE.format(hint="Later | Decimal | Doer | int"), "utf8")
    (tmp_path / "bad.py").write_text(MODULE.format(hint="Latr"), "utf8")
    (tmp_path / "star.py").write_text(MODULE.format(hint="sqrt") + "\nfrom math import *\n", "utf8")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nimport good, star\nassert good.Doer().input_names == ['seed']\n"
        "try:\n    import bad\nexcept Exception as error:\n    print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "DeclarationError Doer.run: the type of seed is written 'Latr', and nothing is named 'Latr' here. Import it, or correct it."
    )


def test_declaring_a_block_imports_neither_torch_nor_beartype() -> None:
    code = (
        "import sys\nfrom brickwork import Block\nfrom brickwork.state.vocabulary import Latents\n"
        "class Doer(Block):\n    def run(self, a: int = 3, b: list[int] = [], c: dict[str, int] = {}, d: Latents | None = None) -> None: ...\n"
        "print(sorted({'torch', 'beartype', 'diffusers'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_group_that_no_family_fills_is_a_fault_of_the_composition() -> None:
    kind = made(Annotated[Conditioning, Group("prompts")])
    faults = SequentialPipelineBlocks.from_blocks_dict({"doer": kind}).check().faults
    assert len(faults) == 1
    assert faults[0].startswith(
        "doer: the input 'thing' stands for the group 'prompts', which only a model family fills: bind"
    )


def test_an_option_of_an_instance_has_its_type_and_range() -> None:
    kind = made(int, body={"__annotations__": {"by": Share, "axis": int | None}, "by": 0.5, "axis": None})
    assert kind(by=1, axis=None).options == {"by": 1, "axis": None}
    assert refused(kind, by=1.5) == "Doer: by is 1.5; it must be between 0 and 1."
    assert refused(kind, by=None) == "Doer: by is None; it must be float."
    assert refused(kind, axis="wide") == "Doer: axis is 'wide'; it must be int | None."
