"""Changes from outside of a model: hooks, modes of torch, replaced functions and classes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import Any

import diffusers
import PIL.Image
import torch
from changes import change, patched
from diffusers import UNet2DConditionModel
from diffusers.models.resnet import ResnetBlock2D
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode


def _scaled(by: float, module: Any, args: Any, out: Any) -> Any:
    return out * by


class Hooking:
    """An object whose method is a hook."""

    by = 1.5

    def scaled(self, module: Any, args: Any, out: Any) -> Any:
        return out * self.by


@contextmanager
def _hook(layer: Any, hook: Any) -> Iterator[None]:
    handle = layer.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@change("forward hook", "unet")
def forward_hook(scene: Any) -> Iterator[None]:
    with _hook(scene.pipe.unet.mid_block, lambda module, args, out: out * 1.5):
        yield


@change("forward pre-hook", "vae")
def forward_pre_hook(scene: Any) -> Iterator[None]:
    handle = scene.pipe.vae.decoder.conv_in.register_forward_pre_hook(lambda module, args: (args[0] * 1.5,))
    yield
    handle.remove()


@change("partial hook", "unet", prepared=True)
def partial_hook(scene: Any) -> Iterator[None]:
    layer = scene.pipe.unet.mid_block
    with _hook(layer, partial(_scaled, 1.5)):
        yield
    with _hook(layer, partial(_scaled, 2.0)):
        yield
    layer.register_forward_hook(partial(_scaled, 1.5))


@change("hook's object", "unet", prepared=True)
def hooks_object(scene: Any) -> Iterator[None]:
    hooking = Hooking()
    scene.pipe.unet.mid_block.register_forward_hook(hooking.scaled)
    yield
    with patched(hooking, "by", 2.0):
        yield


@change("global forward hook")
def global_forward_hook(scene: Any) -> Iterator[None]:
    handle = register_module_forward_hook(
        lambda module, args, out: out * 1.1 if isinstance(module, torch.nn.Conv2d) else out
    )
    try:
        yield
    finally:
        handle.remove()


@change("global forward pre-hook")
def global_forward_pre_hook(scene: Any) -> Iterator[None]:
    def larger(module: Any, args: Any) -> Any:
        return (args[0] * 1.1,) if isinstance(module, torch.nn.Conv2d) else args

    handle = register_module_forward_pre_hook(larger)
    try:
        yield
    finally:
        handle.remove()


class LargerNorms(TorchFunctionMode):
    """Scales what `group_norm` gives."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        return found * 1.1 if func is torch.nn.functional.group_norm else found


class LargerSilu(TorchDispatchMode):
    """Scales what the operator `silu` gives."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        return found * 1.1 if func is torch.ops.aten.silu.default else found


@change("function mode")
def function_mode(scene: Any) -> Iterator[None]:
    with LargerNorms():
        yield


@change("dispatch mode")
def dispatch_mode(scene: Any) -> Iterator[None]:
    with LargerSilu():
        yield


def _larger(forward: Any) -> Any:
    def larger(*args: Any, **kwargs: Any) -> Any:
        return forward(*args, **kwargs) * 1.1

    return larger


@change("model class patched")
def model_class_patched(scene: Any) -> Iterator[None]:
    forward = UNet2DConditionModel.forward

    def larger(self: Any, sample: Any, *args: Any, **kwargs: Any) -> Any:
        return forward(self, sample * 1.1, *args, **kwargs)

    with patched(UNet2DConditionModel, "forward", larger):
        yield


@change("layer class patched")
def layer_class_patched(scene: Any) -> Iterator[None]:
    with patched(ResnetBlock2D, "forward", _larger(ResnetBlock2D.forward)):
        yield


@change("torch's layer class patched")
def torchs_layer_class_patched(scene: Any) -> Iterator[None]:
    with patched(torch.nn.GroupNorm, "forward", _larger(torch.nn.GroupNorm.forward)):
        yield


@change("torch function patched")
def torch_function_patched(scene: Any) -> Iterator[None]:
    functions = torch.nn.functional
    with patched(functions, "scaled_dot_product_attention", _larger(functions.scaled_dot_product_attention)):
        yield


@change("tensor method patched")
def tensor_method_patched(scene: Any) -> Iterator[None]:
    chunk = torch.Tensor.chunk
    with patched(torch.Tensor, "chunk", lambda self, count, dim=0: chunk(self, count, dim)[::-1]):
        yield


@change("library function patched")
def library_function_patched(scene: Any) -> Iterator[None]:
    module = diffusers.models.embeddings
    with patched(module, "get_timestep_embedding", _larger(module.get_timestep_embedding)):
        yield


@change("math patched under a model")
def math_patched(scene: Any) -> Iterator[None]:
    log = math.log
    with patched(math, "log", lambda x, *base: log(x, *base) * 1.1):
        yield


@change("module replaced in a module")
def module_replaced(scene: Any) -> Iterator[None]:
    other = ModuleType("math")
    vars(other).update({name: part for name, part in vars(math).items() if not name.startswith("__")})
    other.log = lambda x, *base: math.log(x, *base) * 1.1  # type: ignore[attr-defined]
    with patched(diffusers.models.embeddings, "math", other):
        yield


@change("PIL function patched")
def pil_patched(scene: Any) -> Iterator[None]:
    fromarray = PIL.Image.fromarray
    with patched(PIL.Image, "fromarray", lambda *args, **options: fromarray(*args, **options).rotate(90)):
        yield


@change("forward of the model replaced", "unet")
def forward_of_the_model(scene: Any) -> Iterator[None]:
    unet = scene.pipe.unet
    forward = unet.forward
    with patched(unet, "forward", lambda sample, *args, **kwargs: forward(sample * 1.1, *args, **kwargs)):
        yield


@change("forward of a layer replaced", "unet")
def forward_of_a_layer(scene: Any) -> Iterator[None]:
    layer = scene.pipe.unet.mid_block.attentions[0].transformer_blocks[0].ff
    with patched(layer, "forward", _larger(layer.forward)):
        yield


class LargerConv(torch.nn.Conv2d):
    """A convolution that gives more."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - torch's name
        return super().forward(input) * 1.5


@change("class of a layer changed", "unet")
def class_of_a_layer(scene: Any) -> Iterator[None]:
    scene.pipe.unet.conv_in.__class__ = LargerConv
    yield
    scene.pipe.unet.conv_in.__class__ = torch.nn.Conv2d


@change("attribute of a layer", "unet")
def attribute_of_a_layer(scene: Any) -> Iterator[None]:
    with patched(scene.pipe.unet.mid_block.resnets[0], "output_scale_factor", 2.0):
        yield


@change("activation replaced", "unet")
def activation_replaced(scene: Any) -> Iterator[None]:
    layer = scene.pipe.unet.mid_block.resnets[0]
    kept = layer.nonlinearity
    layer.nonlinearity = torch.nn.GELU()
    yield
    layer.nonlinearity = kept
