"""Several predictions in one step, of which one is made: what regions and windows share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ...adapters.attention_maps import maps_of
from ...state import InputError
from ..steps.denoiser_call import DenoiserCall
from ..steps.predict_noise import PredictNoise, StepMemo

if TYPE_CHECKING:
    from torch import Tensor


@define(eq=False)
class PartsMemo(StepMemo):
    """What holds from step to step, where one is made of several predictions: `of_part` is what each was told, by its number."""

    of_part: dict[int, Any] = field(factory=dict)


class PredictParts(PredictNoise):
    """Predict, as `PredictNoise` does, for each of several parts; a guider remembers each by itself."""

    Memo: ClassVar[type[PartsMemo]] = PartsMemo
    if TYPE_CHECKING:
        memo: PartsMemo

    def of_parts_alone(
        self,
        asked: Mapping[int, DenoiserCall],
        guidance_scale: float | None,
        memory: Any,
        of_parts: Mapping[int, Mapping[str, Any]],
    ) -> tuple[dict[int, Tensor], Any]:
        """Return the guided prediction of each part, and what the guider keeps: of a single part as that of a whole.

        Args:
            asked: what a step asks, by the number of the part. of_parts: inputs of networks that add to it, likewise.

        Raises:
            InputError: somebody collects attention maps, which are of one prompt over the whole image.
        """
        if maps_of(self.denoiser) is not None:
            raise InputError(
                f"attention_maps() shows where an image looked at the words of its prompt, and {type(self).__name__} makes several predictions "
                "for it. Watch a run without them."
            )
        if len(asked) == 1:
            ((number, call),) = asked.items()
            guided, kept = self.predicted(call, guidance_scale, memory, of_parts[number])
            return {number: guided}, kept
        predictions: dict[int, Tensor] = {}
        memories: dict[int, Any] = {}
        for number, call in asked.items():
            # Batches are kept by what was told, and caches of networks by names: those of one part say nothing of another.
            self.memo.batches, self.memo.part = self.memo.of_part.get(number), f"{number}/"
            known = None if memory is None else memory[number]
            predictions[number], memories[number] = self.predicted(call, guidance_scale, known, of_parts[number])
            self.memo.of_part[number] = self.memo.batches
        return predictions, memories
