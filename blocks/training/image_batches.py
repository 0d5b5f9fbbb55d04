"""Batches of images with captions, without end: each follows from its number and the seed alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ...state import InputError, Outputs
from ...state.digest import digest_of
from ...state.limits import LARGEST_RECIPE
from ...state.strict_json import parse_json
from ...state.vocabulary import BatchSize, Height, Width
from ..core.block import Block
from ..steps.load_image import load_image

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from torch import Tensor

_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp"})
_TABLE = "metadata.jsonl"


@frozen
class ImageBatches:
    """Images with captions, in batches without end. Every image comes once before one comes again, in another order each time.

    A run that goes on needs no state of it: a batch follows from its number. Snapshots hold what data it was, by names, captions and sizes
    of files, and other data are refused.

    Attributes:
        images, captions: of each example. batch_size: how many of them at once. size: of the squares in pixels, to which images are
            resized and cropped. seed: of the orders, and of what is mirrored. flip: share of images that are mirrored.
    """

    images: tuple[Path, ...] = field(repr=False)
    captions: tuple[str, ...] = field(repr=False)
    batch_size: int
    size: int
    seed: int = 0
    flip: float = 0.0

    @classmethod
    def of_folder(cls, folder: str | Path, **options: Any) -> ImageBatches:
        """Read a folder of images; captions stand in `metadata.jsonl` (`{"file_name": ..., "text": ...}` a line), or in a `.txt` beside each.

        Raises:
            InputError: images or captions are missing; every one is named.
        """
        path = Path(folder)
        if not path.is_dir():
            raise InputError(f"There is no folder {path} of images to train on.")
        found, faults = dict[str, str](), list[str]()
        table = path / _TABLE
        if table.is_file():
            for number, line in enumerate(table.read_text("utf-8").splitlines(), 1):
                entry = (
                    parse_json(line.encode(), f"line {number} of {table}", largest=LARGEST_RECIPE)
                    if line.strip()
                    else None
                )
                if entry is None:
                    continue
                if not isinstance(entry, Mapping) or not all(
                    isinstance(entry.get(key), str) for key in ("file_name", "text")
                ):
                    faults.append(f"{_TABLE}, line {number}: it has no file_name and text.")
                else:
                    found[entry["file_name"]] = entry["text"]
        else:
            images = sorted(each for each in path.iterdir() if each.suffix.lower() in _ENDINGS)
            for each in images:
                beside = each.with_suffix(".txt")
                if beside.is_file():
                    found[each.name] = beside.read_text("utf-8").strip()
                else:
                    faults.append(f"{each.name} has no caption: {beside.name}, or a line in {_TABLE}.")
        faults += [f"{name}: there is no such image in {path}." for name in found if not (path / name).is_file()]
        if faults:
            raise InputError.of(f"The images in {path} cannot be trained on", faults)
        if not found:
            raise InputError(f"{path} holds no images ({', '.join(sorted(_ENDINGS))}).")
        return cls(tuple(path / name for name in found), tuple(found.values()), **options)

    def batch(self, number: int) -> tuple[Tensor, list[str]]:
        """Return the images of a batch, `[b 3 size size]` in -1..1, and their captions."""
        import torch

        chosen = list(self._indices(number))
        pixels = torch.stack([self._pixels(index, is_flipped) for index, is_flipped in chosen])
        return pixels, [self.captions[index] for index, _ in chosen]

    def _indices(self, number: int) -> Iterator[tuple[int, bool]]:
        for place in range(number * self.batch_size, (number + 1) * self.batch_size):
            order, flips = _order(len(self.images), self.seed, place // len(self.images))
            index = order[place % len(order)]
            yield index, flips[index] < self.flip

    def _pixels(self, index: int, is_flipped: bool) -> Tensor:
        import numpy as np
        import torch
        from PIL import ImageOps

        fitted = ImageOps.fit(load_image(self.images[index]), (self.size, self.size))
        fitted = ImageOps.mirror(fitted) if is_flipped else fitted
        return torch.from_numpy(np.asarray(fitted).copy()).permute(2, 0, 1).float() / 127.5 - 1

    def state_dict(self) -> dict[str, Any]:
        """Return what the data are: of files their names and sizes."""
        files = [(path.name, path.stat().st_size) for path in self.images]
        return {"data": digest_of([files, list(self.captions)]), "batch_size": self.batch_size, **self._drawn()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Compare with the data of the run that goes on.

        Raises:
            InputError: they are others.
        """
        now = self.state_dict()
        odd = [name for name, value in now.items() if state.get(name) != value]
        if odd:
            raise InputError(f"these are other batches than those of the run: {', '.join(odd)}.")

    def _drawn(self) -> dict[str, Any]:
        return {"size": self.size, "seed": self.seed, "flip": self.flip}


@lru_cache(maxsize=2)
def _order(count: int, seed: int, epoch: int) -> tuple[list[int], list[float]]:
    """Return in which order the images come in an epoch, and for each a number that says whether it is mirrored."""
    import torch

    generator = torch.Generator().manual_seed((seed << 20) + epoch)
    return torch.randperm(count, generator=generator).tolist(), torch.rand(count, generator=generator).tolist()


class LoadBatch(Block):
    """Load the batch of an iteration; of several processes each its own. `prompt_dropout`: share of captions that are emptied."""

    prompt_dropout: float = 0.0

    class Out(Outputs):
        pixels: Tensor
        prompt: list[str]
        height: Height
        width: Width
        batch_size: BatchSize

    def run(self, batches: ImageBatches, batch_index: int, accelerator: Accelerator, generator: torch.Generator) -> Out:
        import torch

        number = batch_index * accelerator.num_processes + accelerator.process_index
        pixels, prompt = batches.batch(number)
        if self.prompt_dropout:
            drawn = torch.rand(len(prompt), generator=generator).tolist()
            prompt = ["" if each < self.prompt_dropout else text for text, each in zip(prompt, drawn, strict=True)]
        height, width = pixels.shape[-2:]
        return self.Out(pixels=pixels, prompt=prompt, height=height, width=width, batch_size=len(prompt))
