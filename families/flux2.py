"""What is particular to FLUX.2 (https://github.com/black-forest-labs/flux2): "dev", and "klein" with its own guidance or distilled."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ..guiders import ClassifierFreeGuidance, EmbeddedGuidance
from ..registry import families
from ..state import InputError
from ..state.written_constants import note_constant
from .contract import RoleComponent, TextEncoding
from .flow import STACKS, TEXT_FIELDS
from .guidance_embedding import told_scales
from .packing import PackedTokens, references_in
from .pipeline_properties import of_component, pipeline_properties
from .shared_fields import PROMPT, REFERENCES

if TYPE_CHECKING:
    from torch import Tensor

    from .roles import Autoencoder, Denoiser, Scheduler

_BETWEEN_REFERENCES = 10
"""Reference images stand so far behind each other on the axis of time, and behind the image (`Flux2Pipeline` of diffusers 0.42.1)."""


@frozen
class Flux2Contract(PackedTokens):
    """Latents that are squares of 2x2 of the VAE's, each a token with four places; hidden states of several layers as text."""

    def vae_channels(self, vae: Autoencoder) -> int:
        """Return those of squares of four."""
        return 4 * super().vae_channels(vae)

    def vae_scale_factor(self, vae: Autoencoder) -> int:
        """Return how many pixels a square of latents is wide."""
        return 2 * super().vae_scale_factor(vae)

    def default_size(self, denoiser: Denoiser, vae: Autoencoder) -> int:  # noqa: ARG002 - others read it
        """Return the side of a megapixel."""
        return 64 * self.vae_scale_factor(vae)

    def scale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Take squares of four, without mean and deviation of the VAE's batch norm."""
        import torch

        squares = torch.nn.functional.pixel_unshuffle(latents, 2)
        mean, deviation = _statistics(vae, squares)
        return (squares - mean) / deviation

    def unscale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Give each channel its deviation and mean, and spread squares out."""
        import torch

        mean, deviation = _statistics(vae, latents)
        return torch.nn.functional.pixel_shuffle(latents * deviation + mean, 2)

    def tokens_of(self, latents: Tensor) -> Tensor:
        """Take each place as a token."""
        return latents.flatten(2).permute(0, 2, 1)

    def latents_of(self, tokens: Tensor, like: Tensor) -> Tensor:
        """Lay tokens out in the rows and columns of `like`."""
        return tokens.permute(0, 2, 1).reshape(len(tokens), -1, *like.shape[-2:])

    def shift(self, scheduler: Scheduler, steps: int, shape: tuple[int, ...]) -> dict[str, float]:
        """Return the shift that was measured for numbers of tokens and steps: lines for 10 and for 200 steps, and a line between them."""
        if not scheduler.config.get("use_dynamic_shifting", False):
            return {}
        tokens = shape[-2] * shape[-1]
        many = 0.00016927 * tokens + 0.45666666
        if tokens > 4300:
            return {"mu": float(many)}
        few = 8.73809524e-05 * tokens + 1.89833333
        slope = (many - few) / 190.0
        return {"mu": float(slope * steps + (many - 200.0 * slope))}

    def static_kwargs(self, denoiser: Any, latents: Tensor, kwargs: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - others read it
        """Return number of the image, row, column, and number in the text, of each token."""
        import torch

        device, rows = latents.device, len(latents)
        text = torch.zeros(kwargs["encoder_hidden_states"].shape[1], 4, dtype=torch.int64, device=device)
        text[:, 3] = torch.arange(len(text), device=device)
        images = [latents, *references_in(kwargs)]
        seen = torch.cat([_places(each, number * _BETWEEN_REFERENCES) for number, each in enumerate(images)])
        return {"txt_ids": text.expand(rows, -1, -1), "img_ids": seen.expand(rows, -1, -1)}

    def reference_size(self, height: int, width: int, area: int | None = None) -> tuple[int, int]:
        """Return the greatest size within the image, of multiples of 16, after it was made smaller to so many pixels."""
        rows, columns = self._within(height, width, area)
        multiple = self.size_multiple
        return max(multiple, rows // multiple * multiple), max(multiple, columns // multiple * multiple)

    def as_reference(self, image: Any, size: tuple[int, int], area: int | None = None) -> Any:
        """Make an image smaller where it has more pixels, and cut its middle out: nothing is stretched."""
        rows, columns = self._within(image.height, image.width, area)
        if (rows, columns) != (image.height, image.width):
            image = super().as_reference(image, (rows, columns))
        left, top = (columns - size[1]) // 2, (rows - size[0]) // 2
        return image.crop((left, top, left + size[1], top + size[0]))

    def _within(self, height: int, width: int, area: int | None) -> tuple[int, int]:
        most = area or 1024**2
        scale = math.sqrt(most / (width * height)) if width * height > most else 1
        rows, columns = int(height * scale), int(width * scale)
        if min(rows, columns) < 1:
            raise InputError(
                f"max_area is {area}, of which an image of {height}x{width} has no pixels left; give more."
            )
        return rows, columns

    def is_distilled(self, denoiser: Denoiser) -> bool:
        """Return whether it is told a strength of guidance, as "dev" is."""
        return bool(denoiser.config.guidance_embeds)

    def embedded_guidance(self, denoiser: Denoiser, scales: Sequence[float]) -> dict[str, Any]:
        """Return strengths as they are, where the transformer is told such."""
        return (
            told_scales(denoiser, scales)
            if self.is_distilled(denoiser)
            else super().embedded_guidance(denoiser, scales)
        )

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return what the transformer projects: several layers side by side."""
        return {"hidden": denoiser.config.joint_attention_dim}

    def text_width(self, widths: Sequence[int | None]) -> int | None:
        """Return that of all layers side by side."""
        (width,), (encoding,) = widths, self.text_encodings
        return None if width is None else width * len(encoding.layers)


def _statistics(vae: Any, latents: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and deviation of each channel of squares of four, `[1 c 1 1]`."""
    norm = vae.bn
    deviation = (norm.running_var.view(1, -1, 1, 1) + vae.config.batch_norm_eps).sqrt()
    return norm.running_mean.view(1, -1, 1, 1).to(latents), deviation.to(latents)


def _places(latents: Tensor, number: int) -> Tensor:
    """Return number of the image, row, column and 0 for each token, `[tokens 4]`."""
    import torch

    device = latents.device
    rows, columns = (torch.arange(side, device=device) for side in latents.shape[-2:])
    once = torch.arange(1, device=device)
    return torch.cartesian_prod(once + number, rows, columns, once)


SYSTEM_MESSAGE = (
    "You are an AI that reasons about image descriptions. You give structured responses focusing on object relationships, object\n"
    "attribution and actions without speculation."
)
"""What the text encoder of FLUX.2 "dev" is told before each prompt, as it was trained."""


def _with_system(text: str) -> list[dict[str, Any]]:
    return [
        {"role": role, "content": [{"type": "text", "text": said}]}
        for role, said in (("system", SYSTEM_MESSAGE), ("user", text))
    ]


def _alone(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def _without_image_marks(text: str) -> str:
    return text.replace("[IMG]", "")


_READ = TextEncoding(
    layers=(10, 20, 30),
    tokens="asked",
    most=512,
    masked=True,
    clean=_without_image_marks,
    chat=_with_system,
    chat_options={"add_generation_prompt": False},
)
_TEXT = (TEXT_FIELDS[0],)

FLUX2 = Flux2Contract(
    name="flux2",
    prefix="Flux2",
    roles={
        "denoiser": (RoleComponent("transformer", "diffusers:Flux2Transformer2DModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKLFlux2"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:FlowMatchEulerDiscreteScheduler"),),
        "guider": (RoleComponent("guider", EmbeddedGuidance, config={"guidance_scale": 4.0}),),
        "tokenizers": (RoleComponent("tokenizer", "transformers:ProcessorMixin", optional=True),),
        "text_encoders": (
            RoleComponent("text_encoder", "transformers:Mistral3ForConditionalGeneration", optional=True),
        ),
    },
    groups={
        "denoiser_input_fields": (*_TEXT, REFERENCES),
        "reference": (REFERENCES,),
        "prompt_embeds": _TEXT,
        "prompts": (PROMPT,),
    },
    text_encodings=(_READ,),
    max_sequence_length=512,
    size_multiple=16,
    image_multiple=16,
    zeros_for_empty_prompt=False,
    attention_argument="joint_attention_kwargs",
    lora_loader="diffusers.loaders:Flux2LoraLoaderMixin",
    defaults={"SetSizedPartialTimesteps.strength": 0.8, "SetSizedInpaintTimesteps.strength": 0.8},
    flow=True,
    joined=STACKS[1:],
    schedule_reads_size=True,
    truncates_start=True,
    several_references=True,
    classic_pipeline="Flux2Pipeline",
    modular_pipeline="Flux2ModularPipeline",
    modular_blocks="Flux2AutoBlocks",
    pipeline_properties=pipeline_properties(
        lambda _: 128,
        num_channels_latents=of_component("transformer", 32, lambda transformer: transformer.config.in_channels // 4),
    ),
)
"""The contract of FLUX.2 "dev", which is told a strength of guidance."""

FLUX2_KLEIN = evolve(
    FLUX2,
    name="flux2-klein",
    prefix="Flux2Klein",
    roles={
        **FLUX2.roles,
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 4.0}),),
        "tokenizers": (RoleComponent("tokenizer", "transformers:Qwen2Tokenizer", optional=True),),
        "text_encoders": (RoleComponent("text_encoder", "transformers:Qwen3ForCausalLM", optional=True),),
    },
    text_encodings=(
        TextEncoding(
            layers=(9, 18, 27),
            tokens="asked",
            most=512,
            masked=True,
            chat=_alone,
            chat_options={"add_generation_prompt": True, "enable_thinking": False},
        ),
    ),
    classic_pipeline="Flux2KleinPipeline",
    modular_pipeline="Flux2KleinBaseModularPipeline",
    modular_blocks="Flux2KleinBaseAutoBlocks",
)
"""The contract of FLUX.2 "klein", whose base model is guided by a second prediction."""

FLUX2_KLEIN_DISTILLED = evolve(
    FLUX2_KLEIN,
    name="flux2-klein-distilled",
    prefix="Flux2KleinDistilled",
    roles={
        **FLUX2_KLEIN.roles,
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 1.0}),),
    },
    defaults={**FLUX2_KLEIN.defaults, "num_inference_steps": 4},
    classic_pipeline="",
    modular_pipeline="Flux2KleinModularPipeline",
    modular_blocks="Flux2KleinAutoBlocks",
)
"""The contract of FLUX.2 "klein" that was distilled to 4 steps, and is not guided."""

for _name in ("FLUX2", "FLUX2_KLEIN", "FLUX2_KLEIN_DISTILLED"):
    families.register(globals()[_name].name, f"{__name__}:{_name}")
    note_constant(globals()[_name], f"{__name__}.{_name}")
