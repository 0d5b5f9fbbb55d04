"""`ModularPipeline`: calls, errors before compute, components, isolation of runs."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKLWan, DDIMScheduler, EulerDiscreteScheduler, UNet2DConditionModel
from toy_blocks import seeded

import brickwork
from brickwork import (
    Block,
    ClassifierFreeGuidance,
    ComponentError,
    ComponentSpec,
    CompositionError,
    InputError,
    ModularPipeline,
    Outputs,
    PipelineState,
    RepoError,
    SequentialPipelineBlocks,
)
from brickwork.blocks import Decode, Denoise
from brickwork.guiders import GuidanceBranch, GuidanceStep, Guider
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS

LATENT = {"prompt": "a red circle", "num_inference_steps": 2, "output_type": "latent"}


def test_all_faults_of_a_call_are_named_before_anything_runs(tiny_folder: Path) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder))
    with pytest.raises(InputError) as caught:
        pipe(promt="x", stepz=3)
    text = str(caught.value)
    assert "'promt' is no input of this pipeline. Did you mean 'prompt'?" in text
    assert "'stepz' is no input of this pipeline." in text
    assert "text_encoder.positive.encode needs 'prompt' (str | list[str])" in text


def test_an_unknown_output_names_the_nearest(tiny_pipe: ModularPipeline) -> None:
    with pytest.raises(InputError, match="'image' is no output of this run. Did you mean 'images'"):
        tiny_pipe(**LATENT, output="image")
    with pytest.raises(InputError, match="'latens'.*"):
        tiny_pipe(**LATENT, output=["images", "latens"])


def test_an_input_that_no_block_reads_in_this_run_is_refused(tiny_pipe: ModularPipeline) -> None:
    embeds = torch.zeros(1, 16, 40)
    with pytest.raises(InputError, match="'prompt' is read by no block that runs with these inputs"):
        tiny_pipe(prompt="x", prompt_embeds=embeds, pooled_prompt_embeds=torch.zeros(1, 24))


def test_a_missing_companion_is_named_by_everyone_who_needs_it(tiny_pipe: ModularPipeline) -> None:
    with pytest.raises(InputError, match=r"given needs 'pooled_prompt_embeds'.*\(and so do .*input"):
        tiny_pipe(prompt_embeds=torch.zeros(1, 16, 40))


def test_components_that_are_not_loaded_are_named(tiny_folder: Path) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder))
    with pytest.raises(ComponentError, match=r"Not loaded: tokenizer, tokenizer_2, .*load_components\(\)"):
        pipe(**LATENT)


def test_output_forms(tiny_pipe: ModularPipeline) -> None:
    state = tiny_pipe(**LATENT, generator=seeded(0))
    several = tiny_pipe(**LATENT, generator=seeded(0), output=["images", "timesteps"])
    assert torch.equal(several["images"], state.images)
    assert set(several) == {"images", "timesteps"}
    assert state.provenance["latents"] == "denoise.after_denoiser"
    assert "prompt" not in state.provenance


def test_a_run_goes_on_from_a_state_and_leaves_it_as_it_was(tiny_pipe: ModularPipeline) -> None:
    first = tiny_pipe(**LATENT, generator=seeded(0))
    before = dict(first.values)
    decode = SequentialPipelineBlocks.from_blocks_dict({"decode": TEXT2IMAGE_BLOCKS["decode"]}).init_pipeline()
    decode.update_components(vae=tiny_pipe.vae)
    again = decode(state=first, output_type="pt")
    assert again.images.shape == (1, 3, 64, 64)
    assert first.values == before
    assert again.latents is first.latents


def test_errors_of_blocks_keep_their_class_and_say_where(tiny_pipe: ModularPipeline) -> None:
    with pytest.raises(InputError, match=r"latents have the shape \[1, 4, 2, 2\].*needs \[1, 4, 8, 8\]") as caught:
        tiny_pipe(PipelineState({"latents": torch.zeros(1, 4, 2, 2)}), **LATENT)
    assert caught.value.__notes__[0].startswith("In block prepare_latents.")
    assert "prompt_embeds: Tensor[1, 16, 40] torch.float32" in caught.value.__notes__[0]


def test_an_error_in_a_loop_names_the_step(tiny_pipe: ModularPipeline) -> None:
    class Fail(Block):
        def run(self, i: int) -> None:
            if i == 1:
                raise KeyboardInterrupt

    tiny_pipe.blocks.insert_after("denoise.denoiser", "fail", Fail)  # type: ignore[attr-defined]
    with pytest.raises(KeyboardInterrupt) as caught:
        tiny_pipe(**LATENT)
    assert caught.value.__notes__[0].startswith("In block denoise.step[1].fail.")
    tiny_pipe.blocks.pop("denoise.fail")  # type: ignore[attr-defined]
    assert tiny_pipe(**LATENT, output="images").shape == (1, 4, 8, 8)


def test_embeddings_of_different_batches_are_refused(tiny_pipe: ModularPipeline) -> None:
    embeds = {"prompt_embeds": torch.zeros(2, 16, 40), "pooled_prompt_embeds": torch.zeros(3, 24)}
    with pytest.raises(InputError, match="prompt_embeds: 2, pooled_prompt_embeds: 3"):
        tiny_pipe(**embeds, num_inference_steps=1)


def test_guidance_without_negative_embeddings_says_what_to_pass(tiny_pipe: ModularPipeline) -> None:
    tiny_pipe.blocks.pop("text_encoder")  # type: ignore[attr-defined]
    embeds = {"prompt_embeds": torch.zeros(1, 16, 40), "pooled_prompt_embeds": torch.zeros(1, 24)}
    with pytest.raises(InputError, match="'negative_prompt_embeds' was not given.*or guidance_scale=1"):
        tiny_pipe(**embeds, num_inference_steps=1)
    assert tiny_pipe(**embeds, num_inference_steps=1, guidance_scale=1.0, output_type="latent") is not None


def test_models_that_do_not_belong_together_are_named(tiny_pipe: ModularPipeline) -> None:
    pooled = torch.zeros(1, 25)
    embeds = {"prompt_embeds": torch.zeros(1, 16, 40), "pooled_prompt_embeds": pooled}
    with pytest.raises(InputError, match="added embedding takes 72 numbers.*width 25 make 73"):
        tiny_pipe(**embeds, num_inference_steps=1, guidance_scale=1.0)


def test_a_truncated_prompt_is_warned_of(tiny_pipe: ModularPipeline, caplog: pytest.LogCaptureFixture) -> None:
    tiny_pipe(**{**LATENT, "prompt": "red " * 15 + "blue"})
    assert "text_encoder and text_encoder_2 read 16 tokens; this part of the prompt was cut off" in caplog.text
    assert len(caplog.records) == 1
    assert "blue" in caplog.text
    caplog.clear()
    tiny_pipe(**LATENT)
    assert caplog.text == ""


def test_the_guidance_scale_of_the_call_beats_the_guiders(tiny_pipe: ModularPipeline) -> None:
    tiny_pipe.update_components(guider=ClassifierFreeGuidance(guidance_scale=3.0))
    by_guider = tiny_pipe(**LATENT, generator=seeded(0), output="images")
    by_call = tiny_pipe(**LATENT, generator=seeded(0), guidance_scale=8.0, output="images")
    again = tiny_pipe(**LATENT, generator=seeded(0), guidance_scale=3.0, output="images")
    assert torch.equal(by_guider, again)
    assert not torch.equal(by_guider, by_call)


def test_the_scheduler_of_the_pipeline_is_not_changed_by_a_run(tiny_pipe: ModularPipeline) -> None:
    scheduler = tiny_pipe.scheduler
    before = dict(vars(scheduler))
    tiny_pipe(**LATENT)
    assert tiny_pipe.scheduler is scheduler
    assert all(vars(scheduler)[name] is value for name, value in before.items())


def test_threads_give_what_runs_in_a_row_give(tiny_pipe: ModularPipeline) -> None:
    def picture(seed: int) -> torch.Tensor:
        result: torch.Tensor = tiny_pipe(
            prompt="a cat", num_inference_steps=2 + seed, output_type="latent", generator=seeded(seed), output="images"
        )
        return result

    expected = [picture(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(picture, [seed % 4 for seed in range(32)]))
    assert all(torch.equal(one, other) for one, other in zip(found, expected * 8, strict=True))


def test_gradients_are_recorded_only_on_request(tiny_pipe: ModularPipeline) -> None:
    assert not tiny_pipe(**LATENT, output="images").requires_grad
    tiny_pipe.configure(grad=True)
    assert tiny_pipe(**LATENT, output="images").requires_grad


def test_an_unknown_setting_names_the_nearest(tiny_pipe: ModularPipeline) -> None:
    with pytest.raises(InputError, match="no setting 'progres'. Did you mean 'progress'"):
        tiny_pipe.configure(progres=False)
    with pytest.raises(InputError, match="no config 'force_zeros'"):
        tiny_pipe.update_config(force_zeros=1)
    with pytest.raises(InputError, match="frozen"):
        tiny_pipe.config["force_zeros_for_empty_prompt"] = 1


def test_the_progress_bar_counts_the_steps(tiny_pipe: ModularPipeline, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_pipe(**LATENT)
    assert capsys.readouterr().err == ""
    tiny_pipe.set_progress_bar_config(desc="drawing")
    tiny_pipe(**LATENT)
    text = capsys.readouterr().err
    assert "drawing: 100%" in text
    assert "2/2" in text


def test_the_same_plan_serves_the_same_names(tiny_pipe: ModularPipeline) -> None:
    first = tiny_pipe.plan(["prompt", "height"])
    assert tiny_pipe.plan(["height", "prompt"]) is first
    assert tiny_pipe.plan(["prompt"]) is not first
    assert first.paths[0] == "text_encoder.positive.encode"
    assert first.paths[-1] == "decode"


def test_only_named_components_are_loaded_in_the_named_format(tiny_folder: Path) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder))
    assert pipe.unet is None
    pipe.load_components(names=["unet", "vae"], dtype={"unet": torch.bfloat16, "default": torch.float16})
    assert pipe.loaded_component_names == ["guider", "unet", "vae", "image_processor"]
    assert (pipe.unet.dtype, pipe.vae.dtype) == (torch.bfloat16, torch.float16)
    assert not pipe.unet.training
    pipe.load_components(torch_dtype=torch.float32)
    assert pipe.null_component_names == []
    assert pipe.unet.dtype == torch.bfloat16


def test_half_precision_files_become_single_precision_unless_told_otherwise(
    tiny_pipe: ModularPipeline, tmp_path: Path
) -> None:
    import copy

    half = copy.deepcopy(tiny_pipe.text_encoder).half()
    half.save_pretrained(tmp_path / "half")
    spec = ComponentSpec("text_encoder", type(half), repo=str(tmp_path / "half"))
    assert spec.load().dtype == torch.float32
    assert spec.load(dtype=torch.float16).dtype == torch.float16


def test_every_failed_load_is_named_and_the_others_are_kept(tiny_folder: Path) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder))
    for name in ("unet", "vae"):
        spec = pipe.get_component_spec(name)
        spec.subfolder = "nowhere"
        pipe.update_components(**{name: spec})
    with pytest.raises(ComponentError) as caught:
        pipe.load_components()
    text = str(caught.value)
    assert "Components could not be loaded: 2 faults" in text
    assert "'unet' (UNet2DConditionModel) could not be loaded from" in text
    assert "nowhere" in text
    assert pipe.text_encoder is not None


def test_a_copy_of_a_spec_is_edited_and_given_back(tiny_folder: Path) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder))
    spec = pipe.get_component_spec("unet")
    spec.repo = "elsewhere"
    assert pipe.get_component_spec("unet").repo == str(tiny_folder)
    pipe.update_components(unet=spec)
    assert pipe.get_component_spec("unet").pretrained_model_name_or_path == "elsewhere"
    assert pipe.unet is None


def test_a_component_of_the_wrong_class_is_refused(tiny_pipe: ModularPipeline) -> None:
    with pytest.raises(ComponentError) as caught:
        tiny_pipe.update_components(unet=tiny_pipe.vae, scheduler=3)
    text = str(caught.value)
    assert "'unet' expects a UNet2DConditionModel, and got an AutoencoderKL" in text
    assert "'scheduler' expects an EulerDiscreteScheduler, and got an int" in text
    assert isinstance(tiny_pipe.scheduler, EulerDiscreteScheduler)


def test_the_error_names_the_classes_that_the_family_accepts(tiny_pipe: ModularPipeline) -> None:
    video = AutoencoderKLWan(base_dim=4, z_dim=4, dim_mult=[1], num_res_blocks=1, temperal_downsample=[])
    with pytest.raises(
        ComponentError, match=r"'vae' expects an AutoencoderKL, and got an AutoencoderKLWan. .*AutoencoderTiny"
    ):
        tiny_pipe.update_components(vae=video)


def test_schedulers_are_interchangeable(tiny_pipe: ModularPipeline) -> None:
    tiny_pipe.update_components(scheduler=DDIMScheduler.from_config(tiny_pipe.scheduler.config))
    assert isinstance(tiny_pipe.scheduler, DDIMScheduler)
    assert tiny_pipe(**LATENT, output="images").shape == (1, 4, 8, 8)


def test_unknown_components_name_the_nearest(tiny_pipe: ModularPipeline) -> None:
    for call in (tiny_pipe.get_component_spec, tiny_pipe.load_components):
        with pytest.raises(ComponentError, match="no component 'unte'. Did you mean 'unet'"):
            call("unte")
    with pytest.raises(ComponentError, match="no component 'unte'"):
        tiny_pipe.update_components(unte=1)
    with pytest.raises(AttributeError, match="no component or attribute 'unte'. Did you mean 'unet'"):
        _ = tiny_pipe.unte


def test_models_move_and_are_cast(tiny_folder: Path) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder)).load_components(names=["unet", "vae"])
    assert pipe.to("cpu", torch.float64) is pipe
    assert pipe.dtype == torch.float64
    assert pipe.to(torch.float32).unet.dtype == torch.float32
    assert pipe.device == torch.device("cpu")


def test_a_pipeline_shows_what_is_loaded(tiny_folder: Path) -> None:
    text = repr(ModularPipeline.from_pretrained(str(tiny_folder)).load_components("unet"))
    assert "unet             UNet2DConditionModel         loaded" in text
    assert "vae              AutoencoderKL                not loaded" in text
    assert "config.force_zeros_for_empty_prompt = True" in text


def test_what_is_no_repository_is_said(tmp_path: Path) -> None:
    with pytest.raises(RepoError, match="has neither modular_model_index.json nor model_index.json"):
        ModularPipeline.from_pretrained(str(tmp_path))
    (tmp_path / "model_index.json").write_text('{"_class_name": null}')
    with pytest.raises(RepoError, match=r"^model_index.json of .+ names no class of a pipeline \(_class_name\)"):
        ModularPipeline.from_pretrained(str(tmp_path))
    with pytest.raises(RepoError, match="is no folder on this machine, and no name of a Hub repository"):
        ModularPipeline.from_pretrained("./nowhere")
    (tmp_path / "model_index.json").write_text('{"_class_name": "StableDiffusionXLPipelin"}')
    with pytest.raises(CompositionError, match="Did you mean 'StableDiffusionXLPipeline'"):
        ModularPipeline.from_pretrained(str(tmp_path))
    (tmp_path / "model_index.json").write_text("{")
    with pytest.raises(RepoError, match="cannot be read"):
        ModularPipeline.from_pretrained(str(tmp_path))


def test_a_classic_index_serves_too(tiny_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "modular_model_index.json").unlink()
    pipe = ModularPipeline.from_pretrained(str(tmp_path)).load_components()
    assert isinstance(pipe.unet, UNet2DConditionModel)
    assert pipe.null_component_names == []


def test_an_unbound_family_block_can_be_shown_and_not_planned() -> None:
    assert "denoiser" in str(Denoise())
    with pytest.raises(
        CompositionError,
        match=r"names the role 'vae'.*Decode.bind\(families.get\('ace-step'\)\), with brickwork.registry.families",
    ):
        SequentialPipelineBlocks.from_blocks_dict({"decode": Decode}).plan(["latents"])


def test_a_custom_block_is_inserted_by_name(tiny_pipe: ModularPipeline) -> None:
    class Brighten(Block):
        """Shift latents."""

        class Out(Outputs):
            latents: torch.Tensor

        def run(self, latents: torch.Tensor) -> Out:
            return self.Out(latents=latents + 1)

    plain = tiny_pipe(**LATENT, generator=seeded(0), output="images")
    tiny_pipe.blocks.insert_before("decode", "brighten", Brighten)  # type: ignore[attr-defined]
    assert torch.equal(tiny_pipe(**LATENT, generator=seeded(0), output="images"), plain + 1)


def test_a_config_is_copied_like_any_value(tiny_pipe: ModularPipeline) -> None:
    import copy

    assert copy.deepcopy(tiny_pipe.config) == tiny_pipe.config
    assert copy.copy(tiny_pipe.config).force_zeros_for_empty_prompt is True


def test_any_guider_takes_the_place_of_another(tiny_pipe: ModularPipeline) -> None:
    class Momentum(Guider):
        """Average each prediction with the one before: it keeps a memory, and needs one branch."""

        @property
        def uses_negative(self) -> bool:
            return False

        def branches(self, step: GuidanceStep) -> tuple[GuidanceBranch, ...]:
            return (GuidanceBranch("conditional"),)

        def combine(self, predictions: Any, step: GuidanceStep, memory: Any = None) -> Any:
            seen.append(memory is None)
            now = predictions["conditional"]
            guided = now if memory is None else (now + memory) / 2
            return guided, guided

    seen: list[bool] = []
    plain = tiny_pipe(**LATENT, generator=seeded(0), guidance_scale=1.0, output="images")
    tiny_pipe.update_components(guider=Momentum())
    averaged = tiny_pipe(**LATENT, generator=seeded(0), output="images")
    assert seen == [True, False]
    assert not torch.equal(plain, averaged)
    tiny_pipe(**LATENT, generator=seeded(0), output="images")
    assert seen == [True, False] * 2


def test_a_guidance_window_leaves_the_other_steps_unguided(tiny_pipe: ModularPipeline) -> None:
    sizes: list[int] = []
    unet = tiny_pipe.unet
    hook = unet.register_forward_pre_hook(lambda _module, args: sizes.append(len(args[0])))
    try:
        tiny_pipe.update_components(guider=ClassifierFreeGuidance(start=0.25, stop=0.75))
        tiny_pipe(**{**LATENT, "num_inference_steps": 4})
    finally:
        hook.remove()
    assert sizes == [1, 2, 2, 1]


def test_an_unknown_input_is_refused_though_a_state_holds_that_name(tiny_pipe: ModularPipeline) -> None:
    state = tiny_pipe(**LATENT)
    state.set("note", "mine")
    again = {"num_inference_steps": 1, "output_type": "latent"}
    tiny_pipe(state=state, **again)
    with pytest.raises(InputError, match="'note' is no input of this pipeline"):
        tiny_pipe(**{**state.values, **again})


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            {"snapshots": "run.safetensors"},
            r"snapshots='run.safetensors': it is a brickwork.Snapshots, as in Snapshots\(",
        ),
        ({"snapshots": Path("run.safetensors")}, "snapshots=.*: it is a brickwork.Snapshots"),
        ({"snapshots": True}, "snapshots=True: it is a brickwork.Snapshots"),
        ({"snapshots": brickwork.Snapshots}, "snapshots=.*: it is a brickwork.Snapshots"),
        ({"check_values": "no"}, "check_values='no': it is True or False"),
        ({"check_in_place": None}, "check_in_place=None: it is True or False"),
        ({"witness": 1}, "witness=1: it is True or False"),
        ({"progress": "bar"}, "progress='bar': it is True or False"),
        ({"listeners": print}, "listeners=.*: it is a list of functions that take an event"),
        ({"listeners": "ab"}, "listeners='ab': it is a list of functions"),
        ({"listeners": [print, 3]}, r"a function that takes an event, and 3 \(int\) was given"),
        ({"load_options": [1]}, r"load_options=\[1\]: it is a dict of options by name"),
        ({"progress_options": None}, "progress_options=None: it is a dict of options by name"),
        ({"load": 3}, "load"),
        ({"residency": []}, "residency"),
        ({"identity": None}, "identity"),
        ({"grad": "yes"}, "grad"),
        ({"grad": []}, "grad"),
        ({"cache": 5}, "cache=5: it is 'off', 'memory', a MemoryCache"),
    ],
    ids=str,
)
def test_a_setting_of_the_wrong_type_is_refused_when_it_is_given(
    setting: dict[str, Any], message: str, tiny_pipe: ModularPipeline
) -> None:
    before = tiny_pipe.settings
    with pytest.raises(InputError, match=message):
        tiny_pipe.configure(**setting)
    assert tiny_pipe.settings is before
