"""Words that text encoders are taught, in and out again (Gal et al. 2022, https://arxiv.org/abs/2208.01618).

The encoder's table of embeddings and the tokenizer's words are replaced by longer ones; the originals are kept, so what is taken
out leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import define, frozen

from ..registry.hub.repo import open_repo
from ..registry.identity.component_notes import remember_tokens
from ..registry.loading.tensor_file import read_tensors
from ..state import ComponentError, InputError
from ..state.errors import did_you_mean
from .finite_weights import refuse_not_finite
from .lora_file import split_file

if TYPE_CHECKING:
    from pathlib import Path

    import torch

WEIGHTS = "learned_embeds.safetensors"
_BY_PLACE = {"clip_l": 0, "clip_g": 1, "text_encoders_0": 0, "text_encoders_1": 1}
"""Names of tensors in files for families with two encoders, and which encoder each is for."""
_UNNAMED = "emb_params"
"""What other tools call the tensor in a file that does not say the word."""
_OTHERS = "string_to_param"
"""Where AUTOMATIC1111's web UI keeps the tensor; the word stands beside it, as "name"."""
_LONGEST_WORD = 200
_LEGACY_END = 2
"""An id in old CLIP configurations by which transformers takes the highest id for the end of the text; taught words have higher
ones, so the pooled embedding would be theirs. While there are some, the encoder is told the true id."""


@frozen(eq=False)
class Encoder:
    """A text encoder of a pipeline, with its tokenizer."""

    name: str
    model: Any
    tokenizer: Any

    @property
    def width(self) -> int:
        """The width of its token embeddings."""
        return int(self.model.get_input_embeddings().weight.shape[-1])


@define(eq=False)
class Taught:
    """Notes on an encoder what it was before, and what it was taught since, so that a copy of it has that, too.

    Attributes:
        embedding, backend, vocabulary: its table, and its tokenizer's words. noted: what was known of it. ends: modules with their
            id of the end of a text. words: tensors by word, as they were given.
    """

    embedding: Any
    backend: Any
    vocabulary: int
    ends: list[tuple[Any, int]]
    words: dict[str, Any]


_TAUGHT = "_brickwork_taught"


def taught_of(model: object) -> Taught | None:
    """Return what an encoder was taught; None for nothing."""
    found: Taught | None = getattr(model, "__dict__", {}).get(_TAUGHT)
    return found


def encoders_of(pipe: Any) -> list[Encoder]:
    """Return text encoders that are loaded, with their tokenizers, in the family's order.

    Raises:
        ComponentError: there are none.
    """
    family = pipe.family
    pairs = zip(family.roles.get("text_encoders", ()), family.roles.get("tokenizers", ()), strict=True)
    found = [Encoder(one.name, pipe.components.get(one.name), pipe.components.get(other.name)) for one, other in pairs]
    found = [each for each in found if each.model is not None and each.tokenizer is not None]
    if not found:
        raise ComponentError("No text encoder is loaded; call load_components() before teaching it words.")
    return found


def teach(
    encoders: Sequence[Encoder],
    source: str | Path | Mapping[str, Any],
    token: str | None,
    weight_name: str | None,
    revision: str | None,
    **hub: object,
) -> list[str]:
    """Teach words to encoders, and return them; see `ModularPipeline.load_textual_inversion`."""
    if token is not None and not _is_word(token):
        raise InputError(f"token={_shown(token)} is no word that can be taught; it is what a prompt will have.")
    held = _embeddings(_tensors(source, weight_name, revision, hub))
    lessons = [(*_for_whom(encoders, name, rows, token), rows) for name, rows in held.items()]
    where = "" if isinstance(source, Mapping) or hasattr(source, "shape") else f", of {weight_name or source},"
    for name, (encoder, word, rows) in zip(held, lessons, strict=True):
        _refuse_not_finite(encoder, f"The embedding of {word!r}{where}", name, rows)
    faults = [
        f"{encoder.name} knows {word!r} already; give another token, or unload_textual_inversion({word!r}) first."
        for encoder, word, rows in lessons
        if not {*_row_names(word, rows)}.isdisjoint(encoder.tokenizer.get_vocab())
    ]
    if faults:
        raise InputError(" ".join(faults))
    # Only now, when all of them are known to fit: half a lesson would be hard to take back.
    for encoder, word, rows in lessons:
        taught = taught_of(encoder.model) or _before(encoder)
        taught.words[word] = rows
        _apply(encoder, taught)
    return list(dict.fromkeys(word for _, word, _ in lessons))


def teach_again(encoder: Encoder, words: Mapping[str, Any]) -> None:
    """Teach an encoder words that another one like it was taught, in this order.

    Raises:
        InputError: it knows one already. ComponentError: a tensor does not fit it.
    """
    known = encoder.tokenizer.get_vocab()
    faults = [f"{encoder.name} knows {word!r} already." for word in words if word in known]
    if faults:
        raise InputError(" ".join(faults))
    wrong = [word for word, rows in words.items() if rows.ndim == 0 or rows.shape[-1] != encoder.width]
    if wrong:
        raise ComponentError(f"The embedding of {wrong[0]!r} does not fit {encoder.name}, which has {encoder.width}.")
    for word, rows in words.items():
        _refuse_not_finite(encoder, f"The embedding of {word!r}", word, rows)
    taught = taught_of(encoder.model) or _before(encoder)
    taught.words.update(words)
    _apply(encoder, taught)


def _refuse_not_finite(encoder: Encoder, what: str, name: str, rows: torch.Tensor) -> None:
    refuse_not_finite(what, {name: rows}, {encoder.model.get_input_embeddings().weight.dtype})


def forget(encoders: Sequence[Encoder], tokens: object) -> None:
    """Take words out, or all; see `ModularPipeline.unload_textual_inversion`."""
    known = {word for each in encoders if (taught := taught_of(each.model)) is not None for word in taught.words}
    several = [tokens] if isinstance(tokens, str) else tokens
    if several is not None and not (isinstance(several, Iterable) and all(isinstance(each, str) for each in several)):
        raise InputError(
            f"tokens={_shown(tokens)} are no words; give one that was taught, a list of them, or None for all."
        )
    chosen = known if several is None else set(several)
    faults = [f"No word {word!r} was taught. {did_you_mean(word, known)}" for word in sorted(chosen - known)]
    if faults:
        raise InputError(" ".join(faults))
    for encoder in encoders:
        taught = taught_of(encoder.model)
        if taught is None:
            continue
        taught.words = {word: rows for word, rows in taught.words.items() if word not in chosen}
        _apply(encoder, taught)


def _tensors(
    source: str | Path | Mapping[str, Any] | list[object] | tuple[object, ...],
    weight_name: str | None,
    revision: str | None,
    hub: dict[str, Any],
) -> dict[str, Any]:
    """Return tensors by name, of a file, a folder, a repository, or given as they are."""
    if hasattr(type(source), "untyped_storage"):
        return {_UNNAMED: source}
    if isinstance(source, Mapping):
        return _of_other_tools(source)
    if isinstance(source, (list, tuple)):
        raise InputError("A list of textual inversions was given; call load_textual_inversion once for each.")
    folder, name = split_file(source, weight_name)
    return _of_other_tools(read_tensors(open_repo(folder, revision, **hub), name or WEIGHTS))


def _of_other_tools(held: Mapping[str, Any]) -> dict[str, Any]:
    """Return tensors by word, of what AUTOMATIC1111's web UI keeps them in: a dict with others in it, or names that it makes of that.

    Raises:
        ComponentError: it holds several embeddings, or none.
    """
    inner = held.get(_OTHERS)
    flat = {name: rows for name, rows in held.items() if isinstance(name, str) and name.startswith(f"{_OTHERS}.")}
    if inner is None and not flat:
        return dict(held)
    rows = list(inner.values()) if isinstance(inner, Mapping) else list(flat.values())
    if len(rows) != 1:
        raise ComponentError(
            f"The textual inversion has {len(rows)} embeddings in {_OTHERS!r}, where one is expected; give those that are meant as "
            "{'<word>': tensor}."
        )
    word = held.get("name")
    return {word if isinstance(word, str) and _is_word(word) else _UNNAMED: rows[0]}


def _embeddings(held: dict[str, Any]) -> dict[str, Any]:
    """Return what a file says, if all of it can be taught.

    Raises:
        ComponentError: something is no embedding; every fault is named.
    """
    faults = [
        f"The embedding {_shown(name)} has the shape {list(getattr(rows, 'shape', ()))}; it is one row of numbers, or several."
        for name, rows in held.items()
        if not hasattr(rows, "untyped_storage")
        or rows.ndim not in (1, 2)
        or not rows.numel()
        or not rows.is_floating_point()
    ]
    faults += [
        f"{_shown(name)} is no word that can be taught; it is what a prompt will have."
        for name in held
        if not _is_word(name)
    ]
    if faults or not held:
        raise ComponentError.of("These are no embeddings of words", faults or ["The file holds no embedding."])
    return held


def _is_word(given: object) -> bool:
    return isinstance(given, str) and bool(given.strip()) and given.isprintable() and len(given) <= _LONGEST_WORD


def _shown(given: object) -> str:
    """Return what was given, short; halves of surrogate pairs are spelled out by `repr`."""
    return repr(given[:60] if isinstance(given, str) else given)[:80]


def _row_names(word: str, rows: torch.Tensor) -> list[str]:
    """Return the words of an embedding's rows: the taught one, and numbered ones."""
    return [word if number == 0 else f"{word}_{number}" for number in range(rows.numel() // rows.shape[-1])]


def _for_whom(encoders: Sequence[Encoder], name: str, rows: torch.Tensor, token: str | None) -> tuple[Encoder, str]:
    """Return which encoder a tensor is for, and the word that it teaches."""
    word = token if name in _BY_PLACE or name == _UNNAMED else token or name
    if word is None:
        raise InputError(f"The embedding {name!r} does not say for which word it is; give token='<word>'.")
    if name in _BY_PLACE:
        fitting = [each for each in encoders[_BY_PLACE[name] :][:1] if each.width == rows.shape[-1]]
    else:
        fitting = [each for each in encoders if each.width == rows.shape[-1]][:1]
    if not fitting:
        widths = ", ".join(f"{each.name} has {each.width}" for each in encoders)
        raise ComponentError(f"The embedding {name!r} is {rows.shape[-1]} wide, and that fits no encoder: {widths}.")
    return fitting[0], word


def _before(encoder: Encoder) -> Taught:
    """Note what an encoder is before it is taught anything."""
    model, tokenizer = encoder.model, encoder.tokenizer
    ends = [(module, module.eos_token_id) for module in model.modules() if hasattr(module, "eos_token_id")]
    kept = Taught(model.get_input_embeddings(), tokenizer._tokenizer, model.config.vocab_size, ends, {})
    object.__setattr__(model, _TAUGHT, kept)
    return kept


def _apply(encoder: Encoder, taught: Taught) -> None:
    """Give an encoder exactly the words that it shall know."""
    from tokenizers import Tokenizer

    model, tokenizer = encoder.model, encoder.tokenizer
    before = untaught_table(model, taught)
    if not taught.words:
        model.set_input_embeddings(before)
        model.config.vocab_size = taught.vocabulary
        tokenizer._tokenizer = taught.backend
        for module, end in taught.ends:
            module.eos_token_id = end
        remember_tokens(model, ())
        del vars(model)[_TAUGHT]
        return
    # A copy of the original: tokens can be added to a tokenizer in Rust, and not taken out again.
    tokenizer._tokenizer = Tokenizer.from_str(taught.backend.to_str())
    rows: dict[str, Any] = {}
    for word, given in taught.words.items():
        rows |= dict(zip(_row_names(word, given), given.reshape(-1, given.shape[-1]), strict=True))
    tokenizer.add_tokens(list(rows))
    longer = _longer(before, dict(zip(tokenizer.convert_tokens_to_ids(list(rows)), rows.values(), strict=True)))
    model.set_input_embeddings(longer)
    model.config.vocab_size = longer.num_embeddings
    for module, end in taught.ends:
        module.eos_token_id = tokenizer.eos_token_id if end == _LEGACY_END else end
    remember_tokens(model, list(taught.words))


def untaught_table(model: Any, taught: Taught) -> Any:
    """Return the table of embeddings as it was before, with what was done to the encoder since: moved, cast or trained."""
    import torch

    kept, now = taught.embedding, model.get_input_embeddings()
    if now is kept:
        return kept
    # The kept table stands in no module, so nothing that is done to the encoder reaches it.
    rows = now.weight.detach()[: len(kept.weight)]
    if (rows.device, rows.dtype) != (kept.weight.device, kept.weight.dtype) or not torch.equal(rows, kept.weight):
        kept.weight.data = rows.clone()
    return kept.requires_grad_(now.weight.requires_grad)


def _longer(embedding: torch.nn.Embedding, rows: Mapping[int, Any]) -> Any:
    """Return a table with further rows, each at its id."""
    import torch

    before = embedding.weight
    # Some tables have more rows than the tokenizer has words, and new words take the rows that are free.
    size = max(len(before), max(rows) + 1)
    longer = torch.nn.Embedding(size, before.shape[1], device=before.device, dtype=before.dtype)
    with torch.no_grad():
        longer.weight.zero_()
        longer.weight[: len(before)] = before
        for index, row in rows.items():
            longer.weight[index] = row.to(before.device, before.dtype)
    # A table that is trained stays one; a frozen one must not begin to collect gradients.
    return longer.requires_grad_(before.requires_grad)
