"""One call for every combination of some inputs, as a grid of images with labels."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from ..engine.cache import MemoryCache
from ..engine.progress import progress_bar
from ..state import InputError, html_view
from ..state.errors import did_you_mean, named_thing
from ..state.plain_numbers import plain_number
from .measuring.sweep_table import measured_numbers, table_of_sweep
from .seed import SEED

if TYPE_CHECKING:
    from PIL.Image import Image

    from .measuring.measure_table import MeasureTable
    from .modular_pipeline import ModularPipeline

Axes = Mapping[str, Sequence[Any]]
"""Inputs to the values that each is to have."""


@frozen(eq=False)
class Sweep:
    """The results of a sweep, in the order of the combinations: the last axis changes fastest.

    Attributes:
        axes: input to its values. results: what each call gave. seconds_saved: by what calls share.
        measured: by measure, the numbers of each call, one for each image.
    """

    axes: Axes
    results: tuple[Any, ...]
    seconds_saved: float
    measured: Mapping[str, Sequence[Sequence[float]]] = field(factory=dict)

    @property
    def points(self) -> list[dict[str, Any]]:
        """The combinations."""
        return [dict(zip(self.axes, values, strict=True)) for values in itertools.product(*self.axes.values())]

    def grid(self, resize: int | None = None) -> Image:
        """Return all images with labels: a column for each value of the last axis, a row for each of the others.

        A call that draws several images (a list of prompts, `num_images_per_prompt`) has a column for each of them.

        Raises:
            InputError: the results are no lists of PIL images.
        """
        from .images.grid import make_image_grid

        cells = [result for result in self.results if html_view.is_images(result)]
        if len(cells) != len(self.results):
            raise InputError("The results are no images; sweep with output='images' and output_type='pil'.")
        most = max(map(len, cells))
        columns = len(list(self.axes.values())[-1]) * most
        pairs = [
            pair
            for point, cell in zip(self.points, cells, strict=True)
            for pair in _filled(_labelled(point, cell), most)
        ]
        images, labels = zip(*pairs, strict=True)
        return make_image_grid(images, len(images) // columns, columns, resize, labels)

    def table(self, over: Sequence[str] | None = None, confidence: float = 0.95) -> MeasureTable:
        """Return what was measured: a row for each combination, with intervals, and how each differs from the first, pair by pair.

        Args:
            over: axes over which numbers are averaged, whose values pair those of two rows; seed and prompt where None. confidence: of
                the intervals.

        Raises:
            InputError: nothing was measured, or there is no such axis.
        """
        return table_of_sweep(self.axes, self.points, self.measured, over, confidence)

    def __iter__(self) -> Iterator[tuple[dict[str, Any], Any]]:
        return zip(self.points, self.results, strict=True)

    def __len__(self) -> int:
        return len(self.results)

    def _repr_png_(self) -> bytes | None:
        if not all(html_view.is_images(result) for result in self.results):
            return None
        import io

        buffer = io.BytesIO()
        self.grid().save(buffer, format="PNG")
        return buffer.getvalue()

    def __repr__(self) -> str:
        axes = " x ".join(f"{len(values)} {name}" for name, values in self.axes.items())
        return f"Sweep({axes}: {len(self)} results, {self.seconds_saved:.1f} s shared)"


def _labelled(point: Mapping[str, Any], images: Sequence[Image]) -> list[tuple[Image, str]]:
    """Return the images of one combination, each with what it was made of and which of them it is."""
    found = []
    for at, image in enumerate(images):
        words = [f"{name}={_short(_own_value(value, at, len(images)))}" for name, value in point.items()]
        found.append((image, ", ".join(words) + (f" ({at + 1} of {len(images)})" if len(images) > 1 else "")))
    return found


def _own_value(value: Any, at: int, count: int) -> Any:
    """Return what of a value is an image's own: of a list of prompts or seeds the one that it was drawn from."""
    is_of_rows = isinstance(value, list) and all(isinstance(each, (str, int)) for each in value)
    return value[at * len(value) // count] if is_of_rows and value and count % len(value) == 0 else value


def _filled(pairs: list[tuple[Image, str]], count: int) -> list[tuple[Image, str]]:
    """Return so many pairs: where other combinations have more images, white ones without a label."""
    from PIL import Image as Pillow

    return pairs + [(Pillow.new("RGB", pairs[0][0].size, "white"), "")] * (count - len(pairs))


def _short(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 30 else f"{text[:27]}..."


def sweep(
    pipe: ModularPipeline,
    given: Mapping[str, Any],
    numbers: Mapping[str, Any],
    output: str,
    inputs: Mapping[str, Any],
    measures: Sequence[str] = (),
) -> Sweep:
    """Run all combinations; see `ModularPipeline.sweep`."""
    if isinstance(measures, str):
        raise InputError(f"measures is {measures!r}; give a list of names: measures=[{measures!r}].")
    if not isinstance(given, Mapping):
        raise InputError(
            f"axes is {named_thing(given)}; it is a dict of lists by input, as in axes={{'seed': [1, 2]}}."
        )
    axes = {name: plain_number(values) for name, values in {**given, **numbers}.items()}
    if len(axes) > 1 and SEED in numbers and isinstance(axes[SEED], int) and not isinstance(axes[SEED], bool):
        # As in a call, beside an axis; `inputs` has everything else that is one value.
        axes[SEED] = [axes[SEED]]
    known = [*pipe.blocks.input_names, *pipe.guider_names, SEED]
    faults = [
        f"{name!r} is no input of this pipeline. {did_you_mean(name, known)}" for name in axes if name not in known
    ]
    faults += [
        f"{name} must be a list with one value or more." for name, values in axes.items() if not _is_axis(values)
    ]
    faults += [f"{name} is given as an axis and as an input." for name in axes if name in inputs]
    if SEED in axes and "generator" in inputs:
        faults.append("seed and generator are two ways to say one thing; give one of them.")
    if faults or not axes:
        raise InputError.of(
            "The sweep does not fit", faults or ["Give at least one axis: sweep(axes={'seed': [1, 2]}, ...)."]
        )
    before = pipe.settings
    # What comes before the axes' inputs, such as the text encoders, is then computed once for all.
    cache = before.cache or MemoryCache()
    saved = cache.seconds_saved
    results: list[Any] = []
    measured: dict[str, list[list[float]]] = {name: [] for name in measures}
    points = list(itertools.product(*axes.values()))
    # One bar for all runs, with the time that is left, and none for the steps of each.
    pipe.settings = evolve(before, cache=cache, progress=False)
    try:
        with progress_bar(before, len(points)) as counted:
            for values in points:
                point = dict(zip(axes, values, strict=True))
                found = pipe(**{**inputs, **point}, output=[output, *measures] if measures else output)
                results.append(found[output] if measures else found)
                for name in measures:
                    measured[name].append(measured_numbers(found[name], name))
                counted()
    # Also after an error at one point: the cache was not asked for, and holds memory.
    finally:
        pipe.settings = before
    return Sweep(dict(axes), tuple(results), cache.seconds_saved - saved, measured)


def _is_axis(values: object) -> bool:
    return isinstance(values, Sequence) and not isinstance(values, str) and len(values) > 0
