"""AUTOMATIC1111's interface, asked by a client that was written for it."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import webuiapi
from diffusers import FlowMatchEulerDiscreteScheduler
from PIL import Image
from served import Client, Served, is_same

from brickwork import ModularPipeline
from brickwork.app.server.a1111_request import scheduler_of
from brickwork.app.server.errors import RefusedError
from brickwork.app.server.scheduled_workflows import ScheduledWorkflows
from brickwork.app.server.served_workflow import ServedWorkflow

SIZE = {"width": 64, "height": 64}
RED = Image.new("RGB", (64, 64), "red")


@pytest.fixture(scope="module")
def web(served: Served) -> Iterator[webuiapi.WebUIApi]:
    found = webuiapi.WebUIApi(port=served.port, sampler="Euler a", steps=4)
    yield found
    found.session.close()


def test_an_image_is_the_one_of_a_call_with_that_sampler(
    web: webuiapi.WebUIApi, embedded_pipe: ModularPipeline
) -> None:
    found = web.txt2img(prompt="a red apple", negative_prompt="a cat", seed=5, batch_size=2, cfg_scale=4, **SIZE)
    assert len(found.images) == 2
    pipe = copy.copy(embedded_pipe)
    pipe.update_components(scheduler="euler_a")
    inputs = {"num_inference_steps": 4, "guidance_scale": 4.0, "negative_prompt": "a cat"}
    for number, image in enumerate(found.images):
        wanted = pipe(prompt="a red apple", **inputs, **SIZE, seed=5 + number, output="images")[0]
        assert is_same(image, wanted)
    assert (found.info["seed"], found.info["all_seeds"], found.info["brickwork"]["ignored"]) == (5, [5, 6], {})
    assert found.parameters["prompt"] == "a red apple"


def test_an_image_has_the_text_of_its_parameters_and_our_recipe(web: webuiapi.WebUIApi) -> None:
    found = web.txt2img(prompt="a red apple", negative_prompt="a cat", seed=5, sampler_name="DPM++ 2M", **SIZE)
    text = found.image.info["parameters"]
    prompt, negative, fields = text.splitlines()
    assert (prompt, negative) == ("a red apple", "Negative prompt: a cat")
    # Where no noise levels are chosen, those that are usual there.
    assert fields.startswith("Steps: 4, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.0, Seed: 5, Size: 64x64")
    assert found.info["infotexts"] == [text]
    assert '"a red apple"' in found.image.info["brickwork"]


@pytest.mark.parametrize(
    ("sampler", "scheduler", "said"),
    [
        ("Euler", None, "Sampler: Euler, Schedule type: Uniform"),
        ("DPM++ 2M", "Uniform", "Sampler: DPM++ 2M, Schedule type: Uniform"),
        ("dpm++ 2m karras", None, "Sampler: DPM++ 2M, Schedule type: Karras"),
        ("DDIM", "automatic", "Sampler: DDIM"),
    ],
)
def test_a_sampler_is_chosen_by_the_name_that_it_has_there(
    web: webuiapi.WebUIApi, sampler: str, scheduler: str | None, said: str
) -> None:
    found = web.txt2img(prompt="a cat", seed=5, steps=2, sampler_name=sampler, scheduler=scheduler, **SIZE)
    assert said in found.image.info["parameters"]


@pytest.mark.parametrize(
    ("sampler", "schedule", "scheduler", "said"),
    [
        ("Euler", "", None, {}),
        ("DPM++ 2M", "", None, {"sampler_name": "flow has a scheduler of its own"}),
        ("", "Karras", None, {"scheduler": "chosen with sampler_name only"}),
        ("", "automatic", None, {}),
        ("Euler", "Karras", None, {"scheduler": "flow has a scheduler of its own"}),
    ],
)
def test_a_model_of_flow_matching_keeps_its_scheduler(
    sampler: str, schedule: str, scheduler: str | None, said: dict[str, str]
) -> None:
    pipe = SimpleNamespace(components={"scheduler": FlowMatchEulerDiscreteScheduler()})
    ignored: dict[str, str] = {}
    workflow: Any = SimpleNamespace(id="flow", pipe=pipe)
    assert scheduler_of(workflow, sampler, schedule, ignored) == scheduler
    assert ignored == said


def test_a_workflow_without_scheduler_has_none_to_choose(workflow: ServedWorkflow) -> None:
    bare = copy.copy(workflow)
    bare.pipe = SimpleNamespace(components={})  # type: ignore[assignment]  # all that is looked at
    with pytest.raises(RefusedError, match="embedded has no scheduler to choose."):
        ScheduledWorkflows().of(bare, "euler")


def test_what_changes_nothing_and_what_was_warned_of_is_said_with_the_image(web: webuiapi.WebUIApi) -> None:
    asked = {"sampler_name": "DPM++ 2M Karras", "scheduler": "Exponential", "seed": 4, "steps": 2}
    for _ in range(2):
        found = web.txt2img(prompt="a (red:1.4) cat", **asked, **SIZE)
        assert found.info["brickwork"]["ignored"] == {"scheduler": "sampler_name says Karras"}
        assert found.info["brickwork"]["warnings"] == ["prompt has '(red:1.4)', which is read as text"]
    assert "Schedule type: Karras" in found.image.info["parameters"]


def test_a_seed_is_drawn_where_it_is_minus_one(web: webuiapi.WebUIApi) -> None:
    found = web.txt2img(prompt="a cat", seed=-1, steps=2, **SIZE)
    again = web.txt2img(prompt="a cat", seed=found.info["seed"], steps=2, **SIZE)
    assert found.info["seed"] > 0
    assert is_same(again.image, found.image)


def reds(image: Image.Image, box: tuple[int, int, int, int]) -> int:
    """How far a part of an image is from red."""
    found = image.convert("RGB").crop(box).resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert isinstance(found, tuple)
    return int(abs(found[0] - 255) + found[1] + found[2])


LEFT, RIGHT = (0, 0, 16, 64), (44, 0, 64, 64)


@pytest.mark.parametrize("is_inverted", [0, 1])
def test_what_is_white_in_a_mask_is_drawn_anew(web: webuiapi.WebUIApi, is_inverted: int) -> None:
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (0, 0, 24, 64))
    web.util_set_model("painting")
    try:
        assert web.util_get_current_model() == "painting"
        found = web.img2img(
            [RED], prompt="a cat", seed=3, denoising_strength=0.9, mask_image=mask, mask_blur=1, inpainting_mask_invert=is_inverted,
            inpaint_full_res=False, **SIZE,
        )  # fmt: skip
    finally:
        web.util_set_model("embedded")
    drawn, kept = (RIGHT, LEFT) if is_inverted else (LEFT, RIGHT)
    assert reds(found.image, kept) < 120 < reds(found.image, drawn)
    assert found.info["sd_model_name"] == "painting"
    assert found.info["brickwork"]["ignored"] == {"inpainting_fill": "changes nothing here"}


def test_an_image_begins_at_another(web: webuiapi.WebUIApi) -> None:
    settings = {"override_settings": {"sd_model_checkpoint": "painting"}, "resize_mode": 1}
    found = web.img2img([RED], prompt="a cat", seed=3, denoising_strength=0.5, **settings, **SIZE)
    assert "Denoising strength: 0.5" in found.image.info["parameters"]
    assert found.info["brickwork"]["ignored"] == {"resize_mode": "changes nothing here"}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"enable_hr": True}, "enable_hr is nothing that a workflow of this server does; leave it out."),
        ({"styles": ["x"]}, "styles is nothing that a workflow"),
        ({"alwayson_scripts": {"ControlNet": {"args": []}}}, "alwayson_scripts has ControlNet; this server has no scripts."),
        ({"override_settings": {"sd_vae": "x"}}, "There is no setting 'sd_vae'."),
        ({"override_settings": {"sd_model_checkpoint": "embeded"}}, "Did you mean 'embedded'?"),
        ({"batch_size": 40}, "batch_size times n_iter is from 1 to 32; this is 40 times 1."),
        ({"batch_size": 0}, "this is 0 times 1"),
        ({"sampler_name": "Eule"}, "There is no sampler 'Eule'. Did you mean 'Euler'?"),
        ({"sampler_name": "Euler nope"}, "is no scheduler"),
        ({"scheduler": "nope"}, "There is no scheduler 'nope'. There are: Automatic, Uniform, Karras, Exponential, Beta."),
        ({"width": 65}, "width is 65; it must be a multiple of 8"),
        ({"steps": "many"}, "steps is a text; it is a whole number."),
        ({"seed": -2}, "seed is -2; it is -1 for one that is drawn, or from 0 on."),
        ({"prompt": "a <lora:warm:0.8> cat"}, "prompt has '<lora:warm:0.8>'; weights of networks are those that the server"),
        ({"negative_prompt": "<hypernet:x>"}, "negative_prompt has '<hypernet:x>'"),
        ({"override_settings": {"sd_model_checkpoint": []}}, "override_settings.sd_model_checkpoint is '[]'; it is the name of a workflow."),
        ({"override_settings": {"sd_model_checkpoint": ""}}, "There is no workflow ''."),
        ({"override_settings": {"CLIP_stop_at_last_layers": "x"}}, "override_settings.CLIP_stop_at_last_layers is 'x'; it is a whole number."),
    ],
)  # fmt: skip
def test_a_request_that_does_not_fit_is_refused_in_words(
    web: webuiapi.WebUIApi, asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(RuntimeError) as caught:
        web.txt2img(**{"prompt": "a cat", **SIZE, **asked})
    assert said in caught.value.args[1].encode().decode("unicode_escape")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"prompt": "a cat"}, "init_images is missing."),
        ({"init_images": []}, "init_images has one image in base64; this has 0 values."),
        ({"init_images": ["/etc/passwd"]}, "init_images is a text, and no image in base64"),
        ({"init_images": ["aGVsbG8="]}, "it is none of the formats PNG, JPEG, WEBP"),
        ({"init_images": ["aGVsbG8="], "prmpt": ""}, "There is no key 'prmpt'"),
    ],
)
def test_an_image_that_is_none_is_refused(client: Client, body: dict[str, Any], said: str) -> None:
    answer = client.post("/sdapi/v1/img2img", {"override_settings": {"sd_model_checkpoint": "painting"}, **body})
    assert answer.status == 422
    assert said in answer.data["detail"]


def test_a_workflow_without_images_names_those_with(web: webuiapi.WebUIApi) -> None:
    with pytest.raises(
        RuntimeError, match="The workflow embedded takes no image. Of those that are served, painting does."
    ):
        web.img2img([RED], prompt="a cat", **SIZE)


def test_settings_that_are_sent_back_as_they_are_change_nothing_and_others_are_refused(
    web: webuiapi.WebUIApi, client: Client
) -> None:
    known = web.get_options()
    assert known["sd_model_checkpoint"] == "embedded"
    assert web.set_options(known) is None
    answer = client.post("/sdapi/v1/options", {"samples_format": "jpg"})
    assert (answer.status, answer.data["detail"]) == (422, "samples_format: only sd_model_checkpoint is chosen here.")


def test_models_samplers_and_noise_levels_are_listed(web: webuiapi.WebUIApi) -> None:
    assert web.util_get_model_names() == ["embedded", "painting"]
    assert {"Euler a", "DPM++ 2M", "UniPC"} <= set(web.util_get_sampler_names())
    assert "karras" in web.util_get_scheduler_names()


def test_a_request_is_watched_and_interrupted(web: webuiapi.WebUIApi, served: Served) -> None:
    answers: list[Any] = []
    # Of one address, and so one client.
    other = webuiapi.WebUIApi(port=served.port)
    assert other.get_progress()["state"]["job_count"] == 0
    thread = threading.Thread(target=lambda: answers.append(web.txt2img(prompt="a cat", seed=8, steps=900, **SIZE)))
    thread.start()
    until, seen = time.monotonic() + 30, other.get_progress()
    while not seen["current_image"] and time.monotonic() < until:
        time.sleep(0.05)
        seen = other.get_progress()
    assert 0 < seen["progress"] < 1
    assert seen["state"]["sampling_steps"] == 900
    assert seen["eta_relative"] > 0
    hidden = served.client().get("/sdapi/v1/progress?skip_current_image=true").data
    assert other.interrupt() == {}
    thread.join(30)
    assert (hidden["current_image"], hidden["state"]["job_count"]) == (None, 1)
    assert (answers[0].images, answers[0].info["brickwork"]["interrupted"]) == ([], True)
    assert other.get_progress()["progress"] == 0
    other.session.close()
