"""What errors and remarks advise in Python, in words for those who have a page, or HTTP."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from ...pipeline.names_of_diffusers import INPUTS

_AT_START = "it is given where the server is started"
_EVENTS = "the events of the run"
_STOP = "the guider's stop, the fraction of the steps after which nothing is guided"

OF_DIFFUSERS = {
    **dict.fromkeys(("callback", "callback_on_step_end", "callback_on_step_end_tensor_inputs", "callback_steps"), _EVENTS),
    "return_dict": "output, which stands beside the inputs and names what is returned",
    "use_resolution_binning": "nothing: height and width count as they are",
    "complex_human_instruction": "nothing: the workflow's own instruction stands before each prompt",
    "system_prompt": "nothing: the workflow's own instruction stands before each prompt",
    "cfg_normalization": "the guider NormKeptGuidance, or ClassifierFreeGuidance for none",
    "cfg_trunc_ratio": _STOP,
    "cfg_truncation": _STOP,
    "true_cfg_scale": "the guider EmbeddedGuidance, with ClassifierFreeGuidance as its guider",
    **dict.fromkeys(("sampler", "sampler_name", "scheduler"), f"nothing: the workflow has its scheduler; {_AT_START}"),
    "lora": "nothing: it is loaded where the server is started",
    "device": f"nothing: {_AT_START}",
    "torch_dtype": f"nothing: {_AT_START}",
}  # fmt: skip
"""Names of diffusers whose place something else takes here than in Python."""

ADVICE: Sequence[tuple[str, str]] = (
    (r"--as workflow\.yaml", "the workflow file"),
    (r"brickwork replay repeats it", "a replay repeats it"),
    (r"brickwork\.presets\.embedded\.known_words\(\)(; unknown_words\(prompt\)| lists)", "`brickwork words` lists"),
    (r"It stands in pipe\.input_defaults\.", "It stands among the values that the workflow has itself."),
    (r"pipe\.(?:un)?load_ip_adapter\(\.\.\.\) first, or leave", "leave"),
    (r": pipe\.load_ip_adapter\(\.\.\.\) first\.", ", and it has to be loaded where the server is started."),
    (r", or pipe\.unload_ip_adapter\(\)", ""),
    (r"Load (?:it|them) by pipe\.\w+\(\.\.\.\), and leave it out here\.", "Leave it out; it is loaded where the server is started."),
    (r"Load it by pipe\.\w+\(\.\.\.\), and write its word here\.", "Leave it out; it is loaded where the server is started."),
    (r"It is a component: update_components\(\w+=\.\.\.\), before the call\.", f"It is a component; {_AT_START}."),
    (r"brickwork\.[^;]+? makes such a pipeline, and its .* is loaded\.", "A server of one of them takes it."),
    (r": blocks that read weights of words are made by brickwork\.presets\.tasks\.with_prompt_weights\(blocks, family\)", ""),
    (r"; prompts for parts of an image are made by brickwork\.presets\.regions\.with_regions\(blocks, family\)", ""),
    (r"\. Unpack them: brickwork\.registry\.families\.get\(\S+?\)\.latents_of\(latents, like\), where .* as the latents\.", "."),
    (r" To count within a part of the denoiser, give its path, too: .*?named_modules\(\) has it\.", ""),
    (r" ?The denoiser's layers by number: \[layer\.path for layer in pipe\.family\.layers\(pipe\.unet\)\]\.", ""),
    (r': pipe\.configure\(grad="no_grad"\)', ", and the server is started in it"),
    (r"Cast all(?: of it)?: pipe\.to\(.*\), or load (?:them in it|it anew): load_components\(.*\)\.", "They are cast where the server is started."),
    (
        r"EulerDiscreteScheduler\.from_config\(pipe\.scheduler\.config, prediction_type='sample'\)",
        "such a scheduler is given where the server is started",
    ),
    (r": unfuse_lora\(\) first, or fuse_lora\(lora_scale=.*\)\.", "; it is given where the server is started."),
    (r" \(And (\d+) more like it, of other blocks: blocks\.check\(\) lists them\.\)", r" (And \1 more like it, of other blocks.)"),
    (r": pipe\.update_components\(guider='\w+'\)", ""),
    (
        r": bind the block, as in \w+\.bind\(families\.get\(\S+?\)\), with brickwork\.registry\.families\.",
        "; on its own it stands in no composition.",
    ),
    (r" A torch\.Generator is given as generator=\.", ""),
    (
        r"update_components\(guider=EmbeddedGuidance\(guider=ClassifierFreeGuidance\(guidance_scale=\.\.\.\)\)\)",
        "the guider EmbeddedGuidance with ClassifierFreeGuidance as its guider",
    ),
    (r"guider=brickwork\.(\w+)\((\w+)=\.\.\.\)", r"\2 of the guider \1"),
    (r"\bbrickwork\.([A-Z]\w+)\(\)", r"\1"),
    (r"\b([A-Z]\w+)\((\w+)=\.\.\.\)", r"\1 with its \2"),
    (r"\b([A-Z]\w+)\((\w+)=([\w.'\"]+)\)", r"\1 with \2 \3"),
    (r"\b(\w+)=\.\.\.", r"\1"),
    (r"\b([a-z_0-9]+)=(?=[,.;]?(?:\s|$))", r"\1"),
)  # fmt: skip
"""What is advised, as a pattern, and what is advised in its place; in this order."""


@cache
def _patterns() -> Sequence[tuple[re.Pattern[str], str]]:
    named = (
        (re.escape(f"In place of {name}: {INPUTS[name]}."), f"In place of {name}: {said}.")
        for name, said in OF_DIFFUSERS.items()
    )
    return [(re.compile(python), people) for python, people in (*named, *ADVICE)]


def for_people(text: str) -> str:
    """Return a text of an error or a remark with advice that one can follow without Python."""
    for pattern, people in _patterns():
        text = pattern.sub(people, text)
    return text
