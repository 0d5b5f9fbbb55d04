"""Changes of the settings of models: attention processors, hooks, patches, what diffusers and torch switch on and off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import diffusers
import torch
from changes import change, patched
from diffusers import PyramidAttentionBroadcastConfig, UNet2DConditionModel
from diffusers.models.attention_dispatch import _AttentionBackendRegistry
from diffusers.models.attention_processor import AttnProcessor, AttnProcessor2_0
from diffusers.models.resnet import ResnetBlock2D
from tiny_families import flux
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode


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


@change("FreeU", "unet")
def freeu(scene: Any) -> Iterator[None]:
    scene.pipe.unet.enable_freeu(s1=0.9, s2=0.2, b1=1.5, b2=1.6)
    yield
    scene.pipe.unet.disable_freeu()


@change("FreeU's numbers", "unet", prepared=True)
def freeus_numbers(scene: Any) -> Iterator[None]:
    scene.pipe.unet.enable_freeu(s1=0.9, s2=0.2, b1=1.5, b2=1.6)
    yield
    scene.pipe.unet.enable_freeu(s1=0.5, s2=0.5, b1=1.2, b2=1.3)
    yield
    scene.pipe.unet.enable_freeu(s1=0.9, s2=0.2, b1=1.5, b2=1.6)


@change("attention slicing", "unet")
def attention_slicing(scene: Any) -> Iterator[None]:
    kept = scene.pipe.unet.attn_processors
    scene.pipe.unet.set_attention_slice("max")
    yield
    scene.pipe.unet.set_attn_processor(kept)


@change("VAE slicing", "vae")
def vae_slicing(scene: Any) -> Iterator[None]:
    scene.pipe.vae.enable_slicing()
    yield
    scene.pipe.vae.disable_slicing()


def _small_tiles(vae: Any, latents: int) -> None:
    vae.tile_latent_min_size, vae.tile_sample_min_size = latents, 8 * latents


@change("VAE tiling", "vae", prepared=True)
def vae_tiling(scene: Any) -> Iterator[None]:
    _small_tiles(scene.pipe.vae, 2)
    yield
    scene.pipe.vae.enable_tiling()
    yield
    scene.pipe.vae.disable_tiling()


@change("VAE tile size", "vae", prepared=True)
def vae_tile_size(scene: Any) -> Iterator[None]:
    scene.pipe.vae.enable_tiling()
    _small_tiles(scene.pipe.vae, 3)
    yield
    _small_tiles(scene.pipe.vae, 2)
    yield
    _small_tiles(scene.pipe.vae, 3)


@change("fused projections", "unet")
def fused_projections(scene: Any) -> Iterator[None]:
    scene.pipe.unet.fuse_qkv_projections()
    yield
    scene.pipe.unet.unfuse_qkv_projections()


@change("layerwise casting", "vae")
def layerwise_casting(scene: Any) -> Iterator[None]:
    scene.pipe.vae.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32)
    yield


@change("activation cache", "transformer", scene="transformer")
def activation_cache(scene: Any) -> Iterator[None]:
    config = PyramidAttentionBroadcastConfig(
        spatial_attention_block_skip_range=2,
        spatial_attention_timestep_skip_range=(-1, 2),
        current_timestep_callback=lambda: 0.5,
    )
    scene.pipe.transformer.enable_cache(config)
    yield
    scene.pipe.transformer.disable_cache()


@change("forward chunking", "unet")
def forward_chunking(scene: Any) -> Iterator[None]:
    layer = scene.pipe.unet.mid_block.attentions[0].transformer_blocks[0]
    layer.set_chunk_feed_forward(1, 1)
    yield
    layer.set_chunk_feed_forward(None, 0)


@change("gradient checkpointing", "unet")
def gradient_checkpointing(scene: Any) -> Iterator[None]:
    scene.pipe.unet.enable_gradient_checkpointing()
    yield
    scene.pipe.unet.disable_gradient_checkpointing()


@change("training mode", "text_encoder", prepared=True)
def training_mode(scene: Any) -> Iterator[None]:
    for layer in scene.pipe.text_encoder.encoder.layers:
        layer.self_attn.dropout = 0.5
    yield
    scene.pipe.text_encoder.train()
    yield
    scene.pipe.text_encoder.eval()


@change("channels_last", "unet")
def channels_last(scene: Any) -> Iterator[None]:
    scene.pipe.unet.to(memory_format=torch.channels_last)
    yield
    scene.pipe.unet.to(memory_format=torch.contiguous_format)


@change("autocast")
def autocast(scene: Any) -> Iterator[None]:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        yield


@change("deterministic algorithms")
def deterministic_algorithms(scene: Any) -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@change("number of threads", scene="net")
def number_of_threads(scene: Any) -> Iterator[None]:
    kept = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        yield
    finally:
        torch.set_num_threads(kept)


@change("matmul precision")
def matmul_precision(scene: Any) -> Iterator[None]:
    kept = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(kept)


@change("SDPA backends")
def sdpa_backends(scene: Any) -> Iterator[None]:
    with sdpa_kernel(SDPBackend.MATH):
        yield


@change("oneDNN off")
def onednn_off(scene: Any) -> Iterator[None]:
    with torch.backends.mkldnn.flags(enabled=False):
        yield


@change("flush denormals")
def flush_denormals(scene: Any) -> Iterator[None]:
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
