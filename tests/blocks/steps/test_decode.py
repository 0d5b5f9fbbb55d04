"""A VAE that overflows in half precision is in float32 while it is used, for every thread, and as before afterwards."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from device_doubles import Overflowing
from in_threads import in_threads

from brickwork.blocks.steps.decode import in_float32, own_dtype


class Vae(Overflowing):
    """An autoencoder of one weight that says that it overflows."""

    def __init__(self, says: bool = True) -> None:
        super().__init__()
        self.config = SimpleNamespace(force_upcast=says)

    @property
    def dtype(self) -> torch.dtype:
        return self.weight.dtype

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self(latents.to(self.weight.dtype))
        return found


LATENTS = torch.full((2, 3), 7.0)


def decoded(vae: Any) -> torch.Tensor:
    with in_float32(vae, needed=True):
        found: torch.Tensor = vae.decode(LATENTS)
    return found


def test_it_overflows_only_in_half_precision() -> None:
    vae = Vae().half()
    assert not vae.decode(LATENTS).isfinite().any()
    assert torch.equal(decoded(vae), LATENTS * 300)
    assert vae.weight.dtype == torch.float16


def test_threads_do_not_take_the_format_away_from_each_other() -> None:
    vae = Vae().half()
    for found in in_threads(lambda _: [decoded(vae) for _ in range(15)], 8):
        assert all(torch.equal(each, LATENTS * 300) for each in found)
    assert vae.weight.dtype == torch.float16


def test_its_own_format_is_told_while_another_thread_has_it_in_float32() -> None:
    vae, inside, asked = Vae().half(), threading.Event(), threading.Event()

    def hold() -> None:
        with in_float32(vae, needed=True):
            inside.set()
            assert asked.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    assert inside.wait(10)
    assert (vae.weight.dtype, own_dtype(vae)) == (torch.float32, torch.float16)
    asked.set()
    thread.join(10)
    assert own_dtype(vae) == torch.float16


def test_one_that_is_used_as_it_is_waits_for_the_other_thread() -> None:
    vae, inside, done = Vae().bfloat16(), threading.Event(), []

    def plain() -> None:
        inside.set()
        with in_float32(vae, needed=False):
            done.append(vae.weight.dtype)

    with in_float32(vae, needed=True):
        thread = threading.Thread(target=plain)
        thread.start()
        assert inside.wait(10)
        thread.join(0.2)
        assert done == []
    thread.join(10)
    assert done == [torch.bfloat16]


def test_the_format_comes_back_after_an_error() -> None:
    vae = Vae().half()
    with pytest.raises(ZeroDivisionError), in_float32(vae, needed=True):
        raise ZeroDivisionError
    assert (vae.weight.dtype, own_dtype(vae)) == (torch.float16, torch.float16)


def test_autocast_is_off_inside_and_on_again_after() -> None:
    vae = Vae().half()
    with torch.autocast("cpu", torch.bfloat16):
        with in_float32(vae, needed=True):
            assert not torch.is_autocast_enabled("cpu")
        assert torch.is_autocast_enabled("cpu")


def test_weights_can_be_derived_by_after_inference_mode() -> None:
    vae = Vae().half()
    with torch.inference_mode(), in_float32(vae, needed=True):
        assert vae.decode(LATENTS).is_inference()
    assert not vae.weight.is_inference()


@pytest.mark.parametrize(("made", "dtype"), [(Vae(), torch.float32), (Vae(says=False).half(), torch.float16)])
def test_one_that_needs_no_care_is_used_by_all_at_once(made: Vae, dtype: torch.dtype) -> None:
    with in_float32(made, needed=False):
        assert in_threads(lambda _: decoded_as_it_is(made), 8) == [dtype] * 8


def decoded_as_it_is(vae: Vae) -> torch.dtype:
    with in_float32(vae, needed=False):
        return vae.weight.dtype
