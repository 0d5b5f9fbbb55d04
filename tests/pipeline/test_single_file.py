"""A whole pipeline out of one file in its original layout, with a folder of configurations, and no Hub."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from original_layout import vae, write_flux, write_sd, write_sd3, write_xl
from safetensors.torch import load_file, save_file
from tiny_families import flux, flux_transformer, stable_diffusion_3
from tiny_sd import BETAS, make_parts, unet
from transformers import CLIPTextModelWithProjection

from brickwork import ComponentError, InputError, ModularPipeline, TrustError
from brickwork.presets.embedded import ARROW_LORA
from tiny_sdxl import text_config

MODELS = ("unet", "vae", "text_encoder", "text_encoder_2")


@pytest.fixture(scope="module")
def file(classic: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_xl(classic.components, tmp_path_factory.mktemp("single") / "xl.safetensors")


@pytest.fixture(scope="module")
def config(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configurations alone."""
    place = tmp_path_factory.mktemp("config") / "xl"
    shutil.copytree(tiny_folder, place, ignore=shutil.ignore_patterns("*.safetensors", "modular_*"))
    return place


def drawn(pipe: Any, **more: Any) -> torch.Tensor:
    given = {"prompt": "a red circle", "num_inference_steps": 2, "output_type": "pt", **more}
    images: torch.Tensor = pipe(**given, generator=torch.Generator().manual_seed(1))
    return images


def test_a_checkpoint_of_xl_is_what_the_folder_of_the_same_model_is(
    file: Path, config: Path, tiny_pipe: ModularPipeline
) -> None:
    pipe = ModularPipeline.from_single_file(file, config)
    pipe.configure(progress=False)
    for name in MODELS:
        expected = tiny_pipe.components[name].state_dict()
        found = pipe.components[name].state_dict()
        assert found.keys() == expected.keys()
        assert [key for key in found if not torch.equal(found[key], expected[key])] == []
        assert not pipe.components[name].training
    # The weights are the same, and lie at other addresses in memory: products of matrices differ in their last bits.
    assert torch.allclose(drawn(pipe, output="images"), drawn(tiny_pipe, output="images"), rtol=0, atol=1e-5)


def test_it_loads_what_the_classic_loads(file: Path, config: Path) -> None:
    theirs: Any = diffusers.StableDiffusionXLPipeline.from_single_file(
        str(file), config=str(config), local_files_only=True
    )
    ours = ModularPipeline.from_single_file(file, config)
    for name in MODELS:
        expected = getattr(theirs, name).state_dict()
        assert all(torch.equal(value, expected[key]) for key, value in ours.components[name].state_dict().items())


def test_a_checkpoint_of_stable_diffusion_3_gives_all_three_encoders(tmp_path: Path) -> None:
    parts = stable_diffusion_3()
    # Loaders tell the CLIPs by their widths; the files have no projection of the first, for which the identity stands.
    parts["text_encoder_2"] = CLIPTextModelWithProjection(text_config(24, len(parts["tokenizer_2"]), length=77))
    torch.nn.init.eye_(parts["text_encoder"].text_projection.weight)
    diffusers.StableDiffusion3Pipeline(**parts).save_pretrained(tmp_path / "sd3")
    for path in (tmp_path / "sd3").rglob("*.safetensors"):
        path.unlink()
    pipe = ModularPipeline.from_single_file(write_sd3(parts, tmp_path / "sd3.safetensors"), tmp_path / "sd3")
    for name in ("transformer", "vae", "text_encoder", "text_encoder_2", "text_encoder_3"):
        expected, found = parts[name].state_dict(), pipe.components[name].state_dict()
        assert found.keys() == expected.keys()
        assert [key for key in found if not torch.equal(found[key], expected[key])] == []


def configs_of(classic: Any, place: Path) -> Path:
    """Save a classic pipeline, and return the folder without its weights."""
    classic.save_pretrained(place)
    for path in place.rglob("*.safetensors"):
        path.unlink()
    return place


def same_weights(pipe: Any, parts: Any, *names: str) -> None:
    for name in names:
        expected, found = parts[name].state_dict(), pipe.components[name].state_dict()
        assert found.keys() == expected.keys()
        assert [key for key in found if not torch.equal(found[key], expected[key])] == []


@pytest.mark.parametrize("second", [False, True])
def test_a_checkpoint_of_stable_diffusion_1_or_2_draws_what_it_was_written_from(second: bool, tmp_path: Path) -> None:
    torch.manual_seed(3)
    parts = make_parts()
    if second:
        parts["unet"] = unet(use_linear_projection=True)
        solver = diffusers.DDIMScheduler(**BETAS, prediction_type="v_prediction", clip_sample=False, steps_offset=1)
        parts["scheduler"] = solver
    options = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    classic: Any = diffusers.StableDiffusionPipeline(**parts, **options)
    classic.set_progress_bar_config(disable=True)
    expected = classic(
        "a red circle", num_inference_steps=2, output_type="pt", generator=torch.Generator().manual_seed(1)
    )
    config = configs_of(classic, tmp_path / "config")
    pipe = ModularPipeline.from_single_file(write_sd(parts, tmp_path / "sd.safetensors", second), config)
    pipe.configure(progress=False)
    same_weights(pipe, parts, "unet", "vae", "text_encoder")
    assert pipe.scheduler.config.prediction_type == ("v_prediction" if second else "epsilon")
    assert torch.allclose(drawn(pipe, output="images"), expected.images, rtol=0, atol=1e-5)


def flux_config(parts: Any, place: Path) -> Path:
    return configs_of(diffusers.FluxPipeline(**parts), place)


def test_a_checkpoint_of_flux_gives_vae_and_encoders(tmp_path: Path) -> None:
    parts = flux()
    config = flux_config(parts, tmp_path / "config")
    file = write_flux(parts, tmp_path / "flux.safetensors")
    # diffusers' conversion of the transformer reckons with its width in FLUX.1; the whole of it is tried by --long.
    refused(
        file, config, ComponentError, "'transformer' (FluxTransformer2DModel) could not be loaded from flux.safetensors"
    )
    pipe = ModularPipeline.from_single_file(file, config, transformer=parts["transformer"])
    same_weights(pipe, parts, "vae", "text_encoder", "text_encoder_2")


def test_a_transformer_of_flux_alone_needs_the_rest_in_the_folder(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if not request.config.getoption("--long"):
        pytest.skip("a block of FLUX.1's width has 340 million weights")
    parts = {**flux(), "transformer": wide_transformer()}
    diffusers.FluxPipeline(**{**parts, "transformer": None}).save_pretrained(tmp_path / "config")
    parts["transformer"].save_config(tmp_path / "config/transformer")
    index = json.loads((tmp_path / "config/model_index.json").read_text())
    index["transformer"] = ["diffusers", "FluxTransformer2DModel"]
    (tmp_path / "config/model_index.json").write_text(json.dumps(index))
    file = write_flux(parts, tmp_path / "flux.safetensors", whole=False)
    pipe = ModularPipeline.from_single_file(file, tmp_path / "config", dtype={"transformer": "bf16"})
    same_weights(pipe, parts, "transformer", "vae", "text_encoder", "text_encoder_2")


def wide_transformer() -> Any:
    """FLUX's transformer of one block of each kind, in the width that its conversion reckons with, of cheap numbers."""
    with torch.device("meta"):
        made = flux_transformer(num_attention_heads=24, attention_head_dim=128, axes_dims_rope=(16, 56, 56))
    made = made.to(torch.bfloat16).to_empty(device="cpu")
    generator = torch.Generator().manual_seed(2)
    for parameter in made.parameters():
        # Rows and columns that differ: any that is moved or left out is seen.
        ends = [torch.randn(side, generator=generator).to(torch.bfloat16) for side in parameter.shape]
        parameter.data = ends[0] if len(ends) == 1 else ends[0][:, None] * ends[1]
    return made.eval()


def test_it_opens_as_a_task_in_a_dtype_and_is_saved_with_its_weights(file: Path, config: Path, tmp_path: Path) -> None:
    pipe = ModularPipeline.from_single_file(file, config, task="inpainting", dtype={"unet": "bf16"})
    assert "mask_image" in pipe.blocks.input_names
    assert (pipe.unet.dtype, pipe.vae.dtype) == (torch.bfloat16, torch.float32)
    pipe.save_pretrained(tmp_path / "saved")
    again = ModularPipeline.from_pretrained(tmp_path / "saved").load_components()
    assert torch.equal(again.unet.conv_in.weight, pipe.unet.conv_in.weight)


def test_a_component_is_given_in_place_of_the_one_in_the_file(file: Path, config: Path, classic: Any) -> None:
    pipe = ModularPipeline.from_single_file(file, config, vae=classic.vae)
    assert pipe.vae is classic.vae


def refused(file: Path, config: Path, error: type[Exception], *says: str, **more: Any) -> None:
    with pytest.raises(error) as caught:
        ModularPipeline.from_single_file(file, config, **more)
    said = str(caught.value)
    assert [words for words in says if words not in said] == [], said


def test_a_component_that_is_nowhere_is_named(file: Path, config: Path, tmp_path: Path) -> None:
    tensors = load_file(file)
    save_file(
        {k: v for k, v in tensors.items() if not k.startswith("first_stage_model.")}, tmp_path / "no_vae.safetensors"
    )
    refused(
        tmp_path / "no_vae.safetensors", config, ComponentError, "holds no weights of 'vae' (AutoencoderKL)", "vae=..."
    )


def test_what_the_file_lacks_is_loaded_from_the_folder(file: Path, tiny_folder: Path, tmp_path: Path) -> None:
    tensors = load_file(file)
    save_file(
        {k: v for k, v in tensors.items() if not k.startswith("first_stage_model.")}, tmp_path / "no_vae.safetensors"
    )
    pipe = ModularPipeline.from_single_file(tmp_path / "no_vae.safetensors", tiny_folder)
    assert pipe.vae is not None
    assert pipe.specs["vae"].repo == str(tiny_folder)
    assert pipe.specs["unet"].repo is None


def test_a_file_of_another_size_is_not_taken(file: Path, config: Path, tmp_path: Path) -> None:
    place = Path(shutil.copytree(config, tmp_path / "other"))
    content = json.loads((place / "unet/config.json").read_text())
    (place / "unet/config.json").write_text(json.dumps({**content, "cross_attention_dim": 8}))
    refused(
        file,
        place,
        ComponentError,
        "'unet' (UNet2DConditionModel) could not be loaded from xl.safetensors",
        "of another",
    )


def test_a_file_of_more_layers_is_not_taken_in_part(file: Path, config: Path, tmp_path: Path) -> None:
    """diffusers leaves out what has no place, without a word."""
    place = Path(shutil.copytree(config, tmp_path / "smaller"))
    content = json.loads((place / "unet/config.json").read_text())
    fewer = content["transformer_layers_per_block"] - 1
    (place / "unet/config.json").write_text(json.dumps({**content, "transformer_layers_per_block": fewer}))
    refused(file, place, ComponentError, "'unet'", "have no place in the model. It is of a larger model than")


def test_weights_that_are_missing_are_named(file: Path, config: Path, tmp_path: Path) -> None:
    name = "model.diffusion_model.out.2.bias"
    save_file({k: v for k, v in load_file(file).items() if k != name}, tmp_path / "cut.safetensors")
    refused(tmp_path / "cut.safetensors", config, ComponentError, "'unet'", "the file lacks weights of it")


def test_a_file_of_another_family_is_refused(file: Path, config: Path, tmp_path: Path) -> None:
    write_sd(make_parts(), tmp_path / "sd.safetensors")
    refused(tmp_path / "sd.safetensors", config, ComponentError, "'unet'", "another model than config= says")
    parts = flux()
    flux_config(parts, tmp_path / "flux")
    refused(file, tmp_path / "flux", ComponentError, "'transformer'", "another model than config= says")
    write_flux(parts, tmp_path / "flux.safetensors", whole=False)
    none = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    first = configs_of(diffusers.StableDiffusionPipeline(**make_parts(), **none), tmp_path / "sd")
    refused(tmp_path / "flux.safetensors", first, ComponentError, "'unet'", "another model than config= says")
    refused(tmp_path / "flux.safetensors", config, ComponentError, "'vae'", "holds no weights of")


def test_files_that_are_none_are_refused_in_words(file: Path, config: Path, tmp_path: Path) -> None:
    torch.save({}, tmp_path / "model.ckpt")
    refused(
        tmp_path / "model.ckpt",
        config,
        TrustError,
        "model.ckpt is no .safetensors file",
        "pickled weights can run code",
    )
    refused(
        ARROW_LORA / "pytorch_lora_weights.safetensors",
        config,
        ComponentError,
        "no checkpoint of a whole pipeline",
        "load_lora_weights(file)",
    )
    refused(tmp_path / "xl.safetensors", config, ComponentError, "There is no file")
    refused(config, config, ComponentError, "xl is a folder", "from_pretrained('")
    for odd in (None, 3, b"xl.safetensors"):
        refused(odd, config, InputError, "path is", "it is a path, as text or a Path")  # type: ignore[arg-type]  # what is refused
    refused(file, 3, InputError, "config is 3 (int); it is a path")  # type: ignore[arg-type]  # as above
    save_file(vae(make_parts()["vae"]), tmp_path / "vae.safetensors")
    refused(
        tmp_path / "vae.safetensors",
        config,
        ComponentError,
        "no checkpoint of a whole pipeline",
        "the first is 'decoder",
    )
    refused(
        file,
        tmp_path / "nowhere",
        ComponentError,
        "is no folder",
        "diffusers' layout",
        "Nothing is looked up on the Hub",
    )
    refused(file, config, ComponentError, "'unett'", unett=None)
    (tmp_path / "cut.SAFETENSORS").write_bytes(file.read_bytes()[:-8])
    refused(tmp_path / "cut.SAFETENSORS", config, ComponentError, "truncated")
    (tmp_path / "cut.safetensors").write_bytes(file.read_bytes()[:-8])
    refused(tmp_path / "cut.safetensors", config, ComponentError, "truncated")


def test_a_file_without_configurations_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ComponentError, match=r"does not say how its models are configured: give config="):
        ModularPipeline.from_single_file(tmp_path / "x.safetensors")
