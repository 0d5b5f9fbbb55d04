"""What a component *is*: the content of its weights, the settings on its modules, what somebody has declared of it.

Cache, recipe, replay, resume and snapshot all ask here. Two components are the same if their content is the same, wherever
they are from: an origin is only a word in a recipe. What cannot be identified raises `NoDigestError`, which means unknown, and
never the same.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import xxhash
from attrs import evolve, field, frozen

from ...state.code_home import is_packaged
from ...state.digest import DigestWriter, NoDigestError, code_identity, digest_of
from ...state.errors import capital_article
from ...state.object_content import register_networks
from ...state.watch import Watch, tensor_stamps
from ..applied import techniques_of
from ..compilation import compiled_call, compiler_digest, compiler_words, network_in, uncompiled
from ..notes import notes_of, put_note
from .component_notes import note_training, trained_words
from .component_record import (
    DECLARED,
    RECORD,
    Record,
    is_as_read,
    note_tensors,
    own_attributes,
    probe_tensors,
    read_anew,
    record_of,
)
from .library_code import are_same, watch_classes
from .model_words import adapters_of, words_of
from .module_settings import Settings, config_content, is_config
from .run_state import run_state_names
from .tensor_content import is_doubtful
from .tokenizer_content import is_tokenizer, probe_of, tokenizer_digest, tokenizer_settings, vocabulary

NOTES = ("_brickwork_", "_diffusers_load_id")
"""How attributes begin that are notes on a component, and no part of it."""


@frozen
class Identity:
    """Says what a component was when it was looked at. Text only: it holds no component.

    Attributes:
        cls: "module.Class". weights: digest of the content of all tensors, or of a vocabulary; None where there are none.
        settings: digest by attribute. words: of settings, as people say them ("FreeU": "(0.9, 0.2, 1.5, 1.6)").
        adapters: scales by name. declared: what `invalidate` made of it. techniques: that were applied to it, in words, in their order.
    """

    cls: str
    weights: str | None
    settings: Mapping[str, str] = field(factory=dict, repr=False)
    words: Mapping[str, str] = field(factory=dict)
    adapters: Mapping[str, float] = field(factory=dict)
    declared: str | None = None
    techniques: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The digest of everything."""
        # A technique that leaves no trace on modules counts all the same.
        parts = [self.cls, self.weights, self.settings_digest, self.declared, *self.techniques]
        # Adapters and words are left out: what an adapter does stands in settings and tensors, and words are the same
        # things for people.
        return xxhash.xxh3_128_hexdigest(json.dumps(parts).encode())

    @property
    def settings_digest(self) -> str:
        """The digest of all settings."""
        return xxhash.xxh3_128_hexdigest(json.dumps(self.settings, sort_keys=True).encode())

    @property
    def is_doubtful(self) -> bool:
        """True if its weights had been changed for some time before that was seen."""
        return self.weights is not None and is_doubtful(self.weights)


def identity_of(component: Any, *, content: bool = True, whole: bool = False) -> Identity:
    """Identify a component.

    Args:
        content: look at the bytes of the weights, although nothing says that they were changed; see `tensor_content`. Without
            it, what was found before holds as long as no stamp has moved.
        whole: look at every byte, of large models too.

    Raises:
        NoDigestError: nothing tells what it computes; the message says why.
    """
    inner = uncompiled(component)
    record = record_of(inner)
    with record.lock:
        if hasattr(inner, "named_parameters"):
            found = _network_identity(inner, record, content, whole)
            return found if inner is component else _compiled(found, component)
        return _other_identity(component, record, content)


def _compiled(known: Identity, wrapper: Any) -> Identity:
    """Return what a network is in the object that `torch.compile` made around it."""
    digest = compiler_digest(compiled_call(wrapper))
    if not digest:
        return known
    digests = {**known.settings, "compiled": f"{digest} {known.settings.get('compiled', '')}"}
    words = {**known.words, "compiled": compiler_words(wrapper)}
    return evolve(known, settings=digests, words=words)


def moment_of(component: object) -> object:
    """Return a mark that stays as long as a component has not been changed in a way that leaves a trace."""
    return record_of(uncompiled(component)).moment


def _network_identity(model: Any, record: Record, content: bool, whole: bool) -> Identity:
    holds = is_as_read(model, record)
    if not holds:
        read_anew(model, record)
    settings, known = record.settings, record.identity
    assert settings is not None
    # Stamps see what torch counts; the first bytes see optimisers in C and NumPy, which write past it.
    stamps, probe = tensor_stamps(record.tensors), probe_tensors(record.tensors)
    declared = notes_of(model).get(DECLARED)
    if holds and known is not None and not (content or whole) and stamps == record.stamps and probe == record.probe:
        return known if known.declared == declared else _declared(record, known, declared)
    weights = record.content.look(record.named, whole)
    if not holds or stamps != record.stamps or probe != record.probe:
        # Compared by identity: no two changes make equal marks, which a counter of a copied model would.
        record.moment = object()
    record.stamps, record.probe = stamps, probe
    if holds and known is not None and known.weights == weights and known.declared == declared:
        return known
    words = {**words_of(model), **trained_words(model, weights)}
    adapters, techniques = dict(adapters_of(model)), techniques_of(model)
    name = _class_name(model)
    record.identity = Identity(name, weights, settings.digests, words, adapters, declared, techniques)
    return record.identity


def _declared(record: Record, known: Identity, declared: str | None) -> Identity:
    record.identity = evolve(known, declared=declared)
    return record.identity


def _other_identity(component: object, record: Record, content: bool) -> Identity:
    known, settings = record.identity, record.settings
    declared = notes_of(component).get(DECLARED)
    probe, is_text = probe_of(component), is_tokenizer(component)
    holds = (
        known is not None
        and settings is not None
        and (known.declared, record.probe) == (declared, probe)
        and are_same(own_attributes(component), record.own)
        and settings.watch.holds()
    )
    if holds and known is not None and not content:
        return known
    if not holds:
        record.moment = object()
    watch = Watch()
    digests = (
        tokenizer_settings(component) if is_text else _attribute_digests(component, watch, run_state_names(component))
    )
    # A tokenizer in Rust holds its words where no attribute shows them, so they take the place of weights.
    weights = vocabulary(component) if is_text else None
    watch_classes([type(component)])
    watch.measure()
    record.own = own_attributes(component) if hasattr(component, "__dict__") else []
    record.probe, record.settings = probe, Settings({}, [], [], watch)
    record.identity = Identity(_class_name(component), weights, {**digests, **_own_code(component)}, {}, {}, declared)
    return record.identity


def _own_code(component: object) -> dict[str, str]:
    """Return what the code of a component of somebody's own class is."""
    cls = type(component)
    # The version of a package stands for its code; it is in the class's name only for us to look up.
    if is_packaged(cls.__module__):
        return {}
    code = code_identity(cls)
    if code.unknown:
        raise NoDigestError(f"{cls.__qualname__}: {code.unknown[0]}")
    return {"code": code.digest}


def _attribute_digests(component: object, watch: Watch, without: frozenset[str] = frozenset()) -> dict[str, str]:
    found = {}
    for name, value in component_state(component).items():
        if name in without:
            continue
        if is_tokenizer(value):
            # Of a processor of text and images: what it knows lies where no attribute shows it, and `probe_of` watches it.
            found[name] = tokenizer_digest(value)
            continue
        writer = DigestWriter(is_code=True)
        writer.watch = watch
        try:
            writer.add(config_content(value) if name == "_internal_dict" or is_config(value) else value)
            found[name] = writer.hexdigest()
        except NoDigestError as error:
            raise NoDigestError(f"{type(component).__name__}.{name}: {error}") from None
        if writer.unknown:
            raise NoDigestError(f"{type(component).__name__}.{name}: {writer.unknown[0]}")
    return found


def component_state(component: object) -> dict[str, Any]:
    """Return the attributes of a component without weights, such as a scheduler: configuration, and what a run keeps
    in it.

    Raises:
        NoDigestError: it has none.
    """
    if hasattr(component, "__attrs_attrs__"):
        return {each.name: getattr(component, each.name) for each in component.__attrs_attrs__}
    if not hasattr(component, "__dict__"):
        raise NoDigestError(f"{capital_article(_class_name(component))} has no content that could be compared.")
    return {name: value for name, value in vars(component).copy().items() if not name.startswith(NOTES)}


def state_digests(component: object) -> dict[str, str]:
    """Digest the attributes of a component without weights, by name.

    Raises:
        NoDigestError: one of them has no content that could be compared.
    """
    return _attribute_digests(component, Watch())


def config_identity(component: Any) -> str:
    """Digest a component for who reads its configuration only."""
    config = component.config
    content = config_content(config) if is_config(config) or isinstance(config, Mapping) else config
    return digest_of(_class_name(uncompiled(component)), str(getattr(component, "dtype", "")), content)


def _class_name(component: object) -> str:
    cls = type(component)
    return f"{cls.__module__}.{cls.__qualname__}"


def invalidate(component: object) -> None:
    """Declare that a component is something new: nothing that was computed with it so far counts for it any more.

    For what nothing can see, such as a library in C that computes otherwise now. No other process shares its identity.
    """
    # At random and not counted up: two processes that share a cache of files must not give one number to two changes.
    put_note(uncompiled(component), DECLARED, uuid.uuid4().hex)


@contextmanager
def temporary_identity(component: object) -> Iterator[None]:
    """Until the end of the `with`, nothing that is known of a component counts for it, and nothing of then afterwards."""
    notes = notes_of(uncompiled(component))
    before = notes.get(DECLARED)
    invalidate(component)
    try:
        yield
    finally:
        # What was declared before the `with` holds again, because the component is again what it was.
        notes.pop(DECLARED, None)
        if before is not None:
            notes[DECLARED] = before


def remember_training(component: Any, recipe: str) -> None:
    """Note by which run a component was trained: its digest stands in what the component is called, as long as its weights are those."""
    inner = network_in(component)
    note_training(inner, identity_of(inner).weights, recipe)
    record_of(inner).identity = None


def moved(component: Any) -> None:
    """Say that a component was moved to another device, and not changed."""
    component = uncompiled(component)
    if (record := notes_of(component).get(RECORD)) is not None and record.named:
        note_tensors(record, component)
        record.content.moved(record.named)


def fingerprint(component: object) -> str | None:
    """Identify a component: equal for equal content and settings, None for what nothing can identify."""
    try:
        return identity_of(component).digest
    except NoDigestError:
        return None


def dtype_of(component: object) -> Any:
    """Return the dtype of a model's first floating-point tensor; None for what has none."""
    if not hasattr(component, "parameters"):
        return None
    return next((tensor.dtype for tensor in component.parameters() if tensor.is_floating_point()), None)


register_networks(lambda network: identity_of(network).digest)
