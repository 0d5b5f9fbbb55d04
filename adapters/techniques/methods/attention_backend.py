"""By what attention is computed, in models that ask for it at each call (diffusers.models.attention_dispatch)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen

from ....guiders.written_settings import checked
from ..technique import Technique

if TYPE_CHECKING:
    import torch

    from ....families.contract import FamilyContract


_OF_THE_HUB = ("_hub",)
_ROUNDING = ("sage",)
"""Beginnings of back ends that round queries and keys to whole numbers."""
_BY_FLAGS = ("_native_math", "_native_flash", "_native_efficient", "_native_cudnn")
_FLAGS = (
    "it switches kernels for the whole process while it computes, so that other threads get other bits. Choose kernels for the process: "
    "torch.backends.cuda.enable_flash_sdp(False), which recipes and cache keys have among the arithmetic."
)
_FROM_HUB = "its code comes from the Hub when it is first called, and nobody has granted it."


@frozen(kw_only=True, slots=False, field_transformer=checked)
class AttentionBackend(Technique):
    """Compute attention by a library, or a function of torch.

    Set on this component alone: `set_attention_backend` of diffusers sets it for the whole process besides.

    Attributes:
        backend: as diffusers names it: "native", "flex", "flash", "xformers", "sage", ...
    """

    holds_processors: ClassVar[bool] = True

    backend: str = "native"

    @property
    def exact(self) -> bool:  # type: ignore[override]  # it hangs on the back end
        """Whether it is the same mathematics."""
        return not self.backend.lstrip("_").startswith(_ROUNDING)

    def faults(self, component: torch.nn.Module, family: FamilyContract, others: Sequence[Technique]) -> Iterator[str]:  # noqa: ARG002
        """It is of models whose layers ask for a back end, and the library must be there."""
        from diffusers.models.attention_dispatch import AttentionBackendName, _check_attention_backend_requirements

        from ....state.errors import did_you_mean

        known = [each.value for each in AttentionBackendName]
        if not _asking(component):
            yield f"no layer of {type(component).__name__} asks for a back end; UNets call torch's own attention."
        elif self.backend not in known:
            yield f"there is no back end {self.backend!r}. {did_you_mean(self.backend, known)}"
        elif self.backend in _BY_FLAGS:
            yield f"{self.backend!r}: {_FLAGS}"
        elif self.backend.endswith(_OF_THE_HUB):
            yield f"{self.backend!r}: {_FROM_HUB}"
        else:
            try:
                _check_attention_backend_requirements(AttentionBackendName(self.backend))
            except (RuntimeError, ImportError, ValueError) as error:
                yield f"{self.backend!r} is not there: {error}"

    def change(self, component: Any) -> None:
        """Note the back end on every processor that asks for one."""
        from diffusers.models.attention_dispatch import AttentionBackendName

        for processor in _asking(component):
            processor._attention_backend = AttentionBackendName(self.backend)


def _asking(component: torch.nn.Module) -> list[Any]:
    held = (getattr(module, "processor", None) for module in component.modules())
    # One processor may serve several layers.
    return list({id(each): each for each in held if hasattr(each, "_attention_backend")}.values())
