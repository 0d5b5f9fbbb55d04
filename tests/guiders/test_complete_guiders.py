"""Guiders with a setting that must be given: refused without it, and made, copied and changed as any other with it."""

from __future__ import annotations

import copy
import inspect
import pickle
from operator import neg
from typing import Any

import attrs
import pytest
from attrs import frozen

from brickwork import ClassifierGuidance, ConditionalGuidance, InputError, ModularPipeline


def test_a_guider_that_needs_a_setting_is_copied_and_changed() -> None:
    made = ClassifierGuidance(score=neg)
    assert copy.deepcopy(made) == copy.copy(made) == pickle.loads(pickle.dumps(made)) == made
    assert attrs.evolve(made, classifier_scale=2.0).score is neg
    assert inspect.signature(ClassifierGuidance).parameters["score"].default is inspect.Parameter.empty


def test_a_guider_of_ones_own_says_what_it_needs_also_with_annotations_that_mean_nothing() -> None:
    @frozen(kw_only=True, slots=False)
    class Own(ConditionalGuidance):
        depth: Unknown  # type: ignore[name-defined]  # noqa: F821 - that is the case

    made: Any = Own
    with pytest.raises(InputError, match=r"Own needs depth=\.\.\.\. It takes: start, "):
        made()
    assert made(depth=3).depth == 3


def test_the_layers_are_listed_as_the_error_says(tiny_pipe: ModularPipeline) -> None:
    pipe = tiny_pipe
    found = [layer.path for layer in pipe.family.layers(pipe.unet)]
    assert "mid_block.attentions.0.transformer_blocks.0" in found
