"""The page of Gradio in docs/serve.md runs, with a stand-in for Gradio, which is not installed."""

from __future__ import annotations

import re
import sys
import types
from typing import Any

import pytest
from attrs import define, field
from rooms import ROOT

import brickwork
from brickwork import ModularPipeline


@define
class _Page:
    """Takes what Gradio's `Interface` is given, and is opened."""

    draw: Any
    fields: Any
    shown: Any
    is_open: bool = field(default=False, init=False)

    def launch(self) -> None:
        self.is_open = True


def test_the_page_of_gradio_has_the_schemas_fields_and_draws(
    embedded_pipe: ModularPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = next(
        found
        for found in re.findall(
            r"^```py\n(.*?)^```", (ROOT / "docs" / "serve.md").read_text(), re.MULTILINE | re.DOTALL
        )
        if "import gradio" in found
    )
    assert len([line for line in code.splitlines() if line]) <= 12  # ten, and two that import
    pages: list[_Page] = []

    def interface(*given: Any) -> _Page:
        pages.append(_Page(*given))
        return pages[-1]

    gradio: Any = types.ModuleType("gradio")
    gradio.Interface, gradio.Image, gradio.Textbox, gradio.Number = interface, dict, dict, dict
    monkeypatch.setitem(sys.modules, "gradio", gradio)
    monkeypatch.setattr(brickwork, "embedded", lambda: embedded_pipe)
    exec(compile(code, "docs/serve.md", "exec"), {})
    (page,) = pages
    assert page.is_open
    assert page.fields == [
        {"label": "prompt"},
        {"label": "num_inference_steps", "value": 50, "precision": 0},
        {"label": "guidance_scale", "value": 5.0, "precision": None},
        {"label": "seed", "value": None, "precision": 0},
    ]
    assert page.draw("a cat", 2, None, 1).size == (64, 64)
