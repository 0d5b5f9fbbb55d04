"""The network of LPIPS (Zhang et al. 2018, https://arxiv.org/abs/1801.03924), whose weights the caller has.

Source of layers and constants: lpips 0.1.4 (BSD-2-Clause), `lpips/lpips.py`, `lpips/pretrained_networks.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from ...state import ComponentError
from ...state.errors import did_you_mean

_ALEX = ((3, 64, 11, 4, 2), "R", "M3", (64, 192, 5, 1, 2), "R", "M3", (192, 384, 3, 1, 1), "R", (384, 256, 3, 1, 1), "R", (256, 256, 3, 1, 1), "R")  # fmt: skip
_VGG = tuple(
    part
    for block in (((3, 64), (64, 64)), ((64, 128), (128, 128)), ((128, 256), (256, 256), (256, 256)), ((256, 512), (512, 512), (512, 512)), ((512, 512), (512, 512), (512, 512)))
    for part in [*(each for narrow, wide in block for each in ((narrow, wide, 3, 1, 1), "R")), "M2"]
)[:-1]  # fmt: skip
BACKBONES: Mapping[str, tuple[tuple[Any, ...], tuple[int, ...]]] = {
    "alex": (_ALEX, (1, 4, 7, 9, 11)),
    "vgg": (_VGG, (3, 8, 15, 22, 29)),
}
"""Layers, numbered as torchvision's `features`, and those whose results are compared."""
_SMALL = 1e-10
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


class LpipsNetwork(ModelMixin, ConfigMixin):  # type: ignore[misc]  # diffusers has no types
    """Say how different two images look: squared differences of unit features in five layers, weighted by channel.

    `from_parts` makes it of the two files of weights that are published; `save_pretrained` writes the folder from which it is loaded.

    Args:
        backbone: "alex" or "vgg".
    """

    @register_to_config  # type: ignore[untyped-decorator]  # diffusers has no types
    def __init__(self, backbone: str = "alex") -> None:
        super().__init__()
        if backbone not in BACKBONES:
            raise ComponentError(f"LPIPS has no backbone {backbone!r}. {did_you_mean(backbone, BACKBONES)}")
        layers, self.compared = BACKBONES[backbone]
        self.features = nn.Sequential(*map(_layer, layers))
        widths = [_width(layers, at) for at in self.compared]
        self.weights = nn.ParameterList([nn.Parameter(torch.zeros(width)) for width in widths])

    def forward(self, images: Tensor, reference: Tensor) -> Tensor:
        """Distances `[b]` of images `[b 3 h w]` in -1..1."""
        found = images.new_zeros(len(images))
        both = torch.cat([images, reference])
        shift, scale = (both.new_tensor(each).view(3, 1, 1) for each in (_SHIFT, _SCALE))
        values = (both - shift) / scale
        weights = iter(self.weights)
        for at, layer in enumerate(self.features):
            values = layer(values)
            if at in self.compared:
                one, other = _unit(values).chunk(2)
                found = found + ((one - other).square() * next(weights).view(1, -1, 1, 1)).sum(1).mean((1, 2))
        return found

    @classmethod
    def from_parts(cls, backbone: str, network: Mapping[str, Tensor], linear: Mapping[str, Tensor]) -> LpipsNetwork:
        """Make it of the weights of torchvision's AlexNet or VGG16 and of LPIPS's own (`alex.pth`, `vgg.pth`), which the caller has read.

        Raises:
            ComponentError: they are not those.
        """
        made: LpipsNetwork = cls(backbone)
        state = {name: value for name, value in network.items() if name.startswith("features.")}
        state |= {f"weights.{at}": linear.get(f"lin{at}.model.1.weight", torch.zeros(0)).flatten() for at in range(5)}
        made._take(state)
        made.eval().requires_grad_(False)
        return made

    def _take(self, state: Mapping[str, Tensor]) -> None:
        own = self.state_dict()
        faults = [f"{name} is missing." for name in own if name not in state]
        faults += [
            f"{name} is {list(state[name].shape)}, and {list(own[name].shape)} is needed."
            for name in own
            if name in state and state[name].shape != own[name].shape
        ]
        if faults:
            raise ComponentError.of(f"The given weights are none of LPIPS with {self.config.backbone}", faults)
        self.load_state_dict({name: state[name] for name in own})


def _unit(values: Tensor) -> Tensor:
    """Return features whose channels have the length 1 at each place."""
    return values / (values.square().sum(1, keepdim=True).sqrt() + _SMALL)


def _layer(part: Any) -> nn.Module:
    if part == "R":
        return nn.ReLU()
    if isinstance(part, str):
        return nn.MaxPool2d(int(part[1:]), 2)
    narrow, wide, size, stride, padding = part
    return nn.Conv2d(narrow, wide, size, stride, padding)


def _width(layers: tuple[Any, ...], at: int) -> int:
    return int(next(part[1] for part in reversed(layers[: at + 1]) if isinstance(part, tuple)))
