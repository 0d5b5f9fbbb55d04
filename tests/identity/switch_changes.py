"""What diffusers and torch switch on and off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from changes import change
from diffusers import PyramidAttentionBroadcastConfig
from torch.nn.attention import SDPBackend, sdpa_kernel


@change("FreeU", "unet")
def freeu(scene: Any) -> Iterator[None]:
    scene.pipe.unet.enable_freeu(s1=0.9, s2=0.2, b1=1.5, b2=1.6)
    yield
    scene.pipe.unet.disable_freeu()


@change("FreeU's numbers", "unet", prepared=True)
def freeus_numbers(scene: Any) -> Iterator[None]:
    scene.pipe.unet.enable_freeu(s1=0.9, s2=0.2, b1=1.5, b2=1.6)
    yield
    scene.pipe.unet.enable_freeu(s1=0.5, s2=0.5, b1=1.2, b2=1.3)
    yield
    scene.pipe.unet.enable_freeu(s1=0.9, s2=0.2, b1=1.5, b2=1.6)


@change("attention slicing", "unet")
def attention_slicing(scene: Any) -> Iterator[None]:
    kept = scene.pipe.unet.attn_processors
    scene.pipe.unet.set_attention_slice("max")
    yield
    scene.pipe.unet.set_attn_processor(kept)


@change("VAE slicing", "vae")
def vae_slicing(scene: Any) -> Iterator[None]:
    scene.pipe.vae.enable_slicing()
    yield
    scene.pipe.vae.disable_slicing()


def _small_tiles(vae: Any, latents: int) -> None:
    vae.tile_latent_min_size, vae.tile_sample_min_size = latents, 8 * latents


@change("VAE tiling", "vae", prepared=True)
def vae_tiling(scene: Any) -> Iterator[None]:
    _small_tiles(scene.pipe.vae, 2)
    yield
    scene.pipe.vae.enable_tiling()
    yield
    scene.pipe.vae.disable_tiling()


@change("VAE tile size", "vae", prepared=True)
def vae_tile_size(scene: Any) -> Iterator[None]:
    scene.pipe.vae.enable_tiling()
    _small_tiles(scene.pipe.vae, 3)
    yield
    _small_tiles(scene.pipe.vae, 2)
    yield
    _small_tiles(scene.pipe.vae, 3)


@change("fused projections", "unet")
def fused_projections(scene: Any) -> Iterator[None]:
    scene.pipe.unet.fuse_qkv_projections()
    yield
    scene.pipe.unet.unfuse_qkv_projections()


@change("layerwise casting", "vae")
def layerwise_casting(scene: Any) -> Iterator[None]:
    scene.pipe.vae.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32)
    yield


@change("activation cache", "transformer", scene="transformer")
def activation_cache(scene: Any) -> Iterator[None]:
    config = PyramidAttentionBroadcastConfig(
        spatial_attention_block_skip_range=2,
        spatial_attention_timestep_skip_range=(-1, 2),
        current_timestep_callback=lambda: 0.5,
    )
    scene.pipe.transformer.enable_cache(config)
    yield
    scene.pipe.transformer.disable_cache()


@change("forward chunking", "unet")
def forward_chunking(scene: Any) -> Iterator[None]:
    layer = scene.pipe.unet.mid_block.attentions[0].transformer_blocks[0]
    layer.set_chunk_feed_forward(1, 1)
    yield
    layer.set_chunk_feed_forward(None, 0)


@change("gradient checkpointing", "unet")
def gradient_checkpointing(scene: Any) -> Iterator[None]:
    scene.pipe.unet.enable_gradient_checkpointing()
    yield
    scene.pipe.unet.disable_gradient_checkpointing()


@change("training mode", "text_encoder", prepared=True)
def training_mode(scene: Any) -> Iterator[None]:
    for layer in scene.pipe.text_encoder.encoder.layers:
        layer.self_attn.dropout = 0.5
    yield
    scene.pipe.text_encoder.train()
    yield
    scene.pipe.text_encoder.eval()


@change("channels_last", "unet")
def channels_last(scene: Any) -> Iterator[None]:
    scene.pipe.unet.to(memory_format=torch.channels_last)
    yield
    scene.pipe.unet.to(memory_format=torch.contiguous_format)


@change("autocast")
def autocast(scene: Any) -> Iterator[None]:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        yield


@change("deterministic algorithms")
def deterministic_algorithms(scene: Any) -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@change("number of threads", scene="net")
def number_of_threads(scene: Any) -> Iterator[None]:
    kept = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        yield
    finally:
        torch.set_num_threads(kept)


@change("matmul precision")
def matmul_precision(scene: Any) -> Iterator[None]:
    kept = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(kept)


@change("SDPA backends")
def sdpa_backends(scene: Any) -> Iterator[None]:
    with sdpa_kernel(SDPBackend.MATH):
        yield


@change("oneDNN off")
def onednn_off(scene: Any) -> Iterator[None]:
    with torch.backends.mkldnn.flags(enabled=False):
        yield


@change("flush denormals")
def flush_denormals(scene: Any) -> Iterator[None]:
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
