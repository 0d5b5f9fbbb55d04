"""What the text encoders of a pipeline can be asked for: tokens, layers, prompts of their own, and inputs that speak of these.

It is asked before a run, where torch would say it in numbers, or nothing would be said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ...families.contract import FamilyContract
from ...state import Fault, InputParam
from ..core.signature_block import SignatureBlock

if TYPE_CHECKING:
    from ...families.text_encoding import TextEncoding


class TextInputs(SignatureBlock):
    """Leaves out inputs that speak of text encoders as the family has none."""

    _is_framework_base: ClassVar[bool] = True

    @property
    def inputs(self) -> list[InputParam]:
        """Parameters of `run` that the family has a use for."""
        unread = unread_inputs(self.family)
        return [param for param in super().inputs if param.name not in unread]

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say which inputs nothing reads, and how many tokens there are at most."""
        for name, why in unread_inputs(self.family).items():
            if given.get(name) is not None:
                yield Fault(f"{name} is {given[name]!r}, and {why}: leave it out.", name)
        asked = given.get("max_sequence_length")
        limits = [each.most for each in self.family.text_encodings if each.tokens == "asked" and each.most]
        if isinstance(asked, int) and limits and asked > min(limits):
            text = f"max_sequence_length is {asked}; {self.family.name} reads at most {min(limits)} tokens."
            yield Fault(text, "max_sequence_length")


def lost_embeds(family: FamilyContract, given: Mapping[str, Any], negative: bool) -> Iterator[str]:
    """Yield which embeddings of the caller's own would be made anew, as those that stand for the texts are not given beside them."""
    names = [part.negative if negative else part.positive for part in family.fields("prompt_embeds")]
    if names and given.get(names[0]) is None:
        for name in names[1:]:
            if given.get(name) is not None:
                text = f"{name} is given without {names[0]}, so it would be made anew from texts; give both, or leave it out."
                yield Fault(text, name, names[0])


def unread_inputs(family: FamilyContract) -> dict[str, str]:
    """Return the inputs of which no text encoder of a family has a use, each with why."""
    found = {
        "clip_skip": (any(each.can_skip for each in family.text_encodings), "skips layers"),
        "max_sequence_length": (
            any(each.tokens == "asked" for each in family.text_encodings),
            "reads another number of tokens than its tokenizer's",
        ),
    }
    return {name: f"no text encoder of {family.name} {what}" for name, (is_read, what) in found.items() if not is_read}


def named_encoders(family: FamilyContract, encoders: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the text encoders that are there, with their names."""
    for part, encoder in zip(family.roles["text_encoders"], encoders, strict=True):
        if encoder is not None:
            yield part.name, encoder


def length_faults(
    family: FamilyContract, encoders: Sequence[Any], tokens: Sequence[int], made_by: Sequence[str]
) -> Iterator[str]:
    """Yield which encoders read fewer tokens than they would be given.

    Args:
        tokens, made_by: for each encoder, how many it would be given, and what says so; 0 for what nothing says.
    """
    names = [part.name for part in family.roles["text_encoders"]]
    lengths, makers = dict(zip(names, tokens, strict=True)), dict(zip(names, made_by, strict=True))
    for name, encoder in named_encoders(family, encoders):
        most = getattr(encoder.config, "max_position_embeddings", None)
        if isinstance(most, int) and lengths[name] > most:
            yield f"{makers[name]} makes texts of {lengths[name]} tokens, and {name} reads at most {most}"


def skip_faults(family: FamilyContract, encoders: Sequence[Any], clip_skip: int) -> Iterator[str]:
    """Yield which encoders have fewer layers than shall be skipped."""
    encodings: dict[str, TextEncoding] = {
        part.name: each for part, each in zip(family.roles["text_encoders"], family.text_encodings, strict=True)
    }
    for name, encoder in named_encoders(family, encoders):
        layers = getattr(encoder.config, "num_hidden_layers", None)
        if not isinstance(layers, int) or not encodings[name].can_skip:
            continue
        # The hidden states are those of the layers, and the embeddings before them.
        most = layers + 1 + encodings[name].last
        if clip_skip > most:
            text = f"clip_skip is {clip_skip}; {name} has {layers} layers, of which it can skip at most {most}."
            yield Fault(text, "clip_skip")


def absence_faults(
    family: FamilyContract,
    tokenizers: Sequence[Any],
    encoders: Sequence[Any],
    given: Mapping[str, Any],
    negative: bool = False,
) -> Iterator[str]:
    """Yield which prompts nobody reads, because the text encoder that they are for is none, and which encoder has no tokenizer."""
    prompts = family.fields("prompts")
    if all(encoder is None for encoder in encoders):
        told = family.fields("prompt_embeds")[0]
        text, embeds = (prompts[0].negative, told.negative) if negative else (prompts[0].positive, told.positive)
        names = " and ".join(each.name for each in family.roles["text_encoders"])
        yield Fault(f"{names} are none, and read {text}: give {embeds}=... in its place.", text, embeds)
        return
    roles = [part.name for part in family.roles["text_encoders"]]
    for told in family.fields("prompt_embeds"):
        given_by = zip(roles, encoders, family.text_encodings, strict=True)
        makers = [(name, encoder) for name, encoder, each in given_by if getattr(each, told.source, False)]
        if makers and all(encoder is None for _, encoder in makers):
            text, embeds = (prompts[0].negative, told.negative) if negative else (prompts[0].positive, told.positive)
            names = " and ".join(name for name, _ in makers)
            yield Fault(
                f"{embeds} are made by {names} alone, and there is none: load it, or give all embeddings in place of {text}.",
                text,
                embeds,
            )
            return
    readers: dict[int, list[tuple[str, Any]]] = {}
    for place, (part, encoder) in enumerate(zip(family.roles["text_encoders"], encoders, strict=True)):
        number = family.text_encodings[place].field_of(place, len(prompts))
        readers.setdefault(number, []).append((part.name, encoder))
        if encoder is not None and tokenizers[place] is None:
            yield f"{family.roles['tokenizers'][place].name} is none, and {part.name}, which reads its tokens, is there: give both, or none."
    for number, asked in readers.items():
        name = prompts[number].negative if negative else prompts[number].positive
        # The first stands for the others, too.
        if number and given.get(name) and all(encoder is None for _, encoder in asked):
            text = f"{name} is for {' and '.join(reader for reader, _ in asked)}, and there is none: leave it out."
            yield Fault(text, name)


def width_faults(family: FamilyContract, components: Mapping[str, Any]) -> Iterator[str]:
    """Yield that the denoiser reads texts of another width than the encoders of its run make."""
    (denoiser, *_) = [*(part.name for part in family.roles.get("denoiser", ())), ""]
    network, parts = components.get(denoiser), family.roles.get("text_encoders", ())
    if network is None or len(parts) != len(family.text_encodings):
        return
    read = [part.name for part, each in zip(parts, family.text_encodings, strict=True) if each.hidden]
    widths = [getattr(getattr(components.get(name), "config", None), "hidden_size", None) for name in read]
    made, wanted = family.text_width(widths) if widths else None, family.embedding_widths(network).get("hidden")
    if made is not None and wanted is not None and made != wanted:
        yield (
            f"{denoiser} reads texts that are {wanted} wide, and {' and '.join(read)} make {made}: they do not belong together. Take the text "
            f"encoders that {denoiser} was trained with."
        )


def unused_negative(guider: Any, name: str) -> str:
    """Say that what images shall not show counts nothing, as a guider makes no negative prediction, and what to do."""
    return (
        f"{name} changes nothing: {type(guider).__name__} makes no negative prediction in this run. Give a guidance_scale above 1, or, where "
        "guidance is built in, update_components(guider=EmbeddedGuidance(guider=ClassifierFreeGuidance(guidance_scale=...))); or leave it out"
    )
