"""Where in an image the denoiser looked at a word: its cross-attention, summed over heads, layers and steps.

Tang et al. 2022, "What the DAAM" (https://arxiv.org/abs/2210.04885), section 3.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from PIL import Image

from ..engine.network_calls import call_effect
from ..families.tokenize import plain_ids
from ..guiders import GuidanceBranch
from ..registry.compilation import uncompiled
from ..registry.identity.component_identity import temporary_identity
from ..state import InputError, RunError
from ..state.errors import did_you_mean
from .as_written import as_written
from .forward_override import ForwardOverride, override_forward
from .self_attention import cross_attention_modules

if TYPE_CHECKING:
    from torch import Tensor

    from ..families.contract import FamilyContract
    from ..families.roles import Tokenizer


class AttentionMaps:
    """Holds what was seen of the runs inside of `with pipe.attention_maps()`; of the last run, if there were several.

    Attributes:
        denoiser: that is watched. tokenizer: that the prompt was read with, the first where a family has several.
    """

    def __init__(self, denoiser: object, tokenizer: Tokenizer, prompts: Callable[[], Any]) -> None:
        self.denoiser = denoiser
        self.tokenizer = tokenizer
        self._prompts = prompts
        self._sum: Tensor | None = None
        self._count = 0

    def of(self, word: str, index: int = 0) -> Tensor:
        """Return how much each latent looked at a word, or at several in a row, `[height, width]` in 0..1.

        Args:
            word: as in the prompt. index: which image of the batch, from 0.

        Raises:
            InputError: the prompt has no such word, or the batch no such image. RunError: nothing was seen.
        """
        seen = self._seen()
        if not 0 <= index < len(seen):
            raise InputError(f"There are {len(seen)} images, 0 to {len(seen) - 1}, and no {index}.")
        # A word of several tokens is seen where any of them is, and the mean treats them alike.
        heat: Tensor = seen[index, self._positions(word, index, len(seen))].mean(0)
        heat = heat - heat.amin()
        return heat / heat.amax().clamp_min(1e-12)

    def overlay(self, word: str, image: Image.Image, index: int = 0) -> Image.Image:
        """Return the image in grey with the heat of a word over it, red where it looked at the word most."""
        heat = (self.of(word, index) * 255).byte().cpu().numpy()
        strength = Image.fromarray(heat).resize(image.size, Image.Resampling.BICUBIC)
        ramp = [(value, 40, 255 - value) for value in range(256)]  # from blue to red
        colours = strength.convert("P")
        colours.putpalette([channel for colour in ramp for channel in colour])
        return Image.blend(image.convert("L").convert("RGB"), colours.convert("RGB"), 0.55)

    def _seen(self) -> Tensor:
        if self._sum is None:
            raise RunError("Nothing was seen: run the pipeline inside of `with pipe.attention_maps() as maps:`.")
        return self._sum / self._count

    def _positions(self, word: str, index: int, count: int) -> list[int]:
        """Return where the tokens of a word stand in the prompt of an image."""
        given = self._prompts()
        if given is None:
            raise InputError("The run was given embeddings and no prompt, so no word can be found in it.")
        prompts = [given] if isinstance(given, str) else list(given)
        # One prompt for all images, or one for as many in a row.
        prompt = prompts[index * len(prompts) // count]
        ids = plain_ids(self.tokenizer, prompt)
        wanted = plain_ids(self.tokenizer, word, special=False)
        size = len(wanted)
        starts = [at for at in range(len(ids) - size + 1) if wanted and ids[at : at + size] == wanted]
        if not starts:
            raise InputError(f"The prompt {prompt!r} has no word {word!r}. {did_you_mean(word, prompt.split())}")
        return [at + offset for at in starts for offset in range(size)]

    def begin(self) -> None:
        """Forget what was seen, for a new run."""
        self._sum, self._count = None, 0

    def add(self, scores: Tensor, size: tuple[int, int]) -> None:
        """Add what one layer looked at, `[images, tokens, height, width]`, brought to the size of the latents."""
        from torch.nn.functional import interpolate

        # Bicubic, as in the paper, which overshoots below zero where heat ends sharply.
        brought = interpolate(scores, size=size, mode="bicubic", align_corners=False).clamp_min(0)
        self._sum = brought if self._sum is None else self._sum + brought
        self._count += 1


_observer: ContextVar[AttentionMaps | None] = ContextVar("brickwork_attention_maps", default=None)


@contextmanager
def observed(maps: AttentionMaps) -> Iterator[AttentionMaps]:
    """Watch the cross-attention of a denoiser in this thread, until the end of the `with`.

    Steps are computed even where a cache knows them, because nothing could be seen otherwise.
    """
    token = _observer.set(maps)
    try:
        # A result that a cache knows would be taken without a call, and nothing would be seen.
        with temporary_identity(maps.denoiser):
            yield maps
    finally:
        _observer.reset(token)


def maps_of(denoiser: object) -> AttentionMaps | None:
    """Return what somebody in this thread collects of a denoiser; None where nobody watches it."""
    maps = _observer.get()
    return maps if maps is not None and maps.denoiser is denoiser else None


@contextmanager
def watching(
    maps: AttentionMaps | None, family: FamilyContract, branches: Sequence[GuidanceBranch], latents: Tensor
) -> Iterator[None]:
    """Watch one call of the denoiser for branches in one batch, of which the plain positive one counts.

    Args:
        latents: of one branch.
    """
    plain = [n for n, b in enumerate(branches) if not (b.negative or b.perturbations or b.without)]
    if maps is None or not plain:
        yield
        return
    # Branches run as one batch; heat of the negative prompt is not what was asked for.
    rows = slice(plain[0] * len(latents), (plain[0] + 1) * len(latents))
    size = (latents.shape[-2], latents.shape[-1])
    found = [
        (module, _looking(module, maps, rows, size, family.aspect(latents)))
        for layer in family.layers(uncompiled(maps.denoiser))
        for module in cross_attention_modules(layer.module)
    ]
    watched = [module for module, _ in found]
    with call_effect(None), as_written(maps.denoiser, watched), override_forward(found, is_known=True):
        yield


def _looking(module: Any, maps: AttentionMaps, rows: slice, size: tuple[int, int], aspect: float) -> ForwardOverride:
    def look(forward: Callable[..., Any], hidden_states: Tensor, *args: Any, **kwargs: Any) -> Any:
        text = args[0] if args else kwargs.get("encoder_hidden_states")
        if text is not None:
            text = text[0] if isinstance(text, tuple) else text
            maps.add(_scores(module, hidden_states[rows], text[rows], aspect), size)
        return forward(hidden_states, *args, **kwargs)

    return look


def _scores(module: Any, hidden: Tensor, text: Tensor, aspect: float) -> Tensor:
    """Return how much each place looks at each token, over all heads, `[rows, tokens, height, width]`."""
    import torch

    with torch.no_grad():
        query, key = (
            part.unflatten(-1, (module.heads, -1)).transpose(1, 2).float()
            for part in (module.to_q(hidden), module.to_k(text))
        )
        # Once more by hand: fused attention never writes its scores to memory.
        scores = (query @ key.transpose(-1, -2) * module.scale).softmax(-1).mean(1)
    height = round((hidden.shape[1] * aspect) ** 0.5)
    found: Tensor = scores.transpose(1, 2).unflatten(-1, (height, -1))
    return found
