"""LoRAs (Hu et al. 2021, https://arxiv.org/abs/2106.09685) into a pipeline's models and out again, by diffusers' own loaders.

Key formats of diffusers, PEFT and Kohya are read. What is fused is taken out again bit for bit: the weights are kept.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from ..families.contract import FamilyContract
from ..registry.applied import applied_to
from ..registry.identity.as_made import declared_change
from ..registry.loading.base_modules import adapted_layers
from ..registry.loading.needed_packages import refuse_without
from ..state import ComponentError, InputError
from ..state.errors import did_you_mean, named_thing
from ..state.given import given_names
from .finite_weights import format_of, refuse_not_finite
from .lora_check import lora_faults
from .lora_file import lora_tensors, split_file
from .lora_fusing import base_weights, give_back, is_fused, keep_unfused, refuse_fused, refuse_left_out, weighed
from .lora_gradients import give_gradients_back, note_gradients
from .lora_metadata import told
from .lora_origins import LoraOrigin, note_origin, stored_digest
from .lora_state import NEEDED, tensors_of
from .lora_weights import weight_for_each_model
from .peft_files import for_a_model, is_of_peft

if TYPE_CHECKING:
    import torch

P = ParamSpec("P")
T = TypeVar("T")


def _declared(method: Callable[P, T]) -> Callable[P, T]:
    """Let a method of `Loras` change its models, and let what it changes be known of them."""

    @wraps(method)
    def declared(*args: P.args, **kwargs: P.kwargs) -> T:
        loras: Any = args[0]
        with declared_change(*loras.models.values()):
            return method(*args, **kwargs)

    return declared


_UNFIT = "The LoRA does not fit the pipeline's models"
_MOST_FAULTS = 6
_REMARKING = (
    "diffusers.loaders.lora_base",
    "diffusers.loaders.peft",
    # It says of all weights of a text encoder that they are missing in the file of the LoRA, and were made anew, which they are not.
    "transformers",
)


class Loras:
    """The LoRAs of one pipeline's models."""

    def __init__(self, pipe: Any) -> None:
        family = lora_family(pipe)
        if not family.lora_loader:
            raise ComponentError("None of the pipeline's blocks is of a model family that knows LoRAs.")
        self._loader = _holder(pipe, family)
        self.models: dict[str, Any] = {
            name: getattr(self._loader, name) for name in self._loader._lora_loadable_modules
        }

    @_declared
    def load(
        self,
        source: str | Path | Mapping[str, Any],
        weight_name: str | None,
        adapter_name: str | None,
        revision: str | None,
        **hub: object,
    ) -> str:
        """Load one, and return its name."""
        refuse_without(*NEEDED)
        # A layer with fused weights reads no LoRA: what came in now would count in other layers alone.
        refuse_fused(self.models)
        _refuse_barred(self.models)
        names = self.names()
        name = adapter_name or f"default_{len(names)}"
        if not isinstance(name, str) or "." in name:
            raise InputError(
                f"adapter_name is {named_thing(name)}; it is text without a dot, as PEFT names layers by it."
            )
        if name in names:
            raise InputError(
                f"There is a LoRA {name!r} already; give another adapter_name, hotswap=True to put this one in its place, "
                f"or delete_adapters({name!r}) first."
            )
        state, said, origin = self._read(source, weight_name, revision, hub, name)
        try:
            self._put_in(state, name, said)
        except Exception as error:
            # What was put in before the failure would count in the next run.
            self._forget(name)
            raise ComponentError(f"The LoRA does not fit the pipeline's models: {error}") from error
        if name not in self.names():
            self._forget(name)
            raise ComponentError(
                "The file holds nothing for the pipeline's models: its keys name none of their layers."
            )
        note_origin(self.models, name, origin)
        return name

    @_declared
    def swap(
        self,
        source: str | Path | Mapping[str, Any],
        weight_name: str | None,
        name: str | None,
        revision: str | None,
        **hub: object,
    ) -> str:
        """Put a LoRA into the layers of one that is there, and return its name."""
        if name is None:
            raise InputError("hotswap=True needs the adapter_name of the LoRA that is replaced.")
        refuse_without(*NEEDED)
        self._known([name])
        refuse_fused(self.models)
        state, said, origin = self._read(source, weight_name, revision, hub, name)
        held = {each: _layers(model, name) for each, model in self.models.items()}
        # diffusers' hot swap knows denoisers only (loaders/peft.py).
        if any(layers for each, layers in held.items() if each.startswith("text_encoder")):
            raise InputError(
                f"The LoRA {name!r} is in text encoders, too, whose layers cannot be swapped; "
                f"delete_adapters({name!r}) and load the other one."
            )
        there = {f"{each}.{layer}" for each, layers in held.items() for layer in layers}
        # A compiled model is compiled for the layers that it has; new ones would be left out of it.
        other = self._layers_named(state) - there
        if other:
            raise ComponentError(
                f"The LoRA does not fit into the layers of {name!r}: it has {len(other)} more, such as {min(other)}. "
                f"delete_adapters({name!r}) and load it without hotswap."
            )
        try:
            self._put_in(state, name, said, hotswap=True)
        except Exception as error:
            self._forget(name)
            raise ComponentError(
                f"The LoRA does not fit into the layers of {name!r}, which is taken out now: {error}"
            ) from error
        note_origin(self.models, name, origin)
        return name

    def _read(
        self, source: Any, weight_name: str | None, revision: str | None, hub: dict[str, Any], name: str
    ) -> tuple[dict[str, Any], dict[str, Any] | None, LoraOrigin | None]:
        """Return the tensors with the names of their models, what their file says of ranks and strengths, and where it is."""
        state, said = lora_tensors(source, weight_name, revision, hub)
        origin = None
        where = ""
        if not isinstance(source, Mapping):
            folder, file = split_file(source, weight_name)
            where = f", of {file or folder},"
            origin = LoraOrigin(str(folder), file, revision, stored_digest(state))
        if is_of_peft(state):
            state, said = for_a_model(state, said, self.models)
        self._refuse_unfit(state)
        # Of models in several formats each weight is looked at once it is in its own.
        formats = set().union(*(format_of(model) for model in self.models.values()))
        refuse_not_finite(f"The LoRA {name!r}{where}", state, formats if len(formats) == 1 else ())
        return state, said, origin

    def _refuse_unfit(self, state: dict[str, Any]) -> None:
        """Refuse what would be dropped, or stay at random, before anything is put in."""
        try:
            faults = lora_faults(state, self._loader, self.models)
        except (
            AssertionError,
            AttributeError,
            IndexError,
            KeyError,
            TypeError,
            ValueError,
        ) as error:  # of diffusers' conversion
            raise ComponentError(f"The LoRA does not fit the pipeline's models: {error}") from error
        if faults:
            more = [f"and {len(faults) - _MOST_FAULTS} more of that kind."] if len(faults) > _MOST_FAULTS else []
            told = [*faults[:_MOST_FAULTS], *more]
            raise ComponentError.of(_UNFIT, [f"{_UNFIT}: {told[0]}"] if len(told) == 1 else told)

    def _layers_named(self, state: dict[str, Any]) -> set[str]:
        """Return the paths of the layers that a LoRA is for, each after the name of its model."""
        from .traced_tensors import traced

        options = {"unet_config": self.models["unet"].config} if "unet" in self.models else {}
        found = self._loader.lora_state_dict(traced(state), **options)
        found = found[0] if isinstance(found, tuple) else found
        return {key.partition(".lora")[0] for key in found if ".lora" in key}

    def _put_in(self, state: dict[str, Any], name: str, said: dict[str, Any] | None, **options: object) -> None:
        for model in self.models.values():
            note_gradients(model)
        self._loader.lora_state_dict = told(type(self._loader).lora_state_dict, said)
        with warnings.catch_warnings(), _without_remarks():
            # Of models that have a LoRA already, which is what a second one is for.
            warnings.filterwarnings("ignore", message="Already found a `peft_config`")
            self._loader.load_lora_weights(state, adapter_name=name, **options)
        for role, model in self.models.items():
            if name in (getattr(model, "peft_config", None) or {}):
                # Conversions of names multiply with strengths, and weights are in the model's format now.
                refuse_not_finite(f"The LoRA {name!r}, put into {role},", tensors_of(model, name))
            for _, layer in adapted_layers(model):
                layer.train(layer.get_base_layer().training)  # PEFT's layers begin as if they were trained
            give_gradients_back(model)  # of one that the LoRA does not touch

    def names(self) -> list[str]:
        """Return the names of all that are loaded."""
        return list(
            dict.fromkeys(name for model in self.models.values() for name in getattr(model, "peft_config", None) or ())
        )

    @_declared
    def set(self, names: str | Sequence[str], weights: object) -> None:
        """Choose those that count, and how much."""
        chosen = given_names(names, "adapter_names")
        self._known(chosen)
        refuse_fused(self.models)
        given = list(weights) if isinstance(weights, (list, tuple)) else [weights] * len(chosen)
        if len(given) != len(chosen):
            raise InputError(
                f"{len(given)} weights were given for {len(chosen)} LoRAs; give one number, or one for each."
            )
        known = [weight_for_each_model(each, list(self.models)) for each in given]
        try:
            self._loader.set_adapters(chosen, adapter_weights=known)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise InputError(
                f"The weights name parts that the denoiser has not ({type(error).__name__}: {error}). A UNet has 'down', 'mid' and 'up', and these "
                "'block_0' and so on, of which each takes a number or one for each of its attentions."
            ) from error

    @_declared
    def enable(self, active: bool) -> None:
        """Let all count, or none."""
        if not active:
            # PEFT would subtract them in the next call of each layer, which rounds.
            refuse_fused(self.models)
        (self._loader.enable_lora if active else self._loader.disable_lora)()

    def active(self) -> list[str]:
        """Return the names of those that count."""
        return list(self._loader.get_active_adapters()) if self.names() else []

    @_declared
    def delete(self, names: str | Sequence[str]) -> None:
        """Take some out."""
        chosen = given_names(names, "adapter_names")
        self._known(chosen)
        refuse_fused(self.models)
        counting = [name for name in self.active() if name not in chosen]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Adapter .* was active which is now deleted")
            self._loader.delete_adapters(chosen)
        left = self.names()
        if left and not counting:  # PEFT would let another one count that nobody has chosen
            self._loader.set_adapters(left, adapter_weights=[0.0] * len(left))

    @_declared
    def unload(self) -> None:
        """Take all out; the models are as before, and their weights want gradients as before."""
        self.unfuse()
        if any(True for model in self.models.values() for _ in base_weights(model)):
            self._loader.unload_lora_weights()
        for model in self.models.values():
            give_gradients_back(model)

    @_declared
    def fuse(self, names: Sequence[str] | None, scale: float) -> None:
        """Add LoRAs to the weights, which makes them free of cost."""
        refuse_fused(self.models)
        chosen = None if names is None else given_names(names, "adapter_names")
        self._known(chosen or ())
        if not self.names():
            raise InputError("There is no LoRA to fuse: load_lora_weights(...) first.")
        refuse_left_out(self.models, chosen)
        with weighed(self.models, chosen, scale):
            keep_unfused(self.models)
            try:
                self._loader.fuse_lora(components=list(self.models), adapter_names=chosen, safe_fusing=True)
            except Exception as error:
                self.unfuse()
                raise ComponentError(f"The LoRAs cannot be fused: {error}") from error

    @_declared
    def unfuse(self) -> None:
        """Give the weights back as they were, bit for bit."""
        fused = [model for model in self.models.values() if is_fused(model)]
        if not fused:
            return
        with warnings.catch_warnings():
            # Of layers that have another LoRA than the fused one.
            warnings.filterwarnings("ignore", message="Already unmerged")
            self._loader.unfuse_lora(components=list(self.models))
        # After it, which tells PEFT that nothing is merged; its own subtraction is then written over.
        give_back(fused)

    def _known(self, names: Sequence[str]) -> None:
        there = self.names()
        if names and not there:
            raise InputError(
                f"No LoRA is loaded, so there is none named {names[0]!r}: load_lora_weights(file, adapter_name={names[0]!r}) first."
            )
        faults = [f"There is no LoRA {name!r}. {did_you_mean(name, there)}" for name in names if name not in there]
        if faults:
            raise InputError(" ".join(faults))

    def _forget(self, name: str) -> None:
        """Take out what of a LoRA came in before it failed."""
        for model in self.models.values():
            known = getattr(model, "peft_config", None) or {}
            if name in known:
                with contextlib.suppress(KeyError, ValueError):  # of layers that it had not reached
                    model.delete_adapters(name)
                known.pop(name, None)
        if not self.names():
            self.unload()


def _refuse_barred(models: Mapping[str, Any]) -> None:
    """Refuse models with techniques that would leave a LoRA out."""
    for name, model in models.items():
        for each in applied_to(model) if model is not None else ():
            if each.bars_loras:
                kind = type(each.technique).__name__
                raise InputError(
                    f"{name} has the technique {kind}, with which it reads no LoRA: pipe.remove({name!r}, {kind!r}) first."
                )


def loader_mixin(loader: str) -> Any:
    """Return the mixin of diffusers that a family names as "module:Class"."""
    module, _, name = loader.partition(":")
    return getattr(importlib.import_module(module), name)


def lora_family(pipe: Any) -> FamilyContract:
    """Return the first of a pipeline's families that knows LoRAs: that of a prior may come before it, and knows none."""
    family: FamilyContract = pipe.family
    return next((each for each in pipe.families if each.lora_loader), family)


def _holder(pipe: Any, family: FamilyContract) -> Any:
    """Return what diffusers' mixin knows of a pipeline."""
    mixin = loader_mixin(family.lora_loader)
    # The mixin's methods expect a pipeline of diffusers. What they read of one is a handful of attributes, and a
    # class of its own leaves the mixin as it is.
    holder = type("Holder", (mixin,), {})()
    names = [name for name in mixin._lora_loadable_modules if pipe.components.get(name) is not None]
    if not names:
        raise ComponentError("The models are not loaded; call load_components() before LoRAs.")
    holder._lora_loadable_modules = names
    holder.components = {}
    holder.hf_device_map = None
    for each in mixin._lora_loadable_modules:
        model = pipe.components.get(each)
        setattr(holder, each, model)
        if model is not None:
            holder.components[each] = model
    return holder


def _layers(model: torch.nn.Module, name: str) -> list[str]:
    """Return the paths of the layers that an adapter is in."""
    return [path for path, module in model.named_modules() if name in getattr(module, "lora_A", ())]


@contextlib.contextmanager
def _without_remarks() -> Iterator[None]:
    """Silence remarks on models that a LoRA does not touch, which is how most LoRAs are, and on weights that are none of its own."""
    loggers = [logging.getLogger(name) for name in _REMARKING]
    levels = [each.level for each in loggers]
    try:
        for each in loggers:
            each.setLevel(logging.ERROR)
        yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)
