"""Where a plan may be cut into stages on devices of their own, and whether that is worth it.

A stage runs some of a plan's top-level steps, holds the components of these alone, and hands on what is still needed. While one run is in
the second stage, the next one is in the first: what counts is how often a run ends, the seconds of the slowest stage. The same devices
could each run the whole plan; stages are worth it only where that is slower, because the components do not all stay on a device.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING

from attrs import field, frozen

from ...registry.component_table import aligned
from ...registry.loading.weights import byte_words, bytes_of
from ...state import InputError
from ...state.errors import did_you_mean
from ..nodes import all_nodes

if TYPE_CHECKING:
    from .plan import Plan

_Memory = int | str | None
Devices = Mapping[str, _Memory] | Sequence[str | tuple[str, _Memory]]
"""Names of devices, and the memory of each; in a list, one name may stand several times."""

_WORTH = 1.05
"""How many times as often runs must end with stages as without, to be worth their processes: less is within what a measurement varies."""


@frozen(kw_only=True)
class StageProfile:
    """What was measured of one run, and what is known of the machines.

    Attributes:
        output: the values that are asked for in the end. seconds: of each top-level step. sizes: bytes of each component.
        sent: bytes of the values that are needed after each step, as they are written to be handed on.
        unsent: step to why what is needed after it cannot be written, so that nothing is cut there.
        beside: bytes that a step needs beside components, where they are known.
        link: bytes a second between two stages. moving: bytes a second from a host to its device, where components do not all stay there.
    """

    output: tuple[str, ...]
    seconds: Mapping[str, float]
    sizes: Mapping[str, int]
    sent: Mapping[str, int]
    unsent: Mapping[str, str] = field(factory=dict)
    beside: Mapping[str, int] = field(factory=dict)
    link: float = 1.25e9
    moving: float = 12e9


@frozen
class Stage:
    """Some of a plan's steps on one device.

    Attributes:
        device: its name. steps: paths of the plan's top-level steps. components: that they compute with. size: bytes of these.
        seconds: of the steps. moved: seconds in which components come, because the device does not hold them all; 0 where it does.
        hands_on: names of the values that the next stage is given; none of the last. sent: bytes of these. sending: seconds of that.
    """

    device: str
    steps: tuple[str, ...]
    components: tuple[str, ...]
    size: int
    seconds: float
    moved: float = 0.0
    hands_on: tuple[str, ...] = ()
    sent: int = 0
    sending: float = 0.0

    @property
    def period(self) -> float:
        """Seconds from one run to the next."""
        return self.seconds + self.moved + self.sending


@frozen
class Stages:
    """A plan over devices: stages, or the whole of it on each.

    Attributes:
        stages: in order; one where the plan is not split. whole: the plan as one stage on each of the devices that can run it.
        reason: why it is split, or is not. refused: where it cannot be cut, and why.
    """

    stages: tuple[Stage, ...]
    whole: tuple[Stage, ...]
    reason: str
    refused: tuple[str, ...] = ()

    @property
    def is_split(self) -> bool:
        """Whether there is more than one stage."""
        return len(self.stages) > 1

    @property
    def period(self) -> float:
        """Seconds from the end of one run to that of the next, with all devices at work."""
        return max(stage.period for stage in self.stages) if self.is_split else _together(self.whole)

    @property
    def gain(self) -> float:
        """How many times as often runs end as with the whole plan on each device; infinite where no device can run that."""
        return _together(self.whole) / self.period

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterable[str]:
        rows = [("device", "steps", "components", "seconds", "moving", "hands on")]
        for stage in self.stages:
            steps = stage.steps[0] if len(stage.steps) == 1 else f"{stage.steps[0]} to {stage.steps[-1]}"
            handed = f"{byte_words(stage.sent)}: {', '.join(stage.hands_on)}" if stage.hands_on else "the result"
            moved = f"{stage.moved:.3g}" if stage.moved else "none"
            rows.append((stage.device, steps, byte_words(stage.size), f"{stage.seconds:.3g}", moved, handed))
        yield from aligned(rows)
        yield self.reason
        places: dict[str, list[str]] = {}
        for each in self.refused:
            place, _, why = each.partition(": ")
            places.setdefault(why, []).append(place.removeprefix("before "))
        yield from (f"not cut before {', '.join(names)}: {why}" for why, names in places.items())


def stages_of(plan: Plan, devices: Devices, profile: StageProfile, before: Sequence[str] | None = None) -> Stages:
    """Cut a plan into stages; see `Plan.stages`."""
    if isinstance(devices, str) or not devices:
        raise InputError(
            f"stages(devices={devices!r}): name each device with its memory, such as {{'cuda:0': '24GB', 'cuda:1': '24GB'}}, or give a list of names."
        )
    _check(plan, profile)
    cutter = _Cutter(plan, tuple(_memories(devices)), profile)
    if before is not None:
        return cutter.cut_before(before)
    whole, best = cutter.whole, cutter.best()
    if not whole and not best:
        raise InputError.of("No device holds what a step computes with", cutter.too_large())
    refused = tuple(cutter.refused.values())
    if not best or len(best) == 1:
        return Stages((whole or best)[:1], whole, cutter.why_whole(), refused)
    split = Stages(best, whole, "", refused)
    if split.gain < _WORTH:
        return Stages(whole[:1], whole, _not_worth(split), refused)
    return Stages(best, whole, _worth(split), refused)


def _memories(devices: Devices) -> Iterable[tuple[str, int | None]]:
    for each in devices.items() if isinstance(devices, Mapping) else devices:
        name, memory = (each, None) if isinstance(each, str) else each
        yield name, None if memory is None else bytes_of(memory)


def _check(plan: Plan, profile: StageProfile) -> None:
    """Refuse a profile of another plan: what is not in it would count as nothing."""
    paths = [step.path for step in plan.steps]
    faults = [f"{path}: there are no seconds of it." for path in paths if path not in profile.seconds]
    faults += [f"{path}: there are no bytes sent after it." for path in paths[:-1] if path not in profile.sent]
    used = {name for step in all_nodes(plan.steps) for name in getattr(step, "weights", ())}
    faults += [f"{name}: there are no bytes of this component." for name in sorted(used - profile.sizes.keys())]
    if faults:
        raise InputError.of(
            "The profile is not of this plan; measure it anew, as with scale.stage_profile(pipe, ...)", faults
        )


def _together(stages: Sequence[Stage]) -> float:
    """Return how many seconds pass from one run to the next, where each of these runs whole ones."""
    return 1 / sum(1 / stage.period if stage.period else inf for stage in stages) if stages else inf


def _worth(split: Stages) -> str:
    if not split.whole:
        return f"split, since no device can run the whole: a run ends every {split.period:.3g} s."
    return (
        f"split: a run ends every {split.period:.3g} s, and every {_together(split.whole):.3g} s if each device runs the whole, whose "
        f"components take {split.whole[0].moved:.3g} s of moving in each run: {split.gain:.2f} times as often."
    )


def _not_worth(split: Stages) -> str:
    slowest = max(split.stages, key=lambda stage: stage.period)
    alone = _together(split.whole)
    return (
        f"not split: the whole on each of {len(split.whole)} device{'s' * (len(split.whole) > 1)} ends a run every {alone:.3g} s; the best "
        f"cut, before {', '.join(stage.steps[0] for stage in split.stages[1:])}, would end one every {split.period:.3g} s, as long as "
        f"{slowest.steps[0] if len(slowest.steps) == 1 else f'{slowest.steps[0]} to {slowest.steps[-1]}'} takes."
    )


@frozen
class _Cutter:
    """Knows what each stretch of a plan costs on each device.

    Attributes:
        devices: name and bytes of memory, in the order in which stages follow each other.
    """

    plan: Plan
    devices: tuple[tuple[str, int | None], ...]
    profile: StageProfile

    @cached_property
    def paths(self) -> list[str]:
        return [step.path for step in self.plan.steps]

    @cached_property
    def weights(self) -> list[frozenset[str]]:
        """Components that each step computes with."""
        return [
            frozenset().union(*(getattr(node, "weights", frozenset()) for node in all_nodes([step])))
            for step in self.plan.steps
        ]

    @cached_property
    def handed(self) -> dict[str, tuple[str, ...]]:
        """Names of what is needed after each step."""
        return {path: tuple(sorted(names)) for path, names in self.plan.live_after(self.profile.output).items()}

    @cached_property
    def refused(self) -> dict[int, str]:
        """By the number of the step before which it would be, why the plan is not cut there."""
        steps = self.plan.steps
        changed = [{name for node in all_nodes([step]) for name in getattr(node, "mutates", ())} for step in steps]
        used = [{name for node in all_nodes([step]) for name in getattr(node, "components", ())} for step in steps]
        found = {}
        for place in range(1, len(steps)):
            before, behind = set().union(*changed[:place]), set().union(*used[place:])
            if both := sorted(before & behind):
                words = f"{' and '.join(both)} {'is' if len(both) == 1 else 'are'} changed before it and used behind it"
                found[place] = f"before {steps[place].path}: {words}, and what a component keeps is no value."
            elif why := self.profile.unsent.get(self.paths[place - 1]):
                found[place] = f"before {steps[place].path}: {why}"
        return found

    @cached_property
    def whole(self) -> tuple[Stage, ...]:
        """The plan as one stage on each device that can run it."""
        found = (self.stage(0, len(self.paths), device) for device in range(len(self.devices)))
        return tuple(stage for stage in found if stage.period < inf)

    def cut_before(self, paths: Sequence[str]) -> Stages:
        """Return the stages that begin where a person says, whatever they are worth."""
        places = [0, *(self._place(path) for path in paths), len(self.paths)]
        faults = [f"not cut {self.refused[place]}" for place in places if place in self.refused]
        if places != sorted(set(places)):
            known = ", ".join(self.paths[1:])
            faults.append(f"{', '.join(paths)}: name steps behind the first, each once and in their order: {known}.")
        if len(places) - 1 > len(self.devices):
            faults.append(f"{len(places) - 1} stages need as many devices, and there are {len(self.devices)}.")
        if faults:
            raise InputError.of("The plan is not cut there", faults)
        stages = tuple(self.stage(a, b, i) for i, (a, b) in enumerate(pairwise(places)))
        reason = f"split before {', '.join(paths)}, as was asked."
        return Stages(stages, self.whole, reason, tuple(self.refused.values()))

    def _place(self, path: str) -> int:
        if path not in self.paths:
            raise InputError(f"This plan has no step {path!r}. {did_you_mean(path, self.paths)}")
        return self.paths.index(path)

    def stage(self, start: int, stop: int, device: int) -> Stage:
        """Return steps from `start` to before `stop` as a stage; its period is infinite where the device holds not even what one needs."""
        profile, (name, memory) = self.profile, self.devices[device]
        components = sorted(frozenset().union(*self.weights[start:stop]))
        size = sum(profile.sizes[each] for each in components)
        room = inf if memory is None else memory
        beside = max((profile.beside.get(path, 0) for path in self.paths[start:stop]), default=0)
        # Not less than what does not fit has to come in every run; what a real order of use moves can only be more.
        moved = max(0, size + beside - room) / profile.moving
        if any(self._needs(i) > room for i in range(start, stop)):
            moved = inf
        last = self.paths[stop - 1]
        is_end = stop == len(self.paths)
        sent = 0 if is_end else profile.sent[last]
        seconds = sum(profile.seconds[path] for path in self.paths[start:stop])
        handed = () if is_end else self.handed[last]
        steps = tuple(self.paths[start:stop])
        return Stage(name, steps, tuple(components), size, seconds, moved, handed, sent, sent / profile.link)

    def _needs(self, step: int) -> int:
        return sum(self.profile.sizes[name] for name in self.weights[step]) + self.profile.beside.get(
            self.paths[step], 0
        )

    def best(self) -> tuple[Stage, ...]:
        """Return the stages of the shortest period, and of those the ones that send least; () where no cut can be run."""
        period = self._least(inf, by_bytes=False)[0]
        if period == inf:
            return ()
        places = self._least(period, by_bytes=True)[1]
        return tuple(self.stage(a, b, i) for i, (a, b) in enumerate(pairwise(places)))

    def _least(self, longest: float, by_bytes: bool) -> tuple[float, tuple[int, ...]]:
        """Return the least period, or the least bytes among cuts of no longer period than `longest`, with the places of the cuts.

        By places from the left: the best way to have come to a place on so many devices is all that what follows hangs on.
        """
        count = len(self.paths)
        places = [0, *(i for i in range(1, count) if i not in self.refused), count]
        ways: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, (0,))}
        ended: list[tuple[float, tuple[int, ...]]] = []
        for device in range(len(self.devices)):
            further: dict[int, tuple[float, tuple[int, ...]]] = {}
            for place, (cost, cuts) in ways.items():
                for stop in places:
                    if stop <= place:
                        continue
                    stage = self.stage(place, stop, device)
                    if stage.period > longest or stage.period == inf:
                        continue
                    new = cost + stage.sent if by_bytes else max(cost, stage.period)
                    if stop not in further or new < further[stop][0]:
                        further[stop] = new, (*cuts, stop)
            ways = further
            if count in ways:
                ended.append(ways.pop(count))
        return min(ended, key=lambda way: (way[0], len(way[1])), default=(inf, ()))

    def too_large(self) -> list[str]:
        """Say which steps no device holds."""
        most = max((memory for _, memory in self.devices if memory is not None), default=0)
        return [
            f"{path} computes with {byte_words(self._needs(i))}, and the largest device has {byte_words(most)}."
            for i, path in enumerate(self.paths)
            if self._needs(i) > most
        ]

    def why_whole(self) -> str:
        """Say why there is no stage beside the first."""
        if len(self.devices) == 1:
            return "not split: there is one device."
        if len(self.refused) == len(self.paths) - 1:
            return "not split: there is no place where it could be cut."
        return "not split: every cut makes the slowest stage as slow as the whole, or is not held by the devices in their order."
