"""Where a pipeline's components are: moved together, placed by a manager, or left to hooks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

from ..registry import ComponentsManager
from ..registry.devices.casting import cast, is_on
from ..registry.devices.device_choice import present_device
from ..registry.devices.group_offload import onload_device
from ..registry.devices.placement import Placement
from ..registry.devices.several_placements import SeveralPlacements
from ..registry.loading.dtype_names import dtype_named, is_dtype_name
from ..state import ComponentError, InputError

if TYPE_CHECKING:
    import torch


class PipelineDevices:
    """The part of a pipeline that knows of devices.

    Attributes:
        components: by name, None while not loaded. manager: shares and places components.
    """

    components: dict[str, Any]
    manager: ComponentsManager | None
    _device: Any = "cpu"

    def to(
        self, device: torch.device | str | int | torch.dtype | None = None, dtype: torch.dtype | str | None = None
    ) -> Self:
        """Move all loaded models to a device, or cast them.

        Args:
            device: of torch, or its name; or a dtype. dtype: of torch, or its name ("fp16").

        Raises:
            ComponentError: there is no such device or dtype, or something else places the models. InputError: neither is given.
        """
        import torch

        if device is None and dtype is None:
            raise InputError(
                "pipe.to() was given neither a device nor a dtype: pipe.to('cuda') moves the models, pipe.to('fp16') casts them, "
                "and pipe.to('cuda', 'fp16') does both."
            )
        if isinstance(device, torch.dtype) or is_dtype_name(device):
            device, dtype = None, dtype_named(device)
        wanted: torch.dtype | None = dtype_named(dtype)
        if device is not None:
            self._refuse_placed("move")
            self._device = device = present_device(device)
        if wanted is not None:
            self._refuse_cast()
        for name, component in self.components.items():
            # Schedulers and tokenizers have no `to`; layers that diffusers brings are left to it.
            if isinstance(component, torch.nn.Module) and onload_device(component) is None:
                self.components[name] = cast(component, device=device, dtype=wanted)
        return self

    @property
    def placement(self) -> Placement | SeveralPlacements | None:
        """The placement of the manager, if it places components on a device, or on several."""
        return self.manager.placement if self.manager is not None else None

    def _refuse_placed(self, what: str) -> None:
        if self.placement is not None:
            raise ComponentError(
                f"The manager places components on {self.placement.device} when runs need them, so there is "
                f"nothing to {what}. Call manager.disable_auto_cpu_offload() first."
            )
        hooked = [name for name, component in self.components.items() if hasattr(component, "_hf_hook")]
        if hooked:
            raise ComponentError(
                f"Hooks of accelerate place {', '.join(hooked)}, so the pipeline cannot {what} them. Remove the hooks "
                "(accelerate.hooks.remove_hook_from_module) first."
            )

    def _refuse_cast(self) -> None:
        grouped = [name for name, component in self.components.items() if onload_device(component) is not None]
        if grouped:
            raise ComponentError(
                f"diffusers brings the layers of {', '.join(grouped)} (group offloading), and keeps copies of them, so they cannot be "
                "cast any more. Load in that dtype, and call enable_group_offload() after that."
            )

    @property
    def device(self) -> torch.device:
        """The device on which runs compute; of several the one that is named for all others, or the first."""
        import torch

        # What a manager places is elsewhere between runs, so its models say nothing of where they compute.
        return torch.device(self._device if self.placement is None else self.placement.device)

    @property
    def device_words(self) -> str:
        """The device on which runs compute, and what is on a device of another kind, which rounds differently."""
        if not isinstance(self.placement, SeveralPlacements):
            return str(self.device)
        main = self.placement.choice.main
        others = [
            f"{name} on {device}"
            for name, device in sorted(self.placement.choice.of.items())
            if device.partition(":")[0] != main.partition(":")[0]
        ]
        return ", ".join([str(self.device), *others])

    # Blocks that were written for diffusers read the device under this name
    # (`diffusers.ModularPipeline._execution_device`).
    @property
    def _execution_device(self) -> torch.device:
        return self.device

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the first loaded model."""
        import torch

        for component in self.components.values():
            if isinstance(component, torch.nn.Module):
                return next(component.parameters()).dtype
        return torch.float32

    def _refuse_mixed_devices(self, names: Iterable[str]) -> None:
        """Refuse models that were moved by themselves; those that are placed by hooks or a device map go their way."""
        if self.placement is not None:
            return
        expected = self.device
        for name in names:
            component = self.components[name]
            if (
                not hasattr(component, "parameters")
                or hasattr(component, "_hf_hook")
                or hasattr(component, "hf_device_map")
            ):
                continue
            # The first is enough: a model in parts over several devices has a device map, and was passed over.
            found = onload_device(component) or next((tensor.device for tensor in component.parameters()), expected)
            if found.type != expected.type or (expected.index is not None and found.index != expected.index):
                raise ComponentError(
                    f"{name!r} is on {found}, and the pipeline computes on {expected}. Move all together: "
                    f"pipe.to({str(found)!r}) or pipe.to({str(expected)!r})."
                )

    def _placed(self, component: object) -> Any:
        import torch

        if self.placement is not None or hasattr(component, "_hf_hook"):
            return component
        if not isinstance(component, torch.nn.Module) or onload_device(component) is not None:
            return component
        # `to` goes through every module and its hooks, also where there is nothing to move.
        device = torch.device(self._device)
        return component if is_on(component, device) else component.to(device)
