"""The small files of a repository: each is read once, of one commit, and by the limits of what it holds. Weights are none of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve, field, frozen

from ...state import RepoError
from ...state.limits import LARGEST_JSON
from ...state.reading import read_bytes
from ...state.strict_json import parse_json, read_json
from .repo import Repo
from .repo_code import read_sources

MODULAR_INDEX = "modular_model_index.json"
CLASSIC_INDEX = "model_index.json"
OURS = "brickwork.json"
PEER_CONFIG = "modular_config.json"
MODEL_CONFIG = "config.json"
PEER_KEY = "ModularPipelineBlocks"
"""Under which diffusers' configurations name the class of a repository's blocks, in `auto_map`."""


@frozen
class JsonFile:
    """A JSON file of a repository. name: within it. content: the object that it holds."""

    name: str
    content: Mapping[str, Any]


@frozen
class RepoFiles:
    """What the small files of a repository say. What reads it asks for none of them again, so all parts speak of one state.

    Attributes:
        index: where components come from; the modular one, if there are both. ours: `brickwork.json`.
        blocks_config: of a repository without that, diffusers' configuration that names the class of its blocks.
        code: files of code by name; empty until `with_code`.
    """

    repo: Repo
    index: JsonFile | None = None
    ours: JsonFile | None = None
    blocks_config: JsonFile | None = None
    code: Mapping[str, bytes] = field(factory=dict, repr=False)

    @classmethod
    def read(cls, repo: Repo, blocks: bool = True) -> RepoFiles:
        """Read a repository's files; nothing is run.

        Args:
            blocks: look for the configuration that names blocks, too, which who wants the index alone has no use for.

        Raises:
            RepoError: a file is broken, too large, or could not be downloaded. TrustError: a link leads out of the repository.
        """
        ours = _json(repo, OURS)
        index = _json(repo, MODULAR_INDEX) or _json(repo, CLASSIC_INDEX)
        # Who wrote `brickwork.json` has written the other for diffusers, which does not read ours.
        config = _blocks_config(repo, has_index=index is not None) if blocks and ours is None else None
        return cls(repo, index, ours, config)

    def with_code(self, entries: Iterable[str]) -> RepoFiles:
        """Read files of code as well, and those that they import relatively; nothing is run.

        Raises:
            RepoError, TrustError: as `read_sources`.
        """
        return evolve(self, code=read_sources(self.repo, entries))


def _json(repo: Repo, name: str) -> JsonFile | None:
    path = repo.file(name)
    return None if path is None else JsonFile(name, read_json(path))


def _blocks_config(repo: Repo, has_index: bool) -> JsonFile | None:
    """Return the first of diffusers' configurations that names blocks: others of this name may be of a model, and are not looked at."""
    for name in (PEER_CONFIG, MODEL_CONFIG):
        found = _foreign_json(repo, name) if has_index and name == MODEL_CONFIG else _json(repo, name)
        auto_map = found.content.get("auto_map") if found is not None else None
        if isinstance(auto_map, dict) and PEER_KEY in auto_map:
            return found
    return None


def _foreign_json(repo: Repo, name: str) -> JsonFile | None:
    """Read a file of a name that other tools use, too: what is no JSON object, and does not speak of blocks, is theirs."""
    path = repo.file(name)
    if path is None:
        return None
    data = read_bytes(path, LARGEST_JSON)
    try:
        return JsonFile(name, parse_json(data, str(path)))
    except RepoError:
        # A damaged file that was to name blocks must not make the repository a pipeline without them.
        if PEER_KEY.encode() in data:
            raise
        return None
