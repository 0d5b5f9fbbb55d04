"""Changes of what a model is made of: parameters and layers that are others, files that are replaced."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from changes import attention, change, restored
from scenes import Net
from torch.nn.utils import parametrize, prune


@change("parameter replaced", "unet")
def parameter_replaced(scene: Any) -> Iterator[None]:
    layer = scene.pipe.unet.conv_out
    kept = layer.weight
    layer.weight = torch.nn.Parameter(kept.detach() * 1.5)
    yield
    layer.weight = kept


@change("parameters tied", "unet")
def parameters_tied(scene: Any) -> Iterator[None]:
    layer = attention(scene)
    kept = layer.to_k.weight
    layer.to_k.weight = layer.to_q.weight
    yield
    layer.to_k.weight = kept


@change("layer replaced", "unet")
def layer_replaced(scene: Any) -> Iterator[None]:
    unet = scene.pipe.unet
    kept = unet.conv_out
    unet.conv_out = copy.deepcopy(kept)
    unet.conv_out.weight.data.mul_(1.5)
    yield
    unet.conv_out = kept


@change("layers in another order", "text_encoder")
def layers_in_another_order(scene: Any) -> Iterator[None]:
    layers = scene.pipe.text_encoder.encoder.layers
    layers[0], layers[1] = layers[1], layers[0]
    yield
    layers[0], layers[1] = layers[1], layers[0]


@change("layer made a pass-through", "unet")
def pass_through(scene: Any) -> Iterator[None]:
    out = attention(scene).to_out
    kept = out[0]
    out[0] = torch.nn.Identity()
    yield
    out[0] = kept


@change("pruned", "unet")
def pruned(scene: Any) -> Iterator[None]:
    layer = scene.pipe.unet.conv_out
    kept = layer.weight.detach().clone()
    prune.l1_unstructured(layer, "weight", amount=0.5)
    yield
    prune.remove(layer, "weight")
    layer.weight.data.copy_(kept)


class Larger(torch.nn.Module):
    """A weight half as large again."""

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight * 1.5


@change("parametrized", "unet")
def parametrized(scene: Any) -> Iterator[None]:
    layer = scene.pipe.unet.conv_out
    parametrize.register_parametrization(layer, "weight", Larger())
    yield
    parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)


@change("rounded to int8", "unet")
def rounded_to_int8(scene: Any) -> Iterator[None]:
    weights = list(scene.pipe.unet.parameters())
    with restored(*weights):
        for weight in weights:
            scale = weight.detach().abs().max() / 127
            weight.data.copy_((weight.data / scale).to(torch.int8).float() * scale)
        yield


class Int8Linear(torch.nn.Module):
    """A linear layer whose weights are whole numbers."""

    def __init__(self, layer: torch.nn.Linear) -> None:
        super().__init__()
        self.bias = layer.bias
        scale = layer.weight.detach().abs().max() / 127
        self.register_buffer("scale", scale)
        self.register_buffer("whole", (layer.weight.detach() / scale).round().to(torch.int8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(x, self.whole.float() * self.scale, self.bias)


@change("quantized layers", "unet")
def quantized_layers(scene: Any) -> Iterator[None]:
    layer = attention(scene)
    kept = layer.to_q
    layer.to_q = Int8Linear(kept)
    yield
    layer.to_q = kept


@change("not a number", "vae")
def not_a_number(scene: Any) -> Iterator[None]:
    bias = scene.pipe.vae.decoder.conv_out.bias
    with restored(bias):
        bias.data[0] = float("nan")
        yield


@change("word vector edited", "text_encoder")
def word_vector_edited(scene: Any) -> Iterator[None]:
    table = scene.pipe.text_encoder.get_input_embeddings().weight
    with restored(table):
        table.data[scene.pipe.tokenizer("cat").input_ids[1]] += 1.0
        yield


@change("component replaced", "unet")
def component_replaced(scene: Any) -> Iterator[None]:
    kept = scene.pipe.unet
    torch.manual_seed(5)
    scene.pipe.update_components(unet=type(kept).from_config(kept.config).eval())
    yield
    scene.pipe.update_components(unet=kept)


def _weights_file(scene: Any) -> Path:
    return Path(scene.folder) / "unet" / "diffusion_pytorch_model.safetensors"


def _changed_half(content: bytes) -> bytes:
    """The bytes of a weights file with other, finite numbers in its second half: every sign is turned."""
    half = (len(content) // 2) // 4 * 4 + int.from_bytes(content[:8], "little") % 4
    found = bytearray(content)
    found[half + 3 :: 4] = bytes(byte ^ 0x80 for byte in found[half + 3 :: 4])
    return bytes(found)


@change("file replaced, loaded again", "unet", own_folder=True)
def file_replaced(scene: Any) -> Iterator[None]:
    file = _weights_file(scene)
    content, when = file.read_bytes(), file.stat()
    for each in (_changed_half(content), content):
        other = file.with_suffix(".new")
        other.write_bytes(each)
        os.utime(other, ns=(when.st_atime_ns, when.st_mtime_ns))
        other.replace(file)
        scene.pipe.load_components("unet")
        if each is not content:
            yield


@change("file edited under a loaded model", "unet", own_folder=True)
def file_edited(scene: Any) -> Iterator[None]:
    file = _weights_file(scene)
    content, when = file.read_bytes(), file.stat()
    for each in (_changed_half(content), content):
        with file.open("r+b") as opened:
            opened.write(each)
        os.utime(file, ns=(when.st_atime_ns, when.st_mtime_ns))
        if each is not content:
            yield


@change("own module's weights", "net", scene="net")
def own_weights(scene: Any) -> Iterator[None]:
    net: Net = scene.pipe.net
    with restored(net.linear.weight):
        net.linear.weight.data.mul_(1.5)
        yield
