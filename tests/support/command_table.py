"""One row for every command: what it is given, what it says in JSON, and how it ends where its target is not there.

A command without a row fails `test_every_command_has_a_row`.
"""

from __future__ import annotations

from typing import Literal

from attrs import frozen


@frozen
class Row:
    """A command.

    Attributes:
        given: the least that it has to be given. APPLE is an image with a recipe; rows.csv and FOLDER are there, and empty.
        absent: the same with a target that is not there; None for a command that has none. code: with which it then ends.
        json: whether `--json` gives lines of events, one result, or is no option.
        needs: options that it has to be given beside arguments.
    """

    given: str
    absent: str | None
    code: int
    json: Literal["events", "result", ""]
    needs: str = ""


TABLE = {
    "run": Row("embedded", "none.yaml", 3, "events"),
    "sweep": Row("embedded", "none.yaml", 3, "events", "--axis seed=1"),
    "batch": Row("embedded rows.csv", "none.yaml rows.csv", 3, "events", "-o out"),
    "branch": Row("APPLE", "none.png --prompt x", 3, "events", "--at-step 1"),
    "replay": Row("APPLE", "none.png", 3, "events"),
    "serve": Row("embedded", "none.yaml", 3, ""),
    "inputs": Row("embedded", "none.yaml", 3, "result"),
    "check": Row("embedded", "none.yaml", 3, "result"),
    "explain": Row("embedded", "none.yaml", 3, "result"),
    "graph": Row("embedded", "none.yaml", 3, ""),
    "components list": Row("embedded", "none.yaml", 3, "result"),
    "components show": Row("embedded unet", "embedded unett", 2, "result"),
    "info": Row("APPLE", "none.png", 3, "result"),
    "recipe": Row("APPLE", "none.png", 3, "result"),
    "diff": Row("APPLE APPLE", "none.png APPLE", 2, "result"),
    "edit": Row("rows.csv remove decode", "none.yaml remove decode", 2, ""),
    "publish": Row("FOLDER me/x", "none me/x", 2, "result"),
    "lock": Row("FOLDER", "./none", 3, "result"),
    "trust list": Row("", None, 0, "result"),
    "trust grant": Row("FOLDER", "./none", 3, ""),
    "trust revoke": Row("x", "me/none", 2, ""),
    "presets list": Row("", None, 0, "result"),
    "presets show": Row("sdxl.text2image", "sdxl.text2imag", 2, "result"),
    "blocks list": Row("", "zzzz", 2, "result"),
    "blocks show": Row("Decode", "Decod", 2, "result"),
    "blocks where": Row("latents", "latnts", 2, "result"),
    "guiders list": Row("", None, 0, "result"),
    "guiders show": Row("ClassifierFreeGuidance", "ClassifierFree", 2, "result"),
    "words": Row("", None, 0, "result"),
    "doctor": Row("", None, 0, "result"),
    "bench": Row("embedded", "none.yaml", 3, "result"),
    "completion": Row("bash", "tcsh", 2, ""),
    "new block": Row("warm_tint", "class", 2, "result"),
    "new guider": Row("fading", "class", 2, "result"),
    "new family": Row("small_pixels", "class", 2, "result"),
    "new package": Row("studio_blocks", "class", 2, "result"),
    "new repo": Row("soft_light", "class", 2, "result"),
    "new workflow": Row("new.yaml", "new.txt", 2, "result"),
}
