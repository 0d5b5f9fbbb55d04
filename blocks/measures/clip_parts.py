"""The parts of a CLIP, from one folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...registry.component_spec import ComponentSpec
from ...state import ComponentError

CONFIG = "config.json"


def clip_parts(folder: str | Path) -> dict[str, Any]:
    """Load a CLIP of transformers with what prepares its images and texts: `clip`, `clip_image_processor`, `clip_tokenizer`.

    Args:
        folder: as `CLIPModel.save_pretrained` and `CLIPProcessor.save_pretrained` write it; nothing is downloaded.

    Raises:
        ComponentError: it is no such folder, or a part cannot be loaded.

    Example:
        >>> pipe.update_components(**clip_parts("clip-vit-base-patch16"))  # doctest: +SKIP
    """
    from transformers import CLIPImageProcessor, CLIPModel, CLIPTokenizer

    if not (Path(folder) / CONFIG).is_file():
        raise ComponentError(
            f"{folder} is no folder of a CLIP: there is no {CONFIG}. Give the folder that CLIPModel.save_pretrained wrote."
        )
    classes = {"clip": CLIPModel, "clip_image_processor": CLIPImageProcessor, "clip_tokenizer": CLIPTokenizer}
    return {name: ComponentSpec(name, cls, repo=str(folder)).load() for name, cls in classes.items()}
