"""Blocks for tests of several workers: an image by the seed alone, in no time, and words that end the process that reads them."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import torch
from attrs import frozen

from brickwork import Block, InputError, Outputs
from brickwork.adapters.techniques import Technique
from brickwork.state.vocabulary import Generators, Images, Latents, Prompt


class Paint(Block):
    """Paint noise. "kill" ends the process, "once FILE" does where FILE is not there yet, "wait N" takes N seconds, "raise" fails."""

    class Out(Outputs):
        images: Images

    def run(self, prompt: Prompt, generator: Generators | None = None) -> Out:
        from PIL import Image

        word, _, rest = str(prompt).partition(" ")
        if word == "kill" or (word == "once" and not Path(rest).exists()):
            if word == "once":
                Path(rest).touch()
            sys.stderr.write("about to end\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        if word == "wait":
            time.sleep(float(rest))
        if word == "raise":
            raise MemoryError("none left")
        drawn = torch.rand(8, 8, 3, generator=generator[0] if isinstance(generator, list) else generator)
        return self.Out(images=[Image.fromarray((drawn * 255).byte().numpy())])


class Other(Paint):
    """Another block, which paints the same."""


class Brighten(Block):
    """Multiply latents; -1 kills the process, -2 fails with an error of Python's, -3 with one of ours."""

    class Out(Outputs):
        latents: Latents

    def run(self, latents: Latents, brightness: float = 1.25) -> Out:
        if brightness == -1:
            signal.raise_signal(signal.SIGKILL)
        if brightness == -2:
            raise MemoryError("none left")
        if brightness == -3:
            raise InputError("brightness is -3")
        return self.Out(latents=latents * brightness)


@frozen(kw_only=True, slots=False)
class Tagged(Technique):
    """A technique that says something on a layer."""

    tag: int = 1

    def change(self, component: Any) -> None:
        component.conv_out.tag = self.tag
