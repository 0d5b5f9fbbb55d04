"""Brings the parts of one model while it computes: each before its call, the next one meanwhile, and off again after it."""

from __future__ import annotations

from typing import Any

from ...state import ComponentError
from ..loading.weights import byte_words
from .device_memory import DeviceMemory
from .layers import Layering, Part


class LayerTraffic:
    """One model that comes in parts, from `open` to `close`: during one step, or one loop.

    What a layer writes on the device comes back with it. A layer that writes past torch's counters (`.data`) while it computes
    is found in its first call, by the numbers themselves, and refused at the end: to look in each call would cost two readings of
    all numbers.

    Attributes:
        name: of the component. held: bytes that are on the device now; peak: that were, at most.
    """

    def __init__(self, name: str, layers: Layering, memory: DeviceMemory) -> None:
        self.name = name
        self.held = 0
        self.peak = 0
        self._layers = layers
        self._memory = memory
        self._there: dict[int, Part] = {}
        self._active: list[Part] = []
        self._hooks: list[Any] = []
        self._is_small = False
        # What comes after what, as far as it was seen; until then the order of definition, and the first after the last.
        streamed = layers.parts[1:]
        self._next = {id(part): streamed[(index + 1) % len(streamed)] for index, part in enumerate(streamed)}
        self._last: Part | None = None

    def open(self) -> None:
        """Bring what stays, and let the others come when they are called."""
        for part in self._layers.parts:
            part.is_known = False
        self._bring(self._layers.parts[0])
        for part in self._layers.parts[1:]:
            gate = _Gate(self, part)
            # Modules in it, too: some networks call one of a layer's outside of the layer's own call, as DiT's embeddings.
            for module in part.modules():
                # Before hooks of its own, which may compute with its weights, as those of `weight_norm`.
                self._hooks.append(module.register_forward_pre_hook(gate.enter, prepend=True))
                # Also after a call that has failed: else its layers would stay while the error is looked at.
                self._hooks.append(module.register_forward_hook(gate.leave, always_call=True))

    def close(self) -> None:
        """Let everything leave, and the model be as it was."""
        while self._hooks:
            self._hooks.pop().remove()
        self._active.clear()
        self._last = None
        while self._there:
            self._drop(next(reversed(self._there.values())))

    @property
    def has_room_to_make(self) -> bool:
        """Whether less of it can be on the device at once."""
        return not self._is_small

    def make_room(self) -> None:
        """Keep nothing on the device from now on but the model's own part and what is called, and bring nothing ahead."""
        self._is_small = True
        for part in list(self._there.values())[::-1]:
            if part not in self._active and part is not self._layers.parts[0]:
                self._drop(part)

    def enter(self, part: Part) -> None:
        """Have a part there, and begin with the next one."""
        self._active.append(part)
        coming = 0 if id(part) in self._there else part.size
        # What was brought ahead and is not what comes: only for the room, because it may come after this one. What should stay goes
        # last: it goes where a layer is called within another's call.
        for other in sorted(self._there.values(), key=self._stays):
            if self.held + coming > self._layers.size and other not in (*self._active, self._layers.parts[0]):
                self._drop(other)
        if self._last is not None:
            self._next[id(self._last)] = part
        self._last = part
        self._bring(part)
        self._bring_ahead(part)

    def leave(self, part: Part) -> None:
        """Let a part go after its call."""
        if part in self._active:
            self._active.remove(part)
        if part not in self._active and not self._stays(part) and id(part) in self._there:
            self._drop(part)

    def _stays(self, part: Part) -> bool:
        return part is self._layers.parts[0] or (part.stays and not self._is_small)

    def _bring(self, part: Part) -> None:
        self._memory.bring(part.name, part)
        self._note(part)

    def _bring_ahead(self, part: Part) -> None:
        """Begin to copy the next part that is not there, where there is room beside what is."""
        if not self._layers.ahead or self._is_small:
            return
        following = self._next[id(part)]
        seen = {id(part)}
        while id(following) in self._there and id(following) not in seen:
            seen.add(id(following))
            following = self._next[id(following)]
        if id(following) not in self._there and self.held + following.size <= self._layers.size:
            self._memory.prefetch(following.name, following)
            # A device without a stream of its own waits for the use.
            if self._memory.size_of(id(following)) is not None:
                self._note(following)

    def _note(self, part: Part) -> None:
        if id(part) not in self._there:
            self._there[id(part)] = part
            self.held += part.size
            self.peak = max(self.peak, self.held)

    def _drop(self, part: Part) -> None:
        self._memory.drop(part.name, part)
        part.is_known = True
        del self._there[id(part)]
        self.held -= part.size

    def refuse_written(self) -> None:
        """Raise ComponentError if a layer wrote its weights in a way that nobody could see in time: the result is not to be trusted."""
        import torch

        doubted = [part for part in self._layers.parts if part.doubts]
        doubts = [torch.stack(part.doubts).any() for part in doubted]
        for part in doubted:
            part.doubts.clear()
        # One look at all of them: each would wait for the device.
        written = [
            part.name
            for part, found in zip(doubted, torch.stack(doubts).tolist() if doubts else [], strict=True)
            if found
        ]
        if written:
            raise ComponentError(
                f"{', '.join(written)} changed while computing, past torch's counters (through `.data`), and came layer by layer because "
                f"{byte_words(self._layers.room)} are left on the device for {self.name}: what was written is lost, so the result is not that of a "
                "device with room for all of it. Raise the budget, or change values by torch's own operations."
            )


def comes_in_parts(model: Any) -> bool:
    """Return whether a model, or one with modules of its own over the same weights, comes part by part now."""
    hooks = (hook for module in model.modules() for hook in module._forward_pre_hooks.values())
    return any(isinstance(getattr(hook, "__self__", None), _Gate) for hook in hooks)


class _Gate:
    """The two hooks of one part's modules; the outermost call counts. Their module's name tells `module_settings` that they change nothing of what is computed."""

    def __init__(self, traffic: LayerTraffic, part: Part) -> None:
        self._traffic = traffic
        self._part = part
        self._called: Any = None

    def enter(self, module: Any, _inputs: Any) -> None:
        if self._called is None:
            self._called = module
            self._traffic.enter(self._part)

    def leave(self, module: Any, _inputs: Any, output: Any) -> None:
        if self._called is not module:
            return
        self._called = None
        self._traffic.leave(self._part)
        if _is_derivable(output):
            raise ComponentError(
                f"{self._part.name} computes with gradients, and comes layer by layer because the model does not fit on the device: its "
                "weights would be gone when a gradient needs them. Raise the budget, or leave the guider out that asks for gradients."
            )


def _is_derivable(output: Any) -> bool:
    """Return whether a result could be derived by what it was computed from."""
    import torch

    if not torch.is_grad_enabled():
        return False
    if isinstance(output, torch.Tensor):
        return output.requires_grad
    each = output.values() if isinstance(output, dict) else output if isinstance(output, (list, tuple)) else ()
    return any(map(_is_derivable, each))
