"""What a tokenizer is: its vocabulary and its settings."""

from __future__ import annotations

from typing import Any

from ...state.digest import digest_of

_OF_LOADING = ("backend", "is_local", "local_files_only")
"""What transformers notes of how a tokenizer was loaded."""


def is_tokenizer(thing: object) -> bool:
    """Return whether something is a tokenizer, of either kind of transformers."""
    return hasattr(type(thing), "get_added_vocab")


def probe_of(component: object) -> bytes:
    """Return what changes when a tokenizer, or one that a processor of text and images holds, is told or taught something."""
    held = [component, *getattr(component, "__dict__", {}).copy().values()]
    return b"".join(tokenizer_probe(each) for each in held if is_tokenizer(each))


def tokenizer_digest(tokenizer: Any) -> str:
    """Digest a tokenizer as a part of something else."""
    return digest_of(type(tokenizer).__qualname__, vocabulary(tokenizer), sorted(tokenizer_settings(tokenizer).items()))


def tokenizer_probe(tokenizer: Any) -> bytes:
    """Return what changes when a tokenizer is told or taught something, in microseconds."""
    added = repr(tokenizer.added_tokens_decoder)
    # Digesting the whole vocabulary takes far longer; these move whenever something is added.
    parts = (len(tokenizer), added, id(getattr(tokenizer, "_tokenizer", None)), tokenizer_settings(tokenizer))
    return repr(parts).encode()


def tokenizer_settings(tokenizer: Any) -> dict[str, str]:
    """Return how a tokenizer cuts, pads and marks."""
    names = (
        "padding_side",
        "truncation_side",
        "model_max_length",
        "clean_up_tokenization_spaces",
        "split_special_tokens",
    )
    return {
        **{name: repr(getattr(tokenizer, name, None)) for name in names},
        "special tokens": str(tokenizer.special_tokens_map),
    }


def vocabulary(tokenizer: Any) -> str:
    """Digest what a tokenizer knows."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        held = {
            # The same words in another folder are the same words, and transformers notes the settings of a load in another order.
            name: value
            for name, value in sorted(tokenizer.init_kwargs.items())
            if not name.endswith(("_file", "_or_path")) and name not in _OF_LOADING
        }
        return digest_of(tokenizer.get_vocab(), str(held))
    # Before it stand truncation and padding, which every call sets anew.
    _, _, content = backend.to_str().partition('"added_tokens"')
    return digest_of(content)
