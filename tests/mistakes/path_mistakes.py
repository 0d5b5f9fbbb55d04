"""Mistakes with the paths and files of adapters: what is not there, which of several is meant, and what is no file of weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from mistake import Mistake
from safetensors.torch import save_file

from brickwork import BrickworkError, ComponentError, InputError, ModularPipeline, RepoError, TrustError
from brickwork.presets.embedded import FOLDER

TENSORS = {"x": torch.ones(1)}
HTML = b"<!DOCTYPE html><title>404</title>"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"


def lora(name: str, fill: Callable[[Path], Any], error: type[BrickworkError], *says: str, **options: Any) -> Mistake:
    """A LoRA from what `fill` returns of an empty folder, which it fills before; None is the folder itself."""

    def make(folder: Path) -> Any:
        source = fill(folder)
        pipe = ModularPipeline.from_pretrained(str(FOLDER)).load_components(["unet"])
        return pipe.load_lora_weights(folder if source is None else source, **options)

    return Mistake(name, "folder", make, error, says)


def weights(*names: str, give: str | None = None) -> Callable[[Path], Any]:
    """Write files of weights; `give` is the path in the folder that is given."""

    def fill(folder: Path) -> Any:
        for name in names:
            (folder / name).parent.mkdir(exist_ok=True)
            save_file(TENSORS, folder / name)
        return None if give is None else folder / give

    return fill


def content(data: bytes, name: str = "lora.safetensors") -> Callable[[Path], Any]:
    def fill(folder: Path) -> Any:
        (folder / name).write_bytes(data)
        return folder / name

    return fill


def pickled(name: str) -> Callable[[Path], Any]:
    def fill(folder: Path) -> Any:
        torch.save(TENSORS, folder / name)
        return folder / name

    return fill


def given(source: Any) -> Callable[[Path], Any]:
    return lambda _: source


PATHS = [
    lora("a folder that is not there", weights("lora/a.safetensors", give="loras"), RepoError, "It is not in /", "'lora'?"),
    lora("a file without its ending", weights("mine.safetensors", give="mine"), RepoError, "Did you mean 'mine.safetensors'?"),
    lora("a folder in a folder that is not there", given("/nowhere/at/all"), RepoError, "There is no folder /nowhere/at."),
    lora("a home folder", given("~/lora.safetensors"), RepoError, "give Path('~/lora.safetensors').expanduser()"),
    lora("a folder at home", given("~/my-loras"), RepoError, "give Path('~/my-loras').expanduser()"),
    lora("an address on the Hub", given("https://huggingface.co/a/b"), RepoError, "not opened", "name on the Hub, which is 'a/b'"),
    lora("an address", given("https://civitai.com/x"), RepoError, "path of a file that you have downloaded, or the name on the Hub."),
    lora("nothing", given(""), InputError, "The file of weights is empty"),
    lora("several files", weights("a.safetensors", "b.safetensors"), RepoError, "a.safetensors, b.safetensors; say", "weight_name='a.safetensors'"),
    lora("a file in an inner folder", weights("in/a.safetensors"), RepoError, "no .safetensors files itself", "weight_name='in/a.safetensors'"),
    lora("an empty folder", lambda _: None, RepoError, "has no .safetensors files; it is empty."),
    lora("a folder of other files", lambda folder: content(b"x", "a.txt")(folder).parent, RepoError, "There is: a.txt."),
    lora("a folder of pickled files", lambda folder: pickled("w.bin")(folder).parent, RepoError, "of w.bin nothing is read", "Convert them"),
    lora("an unknown file", weights("a.safetensors"), RepoError, "has no file c.safetensors. Did you mean 'a.safetensors'?", weight_name="c.safetensors"),
    lora("an unknown pickled file", weights("a.safetensors"), RepoError, "has no file c.bin. There are: a.safetensors", weight_name="c.bin"),
    lora("a number as the file", weights("a.safetensors"), InputError, "weight_name is 3 (int)", weight_name=3),
    lora("two files", weights("a.safetensors", give="a.safetensors"), InputError, "Two files are named", "'b.safetensors'", weight_name="b.safetensors"),
    lora("a subfolder", weights("in/a.safetensors"), InputError, "weight_name='in/lora.safetensors'", subfolder="in"),
]  # fmt: skip
FILES = [
    lora("an empty file", content(b""), ComponentError, "is no safetensors file", "it is empty. Copy or download it again"),
    lora("a web page", content(HTML), ComponentError, "it is a web page"),
    lora("a pointer of git-lfs", content(POINTER), ComponentError, "`git lfs pull`"),
    lora("a checkpoint under another name", pickled("lora.safetensors"), ComponentError, "a checkpoint of torch under another name"),
    lora("a checkpoint", pickled("lora.pt"), TrustError, "lora.pt is no .safetensors file", "Convert it"),
    lora("no tensors", given({}), ComponentError, "dict of tensors by name, and this one is empty"),
    lora("text in the place of tensors", given({"x": "y"}), ComponentError, "'x' is 'y' (str)"),
    lora("a name of two parts", given(TENSORS), InputError, "adapter_name is 'a.b' (str)", "without a dot", adapter_name="a.b"),
    lora("a number as the name", given(TENSORS), InputError, "adapter_name is 3 (int)", adapter_name=3),
]  # fmt: skip
OTHERS = [
    Mistake("a number as an IP-Adapter", "embedded", lambda pipe: pipe.load_ip_adapter(3), InputError, ("The IP-Adapter is 3 (int)",)),
    Mistake("a number as taught words", "embedded", lambda pipe: pipe.load_textual_inversion(3), InputError, ("is 3 (int)", "a path")),
]  # fmt: skip
MISTAKES = [*PATHS, *FILES, *OTHERS]
