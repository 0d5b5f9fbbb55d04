"""What a component *is*: the content of its weights, the settings on its modules, what somebody has declared of it.

Cache, recipe, replay, resume and snapshot all ask here. Two components are the same if their content is the same, wherever
they are from: an origin is only a word in a recipe. What cannot be identified raises `NoDigestError`, which means unknown, and
never the same.
"""

from __future__ import annotations

import ctypes
import gc
import json
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import xxhash
from attrs import define, evolve, field, frozen

from ...state.code_home import is_packaged
from ...state.digest import DigestWriter, NoDigestError, code_identity, digest_of
from ...state.errors import capital_article
from ...state.object_content import register_networks
from ...state.watch import Watch, tensor_stamps
from ..applied import techniques_of
from ..compilation import compiled_call, compiler_digest, compiler_words, uncompiled
from ..notes import notes_of, put_note
from .library_code import are_same, watch_classes
from .model_words import TOKENS, adapters_of, words_of
from .module_settings import HOOKS, Settings, config_content, is_config, read_settings
from .run_state import run_state_names
from .tensor_content import TensorContent, is_doubtful, tensors_of
from .tokenizer_content import is_tokenizer, probe_of, tokenizer_digest, tokenizer_settings, vocabulary

if TYPE_CHECKING:
    import torch

_RECORD = "_brickwork_identity"
_DECLARED = "_brickwork_declared"
NOTES = ("_brickwork_", "_diffusers_load_id")
"""How attributes begin that are notes on a component, and no part of it."""
_PROBES = 16
"""Tensors of which a plain run compares the first bytes, so that it sees training that goes past torch's counters."""


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


@define(eq=False)
class _Record:
    """Keeps what is known of one component; it is a note on the component, and goes with it.

    Attributes:
        own: attributes of the component. bodies: of the modules below it, and what holds modules, tensors and hooks.
        inside: what was in the bodies. classes: of the modules. tensors: those of `named`. probe: first bytes of some tensors.
        moment: another object after every change that left a trace.
    """

    identity: Identity | None = None
    settings: Settings | None = None
    named: list[tuple[str, Any]] = field(factory=list)
    tensors: list[Any] = field(factory=list)
    content: TensorContent = field(factory=TensorContent)
    own: list[Any] = field(factory=list)
    bodies: list[Any] = field(factory=list)
    modules: list[Any] = field(factory=list)
    inside: list[Any] = field(factory=list)
    classes: list[type] = field(factory=list)
    stamps: list[Any] = field(factory=list)
    probe: bytes = b""
    moment: object = field(factory=object)
    # Several runs may ask for one model at once. Re-entrant, because the settings of a module may name its own
    # network.
    lock: Any = field(factory=threading.RLock)

    # A copy of a model starts without a record: what is known holds for these tensors at these addresses.
    def __deepcopy__(self, memo: object) -> _Record:
        return _Record()

    def __reduce__(self) -> Any:
        return _Record, ()


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
    record = _record_of(inner)
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
    return _record_of(uncompiled(component)).moment


def _record_of(component: object) -> _Record:
    notes = notes_of(component)
    record: _Record | None = notes.get(_RECORD)
    # Past `__setattr__`, which modules and frozen classes have made their own; two threads that ask first get one record, and its lock.
    return notes.setdefault(_RECORD, _Record()) if record is None else record


def _network_identity(model: Any, record: _Record, content: bool, whole: bool) -> Identity:
    holds = _holds(model, record)
    if not holds:
        _read(model, record)
    settings, known = record.settings, record.identity
    assert settings is not None
    # Stamps see what torch counts; the first bytes see optimisers in C and NumPy, which write past it.
    stamps, probe = tensor_stamps(record.tensors), _probe(record.tensors)
    declared = notes_of(model).get(_DECLARED)
    if holds and known is not None and not (content or whole) and stamps == record.stamps and probe == record.probe:
        return known if known.declared == declared else _declared(record, known, declared)
    weights = record.content.look(record.named, whole)
    if not holds or stamps != record.stamps or probe != record.probe:
        # Compared by identity: no two changes make equal marks, which a counter of a copied model would.
        record.moment = object()
    record.stamps, record.probe = stamps, probe
    if holds and known is not None and known.weights == weights and known.declared == declared:
        return known
    words, adapters, techniques = words_of(model), dict(adapters_of(model)), techniques_of(model)
    name = _class_name(model)
    record.identity = Identity(name, weights, settings.digests, words, adapters, declared, techniques)
    return record.identity


def _declared(record: _Record, known: Identity, declared: str | None) -> Identity:
    record.identity = evolve(known, declared=declared)
    return record.identity


def _holds(model: torch.nn.Module, record: _Record) -> bool:
    """Return whether the tree of modules, and what lies on it, are as they were read."""
    settings = record.settings
    if settings is None or not are_same(_own(model), record.own):
        return False
    # The order is from cheap to dear. That lists of referents hold the same objects says that nothing was replaced on
    # any module, without naming a single attribute.
    return (
        list(map(type, record.modules)) == record.classes
        and are_same(gc.get_referents(*record.bodies), record.inside)
        and settings.watch.holds()
        and all(code_identity(cls) == code for cls, code in settings.codes)
    )


def _read(model: torch.nn.Module, record: _Record) -> None:
    # First of all: should reading fail half way, nothing half-read must count as known.
    record.settings = record.identity = None
    settings = read_settings(model)
    # Before anything else is looked at: a change in between is then seen at the next look, instead of being taken for
    # the state that was read.
    settings.watch.measure()
    modules = list(model.modules())
    watch_classes({type(module) for module in modules})
    _note_tensors(record, model)
    record.own = _own(model)
    # The model's own attributes are left out: this record is one of them, and would hold the model.
    record.bodies = [vars(module) for module in modules[1:]]
    record.bodies += [
        vars(module)[name] for module in modules for name in ("_modules", "_parameters", "_buffers", *HOOKS)
    ]
    record.modules = modules[1:]
    record.classes = list(map(type, record.modules))
    # This list keeps replaced objects alive, so that none of their addresses is given to a new one.
    record.inside = gc.get_referents(*record.bodies)
    record.settings = settings


def _note_tensors(record: _Record, model: Any) -> None:
    record.named = tensors_of(model)
    record.tensors = [tensor for _, tensor in record.named]


def _own(model: object) -> list[Any]:
    # Copied, here and wherever attributes are gone through: another thread may begin or end to watch the component meanwhile.
    held = vars(model).copy().items()
    return [type(model), *(part for name, value in held if name not in (_RECORD, _DECLARED) for part in (name, value))]


def _probe(tensors: Sequence[Any]) -> bytes:
    """Return the first bytes of a few tensors on the host; those on a device would have to be waited for."""
    some = tensors[:: max(1, len(tensors) // _PROBES)]
    # A read past the end of a tensor's memory would end the process, so only tensors without gaps are read.
    near = [tensor for tensor in some if tensor.device.type == "cpu" and tensor.is_contiguous()]
    return b"".join([ctypes.string_at(tensor.data_ptr(), min(64, tensor.nbytes)) for tensor in near])


def _other_identity(component: object, record: _Record, content: bool) -> Identity:
    known, settings = record.identity, record.settings
    declared = notes_of(component).get(_DECLARED)
    probe, is_text = probe_of(component), is_tokenizer(component)
    holds = (
        known is not None
        and settings is not None
        and (known.declared, record.probe) == (declared, probe)
        and are_same(_own(component), record.own)
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
    record.own = _own(component) if hasattr(component, "__dict__") else []
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
    put_note(uncompiled(component), _DECLARED, uuid.uuid4().hex)


@contextmanager
def temporary_identity(component: object) -> Iterator[None]:
    """Until the end of the `with`, nothing that is known of a component counts for it, and nothing of then afterwards."""
    notes = notes_of(uncompiled(component))
    before = notes.get(_DECLARED)
    invalidate(component)
    try:
        yield
    finally:
        # What was declared before the `with` holds again, because the component is again what it was.
        notes.pop(_DECLARED, None)
        if before is not None:
            notes[_DECLARED] = before


def moved(component: Any) -> None:
    """Say that a component was moved to another device, and not changed."""
    component = uncompiled(component)
    record = notes_of(component).get(_RECORD)
    if record is not None and record.named:
        _note_tensors(record, component)
        record.content.moved(record.named)


def remember_tokens(component: object, tokens: Sequence[str]) -> None:
    """Note the words that a text encoder was taught (textual inversion)."""
    object.__setattr__(component, TOKENS, tuple(tokens))


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
