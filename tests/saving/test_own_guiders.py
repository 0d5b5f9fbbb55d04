"""Guiders of one's own: they travel with their code like blocks, or are refused before anything is written."""

from __future__ import annotations

import linecache
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from attrs import frozen
from hub_server import Hub

import brickwork
from brickwork import (
    ClassifierFreeGuidance,
    CompositionError,
    Guider,
    InputError,
    ModularPipeline,
    RepoError,
    TrustError,
    load_workflow,
    replay,
    save_workflow,
)
from brickwork.guiders import DynamicThresholding
from brickwork.saving.composition import describe
from brickwork.saving.diffusers_module import blocks_for_diffusers
from brickwork.state.errors import ReplayError

INPUTS: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 2, "output": "latents"}
CODE = '''
from __future__ import annotations

from typing import Any

from attrs import field, frozen

from brickwork import ClassifierFreeGuidance as Base

FACTOR = 0.5


@frozen(kw_only=True, slots=False)
class Weaker(Base):
    """Half of the guidance, and a little more."""

    more: float = 0.25
    places: Any = (1,)

    def combine(self, predictions: Any, step: Any, memory: Any = None) -> Any:
        guided, memory = super().combine(predictions, step, memory)
        return guided * FACTOR + self.more * predictions["conditional"], memory


@frozen(kw_only=True, slots=False)
class Growing(Weaker):
    """One that is another one each time that it is made."""

    size: float = field(default=1.0, converter=lambda given: 2 * given)


@frozen(kw_only=True, slots=False)
class ClassifierFreeGuidance(Weaker):
    """One that has the name of one of brickwork's."""
'''


def drawn(pipe: Any, **inputs: Any) -> Any:
    return pipe(**{**INPUTS, **inputs}, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module with guiders, in a package of its own."""
    package = tmp_path / "my_guidance"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "weaker.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    import my_guidance.weaker as module  # type: ignore[import-not-found]  # written above

    yield module
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_guidance"]:
        del sys.modules[name]


def opened(place: Any) -> ModularPipeline:
    with pytest.raises(TrustError, match=r"brings code of its own \(weaker.py\)"):
        ModularPipeline.from_pretrained(place)
    again = ModularPipeline.from_pretrained(place, trust_remote_code=True).load_components()
    again.configure(progress=False)
    return again


def test_it_travels_with_its_code(tiny_pipe: ModularPipeline, own: Any, tmp_path: Path, hub: Hub) -> None:
    tiny_pipe.update_components(guider=own.Weaker(guidance_scale=3.0, more=0.75))
    expected = drawn(tiny_pipe)
    tiny_pipe.save_pretrained(tmp_path / "repo")
    again = opened(tmp_path / "repo")
    assert type(again.guider).__name__ == "Weaker"
    assert again.guider.more == 0.75
    assert torch.equal(drawn(again), expected)
    again.push_to_hub("me/weaker")  # from code that was loaded itself
    assert torch.equal(drawn(opened("me/weaker")), expected)


def test_within_another_guider_it_travels_too(tiny_pipe: ModularPipeline, own: Any, tmp_path: Path) -> None:
    tiny_pipe.update_components(guider=DynamicThresholding(guider=own.Weaker(guidance_scale=3.0)))
    expected = drawn(tiny_pipe)
    tiny_pipe.save_pretrained(tmp_path / "repo")
    again = opened(tmp_path / "repo")
    assert type(again.guider.guider).__name__ == "Weaker"
    assert torch.equal(drawn(again), expected)


def test_one_with_the_name_of_ours_is_not_taken_for_it(tiny_pipe: ModularPipeline, own: Any, tmp_path: Path) -> None:
    tiny_pipe.update_components(guider=own.ClassifierFreeGuidance(guidance_scale=3.0))
    expected = drawn(tiny_pipe)
    tiny_pipe.save_pretrained(tmp_path / "repo")
    again = opened(tmp_path / "repo")
    assert not isinstance(again.guider, ClassifierFreeGuidance) or type(again.guider) is not ClassifierFreeGuidance
    assert torch.equal(drawn(again), expected)
    save_workflow(tiny_pipe, tmp_path / "flow.yaml")
    filed = load_workflow(tmp_path / "flow.yaml", guiders=[own.ClassifierFreeGuidance])
    assert type(filed.guider) is own.ClassifierFreeGuidance


def test_diffusers_gets_it_with_the_code(tiny_pipe: ModularPipeline, own: Any) -> None:
    config = {"_class_name": "./weaker.py:Weaker", "guidance_scale": 3.0, "more": 0.5}
    made = blocks_for_diffusers(describe(tiny_pipe.blocks), {"guider": config}, {"./weaker.py:Weaker": own.Weaker}, "m")
    assert "guider" not in [component.name for component in made().expected_components]


def test_one_of_a_notebook_is_cut_out_of_it(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    notebook = types.ModuleType("a_notebook")
    sys.modules[notebook.__name__] = notebook
    linecache.cache["<cell 1>"] = (len(CODE), None, CODE.splitlines(keepends=True), "<cell 1>")
    try:
        exec(compile(CODE, "<cell 1>", "exec"), vars(notebook))
        tiny_pipe.update_components(guider=notebook.Weaker(guidance_scale=3.0))
        expected = drawn(tiny_pipe)
        tiny_pipe.save_pretrained(tmp_path / "repo")
    finally:
        del sys.modules[notebook.__name__], linecache.cache["<cell 1>"]
    assert torch.equal(drawn(opened(tmp_path / "repo")), expected)


def test_one_that_is_defined_within_a_function_is_refused(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    @frozen(kw_only=True, slots=False)
    class Inside(ClassifierFreeGuidance):
        """Within a function."""

    tiny_pipe.update_components(guider=Inside())
    with pytest.raises(RepoError, match="guider: .*Inside is defined within a function"):
        tiny_pipe.save_pretrained(tmp_path / "repo")
    assert not (tmp_path / "repo").exists()


def test_one_that_would_come_back_as_another_is_refused(tiny_pipe: ModularPipeline, own: Any, tmp_path: Path) -> None:
    tiny_pipe.update_components(guider=own.Growing())
    with pytest.raises(RepoError, match=r"guider is Growing\(.*size=2.0\), and opened again Growing\(.*size=4.0\)"):
        tiny_pipe.save_pretrained(tmp_path / "repo")
    assert not list((tmp_path / "repo").glob("*"))


def test_one_whose_module_was_changed_since_its_file_was_read_is_refused(
    tiny_pipe: ModularPipeline, own: Any, tmp_path: Path
) -> None:
    tiny_pipe.update_components(guider=own.Weaker())
    own.FACTOR = 2.0
    with pytest.raises(
        RepoError, match=r"Weaker that runs is not .*weaker.py says.*Weaker.combine \(global 'FACTOR'\)"
    ):
        tiny_pipe.save_pretrained(tmp_path / "repo")
    assert not list((tmp_path / "repo").glob("*"))


def test_settings_that_would_be_lost_are_refused(tiny_pipe: ModularPipeline, own: Any, tmp_path: Path) -> None:
    tiny_pipe.update_components(guider=own.Weaker(places=range(2)))
    with pytest.raises(RepoError, match="guider: Weaker has settings that no file holds"):
        tiny_pipe.save_pretrained(tmp_path / "repo")
    assert not list((tmp_path / "repo").glob("*"))


def test_its_own_file_cannot_hold_code_so_none_is_written(own: Any, tmp_path: Path, hub: Hub) -> None:
    for guider in (own.Weaker(), own.ClassifierFreeGuidance(), DynamicThresholding(guider=own.Weaker())):
        with pytest.raises(InputError, match="is a guider of your own, and guider_config.json holds no code"):
            guider.save_pretrained(str(tmp_path / "guider"))
    assert not (tmp_path / "guider").exists()
    with pytest.raises(InputError, match="Weaker is a guider of your own"):
        own.Weaker().push_to_hub("me/weaker")
    assert hub.repos == {}


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({"guidance_scale": lambda progress: 5.0}, "guidance_scale is a function"),
        ({"guidance_rescale": np.float32(0.5)}, "because no file holds its settings: Object of type float32"),
    ],
)
def test_settings_that_no_file_holds_are_refused(setting: dict[str, Any], expected: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=expected):
        ClassifierFreeGuidance(**setting).save_pretrained(str(tmp_path / "guider"))
    assert not (tmp_path / "guider").exists()


def test_layers_in_a_tuple_come_back_as_the_same_layers(tmp_path: Path) -> None:
    guider = brickwork.PerturbedAttentionGuidance(perturbed_guidance_layers=(0, 2))
    guider.save_pretrained(str(tmp_path / "guider"))
    again = Guider.from_pretrained(str(tmp_path / "guider"))
    assert again.wanted_perturbations == guider.wanted_perturbations


def test_its_pictures_replay_with_guiders(tiny_pipe: ModularPipeline, own: Any, tmp_path: Path) -> None:
    around = DynamicThresholding(guider=own.Weaker(guidance_scale=3.0, places=(1,)))
    for guider in (own.Weaker(guidance_scale=3.0), around):
        image = drawn(tiny_pipe, guider=guider, output="images")[0]
        brickwork.save(image, tmp_path / "a.png")
        given = {"components": tiny_pipe.components | {"guider": None}}
        with pytest.raises(ReplayError, match=r"Weaker; give it: guiders=\[Weaker\]|is no guider"):
            replay(tmp_path / "a.png", **given)
        for guiders in ([own.Weaker], own.Weaker, own.Weaker()):
            assert replay(tmp_path / "a.png", **given, guiders=guiders).tobytes() == image.tobytes()
    with pytest.raises(InputError, match="is no guider; give guiders or classes of guiders"):
        replay(tmp_path / "a.png", guiders=[int])


def test_a_workflow_file_names_it_and_wants_it_given(tiny_pipe: ModularPipeline, own: Any, tmp_path: Path) -> None:
    tiny_pipe.update_components(guider=own.Weaker(guidance_scale=3.0, places=(1,)))
    save_workflow(tiny_pipe, tmp_path / "flow.yaml")
    assert "name: my_guidance.weaker:Weaker" in (tmp_path / "flow.yaml").read_text()
    assert load_workflow(tmp_path / "flow.yaml", guiders=[own.Weaker]).guider == tiny_pipe.guider
    with pytest.raises(
        CompositionError, match=r"line .*'my_guidance.weaker:Weaker' is no guider of this package; give yo"
    ):
        load_workflow(tmp_path / "flow.yaml")
