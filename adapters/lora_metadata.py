"""Ranks and strengths that a LoRA's file says of itself, as diffusers' training scripts and `save_lora_weights` write them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from ..state import ComponentError
from ..state.strict_json import parse_json

KEY = "lora_adapter_metadata"
_FIELDS = {
    "r": int,
    "lora_alpha": (int, float),
    "rank_pattern": dict,
    "alpha_pattern": dict,
    "target_modules": list,
    "use_dora": bool,
    "use_rslora": bool,
    "lora_bias": bool,
}
"""Of PEFT's configuration what makes the strength of layers; all else concerns training, or would lead elsewhere."""
_CHANGING: Mapping[str, tuple[Any, ...]] = {
    "init_lora_weights": (True, False, "gaussian", "orthogonal", "eva"),
    "bias": ("none",),
    "use_qalora": (False,),
    "layer_replication": ([],),
    "modules_to_save": ([],),
    "target_parameters": ([],),
    "trainable_token_indices": ([], {}),
    "alora_invocation_tokens": ([],),
}
"""Of PEFT's configuration what makes a LoRA compute something else, or go with other weights of the model, and with which values
it does not. PiSSA, OLoRA, CorDA and LoftQ change the model's own weights when they begin."""
# PEFT matches these with `re`, so a pattern from a file could be made to take for ever.
_PATH = re.compile(r"\^?[\w.\\]{1,500}\$?")
"""What PEFT takes for a pattern, and is nothing but a path."""


def metadata_of(text: str | None) -> dict[str, Any] | None:
    """Return what a file says, by component and field ("unet.lora_alpha"); None if it says nothing.

    Raises:
        ComponentError: it is no such description, or asks for what is not done here.
    """
    if text is None:
        return None
    # Text of a file's header, which was read as strict JSON, so that it can be encoded.
    found = parse_json(text.encode("utf-8"), f"The LoRA's description of itself ({KEY})", ComponentError)
    changing = [
        f"{name} is {value!r:.60}"
        for name, value in found.items()
        if value is not None and value not in _CHANGING.get(name.rpartition(".")[2], (value,))
    ]
    if changing:
        raise ComponentError(
            f"The LoRA's description of itself ({KEY}) asks for what is not done here, and without which it is another LoRA: "
            f"{', '.join(sorted(changing)[:3])}. Convert it to a plain one, as with PEFT's save_pretrained(path_initial_model_for_weight_conversion=...)."
        )
    kept = {name: value for name, value in found.items() if name.rpartition(".")[2] in _FIELDS and value is not None}
    faults = [name for name, value in kept.items() if not _is_sound(name.rpartition(".")[2], value)]
    if faults:
        raise ComponentError(
            f"The LoRA's description of itself ({KEY}) says something odd of {', '.join(sorted(faults)[:3])}."
        )
    return kept or None


def _is_sound(field: str, value: object) -> bool:
    if not isinstance(value, _FIELDS[field]):  # type: ignore[arg-type]  # types, and a tuple of them
        return False
    if isinstance(value, dict):
        return all(_PATH.fullmatch(key) and _is_number(each) for key, each in value.items())
    if isinstance(value, list):
        return all(isinstance(each, str) and _PATH.fullmatch(each) for each in value)
    return isinstance(value, bool) or _is_number(value)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)  # Python's JSON knows NaN and Infinity


def told(read: Any, metadata: Mapping[str, Any] | None) -> Any:
    """Let a loader of diffusers know what a file says, whose tensors it is given without the file.

    Args:
        read: its `lora_state_dict`.
    """

    def lora_state_dict(source: Any, **options: Any) -> Any:
        found = read(source, **options)
        if metadata is None or not options.get("return_lora_metadata") or found[1]:
            return found
        # Beside the weights some mixins return the alphas, too; what the file says of itself is the last in any case.
        return (*found[:-1], dict(metadata))

    return lora_state_dict
