"""Changes of the weights of components."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from changes import change, restored
from diffusers.training_utils import EMAModel
from scenes import Net
from torch.nn.utils import parameters_to_vector, parametrize, prune, vector_to_parameters


def attention(scene: Any) -> Any:
    """The attention of a middle layer; its projections have one shape."""
    return scene.pipe.unet.mid_block.attentions[0].transformer_blocks[0].attn1


@change("data assigned", "unet")
def data_assigned(scene: Any) -> Iterator[None]:
    weight = scene.pipe.unet.conv_out.weight
    kept = weight.data
    weight.data = kept * 1.5
    yield
    weight.data = kept


@change("data edited", "unet")
def data_edited(scene: Any) -> Iterator[None]:
    weight = scene.pipe.unet.conv_out.weight
    with restored(weight):
        weight.data.mul_(1.5)
        yield


@change("copied into", "unet")
def copied_into(scene: Any) -> Iterator[None]:
    weight = scene.pipe.unet.conv_out.weight
    with restored(weight):
        with torch.no_grad():
            weight.copy_(weight * 1.5)
        yield


@change("detached edited", "vae")
def detached_edited(scene: Any) -> Iterator[None]:
    weight = scene.pipe.vae.decoder.conv_out.weight
    with restored(weight):
        weight.detach().mul_(1.5)
        yield


@change("numpy view", "unet")
def numpy_view(scene: Any) -> Iterator[None]:
    weight = scene.pipe.unet.conv_out.weight
    with restored(weight):
        view = weight.detach().numpy()
        view *= 1.5
        del view
        yield


@change("one number by numpy", "text_encoder")
def one_number_by_numpy(scene: Any) -> Iterator[None]:
    weight = scene.pipe.text_encoder.encoder.layers[1].mlp.fc1.weight
    with restored(weight):
        weight.detach().numpy()[3, 5] += 1
        yield


@change("kept numpy view", "unet", prepared=True)
def kept_numpy_view(scene: Any) -> Iterator[None]:
    view = scene.pipe.unet.conv_out.weight.detach().numpy()
    kept = view.copy()
    yield
    view *= 1.5
    yield
    view[...] = kept


@change("storage", "vae")
def storage(scene: Any) -> Iterator[None]:
    weight = scene.pipe.vae.decoder.conv_out.weight
    with restored(weight):
        other = torch.empty(0, dtype=weight.dtype).set_(weight.untyped_storage(), weight.storage_offset(), weight.shape)
        other.mul_(1.5)
        yield


@change("set_", "unet")
def set_(scene: Any) -> Iterator[None]:
    weight = scene.pipe.unet.conv_out.weight
    kept = weight.detach()
    with torch.no_grad():
        weight.set_(kept * 1.5)
    yield
    with torch.no_grad():
        weight.set_(kept)


@change("swapped tensors", "unet")
def swapped_tensors(scene: Any) -> Iterator[None]:
    one, other = attention(scene).to_q.weight, attention(scene).to_k.weight
    torch.utils.swap_tensors(one, other)
    yield
    torch.utils.swap_tensors(one, other)


@change("foreach", "unet")
def foreach(scene: Any) -> Iterator[None]:
    weights = list(scene.pipe.unet.mid_block.parameters())
    with restored(*weights):
        torch._foreach_mul_([weight.data for weight in weights], 1.5)
        yield


@change("EMA copied", "unet")
def ema_copied(scene: Any) -> Iterator[None]:
    weights = list(scene.pipe.unet.parameters())
    average = EMAModel(weights)
    average.shadow_params = [weight * 1.1 for weight in average.shadow_params]
    average.store(weights)
    average.copy_to(weights)
    yield
    average.restore(weights)


@change("vector_to_parameters", "unet")
def by_vector(scene: Any) -> Iterator[None]:
    weights = list(scene.pipe.unet.parameters())
    vector = parameters_to_vector(weights).detach()
    with restored(*weights):
        vector_to_parameters(vector * 1.1, weights)
        yield


@change("load_state_dict", "unet")
def load_state_dict(scene: Any) -> Iterator[None]:
    unet = scene.pipe.unet
    kept = {name: tensor.clone() for name, tensor in unet.state_dict().items()}
    unet.load_state_dict({name: tensor * 1.1 for name, tensor in kept.items()})
    yield
    unet.load_state_dict(kept)


@change("load_state_dict, assigned", "unet")
def load_state_dict_assigned(scene: Any) -> Iterator[None]:
    unet = scene.pipe.unet
    kept = {name: tensor.clone() for name, tensor in unet.state_dict().items()}
    unet.load_state_dict({name: tensor * 1.1 for name, tensor in kept.items()}, assign=True)
    yield
    unet.load_state_dict(kept, assign=True)


@change("trained", "unet")
def trained(scene: Any) -> Iterator[None]:
    unet = scene.pipe.unet
    weights = list(unet.parameters())
    for weight in weights:
        weight.grad = torch.ones_like(weight)
    with restored(*weights):
        torch.optim.SGD(weights, lr=0.01).step()
        for weight in weights:
            weight.grad = None
        yield


@change("trained in the pipeline", "unet")
def trained_in_the_pipeline(scene: Any) -> Iterator[None]:
    pipe = scene.pipe
    weight = pipe.unet.conv_out.weight
    pipe.configure(grad="inherit")
    pipe(**scene.inputs(), output="x").square().mean().backward()
    with restored(weight):
        torch.optim.SGD([weight], lr=1.0).step()
        for model in (pipe.unet, pipe.vae, pipe.text_encoder):
            model.zero_grad()
        pipe.configure(grad="no_grad")
        yield


@change("there and back in bfloat16", "unet")
def there_and_back(scene: Any) -> Iterator[None]:
    unet = scene.pipe.unet
    kept = {name: tensor.clone() for name, tensor in unet.state_dict().items()}
    unet.to(torch.bfloat16).to(torch.float32)
    yield
    unet.load_state_dict(kept)


@change("half round trip of a layer", "vae")
def half_round_trip(scene: Any) -> Iterator[None]:
    layer = scene.pipe.vae.decoder.mid_block
    with restored(*layer.parameters()):
        layer.half().float()
        yield


@change("in bfloat16", "vae")
def in_bfloat16(scene: Any) -> Iterator[None]:
    kept = {name: tensor.clone() for name, tensor in scene.pipe.vae.state_dict().items()}
    scene.pipe.vae.to(torch.bfloat16)
    yield
    scene.pipe.vae.to(torch.float32).load_state_dict(kept)


@change("buffer edited", "net", scene="net")
def buffer_edited(scene: Any) -> Iterator[None]:
    mean = scene.pipe.net.norm.running_mean
    with restored(mean):
        mean.add_(1.0)
        yield


@change("buffer not saved", "text_encoder")
def buffer_not_saved(scene: Any) -> Iterator[None]:
    positions = scene.pipe.text_encoder.embeddings.position_ids
    kept = positions.clone()
    scene.pipe.text_encoder.embeddings.position_ids = kept.flip(1)
    yield
    scene.pipe.text_encoder.embeddings.position_ids = positions


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
