"""Where a run begins in families that read no text: with numbers of classes, or with nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from ...families.contract import Denoiser
from ...registry.model_dtype import compute_dtype
from ...state import Conditioning, Fault, Group, Outputs
from ...state.vocabulary import BatchSize, ClassLabels, DType, ImagesPerPrompt
from ..core.block import Block
from ..core.slots import component


class TakeClassLabels(Block):
    """Make a row for each image of its class, and of the class that stands for none, which the negative branch is told."""

    denoiser: Denoiser = component(config_only=True, doc="Says how many classes it knows.")

    class Out(Outputs):
        batch_size: BatchSize
        dtype: DType
        labels: Annotated[Conditioning, Group("labels")]

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say which classes the denoiser does not know."""
        classes = self.family.class_count(self.denoiser)
        labels = given.get("class_labels")
        for label in [labels] if isinstance(labels, int) else labels or ():
            if label >= classes:
                text = f"class_labels hold {label}; the denoiser knows the classes 0 to {classes - 1}."
                yield Fault(text, "class_labels")

    def run(self, class_labels: ClassLabels, num_images_per_prompt: ImagesPerPrompt = 1) -> Out:
        import torch

        labels = [class_labels] if isinstance(class_labels, int) else list(class_labels)
        rows = torch.tensor(labels, device=self.device).repeat_interleave(num_images_per_prompt)
        # The last embedding is that of no class (Ho and Salimans 2022, 2207.12598, section 3).
        none = torch.full_like(rows, self.family.class_count(self.denoiser))
        (part,) = self.family.fields("labels")
        told = Conditioning({part.positive: rows, part.negative: none})
        return self.Out(batch_size=len(labels), dtype=compute_dtype(self.denoiser), labels=told)


class TakeBatchSize(Block):
    """Say how many images are made of nothing but noise."""

    denoiser: Denoiser = component(config_only=True, doc="Says in which dtype it computes.")

    class Out(Outputs):
        batch_size: BatchSize
        dtype: DType

    def run(self, batch_size: BatchSize = 1) -> Out:
        return self.Out(batch_size=batch_size, dtype=compute_dtype(self.denoiser))
