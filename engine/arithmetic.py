"""Settings of the process that change results in their last bits."""

from __future__ import annotations

import sys
from typing import Any


def arithmetic() -> dict[str, Any]:
    """Return number formats, threads and kernels as torch has them now, in words and numbers."""
    import torch

    cuda: Any = torch.backends.cuda
    found = {
        "default dtype": str(torch.get_default_dtype()),
        # The order of a sum hangs on how it is split among threads, so another number of them changes last bits.
        "threads": torch.get_num_threads(),
        "float32 matmul precision": torch.get_float32_matmul_precision(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "mkldnn": torch.backends.mkldnn.enabled,
        "flash attention": cuda.flash_sdp_enabled(),
        "memory-efficient attention": cuda.mem_efficient_sdp_enabled(),
        "plain attention": cuda.math_sdp_enabled(),
    }
    if torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda"):
        kinds = [kind for kind in ("cpu", "cuda") if torch.is_autocast_enabled(kind)]
        # Autocast casts inside of layers: neither the values nor the weights show that it is on.
        found["autocast"] = ", ".join(f"{kind} {torch.get_autocast_dtype(kind)}" for kind in kinds)
    if torch.version.cuda is not None:
        cudnn, matmul = torch.backends.cudnn, cuda.matmul
        found |= {"cudnn": cudnn.enabled, "cudnn benchmark": cudnn.benchmark, "cudnn tf32": cudnn.allow_tf32}
        found |= {
            "cudnn attention": cuda.cudnn_sdp_enabled(),
            "matmul tf32": matmul.allow_tf32,
            "float16 sums in float16": matmul.allow_fp16_reduced_precision_reduction,
            "bfloat16 sums in bfloat16": matmul.allow_bf16_reduced_precision_reduction,
        }
    return found | _unusual()


def _unusual() -> dict[str, Any]:
    """Return what is seldom set, and named only then: modes of torch, rounding of decimal numbers, NumPy's way with
    errors.
    """
    import torch

    found: dict[str, Any] = {}
    if torch.is_inference_mode_enabled():
        found["inference mode"] = True
    if "decimal" in sys.modules:
        context = sys.modules["decimal"].getcontext()
        # Python's own defaults. Only what differs is named, so that the usual case adds nothing to recipes and keys.
        if (context.prec, context.rounding) != (28, "ROUND_HALF_EVEN"):
            found["decimal"] = f"{context.prec} digits, {context.rounding}"
    if "numpy" in sys.modules:
        errors = sys.modules["numpy"].geterr()
        if errors != {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}:
            found["numpy errors"] = ", ".join(f"{kind} {way}" for kind, way in errors.items())
    return found
