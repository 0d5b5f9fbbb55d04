"""Between what a network predicts and the clean sample it means, at one level of noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import frozen

from ..state import InputError

if TYPE_CHECKING:
    from torch import Tensor

PredictionType = Literal["epsilon", "v_prediction", "sample", "flow", "flow_to_sample"]


@frozen(eq=False)
class NoiseLevel:
    """Says where the latents of a step stand: `latents = signal * sample + noise * epsilon`.

    Attributes:
        latents: as the network is given them, `[b c h w]`.
        signal, noise: alpha and sigma of the level. Their squares add up to 1, but for flows, where they themselves do.
        predicts: what the network returns: the noise, the velocity of Salimans and Ho (2022,
            https://arxiv.org/abs/2202.00512, appendix D), the clean sample, or the velocity of a flow, `epsilon - sample`, or
            that in the direction of the sample.
        timestep: as the network is told it.
    """

    latents: Tensor
    signal: float
    noise: float
    predicts: PredictionType
    timestep: float

    def sample_of(self, prediction: Tensor) -> Tensor:
        """Return the clean sample that a prediction means, in single precision.

        Raises:
            InputError: nothing but noise is left of the latents, and the network predicts just that.
        """
        if self.predicts == "sample":
            return prediction.float()
        # Dividing by a small signal makes half precision overflow in the first steps.
        latents, prediction = self.latents.float(), prediction.float()
        if self.predicts == "flow":
            return latents - self.noise * prediction
        if self.predicts == "flow_to_sample":
            return latents + self.noise * prediction
        if self.predicts == "v_prediction":
            return self.signal * latents - self.noise * prediction
        if self.signal == 0.0:
            raise InputError(
                f"At timestep {self.timestep:g} the latents are noise alone, and the network predicts noise: no sample can be "
                "told from that. A schedule that ends at zero signal needs a network with prediction_type='v_prediction'."
            )
        return (latents - self.noise * prediction) / self.signal

    def prediction_of(self, sample: Tensor) -> Tensor:
        """Return the prediction that means a clean sample, in the type of the latents."""
        latents = self.latents.float()
        if self.predicts == "sample":
            found = sample
        elif self.predicts == "flow":
            found = (latents - sample) / self.noise
        elif self.predicts == "flow_to_sample":
            found = (sample - latents) / self.noise
        elif self.predicts == "v_prediction":
            found = (self.signal * latents - sample) / self.noise
        else:
            found = (latents - self.signal * sample) / self.noise
        return found.to(self.latents.dtype)
