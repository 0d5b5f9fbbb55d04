"""What may be taken away from a network to get a worse prediction, as data: which layers, and what of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from attrs import asdict, field, fields, frozen

from ..state import InputError
from .written_settings import naming, setting_faults

if TYPE_CHECKING:
    import attrs


_LISTING = "The denoiser's layers by number: [layer.path for layer in pipe.family.layers(pipe.unet)]."


def _indices(given: Any) -> tuple[int, ...] | None:
    if given is None:
        return None
    fault = _numbers_fault(given)
    if fault is not None:
        raise InputError(fault)
    return tuple(given) if _is_several(given) else (given,)


def _is_several(given: object) -> bool:
    return isinstance(given, Iterable) and not isinstance(given, (str, bytes, Mapping))


def _numbers_fault(given: Any, setting: str = "") -> str | None:
    """Say how layers are named, where something else was given; `setting`, of the guider, is the one that takes a configuration."""
    found = tuple(given) if _is_several(given) else (given,)
    if all(isinstance(each, int) and not isinstance(each, bool) for each in found):
        return None
    return (
        f"Layers are named by their numbers, not {given!r}: 2, [2, 3] or range(4), in the order in which they run. To count within a part "
        f"of the denoiser, give its path, too: {setting}LayerSkipConfig(indices=[0], fqn='mid_block'), where fqn is the name of a module as "
        f"torch's named_modules() has it. {_LISTING}"
    )


@frozen
class LayerSkipConfig:
    """Says which layers are perturbed, and how; fields as in diffusers.

    Attributes:
        indices: numbers of transformer blocks, in the order in which they run; a number, a list or a range. None is what the
            model's family recommends.
        fqn: "auto" counts all of them; the path of a stack, as in "mid_block.attentions.0.transformer_blocks", counts in it.
        skip_attention, skip_ff: leave out self-attention, the feed-forward layer; both together the whole block.
        skip_attention_scores: every token attends to itself only. dropout: 1 leaves a part out, less drops that share of it.
    """

    indices: tuple[int, ...] | None = field(default=None, converter=_indices)
    fqn: str = "auto"
    skip_attention: bool = True
    skip_attention_scores: bool = False
    skip_ff: bool = True
    dropout: float = 1.0

    def __attrs_post_init__(self) -> None:
        flags = {name: getattr(self, name) for name in ("skip_attention", "skip_attention_scores", "skip_ff")}
        faults = [
            f"{name} is {given!r}; it is True or False." for name, given in flags.items() if given not in (True, False)
        ]
        path: Any = self.fqn
        share: Any = self.dropout
        if not isinstance(path, str):
            faults.append(
                f"fqn is {path!r}; it is the path of a stack of layers, or 'auto', which counts all of them. {_LISTING}"
            )
        if not (isinstance(share, (int, float)) and 0.0 <= share <= 1.0):
            faults.append(f"dropout is {share!r}; it is a share, 0 to 1.")
        elif self.skip_attention_scores and self.dropout < 1.0:
            faults.append("skip_attention_scores has no dropout; leave it 1.")
        if self.skip_attention_scores and self.skip_attention:
            faults.append("skip_attention and skip_attention_scores exclude each other.")
        if self.indices == ():
            faults.append("indices is empty; name layers, or None for those that the family recommends.")
        if faults:
            raise InputError.of("LayerSkipConfig cannot be made", faults)


@frozen
class Perturbation:
    """One change of some layers during a prediction.

    Attributes:
        layers, path: as `indices` and `fqn` of LayerSkipConfig.
        kind: leave out the "block", its "attention" or "feed-forward"; "scores" lets each token attend to itself only; "blur"
            smooths the queries, as images, with `sigma` (in tokens; infinite takes their mean).
        dropout: share of the part that is left out. seed: of what is dropped.
    """

    kind: Literal["block", "attention", "feed-forward", "scores", "blur"]
    layers: tuple[int, ...] | None = None
    path: str = "auto"
    dropout: float = 1.0
    sigma: float = float("inf")
    seed: int = 0


def perturbations_of(configs: Iterable[LayerSkipConfig], seed: int = 0) -> tuple[Perturbation, ...]:
    """Return what the configurations ask for."""
    found = []
    for config in configs:
        kinds: list[Any] = []
        # Both of its parts are the whole block, as diffusers' layer skip has it (hooks/layer_skip.py, 0.42.1).
        if config.skip_attention and config.skip_ff:
            kinds.append("block")
        else:
            kinds += ["attention"] if config.skip_attention else []
            kinds += ["feed-forward"] if config.skip_ff else []
        kinds += ["scores"] if config.skip_attention_scores else []
        found += [Perturbation(kind, config.indices, config.fqn, config.dropout, seed=seed) for kind in kinds]
    return tuple(found)


def configs_in(guider: object, configs: str, layers: str, **defaults: Any) -> tuple[LayerSkipConfig, ...]:
    """Make configurations of two settings of a guider, of which one at most is given.

    Raises:
        InputError: both are given.
    """
    given, numbers = getattr(guider, configs), getattr(guider, layers)
    if given is not None and numbers is not None:
        raise InputError(
            f"{type(guider).__name__}: {layers}={numbers!r} and {configs}={given!r} are two ways to say one thing, which layers; "
            "give one."
        )
    return configs_of(given, numbers, **defaults)


def configs_of(given: object, layers: Any = None, **defaults: Any) -> tuple[LayerSkipConfig, ...]:
    """Make configurations of what a guider is given: one, several, dicts, those of diffusers; or of numbers of layers.

    Raises:
        InputError: it is none.
    """
    if given is None:
        return (LayerSkipConfig(layers, **defaults),)
    many = given if isinstance(given, (list, tuple)) else [given]
    return tuple(_config(each) for each in many)


def check_layers(made: object, field: attrs.Attribute[Any], value: object) -> None:
    """Refuse numbers of layers that are none, by the name of the setting.

    Raises:
        InputError: see `configs_of`.
    """
    cls: Any = type(made)
    config = next((f"{each.name}=" for each in fields(cls) if each.name.endswith("_config")), "")
    with naming(cls, field.name):
        if value is not None and (fault := _numbers_fault(value, config)) is not None:
            raise InputError(fault)
        configs_of(None, value)


def check_config(made: object, field: attrs.Attribute[Any], value: object) -> None:
    """Refuse a configuration of layers that is none, by the name of the setting.

    Raises:
        InputError: see `configs_of`.
    """
    with naming(type(made), field.name):
        configs_of(value)


def _config(given: object) -> LayerSkipConfig:
    if isinstance(given, LayerSkipConfig):
        return given
    told = dict(given) if isinstance(given, Mapping) else given.to_dict() if hasattr(given, "to_dict") else None
    if told is None:
        raise InputError(f"{given!r} is no LayerSkipConfig, and no dict with its fields.")
    # What begins with an underscore are notes of diffusers' own.
    told = {name: value for name, value in told.items() if not str(name).startswith("_")}
    faults = setting_faults(LayerSkipConfig, told)
    if faults:
        raise InputError(" ".join(faults))
    return LayerSkipConfig(**told)


def written(configs: Iterable[LayerSkipConfig]) -> list[dict[str, Any]]:
    """Return them as files have them."""
    return [
        {**asdict(config), "indices": None if config.indices is None else list(config.indices)} for config in configs
    ]
