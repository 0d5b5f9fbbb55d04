"""Changes of tasks for families whose denoisers read the embeddings of texts otherwise: functions, as those of `tasks`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..blocks.core.insertable_dict import InsertableDict
from ..blocks.techniques.cut_texts import CutTexts
from ..families.contract import FamilyContract
from .tasks import Blocks, named_blocks


def with_cut_texts(blocks: Mapping[str, Any], family: FamilyContract) -> Blocks:
    """Return the blocks of a task whose denoiser sees no more padding than one token behind the longest text."""
    made: Blocks = InsertableDict(named_blocks(blocks, "with_cut_texts(blocks)"))
    return made.insert_after("text_encoder", "cut_texts", CutTexts.bind(family))
