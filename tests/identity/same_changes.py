"""What computes the same: whatever reads identities has to take it for the same, or the cache is of no use.

What a kind of change is when it was taken back is asked in `test_kinds.py`; here is what was never another.
"""

from __future__ import annotations

import contextlib
import copy
import gc
import os
import pickle
import random
from collections.abc import Callable
from typing import Any

import torch
from accelerate.hooks import AlignDevicesHook, add_hook_to_module, remove_hook_from_module
from diffusers.models.attention_processor import AttnProcessor2_0
from models import copied
from scenes import Parts

from brickwork import InputError

SAME: dict[str, Callable[[Any], None]] = {}


def same(what: str) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    def register(make: Callable[[Any], None]) -> Callable[[Any], None]:
        SAME[what] = make
        return make

    return register


@same("nothing is done")
def nothing(scene: Any) -> None:
    pass


@same("a second pipeline of the same files")
def second_pipeline(scene: Any) -> None:
    scene.pipe = Parts(scene.folder.parent).pipe


@same("the components in a new pipeline")
def components_in_a_new_pipeline(scene: Any) -> None:
    held = dict(scene.pipe.components)
    scene.pipe = Parts(scene.folder.parent).pipe
    scene.pipe.update_components(**held)


@same("a copy of the folder, loaded")
def copied_folder(scene: Any) -> None:
    target = copied(scene.folder, scene.folder.parent / "copied" / "parts").parent
    held = Parts(target).pipe
    scene.pipe.update_components(**{name: held.components[name] for name in held.pretrained_component_names})


@same("files with another time, loaded again")
def touched_files(scene: Any) -> None:
    for file in (scene.folder / "unet").iterdir():
        os.utime(file, ns=(10**18, 10**18))
    scene.pipe.load_components("unet")


@same("a deep copy of a model")
def deep_copy(scene: Any) -> None:
    scene.pipe.update_components(unet=copy.deepcopy(scene.pipe.unet))


@same("a deep copy of the pipeline")
def deep_copy_of_the_pipeline(scene: Any) -> None:
    scene.pipe = copy.deepcopy(scene.pipe)


@same("a model that was pickled and read again")
def pickled(scene: Any) -> None:
    scene.pipe.update_components(vae=pickle.loads(pickle.dumps(scene.pipe.vae)))


@same("a model with the same weights, made anew")
def made_anew(scene: Any) -> None:
    made = type(scene.pipe.unet).from_config(scene.pipe.unet.config).eval()
    made.load_state_dict(scene.pipe.unet.state_dict())
    scene.pipe.update_components(unet=made)


@same("the weights loaded again")
def loaded_again(scene: Any) -> None:
    scene.pipe.unet.load_state_dict({name: each.clone() for name, each in scene.pipe.unet.state_dict().items()})


@same("moved to the device where it is")
def moved(scene: Any) -> None:
    scene.pipe.unet.to("cpu")


@same("through double precision and back")
def through_double(scene: Any) -> None:
    scene.pipe.unet.to(torch.float64).to(torch.float32)


@same("weights that need no gradients")
def no_gradients(scene: Any) -> None:
    scene.pipe.unet.requires_grad_(False)


@same("weights that hold gradients")
def gradients(scene: Any) -> None:
    for weight in scene.pipe.unet.parameters():
        weight.grad = torch.ones_like(weight)


@same("training mode and back")
def training_mode(scene: Any) -> None:
    scene.pipe.unet.train()
    scene.pipe.unet.eval()


@same("weights that were looked at through numpy")
def looked_at(scene: Any) -> None:
    scene.kept = scene.pipe.unet.conv_in.weight.detach().numpy()


@same("a hook that was added and removed")
def hook(scene: Any) -> None:
    scene.pipe.unet.mid_block.register_forward_hook(lambda module, args, out: out * 2).remove()


@same("accelerate's hook, added and removed")
def accelerates_hook(scene: Any) -> None:
    add_hook_to_module(scene.pipe.unet, AlignDevicesHook("cpu"))
    remove_hook_from_module(scene.pipe.unet)


@same("the same attention processors, made anew")
def processors(scene: Any) -> None:
    scene.pipe.unet.set_attn_processor(AttnProcessor2_0())


@same("FreeU, switched on and off")
def freeu(scene: Any) -> None:
    scene.pipe.unet.enable_freeu(s1=0.9, s2=0.2, b1=1.5, b2=1.6)
    scene.pipe.unet.disable_freeu()


@same("models that were used elsewhere")
def used_elsewhere(scene: Any) -> None:
    with torch.no_grad():
        scene.pipe.text_encoder(torch.ones(1, 4, dtype=torch.int64))
        scene.pipe.vae.encode(torch.ones(1, 3, 32, 32))
    scene.pipe.tokenizer(["two", "words"], padding=True)


@same("attributes that nobody reads")
def notes(scene: Any) -> None:
    scene.pipe.unet.my_note = None


@same("random numbers drawn in between")
def drawn(scene: Any) -> None:
    random.seed(5)
    torch.manual_seed(5)
    torch.rand(3)


@same("another working directory and environment")
def environment(scene: Any) -> None:
    os.environ["KINDS_UNRELATED"] = "1"
    os.chdir("/")


@same("blocks made anew")
def blocks_anew(scene: Any) -> None:
    blocks = scene.pipe.blocks
    for name in ("encode", "decode"):
        blocks.replace(name, type(blocks.sub_blocks[name])())


@same("an invalid call in between")
def invalid_call(scene: Any) -> None:
    with contextlib.suppress(InputError):
        scene.pipe(promt="a cat")


@same("garbage collected")
def collected(scene: Any) -> None:
    gc.collect()
