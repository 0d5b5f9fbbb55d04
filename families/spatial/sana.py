"""What is particular to Sana (Xie et al. 2024, https://arxiv.org/abs/2410.10629) and Sana-Sprint (https://arxiv.org/abs/2503.09641)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import evolve, frozen

from ...engine.device_copies import sent
from ...engine.network_calls import call_rows
from ...guiders import ClassifierFreeGuidance, EmbeddedGuidance
from ...registry import families
from ...registry.model_dtype import compute_dtype
from ...state.written_constants import note_constant
from ..contract import RoleComponent, TextEncoding
from ..layers import Layer
from ..shared_fields import PROMPT
from .latent_transformer import Float32Latents, LatentTransformer
from .masked_text import MASKED_TEXT, lowered
from .trained_sizes import nearest_size

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Autoencoder, Denoiser, Scheduler

INSTRUCTION = "\n".join(
    (
        (
            "Given a user prompt, generate an 'Enhanced prompt' that provides detailed visual descriptions suitable for image generation. "
            "Evaluate the level of detail in the user prompt:"
        ),
        (
            "- If the prompt is simple, focus on adding specifics about colors, shapes, sizes, textures, and spatial relationships to create "
            "vivid and concrete scenes."
        ),
        "- If the prompt is already detailed, refine and enhance the existing details slightly without overcomplicating.",
        "Here are examples of how to transform or refine prompts:",
        (
            "- User Prompt: A cat sleeping -> Enhanced: A small, fluffy white cat curled up in a round shape, sleeping peacefully on a warm sunny "
            "windowsill, surrounded by pots of blooming red flowers."
        ),
        (
            "- User Prompt: A busy city street -> Enhanced: A bustling city street scene at dusk, featuring glowing street lamps, a diverse crowd "
            "of people in colorful clothing, and a double-decker bus passing by towering glass skyscrapers."
        ),
        "Please generate only the enhanced description for the prompt below and avoid including any additional commentary or evaluations:",
        "User Prompt: ",
    )
)
"""What the text encoder is asked before each prompt, as the model was trained (section 3.3 of the paper; NVlabs/Sana, Apache-2.0: `chi_prompt`
of its configurations)."""


_PIXELS = 32
"""Along a latent's side."""


@frozen
class SanaContract(Float32Latents, LatentTransformer):
    """A Gemma that is asked to enhance the prompt; a transformer with linear attention over a VAE of 32 pixels per latent."""

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the transformer in its own dtype, that of its text, with the timestep in its scale; the prediction is in float32."""
        given = latents.to(kwargs["encoder_hidden_states"].dtype)
        return super().predict(denoiser, given, t * denoiser.config.timestep_scale, kwargs).float()

    def layers(self, denoiser: Any) -> list[Layer]:
        """Return the transformer's blocks, whose attention is linear."""
        return [evolve(layer, has_scores=False) for layer in super().layers(denoiser)]

    def vae_scale_factor(self, vae: Autoencoder) -> int:
        """Return how many pixels wide a latent of this VAE is."""
        return int(2 ** (len(vae.config.encoder_block_out_channels) - 1))

    def trained_size(self, denoiser: Denoiser, height: int, width: int) -> tuple[int, int]:
        """Return the size of the nearest ratio."""
        return nearest_size(_PIXELS * denoiser.config.sample_size, height, width)

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return the width of captions."""
        return {"hidden": denoiser.config.caption_channels}


_SIGMA_DATA = 0.5
"""Deviation of the latents that Sana-Sprint was trained with (section 3.1 of its paper)."""


@frozen
class SanaSprintContract(SanaContract):
    """Sana on a circle from image to noise in a few steps, told a strength of guidance."""

    flow_types: ClassVar[tuple[str | None, ...]] = ("trigflow",)

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the transformer as it was trained, at a time in 0..1 of a straight flow, and return the velocity on the circle (equations 5 to 7)."""
        angle = t.expand(latents.shape[0])
        time = angle.sin() / (angle.cos() + angle.sin())
        at = time.reshape(-1, 1, 1, 1)
        norm = (at**2 + (1 - at) ** 2).sqrt()
        straight = latents / _SIGMA_DATA * norm
        given = straight.to(kwargs["encoder_hidden_states"].dtype)
        flow = call_rows(self.row_arguments, denoiser, given, timestep=time, **kwargs, return_dict=False)[0]
        # In this order, which rounds as diffusers does.
        velocity: Tensor = ((1 - 2 * at) * straight + (1 - 2 * at + 2 * at**2) * flow) / norm
        return velocity.float() * _SIGMA_DATA

    def schedule(self, scheduler: Scheduler, steps: int, shape: tuple[int, ...] | None) -> dict[str, Any]:  # noqa: ARG002 - the scheduler's own
        """Return the angles of pure noise, and of the step between where there are two."""
        return {"max_timesteps": 1.5708, "intermediate_timesteps": 1.3 if steps == 2 else None}

    def is_distilled(self, denoiser: Denoiser) -> bool:
        """Return whether it is told a strength of guidance."""
        return bool(denoiser.config.guidance_embeds)

    def embedded_guidance(self, denoiser: Denoiser, scales: Sequence[float]) -> dict[str, Any]:
        """Return strengths in the transformer's scale."""
        import torch

        told = sent(torch.tensor(list(scales), dtype=torch.float32), denoiser.device).to(compute_dtype(denoiser))
        return {"guidance": told * denoiser.config.guidance_embeds_scale}

    def scale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Scale to the deviation of the circle."""
        scaled: Tensor = latents * vae.config.scaling_factor * _SIGMA_DATA
        return scaled

    def unscale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Scale back."""
        unscaled: Tensor = latents / _SIGMA_DATA / vae.config.scaling_factor
        return unscaled


_ROLES = {
    "denoiser": (RoleComponent("transformer", "diffusers:SanaTransformer2DModel"),),
    "vae": (RoleComponent("vae", "diffusers:AutoencoderDC"),),
    "tokenizers": (RoleComponent("tokenizer", "transformers:GemmaTokenizerFast"),),
    "text_encoders": (RoleComponent("text_encoder", "transformers:Gemma2Model"),),
}
_SHARED: dict[str, Any] = {
    "groups": {"denoiser_input_fields": MASKED_TEXT, "prompt_embeds": MASKED_TEXT, "prompts": (PROMPT,)},
    "text_encodings": (
        TextEncoding(
            hidden_state=None,
            tokens="asked",
            masked=True,
            clean=lowered,
            instruction=INSTRUCTION,
            hides_instruction=True,
            padding_side="right",
        ),
    ),
    "max_sequence_length": 300,
    "size_multiple": 32,
    "image_multiple": 32,
    "zeros_for_empty_prompt": False,
    "flow": True,
    "attention_argument": "attention_kwargs",
    "lora_loader": "diffusers.loaders:SanaLoraLoaderMixin",
    "accepts": {"vae": ("AutoencoderDC",)},
}

SANA = SanaContract(
    name="sana",
    prefix="Sana",
    roles={
        **_ROLES,
        "scheduler": (
            RoleComponent(
                "scheduler",
                "diffusers:DPMSolverMultistepScheduler",
                config={"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 3.0},
            ),
        ),
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 4.5}),),
    },
    defaults={"num_inference_steps": 20},
    advice={
        "scheduler": "Schedulers of flow matching fit: DPMSolverMultistepScheduler or UniPCMultistepScheduler with use_flow_sigmas=True and "
        "prediction_type='flow_prediction', and FlowMatchEulerDiscreteScheduler."
    },
    classic_pipeline="SanaPipeline",
    **_SHARED,
)
"""The contract of Sana."""

SANA_SPRINT = SanaSprintContract(
    name="sana-sprint",
    prefix="SanaSprint",
    roles={
        **_ROLES,
        "scheduler": (RoleComponent("scheduler", "diffusers:SCMScheduler"),),
        "guider": (RoleComponent("guider", EmbeddedGuidance, config={"guidance_scale": 4.5}),),
    },
    truncates_start=True,
    defaults={"num_inference_steps": 2, "SetPartialTimesteps.strength": 0.6},
    advice={"scheduler": "SCMScheduler fits."},
    classic_pipeline="SanaSprintPipeline",
    **_SHARED,
)
"""The contract of Sana-Sprint."""

for _name in ("SANA", "SANA_SPRINT"):
    families.register(globals()[_name].name, f"{__name__}:{_name}")
    note_constant(globals()[_name], f"{__name__}.{_name}")
