"""Adapters of a pipeline's models: put in, weighed, taken out."""

from __future__ import annotations

from typing import Any

from .ip_adapter_loading import load_ip_adapter, set_ip_adapter_scale, unload_ip_adapter
from .lora_loading import Loras
from .pipeline_face import PipelineFace


class PipelineAdapters(PipelineFace):
    """What changes models reversibly."""

    def load_ip_adapter(
        self,
        pretrained_model_name_or_path: Any,
        subfolder: Any = None,
        weight_name: Any = "ip-adapter_sdxl.safetensors",
        image_encoder_folder: str | None = "image_encoder",
        revision: str | None = None,
        **hub_options: Any,
    ) -> None:
        """Let the denoiser see pictures as prompts; pipelines that share it see the adapter, too.

        Args:
            pretrained_model_name_or_path: folder, name on the Hub, or the tensors themselves (`image_proj`, `ip_adapter`); for
                several adapters a list, and lists of the others. subfolder, weight_name: where in it.
            image_encoder_folder: from where the image encoder is loaded, if the pipeline has none.

        Raises:
            TrustError: the weights are pickled. RepoError, ComponentError: there are none, or they do not fit.
        """
        load_ip_adapter(
            self, pretrained_model_name_or_path, subfolder, weight_name, image_encoder_folder, revision, **hub_options
        )

    def set_ip_adapter_scale(self, scale: Any) -> None:
        """Set how much each adapter counts: a number, a dict by parts of the UNet, or a list with one for each adapter.

        Raises:
            ComponentError: there is no adapter, or another number of them.
        """
        set_ip_adapter_scale(self, scale)

    def unload_ip_adapter(self) -> None:
        """Take all IP-Adapters out of the denoiser; it computes as before, with the attention processors that it had."""
        unload_ip_adapter(self)

    def load_lora_weights(
        self,
        pretrained_model_name_or_path_or_dict: Any,
        weight_name: str | None = None,
        adapter_name: str | None = None,
        revision: str | None = None,
        hotswap: bool = False,
        **hub_options: Any,
    ) -> str:
        """Load a LoRA into the pipeline's models, and return its name; pipelines that share them see it, too.

        Args:
            pretrained_model_name_or_path_or_dict: file, folder, name on the Hub, or the tensors; with keys as diffusers, PEFT
                or Kohya write them. weight_name: file in it. adapter_name: what to call it.
            hotswap: put it in the place of the LoRA `adapter_name`, into the same layers, so that a compiled denoiser stays
                compiled.

        Raises:
            TrustError: the weights are pickled. RepoError: there are none. ComponentError: they do not fit. InputError: the name
                is taken.
        """
        loras = Loras(self)
        put = loras.swap if hotswap else loras.load
        return put(pretrained_model_name_or_path_or_dict, weight_name, adapter_name, revision, **hub_options)

    def set_adapters(self, adapter_names: str | list[str], adapter_weights: float | list[float] | None = None) -> None:
        """Choose the LoRAs that count, and how much each; 1.0 by default.

        Raises:
            InputError: there is no such LoRA, or another number of weights.
        """
        Loras(self).set(adapter_names, adapter_weights)

    def get_list_adapters(self) -> list[str]:
        """Names of all LoRAs that are loaded."""
        return Loras(self).names()

    def get_active_adapters(self) -> list[str]:
        """Names of the LoRAs that count."""
        return Loras(self).active()

    def enable_lora(self) -> None:
        """Let LoRAs count again."""
        Loras(self).enable(True)

    def disable_lora(self) -> None:
        """Let no LoRA count; they stay loaded."""
        Loras(self).enable(False)

    def delete_adapters(self, adapter_names: str | list[str]) -> None:
        """Take LoRAs out. Others that did not count before do not count afterwards.

        Raises:
            InputError: there is no such LoRA, or they are fused.
        """
        Loras(self).delete(adapter_names)

    def unload_lora_weights(self) -> None:
        """Take all LoRAs out; the models are as before."""
        Loras(self).unload()

    def fuse_lora(self, adapter_names: str | list[str] | None = None, lora_scale: float = 1.0) -> None:
        """Add LoRAs to the weights, so that they cost nothing; the weights before are kept.

        Raises:
            InputError: there is none, or some are fused already.
        """
        Loras(self).fuse(adapter_names, lora_scale)

    def unfuse_lora(self) -> None:
        """Give the weights back as they were, bit for bit; the LoRAs stay loaded."""
        Loras(self).unfuse()
