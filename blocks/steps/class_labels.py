"""Where a run begins in families that read no text: with numbers of classes, or with nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from ...families.contract import Denoiser
from ...registry.model_dtype import compute_dtype
from ...state import Conditioning, Fault, Group, InputError, Outputs
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
        yield from _unknown_classes(given.get("class_labels"), classes)

    def run(self, class_labels: ClassLabels, num_images_per_prompt: ImagesPerPrompt = 1) -> Out:
        import torch

        labels = _listed(class_labels)
        rows = torch.tensor(labels, device=self.device).repeat_interleave(num_images_per_prompt)
        # The last embedding is that of no class (Ho and Salimans 2022, 2207.12598, section 3).
        none = torch.full_like(rows, self.family.class_count(self.denoiser))
        (part,) = self.family.fields("labels")
        told = Conditioning({part.positive: rows, part.negative: none})
        return self.Out(batch_size=len(labels), dtype=compute_dtype(self.denoiser), labels=told)


class TakeOptionalClassLabels(Block):
    """Make a row for each image of its class, where the denoiser was trained with classes; one class serves all images."""

    denoiser: Denoiser = component(config_only=True, doc="Says how many classes it knows, if any.")

    class Out(Outputs):
        batch_size: BatchSize
        dtype: DType
        labels: Annotated[Conditioning, Group("labels")]

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say that a denoiser knows no classes, must be told one, or not those that are given."""
        classes = self.family.class_count(self.denoiser)
        labels = given.get("class_labels")
        if labels is None:
            if classes:
                said = f"The denoiser was trained with classes: give class_labels, of 0 to {classes - 1}, one for all images or one for each."
                yield Fault(said, "class_labels")
            return
        if not classes:
            yield Fault(
                "class_labels are given, and the denoiser was trained without classes; leave them out.", "class_labels"
            )
            return
        yield from _unknown_classes(labels, classes)

    def run(
        self,
        batch_size: BatchSize | None = None,
        class_labels: ClassLabels | None = None,
        num_images_per_prompt: ImagesPerPrompt = 1,
    ) -> Out:
        import torch

        dtype = compute_dtype(self.denoiser)
        if class_labels is None:
            return self.Out(batch_size=batch_size or 1, dtype=dtype, labels=Conditioning({}))
        labels = _listed(class_labels)
        count = batch_size or len(labels)
        if len(labels) not in (1, count):
            raise InputError(
                f"class_labels hold {len(labels)} classes for batch_size={count}; give one for all images, or one for each."
            )
        rows = torch.tensor(labels * (count // len(labels)), device=self.device)
        (part,) = self.family.fields("labels")
        told = Conditioning({part.positive: rows.repeat_interleave(num_images_per_prompt)})
        return self.Out(batch_size=count, dtype=dtype, labels=told)


class TakeNoClass(Block):
    """Make a row for each image of the class that stands for none, in a denoiser that was trained with classes."""

    denoiser: Denoiser = component(config_only=True, doc="Says how many classes it knows.")

    class Out(Outputs):
        batch_size: BatchSize
        dtype: DType
        labels: Annotated[Conditioning, Group("labels")]

    def run(self, batch_size: BatchSize = 1, num_images_per_prompt: ImagesPerPrompt = 1) -> Out:
        import torch

        none = torch.tensor([self.family.class_count(self.denoiser)], device=self.device)
        (part,) = self.family.fields("labels")
        told = Conditioning({part.positive: none.repeat(batch_size * num_images_per_prompt)})
        return self.Out(batch_size=batch_size, dtype=compute_dtype(self.denoiser), labels=told)


class TakeBatchSize(Block):
    """Say how many images are made of nothing but noise."""

    denoiser: Denoiser = component(config_only=True, doc="Says in which dtype it computes.")

    class Out(Outputs):
        batch_size: BatchSize
        dtype: DType

    def run(self, batch_size: BatchSize = 1) -> Out:
        return self.Out(batch_size=batch_size, dtype=compute_dtype(self.denoiser))


def _listed(labels: int | Iterable[int]) -> list[int]:
    return [labels] if isinstance(labels, int) else list(labels)


def _unknown_classes(labels: int | Iterable[int] | None, classes: int) -> Iterator[str]:
    for label in () if labels is None else _listed(labels):
        if label >= classes:
            text = f"class_labels hold {label}; the denoiser knows the classes 0 to {classes - 1}."
            yield Fault(text, "class_labels")
