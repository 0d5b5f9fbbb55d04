"""Models out of one file that holds a whole pipeline in its original layout, by diffusers' own conversion of names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...state import ComponentError, TrustError
from ...state.errors import with_article
from ..hub.missing_file import missing_file
from .building import limited_by_files
from .component_files import check_component_files
from .confined import confined
from .weights import check_file

if TYPE_CHECKING:
    import torch

PLACES = ("model.diffusion_model.", "first_stage_model.", "cond_stage_model.", "conditioner.", "text_encoders.", "vae.")
"""With which names of weights begin in files of a whole pipeline."""
_BARE = ("double_blocks.", "joint_blocks.")
"""With which those of FLUX and Stable Diffusion 3 begin in files of the transformer alone."""
_FEW = 0.005
"""Share of a model's numbers that may be something else than its weights."""


def read_checkpoint(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a file that holds a pipeline in its original layout, by name, mapped into memory.

    Raises:
        ComponentError: there is no such file, it is broken, or in another layout. TrustError: it is pickled.
    """
    if path.is_dir():
        raise ComponentError(
            f"{path} is a folder, and a checkpoint in its original layout is one file: from_pretrained({str(path)!r}) opens folders."
        )
    if not path.is_file():
        raise ComponentError(missing_file(str(path)) or f"There is no file {path}.")
    if path.suffix.lower() != ".safetensors":
        raise TrustError(
            f"{path.name} is no .safetensors file: pickled weights can run code while they are loaded. Take the safetensors file of "
            "the checkpoint, or convert it."
        )
    check_file(path)
    from safetensors.torch import load_file

    tensors = load_file(path)
    if not any(name.startswith((*PLACES, *_BARE)) for name in tensors):
        raise ComponentError(
            f"{path.name} is no checkpoint of a whole pipeline in its original layout: none of its {len(tensors):,} names of weights "
            f"begins with {', '.join(PLACES)}; the first is {min(tensors, default='none')!r}. One component in a file is loaded by "
            "update_components(unet=ComponentSpec('unet', UNet2DConditionModel, repo=file)), and a LoRA by load_lora_weights(file)."
        )
    return tensors


def convert_part(
    cls: type[Any], name: str, path: Path, tensors: Mapping[str, torch.Tensor], root: Path, dtype: torch.dtype
) -> Any:
    """Make one model of a checkpoint, in `eval()` mode; None where the file has no weights of its kind.

    Args:
        path, tensors: the file, and what it holds. root: the folder of the pipeline's configurations; the model's are in `root/name`.

    Raises:
        ComponentError: its weights are not those that its configuration says. TrustError: its files ask for more than they may.
    """
    made = _maker(cls, tensors)
    if made is None:
        return None
    where = f"{name!r} ({cls.__name__}) could not be loaded from {path.name}"
    if check_component_files(root, root / name):
        raise TrustError(f"{where}: {root / name} names code of its own, which is not run for a single file.")
    if not (root / name / "config.json").is_file():
        raise ComponentError(
            f"{where}: its configuration is read from {root / name / 'config.json'}, which is not there."
        )
    with _in_words(where), confined(where), limited_by_files(root / name, path):
        # A copy of the mapping: some conversions take names out of it.
        model = made(dict(tensors), config=str(root), subfolder=name, local_files_only=True)
    missing = [key for key, value in model.state_dict().items() if value.is_meta]
    if missing:
        raise ComponentError(
            f"{where}: the file has no weights for {', '.join(missing[:3])}{f' and {len(missing) - 3:,} more' if missing[3:] else ''}. "
            f"It is of another model than {root / name / 'config.json'} says."
        )
    left = _unread(cls, tensors, model)
    if left:
        raise ComponentError(
            f"{where}: {left:,} of the file's numbers of it have no place in the model. It is of a larger model than "
            f"{root / name / 'config.json'} says."
        )
    return _cast(model, dtype).eval()


def _unread(cls: type[Any], tensors: Mapping[str, torch.Tensor], model: torch.nn.Module) -> int:
    """Return how many numbers of a denoiser in a file were left out; 0 where they are few, as scales beside weights are.

    By their count: conversions split and join tensors, and drop what has no place without a word.
    """
    begins = _denoiser_names(cls)
    held = sum(value.numel() for name, value in tensors.items() if name.startswith(begins)) if begins else 0
    left = held - sum(value.numel() for value in model.state_dict().values())
    return left if left > _FEW * held else 0


def _denoiser_names(cls: type[Any]) -> tuple[str, ...]:
    """Return with which names those of a model begin, of a denoiser; none for other models, beside which files hold more."""
    from diffusers.loaders import FromOriginalModelMixin

    is_denoiser = issubclass(cls, FromOriginalModelMixin) and not cls.__name__.startswith("Autoencoder")
    return (PLACES[0], *_BARE) if is_denoiser else ()


def _cast(model: Any, dtype: torch.dtype) -> Any:
    """Cast a model's weights, but for those that its class keeps in float32 beside float16."""
    import torch

    kept = set(getattr(model, "_keep_in_fp32_modules", None) or ()) if dtype == torch.float16 else set()
    for name, value in (*model.named_parameters(), *model.named_buffers()):
        if value.is_floating_point():
            value.data = value.data.to(torch.float32 if kept & set(name.split(".")) else dtype)
    return model


def _maker(cls: type[Any], tensors: Mapping[str, torch.Tensor]) -> Any:
    """Return what makes a model of a class out of a checkpoint; None where it has no weights of the class."""
    from diffusers.loaders import FromOriginalModelMixin, single_file_utils

    if issubclass(cls, FromOriginalModelMixin):
        return _own_maker(cls, tensors)
    if single_file_utils.is_clip_model_in_single_file(cls, tensors):
        return lambda checkpoint, **where: single_file_utils.create_diffusers_clip_model_from_ldm(
            cls, checkpoint=checkpoint, **where
        )
    if cls.__name__ == "T5EncoderModel" and single_file_utils.is_t5_in_single_file(tensors):
        return lambda checkpoint, **where: single_file_utils.create_diffusers_t5_model_from_checkpoint(
            cls, checkpoint=checkpoint, **where
        )
    return None


def _own_maker(cls: type[Any], tensors: Mapping[str, torch.Tensor]) -> Any:
    # The conversions look for names without asking first whether there is a model of this kind.
    begins = ("first_stage_model.", "vae.") if cls.__name__.startswith("Autoencoder") else (PLACES[0], *_BARE)
    return cls.from_single_file if any(name.startswith(begins) for name in tensors) else None


@contextmanager
def _in_words(where: str) -> Iterator[None]:
    """Say of a conversion that failed what was to be loaded from what: it looks for names and shapes as if they were there."""
    from diffusers.loaders.single_file_utils import SingleFileComponentError

    try:
        yield
    except (ComponentError, TrustError):
        raise
    except NotImplementedError as error:
        # Of a layer that got no weights: diffusers makes models without memory, and says nothing of what was not filled.
        raise ComponentError(
            f"{where}: the file lacks weights of it. It is of another model than config= says."
        ) from error
    except (
        LookupError,
        ValueError,
        AttributeError,
        RuntimeError,
        TypeError,
        OSError,
        SingleFileComponentError,
    ) as error:
        kind = type(error).__name__
        raise ComponentError(
            f"{where}: diffusers' conversion of its original layout ends with {with_article(kind)}: {error}. The file is of another "
            "model than config= says, or of another layout."
        ) from error
