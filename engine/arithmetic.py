"""Settings of the process that change results in their last bits."""

from __future__ import annotations

from typing import Any


def arithmetic() -> dict[str, Any]:
    """Number formats, threads and kernels as torch has them now, in words and numbers."""
    import torch

    cuda: Any = torch.backends.cuda
    found = {
        "default dtype": str(torch.get_default_dtype()),
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
        found["autocast"] = ", ".join(f"{kind} {torch.get_autocast_dtype(kind)}" for kind in kinds)
    if torch.version.cuda is not None:
        cudnn = torch.backends.cudnn
        found |= {"cudnn": cudnn.enabled, "cudnn benchmark": cudnn.benchmark, "cudnn tf32": cudnn.allow_tf32}
    return found
