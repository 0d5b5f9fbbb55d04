"""Three shells complete commands, inputs, block paths and names of what was opened before."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_runner import invoke

LINES = {
    "rep": "replay",
    "run embedded --num-inf": "--num-inference-steps",
    "run embedded --output-type n": "np",
    "run embedded --set denoise.denoiser.b": "denoise.denoiser.batching=",
    "run embedded --guider Perturbed": "PerturbedAttentionGuidance",
    "run embedded --scheduler dpmpp_2m_k": "dpmpp_2m_karras",
    "new workf": "workflow",
}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes(shell: str, apple: Path) -> None:
    for line, completed in LINES.items():
        words = f"brickwork {line}".split()
        at = words[-1] if shell == "fish" else str(len(words) - 1)
        env = {"COMP_WORDS": " ".join(words), "COMP_CWORD": at, "_BRICKWORK_COMPLETE": f"{shell}_complete"}
        result = invoke(env=env)
        assert result.exit_code == 0
        assert completed in result.stdout.replace(",", "\n").replace("\t", "\n").splitlines(), (line, result.stdout)
