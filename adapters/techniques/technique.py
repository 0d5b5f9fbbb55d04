"""The protocol of techniques: what makes a component faster or smaller, declared, so that caches, recipes and files know of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from attrs import NOTHING, fields, frozen

from ...guiders.arguments import WordedSettings
from ...guiders.written_settings import checked
from ...state.code_home import is_own
from ...state.digest import NoDigestError, code_identity
from ...state.value_data import data_of
from .by_name import NAME, AnyTechnique, register, technique_name
from .recording import recorded

if TYPE_CHECKING:
    import torch

    from ...families.contract import FamilyContract

Undo = Callable[[Any], None]
"""Takes a technique off; it is given the component. Not a function that holds the component: copies of a pipeline get their own."""
Where = Literal["load", "component", "run", "loop"]


@frozen(kw_only=True, slots=False, field_transformer=checked)
class Technique(WordedSettings, AnyTechnique):
    """Base of techniques: frozen settings, and how a component is changed by them.

    Derive a frozen class of attrs, say of it what holds, and define `change`, and `faults` for what it does not fit.
    """

    _is_framework_base: ClassVar[bool] = True
    _kind: ClassVar[str] = "technique"
    where: ClassVar[Where] = "component"
    """At what it acts: what is loaded, a component, a run, or the steps of a loop."""
    exact: ClassVar[bool] = True
    """Whether it is the same mathematics, of which last bits may differ; else it is an approximation."""
    state: ClassVar[Literal["none", "run"]] = "none"
    """Whether it keeps something from one call to the next, within a run: then forwards of several runs are not shared."""
    bars_loras: ClassVar[bool] = False
    """Whether the component reads no LoRA while it has it."""
    holds_processors: ClassVar[bool] = False
    """Whether it lies on attention processors: then it does not go together with IP-Adapters, which bring their own, with weights."""
    excludes: ClassVar[frozenset[str]] = frozenset()
    """Names of other techniques that do not go together with it."""
    is_compared: ClassVar[bool] = True
    """Whether a network that is made of its files must be changed in the same way to be compared with one that has it."""
    memory: ClassVar[str] = ""
    """What it does to memory, in a few words."""

    # attrs with slots would make each class twice, and register both: `slots=False` above.
    def __init_subclass__(cls, is_base: bool = False) -> None:
        super().__init_subclass__()
        if not is_base:
            register(cls)

    def faults(
        self,
        component: torch.nn.Module,  # noqa: ARG002 - others look at it
        family: FamilyContract,  # noqa: ARG002
        others: Sequence[Technique],  # noqa: ARG002
    ) -> Iterator[str]:
        """Say why it does not fit: another kind of component, a package that is missing, other techniques on it.

        Args:
            component: the network, as it is. family: of the pipeline's blocks. others: techniques that it has already.
        """
        yield from ()

    def apply(self, component: torch.nn.Module) -> Undo:
        """Put it on a component, and return what takes it off. An exception leaves the component as it was."""
        with recorded(component) as changes:
            self.change(component)
        return changes

    def change(self, component: Any) -> None:
        """Change a component; attributes, layers and hooks of its modules are put back by whoever calls this."""
        raise NotImplementedError(f"{type(self).__name__} must define change(component), or apply(component).")

    @property
    def settings(self) -> dict[str, Any]:
        """Its settings that are not the usual ones, as data."""
        held = {each.name: (getattr(self, each.name), each.default) for each in fields(type(self))}
        return {name: data_of(value) for name, (value, usual) in held.items() if usual is NOTHING or value != usual}

    @property
    def written(self) -> dict[str, Any]:
        """What files that people write have of it: its name, and the settings that are not the usual ones."""
        return {NAME: technique_name(type(self)), **self.settings}

    @property
    def recorded(self) -> dict[str, Any]:
        """What recipes have of it, where usual settings count as they were: its name and all settings."""
        return {
            NAME: technique_name(type(self)),
            **{each.name: data_of(getattr(self, each.name)) for each in fields(type(self))},
        }

    def identity(self) -> str:
        """Return what tells it from every other one: its name, all settings, and of those of others the code.

        Raises:
            NoDigestError: nothing tells what its code does.
        """
        cls = type(self)
        settings = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in fields(cls))
        if is_own(cls.__module__):
            return f"{cls.__name__}({settings})"
        # Two packages may have one name, and a package another code tomorrow.
        code = code_identity(cls)
        if code.unknown:
            raise NoDigestError(f"{cls.__qualname__}: {code.unknown[0]}")
        return f"{cls.__name__}({settings}) of code {code.digest[:16]}"

    @property
    def words(self) -> str:
        """What people are told of it: name, settings, whether it is an approximation, what it does to memory."""
        kind = "the same mathematics" if self.exact else "approximate"
        return f"{type(self).__name__}({', '.join(f'{n}={v!r}' for n, v in self.settings.items())}): {kind}" + (
            f"; memory: {self.memory}" if self.memory else ""
        )
