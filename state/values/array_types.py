"""Types of arrays and images that words of the vocabulary name, without importing the libraries that have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ForwardRef

__all__ = ["Generator", "Image", "NDArray", "Tensor", "dtype"]

if TYPE_CHECKING:
    import numpy.typing
    from PIL.Image import Image
    from torch import Generator, Tensor, dtype

    NDArray = numpy.typing.NDArray[Any]
else:
    Tensor = ForwardRef("Tensor", module="torch")
    Generator = ForwardRef("Generator", module="torch")
    dtype = ForwardRef("dtype", module="torch")
    Image = ForwardRef("Image", module="PIL.Image")
    NDArray = ForwardRef("ndarray", module="numpy")
