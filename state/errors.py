"""All errors of Brickwork.

    BrickworkError
    ├── DeclarationError    a block, value or component is declared wrongly; found when its class is created
    ├── CompositionError    blocks do not fit together; found when they are composed or planned
    │   └── UnknownWorkflowError    there is no workflow of a name (also a ValueError)
    ├── InputError          what the caller gave does not fit (also a ValueError and a TypeError)
    │   ├── FrozenError         something that never changes was to be changed (also an AttributeError)
    │   └── UnknownNameError    something was asked for by a name that is none (also a KeyError)
    ├── ComponentError      a component is missing, of the wrong class, or could not be loaded
    ├── TrustError          something loaded asks for more than the caller granted
    ├── RepoError           a repository or file is missing, broken or of an unknown format
    └── RunError            a block broke its declaration while it ran
        ├── RunCancelledError   the run was asked to stop
        ├── ReplayError         a recipe cannot be repeated, or gave something else
        ├── MissingValueError   a value was read that nobody gave (also an AttributeError; in pipeline_state.py)
        └── NoDigestError       a value has no content that could be compared, so it is never taken for the same

An error of a block's own code keeps its class; the engine adds a note with the path and the inputs.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Self

_MOVING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


class Fault(str):
    """One fault: a sentence or two, which says as data which inputs of a call it is about.

    Attributes:
        inputs: their names, as the caller gives them, the one to look at first; none for a fault of something else.

    Example:
        >>> Fault("height is 65; it must be a multiple of 8.", "height").input
        'height'
    """

    inputs: tuple[str, ...]

    def __new__(cls, text: str, *inputs: str) -> Self:
        """Make a fault of a text about some inputs."""
        made = super().__new__(cls, text)
        made.inputs = inputs
        return made

    @property
    def input(self) -> str | None:
        """The input that it is about, the first of several; None for a fault of something else."""
        return self.inputs[0] if self.inputs else None


class BrickworkError(Exception):
    """Base of all errors that Brickwork raises.

    Attributes:
        faults: every fault that was found, one sentence or two each; the message joins them. Those of inputs are of the class
            `Fault`, which names the input.
    """

    faults: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the message. Names from files of others may hold what moves a cursor or turns the direction of
        writing: that is spelled out.
        """
        # A name in a file could else overwrite the line of a terminal that says what is wrong with it.
        return spelled_out(Exception.__str__(self))

    @classmethod
    def of(cls, heading: str, faults: Sequence[str], headed: bool = False) -> Self:
        """Make one error of several faults; a single fault stands without the heading, or after it if it says nothing alone."""
        lines = [f"{heading}: {len(faults)} faults", *(f"  - {fault}" for fault in faults)]
        alone = f"{heading}: {faults[0]}" if headed and faults else "".join(faults[:1])
        error = cls(alone if len(faults) == 1 else "\n".join(lines))
        error.faults = tuple(faults)
        return error


def faults_as_data(error: BaseException) -> list[dict[str, str | None]]:
    """Return the faults of an error as data for JSON, each with its text and the name of the input that it is about, or None.

    An error of one fault, or of another kind, is one.
    """
    found = getattr(error, "faults", ()) or (str(error),)
    return [{"input": getattr(fault, "input", None), "text": spelled_out(str(fault))} for fault in found]


class DeclarationError(BrickworkError):
    """A block, value or component is declared wrongly."""


class CompositionError(BrickworkError):
    """Blocks do not fit together."""


class UnknownWorkflowError(CompositionError, ValueError):
    """A workflow was asked for that is none; also a ValueError, which code for diffusers expects."""


class InputError(BrickworkError, ValueError, TypeError):
    """The caller gave something that does not fit."""


class FrozenError(InputError, AttributeError):
    """Something that never changes was to be changed; also an AttributeError, as Python has it."""


class UnknownNameError(InputError, KeyError):
    """Something was asked for by a name that is none; also a KeyError, as Python has it."""


class ComponentError(BrickworkError):
    """A component is missing, of the wrong class, or could not be loaded."""


class TrustError(BrickworkError):
    """Something loaded asks for more than the caller granted."""


class RepoError(BrickworkError):
    """A repository or file is missing, broken or of an unknown format."""


class RunError(BrickworkError):
    """A block broke its declaration while it ran."""


class RunCancelledError(RunError):
    """A run was asked to stop, and stopped between two blocks."""


class NoDigestError(RunError):
    """A value has no content that could be compared: an open file, an iterator, a quantized tensor.

    Nothing ever takes such a value for the same; a run is never stopped by it.
    """


class ReplayError(RunError):
    """A recipe cannot be repeated exactly.

    Attributes:
        result: what the repetition gave, where it came so far.
        lacks: the class of error that what is lacking would be alone (InputError, CompositionError, ComponentError), where nothing was run
            because of it; None where something is other than it was.
    """

    result: object = None
    lacks: type[BrickworkError] | None = None

    @classmethod
    def lacking(cls, heading: str, faults: Mapping[type[BrickworkError], Sequence[str]], headed: bool = False) -> Self:
        """Make one error of what is lacking, by the class of error that it would be; the first that has faults is `lacks`."""
        error = cls.of(heading, [fault for each in faults.values() for fault in each], headed)
        error.lacks = next(kind for kind, each in faults.items() if each)
        return error


def spelled_out(text: str) -> str:
    """Return a text of others for a terminal: what moves a cursor or turns the direction of writing is spelled out."""
    return _MOVING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def article(word: str) -> str:
    """Return "a" or "an", as it stands before a word or the name of a class, by how that is said: an int, an AutoencoderKL, a
    UNet2DConditionModel, an LMSDiscreteScheduler, a VaeImageProcessor.
    """
    letters = _SPELLED.match(word)
    if letters is not None and not set(letters[0]) & set("AEIOU"):
        return "an" if letters[0][0] in "FHLMNRSX" else "a"
    return "a" if _AS_YOU.match(word) or word[:1].lower() not in tuple("aeiou") else "an"


# Capitals that are said one by one, without the one that begins a word: "LMS" of "LMSDiscrete", "SDXL", the "X" of "XLabs".
_SPELLED = re.compile(r"[A-Z]+(?![a-z])")
_AS_YOU = re.compile(r"U[A-Z0-9]|[Uu](?:net|ni|se|ti|tf|rl|int)|[Oo]ne|[Ee]uro")


def with_article(word: str) -> str:
    """Return a word with its article, within a sentence: `a UNet2DConditionModel`, `an int`."""
    return f"{article(word)} {word}"


def capital_article(word: str) -> str:
    """Return a word with its article, at the beginning of a sentence: `An int`."""
    return f"{article(word).capitalize()} {word}"


def nearest(name: str, options: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the option that is most like `name`, if one is near; of many, only those that begin alike are looked at.

    Files choose the name, so the search must not take long: all names of a large library would take a fifth of a second.

    Args:
        cutoff: how alike it must be, from 0 to 1.
    """
    if len(name) > _LONGEST_NAME:
        return None
    known = list(options)
    # difflib compares with every option; beginnings that differ are rarely what was meant.
    if len(known) > _MANY:
        known = [o for o in known if o[:1].lower() == name[:1].lower() and abs(len(o) - len(name)) <= len(name) // 3]
    matches = difflib.get_close_matches(name, known, n=1, cutoff=cutoff)
    return matches[0] if matches else None


_MANY, _LONGEST_NAME = 300, 100


class Later:
    """Words of an error that are looked for once somebody reads them: `hasattr` and `getattr` with a default ask for no words, and the
    search for a near name takes longer than all else that they do.

    Example:
        >>> str(AttributeError(Later(lambda: "No 'a'.")))
        "No 'a'."
    """

    def __init__(self, words: Callable[[], str]) -> None:
        self._words = words

    def __str__(self) -> str:
        return self._words()

    def __repr__(self) -> str:
        return repr(str(self))

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """Say which option is nearest, else which there are, as the end of an error message."""
    known = sorted(set(options))
    match = nearest(name, known)
    if match:
        return f"Did you mean {match!r}?"
    if len(known) > _MANY:
        return f"There are {len(known):,} others, and none is like it."
    return f"There are: {', '.join(known)}." if known else "There are none."


def is_slip(name: str, other: str) -> bool:
    """Return whether two names differ as if by a slip: a letter too many, another one, or two turned.

    What names are told apart by on purpose is no slip: digits, a plural, the first letter, a word between underscores, and a letter in
    a short word, unless it is doubled.
    """
    shorter, longer = sorted((name, other), key=len)
    same = len(shorter) == len(longer)
    at = next((i for i, (a, b) in enumerate(zip(shorter, longer, strict=False)) if a != b), len(shorter))
    head, letter = longer[:at], longer[at : at + 1]
    word = head.rpartition("_")[2] + longer[at:].partition("_")[0]
    if not letter.isalpha() or len(longer) - len(shorter) > 1 or not head or head.endswith("_"):
        return False
    if same and shorter[at:] == longer[at + 1 : at + 2] + letter + longer[at + 2 :]:
        return shorter[at].isalpha() and len(word) > _SHORT_WORD - 2
    if shorter[at + same :] != longer[at + 1 :] or (not shorter[at : at + same].isalpha() and same):
        return False
    is_plural = not same and letter == "s" and longer[at + 1 : at + 2] in ("", "_")
    return not is_plural and (len(word) > _SHORT_WORD or (not same and len(word) == _SHORT_WORD and letter == head[-1]))


_SHORT_WORD = 4


def named_thing(thing: object) -> str:
    """Say in a few words what somebody gave in the wrong place: `'sdxl' (str)`, `the class Net`, `a Net`."""
    if isinstance(thing, type):
        return f"the class {thing.__name__}"
    if thing is None or isinstance(thing, (str, bytes, int, float, complex)):
        return f"{repr(thing)[:60]} ({type(thing).__name__})"
    return with_article(type(thing).__name__)
