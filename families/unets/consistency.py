"""What is particular to consistency models (Song et al. 2023, https://arxiv.org/abs/2303.01469)."""

from __future__ import annotations

from attrs import frozen

from ...guiders import ClassifierFreeGuidance
from ...registry import families
from ...state.vocabulary import ClassIds, ClassLabels
from ...state.written_constants import note_constant
from ..contract import ConditioningField, RoleComponent
from ..ddpm import PixelContract
from ..roles import Denoiser


@frozen
class ConsistencyContract(PixelContract):
    """A UNet over pixels that goes from any noise to the image in one step, told a class or nothing."""

    def class_count(self, denoiser: Denoiser) -> int:
        """Return how many classes it was trained with, 0 for none."""
        return int(denoiser.config.num_class_embeds or 0)


_LABELS = ConditioningField(
    "class_ids", "negative_class_ids", ClassIds, argument="class_labels", required=False, kind="class"
)

CONSISTENCY = ConsistencyContract(
    name="consistency",
    prefix="Consistency",
    roles={
        "denoiser": (RoleComponent("unet", "diffusers:UNet2DModel"),),
        "vae": (),
        "scheduler": (RoleComponent("scheduler", "diffusers:CMStochasticIterativeScheduler"),),
        # No class stands for none, so nothing can be left out for a second prediction.
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"enabled": False}),),
    },
    groups={
        "prompts": (ConditioningField("class_labels", "negative_class_labels", ClassLabels, required=False),),
        "labels": (_LABELS,),
        "denoiser_input_fields": (_LABELS,),
    },
    size_multiple=1,
    image_multiple=1,
    defaults={"num_inference_steps": 1},
    advice={"scheduler": "CMStochasticIterativeScheduler fits."},
    classic_pipeline="ConsistencyModelPipeline",
)
"""The contract of consistency models."""

families.register(CONSISTENCY.name, f"{__name__}:CONSISTENCY")
note_constant(CONSISTENCY, f"{__name__}.CONSISTENCY")
