"""How a form shows a value: data for pages, command lines and services that are made of the JSON schema of a pipeline's inputs."""

from __future__ import annotations

from typing import Literal, get_args

from attrs import frozen

Role = Literal["image", "mask", "control", "latents", "seed", "embeds", "prompt", "other"]
Section = Literal["prompt", "size", "sampling", "guidance", "image", "output", "expert"]

SECTIONS: tuple[Section, ...] = get_args(Section)
"""In the order in which a form shows them."""
FILES: frozenset[Role] = frozenset({"image", "mask", "control"})
"""Roles of what people have as files of images."""


@frozen
class Form:
    """How a form shows a value.

    Attributes:
        role: what it is for a person, which chooses the field: a text, a file, a seed. section: where it stands among the others.
        unit: of its numbers ("pixels", "steps", "fraction"). is_side: it is a side of images, of which the family of the model says what
            it must be a multiple of.
    """

    role: Role = "other"
    section: Section = "expert"
    unit: str = ""
    is_side: bool = False


UNSHOWN = Form()
"""Of what nobody said how it is shown."""
UNKNOWN_IMAGE = Form("image", "image")
"""Of images of foreign blocks, of which only the type is known."""
