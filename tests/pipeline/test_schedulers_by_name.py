"""Schedulers by name, in Python and in workflow files."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import diffusers
import pytest

from brickwork import ComponentError, CompositionError, ModularPipeline, load_workflow, save_workflow
from brickwork.pipeline.schedulers_by_name import (
    SHORT_NAMES,
    class_of_name,
    made_by_name,
    schedulers_that_fit,
    short_names,
    spelled_elsewhere,
)

CALL: dict[str, Any] = {"num_inference_steps": 2, "height": 64, "width": 64, "seed": 1, "output": "images"}


@pytest.mark.parametrize("name", SHORT_NAMES)
def test_every_short_name_is_a_scheduler_with_the_base_of_the_present_one(
    tiny_pipe: ModularPipeline, name: str
) -> None:
    before = tiny_pipe.scheduler.config
    if name == "dpmpp_sde":
        pytest.importorskip("torchsde")
    tiny_pipe.update_components(scheduler=name)
    made = tiny_pipe.scheduler
    class_name, settings, _ = SHORT_NAMES[name]
    assert type(made).__name__ == class_name
    assert made.config["beta_end"] == before["beta_end"]
    assert all(made.config[key] == value for key, value in settings.items() if key in made.config)


def test_every_name_that_is_offered_is_a_class_with_these_settings() -> None:
    assert {"euler", "dpmpp_2m_karras"} < {*short_names()}
    assert "euler_a_karras" not in short_names()
    for name in short_names():
        class_name, settings = class_of_name(name)
        known = inspect.signature(getattr(diffusers, class_name).__init__).parameters
        # Without torchsde there is a stand-in for its scheduler, which takes anything.
        if "kwargs" not in known:
            assert {key for key, value in settings.items() if value is True} <= known.keys(), name


@pytest.mark.parametrize(
    ("name", "class_name", "settings"),
    [
        (
            "dpmpp_2m_karras",
            "DPMSolverMultistepScheduler",
            {"use_karras_sigmas": True, "algorithm_type": "dpmsolver++"},
        ),
        ("DPM++ 2M SDE Karras", "DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
        ("Euler a", "EulerAncestralDiscreteScheduler", {}),
        ("DPM2 a Karras", "KDPM2AncestralDiscreteScheduler", {"use_karras_sigmas": True}),
        ("euler_beta", "EulerDiscreteScheduler", {"use_beta_sigmas": True}),
        ("dpm++ 2m karras", "DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
        ("DPM++2MKarras", "DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
        ("dpm++_2m-karras", "DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
        ("dpmpp2m", "DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "use_karras_sigmas": False}),
        ("k_euler", "EulerDiscreteScheduler", {"use_karras_sigmas": False}),
        ("K_Euler_A", "EulerAncestralDiscreteScheduler", {}),
        ("sample_dpmpp_2m_sde", "DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
        ("DPMSolverMultistep", "DPMSolverMultistepScheduler", {}),
        ("euler_discrete", "EulerDiscreteScheduler", {}),
        ("DDIMScheduler", "DDIMScheduler", {}),
        ({"name": "dpmpp_2m", "solver_order": 3}, "DPMSolverMultistepScheduler", {"solver_order": 3}),
        ({"name": "DDIMScheduler", "timestep_spacing": "trailing"}, "DDIMScheduler", {"timestep_spacing": "trailing"}),
    ],
)
def test_names_as_people_have_them(
    tiny_pipe: ModularPipeline, name: Any, class_name: str, settings: dict[str, Any]
) -> None:
    tiny_pipe.update_components(scheduler=name)
    assert type(tiny_pipe.scheduler).__name__ == class_name
    assert settings.items() <= dict(tiny_pipe.scheduler.config).items()


def test_a_scheduler_by_name_is_spelled_so_that_the_spelling_names_it(tiny_pipe: ModularPipeline) -> None:
    for name, (class_name, _, label) in SHORT_NAMES.items():
        if name == "dpmpp_sde":  # needs torchsde
            continue
        made = made_by_name(name, tiny_pipe.scheduler)
        assert spelled_elsewhere(class_name, made.config)[0] == (label or class_name)
        again = made if label is None else made_by_name(label, tiny_pipe.scheduler)
        assert (type(again), again.config) == (type(made), made.config)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("dpmpp_2m_sde_exponential", ("DPM++ 2M SDE", "Exponential")),
        ("dpm_2_ancestral_karras", ("DPM2 a", "Karras")),
        ("euler_beta", ("Euler", "Beta")),
        ("euler_a", ("Euler a", None)),
        ({"name": "dpmpp_2m", "solver_order": 3}, ("DPMSolverMultistepScheduler", "Uniform")),
        ({"name": "dpmpp_2m_sde", "solver_type": "heun"}, ("DPMSolverMultistepScheduler", "Uniform")),
        ({"name": "dpmpp_2m", "use_lu_lambdas": True}, ("DPMSolverMultistepScheduler", None)),
    ],
)
def test_what_is_another_sampler_elsewhere_has_no_spelling(
    given: Any, expected: tuple[str, str | None], tiny_pipe: ModularPipeline
) -> None:
    made = made_by_name(given, tiny_pipe.scheduler)
    assert spelled_elsewhere(type(made).__name__, made.config) == expected


def test_settings_that_a_class_does_not_have_are_not_spelled(tiny_pipe: ModularPipeline) -> None:
    made = made_by_name("ddim", made_by_name("euler_karras", tiny_pipe.scheduler))
    assert made.config["use_karras_sigmas"]
    assert spelled_elsewhere("DDIMScheduler", made.config) == ("DDIM", None)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("EDMEulerScheduler", {"sigma_min": 0.002, "sigma_max": 80.0}),
        ("ScoreSdeVeScheduler", {"sigma_min": 0.01, "sigma_max": 1348.0}),
        ({"name": "EDMEulerScheduler", "sigma_max": 40.0}, {"sigma_min": 0.002, "sigma_max": 40.0}),
        ("HeunDiscreteScheduler", {"trained_betas": None}),
    ],
)
def test_what_is_none_and_may_not_be_is_the_default_of_the_class(
    tiny_pipe: ModularPipeline, name: Any, settings: dict[str, Any]
) -> None:
    assert tiny_pipe.scheduler.config.sigma_min is None
    made = made_by_name(name, tiny_pipe.scheduler).config
    assert {key: made[key] for key in settings} == settings
    assert made["prediction_type"] == tiny_pipe.scheduler.config.prediction_type


def test_a_name_means_the_same_whatever_was_there(tiny_pipe: ModularPipeline) -> None:
    tiny_pipe.scheduler = "dpmpp_2m_sde_karras"
    tiny_pipe.scheduler = "dpmpp_2m"
    config = tiny_pipe.scheduler.config
    assert (config.algorithm_type, config.use_karras_sigmas) == ("dpmsolver++", False)


def test_it_runs_as_the_object_does(tiny_pipe: ModularPipeline) -> None:
    own = diffusers.DPMSolverMultistepScheduler.from_config(tiny_pipe.scheduler.config, use_karras_sigmas=True)
    tiny_pipe.update_components(scheduler="dpmpp_2m_karras")
    by_name = tiny_pipe("a cat", **CALL)[0]
    tiny_pipe.scheduler = own
    assert tiny_pipe.scheduler is own
    assert tiny_pipe("a cat", **CALL)[0].tobytes() == by_name.tobytes()


def test_one_that_is_not_loaded_is_read_for_its_configuration(tiny_folder: Path) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder))
    pipe.update_components(scheduler="ddim")
    saved = diffusers.EulerDiscreteScheduler.load_config(tiny_folder / "scheduler")
    assert pipe.scheduler.config["beta_start"] == saved["beta_start"]
    assert pipe.unet is None


@pytest.mark.parametrize(
    "written",
    [
        "scheduler: dpmpp_2m_karras",
        "scheduler: {name: dpmpp_2m, use_karras_sigmas: true}",
        "components: {scheduler: {scheduler: dpmpp_2m_karras}}",
    ],
)
def test_workflow_files_name_them(tiny_folder: Path, tmp_path: Path, written: str) -> None:
    file = tmp_path / "named.yaml"
    file.write_text(f"brickwork: 1\nstart: sdxl.text2image\nrepo: {tiny_folder}\n{written}\n")
    pipe = load_workflow(file)
    assert type(pipe.scheduler).__name__ == "DPMSolverMultistepScheduler"
    assert pipe.scheduler.config.use_karras_sigmas is True
    save_workflow(pipe, tmp_path / "again.yaml")
    again = load_workflow(tmp_path / "again.yaml")
    written_again, made = dict(again.scheduler.config), dict(pipe.scheduler.config)
    assert {key: made[key] for key in written_again} == written_again
    assert all(key.startswith("_") for key in made.keys() - written_again.keys())


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("scheduler: dpmp_2m", "line 4, column 1: 'dpmp_2m' is no scheduler. Did you mean 'dpmpp_2m'?"),
        ("scheduler: {name: ddim, use_karras_sigmas: true}", "DDIMScheduler has no setting 'use_karras_sigmas'"),
        ("components: {scheduler: {scheduler: [ddim]}}", "a scheduler is a name, or 'name' with settings"),
    ],
)
def test_faults_in_files_have_their_place(tiny_folder: Path, tmp_path: Path, written: str, said: str) -> None:
    file = tmp_path / "named.yaml"
    file.write_text(f"brickwork: 1\nstart: sdxl.text2image\nrepo: {tiny_folder}\n{written}\n")
    with pytest.raises(CompositionError) as caught:
        load_workflow(file)
    assert said in str(caught.value)


def test_without_an_origin_it_says_so(tiny_pipe: ModularPipeline) -> None:
    pipe = tiny_pipe.blocks.init_pipeline()
    with pytest.raises(ComponentError, match="'scheduler' is not loaded and has no origin"):
        pipe.scheduler = "ddim"


def test_a_scheduler_of_another_kind_of_model_says_which_setting_nobody_gives() -> None:
    with pytest.raises(
        ComponentError, match="AmusedScheduler needs 'mask_token_id', which the configuration of a DDIMS"
    ):
        made_by_name("AmusedScheduler", diffusers.DDIMScheduler())
    made = made_by_name({"name": "AmusedScheduler", "mask_token_id": 5}, diffusers.DDIMScheduler())
    assert made.config.mask_token_id == 5


def test_the_schedulers_that_fit_are_those_of_models_with_betas_each_once_and_the_present_one_is_marked(
    tiny_pipe: ModularPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = schedulers_that_fit(tiny_pipe.scheduler)
    names = [each.name for each in found]
    assert {"ddim", "euler", "euler_a", "unipc", "lcm", "dpmpp_2m_karras"} <= set(names)
    assert {"euler_ancestral", "uni_pc"}.isdisjoint(names)
    assert (names, len(set(names))) == (sorted(names), len(names))
    assert [each.name for each in found if each.selected] == ["euler"]
    assert [
        each.name for each in schedulers_that_fit(made_by_name("dpmpp_2m_karras", tiny_pipe.scheduler)) if each.selected
    ] == ["dpmpp_2m_karras"]
    monkeypatch.setattr("brickwork.pipeline.schedulers_by_name.is_installed", lambda package: False)
    left = set(names) - {each.name for each in schedulers_that_fit(tiny_pipe.scheduler)}
    assert {each.rpartition("_")[2] for each in left - {"lms", "lms_karras", "lms_exponential", "dpmpp_sde"}} <= {
        "beta",
        "karras",
        "exponential",
    }
    assert {"lms", "euler_beta"} <= left
    for other in (
        None,
        diffusers.FlowMatchEulerDiscreteScheduler(),
        diffusers.UniPCMultistepScheduler(use_flow_sigmas=True),
    ):
        assert schedulers_that_fit(other) == []
