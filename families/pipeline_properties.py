"""What blocks of diffusers read of a pipeline besides components: sizes and channels, of released models where a component is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Property = Callable[[Any], Any]


def of_component(name: str, released: Any, read: Callable[[Any], Any]) -> Property:
    """Return the property that is read from a component of a pipeline; that of the released model where there is none."""

    def found(pipe: object) -> Any:
        component = getattr(pipe, name, None)
        return released if component is None else read(component)

    return found


_FACTOR = of_component("vae", 8, lambda vae: 2 ** (len(vae.config.block_out_channels) - 1))


def pipeline_properties(sample_size: Property, factor: Property = _FACTOR, **others: Property) -> dict[str, Property]:
    """Return properties by name: those that follow from the side of latents, by default, and the VAE's factor, and others."""

    def size(pipe: object) -> int:
        return int(sample_size(pipe) * factor(pipe))

    return {
        "vae_scale_factor": factor,
        "default_sample_size": sample_size,
        "default_height": size,
        "default_width": size,
        **others,
    }
