"""Options of blocks by path, as data and as JSON schema."""

from __future__ import annotations

from jsonschema import Draft202012Validator

from brickwork import Block, ModularPipeline, Outputs
from brickwork.blocks import SequentialPipelineBlocks
from brickwork.pipeline.forms.options import option_schemas, options_of


class Scales(Block):
    """Scales a number.

    Attributes:
        by, offset: the factor, and what is added. note: for nobody.
    """

    by: float = 2.0
    offset: int = 1
    _hidden: int = 3

    class Out(Outputs):
        x: float

    def run(self, x: float) -> Out:
        return self.Out(x=self.by * x + self.offset)


def test_an_option_has_its_type_what_it_is_now_and_what_the_docstring_says() -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict(
        {"outer": SequentialPipelineBlocks.from_blocks_dict({"scale": Scales(by=3.0)})}
    )
    meaning = "The factor, and what is added."
    assert option_schemas(blocks) == {
        "outer.scale": {
            "by": {"type": "number", "default": 3.0, "description": meaning},
            "offset": {"type": "integer", "default": 1, "description": meaning},
        }
    }
    assert options_of(blocks["outer.scale"]) == {"by": 3.0, "offset": 1}


def test_options_of_a_pipeline_are_those_that_set_changes(embedded_pipe: ModularPipeline) -> None:
    (path,) = embedded_pipe.option_schemas()
    batching = embedded_pipe.option_schemas()[path]["batching"]
    assert (path, batching["enum"], batching["default"]) == (
        "denoise.denoiser",
        ["auto", "batched", "sequential"],
        "auto",
    )
    assert "needs less memory" in batching["description"]
    Draft202012Validator.check_schema(batching)
