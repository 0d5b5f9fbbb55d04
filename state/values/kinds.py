"""Kinds of values as people see them in forms: each makes a `Value` that says how a form shows it."""

from __future__ import annotations

from functools import partial

from .form import Form
from .value import Value

prompt = partial(Value, form=Form("prompt", "prompt"))
subject = partial(Value, form=Form(section="prompt"))
side = partial(Value, form=Form(section="size", unit="pixels", is_side=True))
size = partial(Value, form=Form(section="size"))
area = partial(Value, form=Form(section="size", unit="pixels"))
steps = partial(Value, form=Form(section="sampling", unit="steps"))
part = partial(Value, form=Form(section="sampling", unit="fraction"))
guidance = partial(Value, form=Form(section="guidance"))
image = partial(Value, form=Form("image", "image"))
mask = partial(Value, form=Form("mask", "image"))
control = partial(Value, form=Form("control", "image"))
of_image = partial(Value, form=Form(section="image"))
of_image_part = partial(Value, form=Form(section="image", unit="fraction"))
of_image_pixels = partial(Value, form=Form(section="image", unit="pixels"))
output = partial(Value, form=Form(section="output"))
embeds = partial(Value, form=Form("embeds"))
latents = partial(Value, form=Form("latents"))
pixels = partial(Value, form=Form(unit="pixels"))
fraction = partial(Value, form=Form(unit="fraction"))
layers = partial(Value, form=Form(unit="layers"))
tokens = partial(Value, form=Form(unit="tokens"))
