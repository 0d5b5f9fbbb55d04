"""Changes of the numbers in weights and buffers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from changes import attention, change, restored
from diffusers.training_utils import EMAModel
from torch.nn.utils import parameters_to_vector, vector_to_parameters


@change("data assigned", "unet")
def data_assigned(scene: Any) -> Iterator[None]:
    weight = scene.pipe.unet.conv_out.weight
    kept = weight.data
    weight.data = kept * 1.5
    yield
    weight.data = kept


class Louder(torch.Tensor):
    """A tensor with the bytes of another one, which counts for more in what it is used in."""

    by = 1.5

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = super().__torch_function__(func, types, args, kwargs or {})
        if func is not torch.nn.functional.conv2d:
            return found
        weight = next(each for each in args if isinstance(each, Louder))
        return found.as_subclass(torch.Tensor) * weight.by


@change("tensor class", "unet")
def tensor_class(scene: Any) -> Iterator[None]:
    held = scene.pipe.unet.conv_out._parameters
    kept = held["weight"]
    held["weight"] = kept.detach().as_subclass(Louder)
    yield
    held["weight"] = kept


@change("attribute of a tensor class", "unet", prepared=True)
def attribute_of_tensor_class(scene: Any) -> Iterator[None]:
    held = scene.pipe.unet.conv_out._parameters
    kept = held["weight"]
    held["weight"] = louder = kept.detach().as_subclass(Louder)
    louder.by = 1.5
    yield
    louder.by = 2.0
    yield
    louder.by = 1.5
    yield
    held["weight"] = kept


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
