"""A training that is ready: pipeline, inputs, and the objects whose state snapshots hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from ...pipeline.modular_pipeline import ModularPipeline
from ...pipeline.snapshots import Snapshots


@frozen(eq=False)
class PreparedTraining:
    """A training that was put together and not begun.

    Attributes:
        pipe: of the training blocks; its components are those of the pipeline that is trained. inputs: plain values by name. live: objects
            with a state: optimizer, schedule of learning rates, accelerator, batches.
    """

    pipe: ModularPipeline
    inputs: Mapping[str, Any] = field(repr=False)
    live: Mapping[str, Any] = field(repr=False)

    def run(self, snapshot: str | Path | None = None, every: int = 100) -> float:
        """Train to the end, and return the last loss.

        Args:
            snapshot: file to which the training is written, every so many iterations; where it is there already, the training goes on from
                it, with the same losses, bit for bit, as if it had not been interrupted.

        Raises:
            InputError: the file is of another training.
        """
        if snapshot is None:
            return float(self.pipe(**self.inputs, **self.live, output="step_loss"))
        self.pipe.configure(snapshots=Snapshots(snapshot, every=every))
        if Path(snapshot).is_file():
            return float(self.pipe.resume(snapshot, live=self.live))
        return float(self.pipe(**self.inputs, **self.live, output="step_loss"))
