"""Adapters of a pipeline's models: put in, weighed, taken out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from ..adapters.attention_maps import AttentionMaps, observed
from ..adapters.attention_processors import replaced_processors
from ..adapters.ip_adapter import is_ip_adapter_active, load_ip_adapter, set_ip_adapter_scale, unload_ip_adapter
from ..adapters.lora import Loras
from ..adapters.textual_inversion import encoders_of, forget, teach
from ..blocks.core.components_view import known_families
from ..blocks.core.flattening import walk
from ..state import ComponentError
from ..state.user_warnings import caller_level
from .names_of_diffusers import instead_of_input
from .techniques.technique_methods import PipelineTechniques

if TYPE_CHECKING:
    from pathlib import Path

_logger = logging.getLogger("brickwork")
_IMAGE_PROMPT = "ip_adapter_image"


class PipelineAdapters(PipelineTechniques):
    """What changes models reversibly."""

    def load_textual_inversion(
        self,
        pretrained_model_name_or_path: str | Path | Mapping[str, Any],
        token: str | None = None,
        tokenizer: object = None,
        text_encoder: object = None,
        weight_name: str | None = None,
        revision: str | None = None,
        **hub_options: object,
    ) -> list[str]:
        """Teach a word to the text encoders, and return it; pipelines that share them know it, too.

        Args:
            pretrained_model_name_or_path: file, folder, name on the Hub, or the tensors: one by the word, or for two encoders
                by `clip_l` and `clip_g`; a tensor of several rows is a word of several vectors. token: the word, where the
                file does not say it or another one is wanted. tokenizer, text_encoder: for this one alone.

        Raises:
            InputError: the word is known already, or not said. ComponentError: the tensors fit no encoder. TrustError: the
                weights are pickled.
        """
        encoders = encoders_of(self)
        if text_encoder is not None or tokenizer is not None:
            encoders = [
                e for e in encoders if e.model is text_encoder or (text_encoder is None and e.tokenizer is tokenizer)
            ]
        return teach(encoders, pretrained_model_name_or_path, token, weight_name, revision, **hub_options)

    def unload_textual_inversion(self, tokens: str | list[str] | None = None) -> None:
        """Let the text encoders forget words that they were taught, or all; then they are as before.

        Raises:
            InputError: there is no such word.
        """
        forget(encoders_of(self), tokens)

    def attention_processors(
        self, processors: Mapping[str, Any], component: str | None = None
    ) -> AbstractContextManager[None]:
        """Replace attention processors of the denoiser until the end of a `with`; then it has its own again.

        While they are replaced, the cache knows nothing of the denoiser.

        Args:
            processors: by path, or part of a path between dots, also with `*`: "attn2", "mid_block", "up_blocks.1.*.attn1".
                Later ones count more. component: of which model, where it is not the denoiser.

        Raises:
            InputError: nothing is at a path. ComponentError: the denoiser is not loaded.

        Example:
            >>> from diffusers.models.attention_processor import AttnProcessor
            >>> pipe = embedded()
            >>> with pipe.attention_processors({"attn2": AttnProcessor()}):
            ...     image = pipe(prompt="a red circle", num_inference_steps=2, output="images")[0]
        """
        return replaced_processors(self._model(component or self._denoiser_name()), processors)

    def attention_maps(self) -> AbstractContextManager[AttentionMaps]:
        """Watch where the denoiser looks at the words of the prompt, until the end of a `with`.

        Example:
            >>> pipe = embedded()
            >>> with pipe.attention_maps() as maps:
            ...     image = pipe(prompt="a red circle", num_inference_steps=4, output="images")[0]
            >>> maps.of("circle").shape
            torch.Size([16, 16])
            >>> heat = maps.overlay("circle", image)
        """
        encoder = encoders_of(self)[0]
        denoiser = self._model(self._denoiser_name())
        return observed(AttentionMaps(denoiser, encoder.tokenizer, self._last_prompts))

    def _last_prompts(self) -> Any:
        recipe: Any = getattr(self, "last_recipe", None)
        return None if recipe is None else recipe.inputs.get("prompt")

    def _denoiser_name(self) -> str:
        roles = (block.family.roles.get("denoiser", ()) for _, block in walk(self.blocks))
        name: str | None = next((part.name for parts in roles for part in parts), None)
        if name is None:
            raise ComponentError("None of the pipeline's blocks names a denoiser; say which component is meant.")
        return name

    def _model(self, name: str) -> Any:
        model = self.components.get(name)
        if model is None:
            raise ComponentError(f"{name} is not loaded; call load_components() first.")
        return model

    def load_ip_adapter(
        self,
        pretrained_model_name_or_path: object,
        subfolder: object = None,
        weight_name: object = None,
        image_encoder_folder: str | None = "image_encoder",
        revision: str | None = None,
        **hub_options: object,
    ) -> None:
        """Let the denoiser see images as prompts; pipelines that share it see the adapter, too.

        Args:
            pretrained_model_name_or_path: folder, name on the Hub, or the tensors themselves (`image_proj`, `ip_adapter`); for
                several adapters a list, and lists of the others. subfolder, weight_name: where in it; the file has the name that
                the blocks' family gives it, if none is said.
            image_encoder_folder: from where the image encoder is loaded, if the pipeline has none.

        Raises:
            TrustError: the weights are pickled. RepoError, ComponentError: there are none, or they do not fit.
        """
        if weight_name is None:
            named = (family.ip_adapter_weights for family in known_families(self.blocks))
            weight_name = next((name for name in named if name), None)
        load_ip_adapter(
            self, pretrained_model_name_or_path, subfolder, weight_name, image_encoder_folder, revision, **hub_options
        )
        self._warn_of_no_image_prompt()

    def _warn_of_no_image_prompt(self) -> None:
        """Log that no block makes what an IP-Adapter reads: a run would be refused, unless it is given or another pipeline runs."""
        wanted = {part.positive for family in known_families(self.blocks) for part in family.fields("image_prompt")}
        leaves = [block for _, block in walk(self.blocks) if not getattr(block, "sub_blocks", None)]
        if wanted and wanted.isdisjoint(out.name for block in leaves for out in block.intermediate_outputs):
            _logger.warning(
                "The IP-Adapter is loaded, and no block of this pipeline turns an image into %s, which it needs now at every call. "
                "The block that does: `from brickwork.presets.tasks import image_prompt`, then "
                "pipe.blocks.insert('ip_adapter', image_prompt(pipe.family)['ip_adapter'], 0) and load_components(). %s",
                " or ".join(sorted(wanted)),
                instead_of_input(_IMAGE_PROMPT, self.blocks, (), self.repo_name),
                stacklevel=caller_level(),
            )

    def set_ip_adapter_scale(self, scale: object) -> None:
        """Set how much each adapter counts: a number, a dict by parts of the UNet, or a list with one for each adapter.

        Raises:
            ComponentError: there is no adapter, or another number of them.
        """
        set_ip_adapter_scale(self, scale)

    @property
    def is_ip_adapter_active(self) -> bool:
        """Whether the denoiser has an IP-Adapter whose scale is not 0 everywhere.

        Raises:
            ComponentError: the denoiser is not loaded.
        """
        return is_ip_adapter_active(self)

    def unload_ip_adapter(self) -> None:
        """Take all IP-Adapters out of the denoiser; it computes as before, with the attention processors that it had."""
        unload_ip_adapter(self)

    def load_lora_weights(
        self,
        pretrained_model_name_or_path_or_dict: str | Path | Mapping[str, Any],
        weight_name: str | None = None,
        adapter_name: str | None = None,
        revision: str | None = None,
        hotswap: bool = False,
        **hub_options: object,
    ) -> str:
        """Load a LoRA into the pipeline's models, and return its name; pipelines that share them see it, too.

        Args:
            pretrained_model_name_or_path_or_dict: file, folder, name on the Hub, or the tensors; with keys as diffusers, PEFT
                or Kohya write them. weight_name: file in it. adapter_name: what to call it.
            hotswap: put it in the place of the LoRA `adapter_name`, into the same layers, so that a compiled denoiser stays
                compiled.

        Raises:
            TrustError: the weights are pickled. RepoError: there are none. ComponentError: they do not fit. InputError: the name
                is taken, or others are fused.
        """
        loras = Loras(self)
        put = loras.swap if hotswap else loras.load
        return put(pretrained_model_name_or_path_or_dict, weight_name, adapter_name, revision, **hub_options)

    def set_adapters(self, adapter_names: str | list[str], adapter_weights: float | list[float] | None = None) -> None:
        """Choose the LoRAs that count, and how much each; 1.0 by default.

        Raises:
            InputError: there is no such LoRA, another number of weights, or some are fused.
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
        """Let no LoRA count; they stay loaded.

        Raises:
            InputError: some are fused.
        """
        Loras(self).enable(False)

    def delete_adapters(self, adapter_names: str | list[str]) -> None:
        """Take LoRAs out. Others that did not count before do not count afterwards.

        Raises:
            InputError: there is no such LoRA, or they are fused.
        """
        Loras(self).delete(adapter_names)

    def unload_lora_weights(self) -> None:
        """Take all LoRAs out, also fused ones, which diffusers leaves in the weights; the models are as before."""
        Loras(self).unload()

    def fuse_lora(self, adapter_names: str | list[str] | None = None, lora_scale: float = 1.0) -> None:
        """Add LoRAs to the weights, so that they cost nothing; the weights before are kept. While they are fused, none is loaded, chosen or switched off.

        Args:
            adapter_names: those that count, where None. lora_scale: what their weights are multiplied with.

        Raises:
            InputError: there is none, some are fused already, or others count beside them. ComponentError: they cannot be fused.
        """
        Loras(self).fuse(adapter_names, lora_scale)

    def unfuse_lora(self) -> None:
        """Give the weights back as they were, bit for bit; the LoRAs stay loaded."""
        Loras(self).unfuse()
