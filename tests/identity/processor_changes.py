"""Changes of attention: processors and what they hold, backends, implementations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import torch
from changes import change, patched
from diffusers.models.attention_dispatch import _AttentionBackendRegistry
from diffusers.models.attention_processor import AttnProcessor, AttnProcessor2_0
from tiny_families import flux


def _number(held: Any) -> float:
    """What a processor multiplies by: the number in what it holds."""
    if isinstance(held, dict):
        return float(held["by"])
    if isinstance(held, list):
        return float(held[0])
    return float(getattr(held, "by", held))


class Scaling:
    """An attention processor that scales what attention gives."""

    usual = 1.5

    def __init__(self, held: Any = None) -> None:
        self.held = held

    def __call__(self, attn: Any, hidden_states: Any, *args: Any, **kwargs: Any) -> Any:
        by = self.usual if self.held is None else _number(self.held)
        return AttnProcessor2_0()(attn, hidden_states, *args, **kwargs) * by


class Slotted:
    """An object with slots."""

    __slots__ = ("by",)

    def __init__(self) -> None:
        self.by = 1.5


def _with_processor(scene: Any, processor: Any) -> None:
    scene.pipe.unet.mid_block.attentions[0].transformer_blocks[0].attn1.set_processor(processor)


@change("processor class", "unet")
def processor_class(scene: Any) -> Iterator[None]:
    kept = scene.pipe.unet.attn_processors
    scene.pipe.unet.set_attn_processor(AttnProcessor())
    yield
    scene.pipe.unet.set_attn_processor(kept)


@change("processor's number", "unet", prepared=True)
def processors_number(scene: Any) -> Iterator[None]:
    processor = Scaling(1.5)
    _with_processor(scene, processor)
    yield
    processor.held = 2.0
    yield
    processor.held = 1.5


@change("processor's list", "unet", prepared=True)
def processors_list(scene: Any) -> Iterator[None]:
    held = [1.5]
    _with_processor(scene, Scaling(held))
    yield
    held[0] = 2.0
    yield
    held[0] = 1.5


@change("processor's dict", "unet", prepared=True)
def processors_dict(scene: Any) -> Iterator[None]:
    held = {"by": 1.5}
    _with_processor(scene, Scaling(held))
    yield
    held["by"] = 2.0
    yield
    held["by"] = 1.5


@change("processor's tensor", "unet", prepared=True)
def processors_tensor(scene: Any) -> Iterator[None]:
    held = torch.tensor(1.5)
    _with_processor(scene, Scaling(held))
    yield
    held.fill_(2.0)
    yield
    held.fill_(1.5)


@change("processor's object", "unet", prepared=True)
def processors_object(scene: Any) -> Iterator[None]:
    held = SimpleNamespace(by=1.5)
    _with_processor(scene, Scaling(held))
    yield
    held.by = 2.0
    yield
    held.by = 1.5


@change("processor's slots", "unet", prepared=True)
def processors_slots(scene: Any) -> Iterator[None]:
    held = Slotted()
    _with_processor(scene, Scaling(held))
    yield
    held.by = 2.0
    yield
    held.by = 1.5


@change("processor's closure", "unet", prepared=True)
def processors_closure(scene: Any) -> Iterator[None]:
    by = 1.5

    def scaled(attn: Any, hidden_states: Any, *args: Any, **kwargs: Any) -> Any:
        return AttnProcessor2_0()(attn, hidden_states, *args, **kwargs) * by

    _with_processor(scene, scaled)
    yield
    by = 2.0
    yield
    by = 1.5


@change("processor's class attribute", "unet", prepared=True)
def processors_class_attribute(scene: Any) -> Iterator[None]:
    _with_processor(scene, Scaling())
    yield
    with patched(Scaling, "usual", 2.0):
        yield


@contextmanager
def _usual_backend() -> Iterator[None]:
    """Leave the active backend of the process, which diffusers' `set_attention_backend` changes, too."""
    kept = _AttentionBackendRegistry.get_active_backend()[0]
    try:
        yield
    finally:
        _AttentionBackendRegistry.set_active_backend(kept)


@change("attention backend", "transformer", scene="transformer", prepared=True)
def attention_backend(scene: Any) -> Iterator[None]:
    with _usual_backend():
        scene.pipe.transformer.set_attention_backend("native")
        yield
        scene.pipe.transformer.set_attention_backend("_native_math")
        yield
        scene.pipe.transformer.set_attention_backend("native")


@change("attention backend of another", scene="transformer")
def attention_backend_of_another(scene: Any) -> Iterator[None]:
    with _usual_backend():
        flux()["transformer"].set_attention_backend("_native_math")
        yield


@change("attention implementation", "text_encoder")
def attention_implementation(scene: Any) -> Iterator[None]:
    scene.pipe.text_encoder.set_attn_implementation("eager")
    yield
    scene.pipe.text_encoder.set_attn_implementation("sdpa")
