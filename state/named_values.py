"""A dict that answers an unknown name in words."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, TypeVar

from .errors import UnknownNameError, did_you_mean, named_thing, with_article

V = TypeVar("V")


class NamedValues(dict[str, V]):
    """Values by name, in a dict; `values["unett"]` says which name is near."""

    _called: ClassVar[str] = "value"
    """What one of them is in words. With an underscore, as configs are attributes, too."""

    def __missing__(self, name: Any) -> NoReturn:
        if not isinstance(name, str):
            raise UnknownNameError(
                f"{named_thing(name)} is no name of {with_article(self._called)}. There are: {', '.join(self)}."
            )
        raise UnknownNameError(f"There is no {self._called} {name[:80]!r}. {did_you_mean(name, self)}")


class NamedComponents(NamedValues[V]):
    """Components of a pipeline, or what is known of them, by name."""

    _called = "component"
