"""Keys and tokens in files, by the forms that those who give them out have chosen so that they can be found."""

from __future__ import annotations

import re
from pathlib import Path

from attrs import field, frozen


def _compiled(text: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"(?<![A-Za-z0-9])(?:" + text + rb")")


@frozen
class _Form:
    """How tokens of one kind look.

    Attributes:
        hints: texts of which each token has one; they are looked for first, because that is much faster.
    """

    words: str
    hints: tuple[bytes, ...]
    pattern: re.Pattern[bytes] = field(converter=_compiled)


_FORMS = (
    _Form("a token of the Hub", (b"hf_", b"api_"), rb"hf_[A-Za-z0-9]{30}|api_(?:org_)?[A-Za-z]{34}(?![A-Za-z0-9_])"),
    _Form(
        "a token of the Hub, by OAuth",
        (b"hf_",),
        rb"hf_(?:oauth|jwt|refresh|app|sts)_(?=[A-Za-z_.-]{0,60}[0-9])[A-Za-z0-9_.-]{20}",
    ),
    _Form("a key of AWS", (b"AKIA", b"ASIA", b"ABIA", b"ACCA"), rb"A(?:KI|SI|BI|CC)A[0-9A-Z]{16}(?![0-9A-Z])"),
    _Form(
        "a secret key of AWS",
        (b"aws", b"AWS", b"Secret", b"secret"),
        rb"(?i:(?:aws.{0,12})?secret.{0,3}access.{0,3}key[\"'\\]{0,2}\s{0,4}[=:]\s{0,4}[\"'\\]{0,2}[a-z0-9/+]{40}(?![a-z0-9/+]))",
    ),
    _Form(
        "a private key",
        (b"PRIVATE KEY", b"PuTTY-User-Key"),
        rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY|PuTTY-User-Key-File-\d",
    ),
    _Form("a token of GitHub", (b"gh", b"github_pat_"), rb"gh[pousr]_[A-Za-z0-9_.-]{36}|github_pat_[A-Za-z0-9_]{40}"),
    _Form(
        "a token of GitLab",
        (b"gl", b"GR1348941"),
        rb"gl(?:pat|ptt|dt|rt|rtr|cbt|ft|soat|agent|imt|oas|ffct|wt)-[A-Za-z0-9_.=-]{20}|GR1348941[A-Za-z0-9_-]{20}",
    ),
    _Form(
        "a key of Google",
        (b"AIza", b"ya29.", b"GOCSPX-", b"1//0"),
        rb"AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20}|GOCSPX-[A-Za-z0-9_-]{20}|1//0[A-Za-z0-9_-]{30}",
    ),
    _Form(
        "a token of Slack",
        (b"xox", b"xapp-", b"hooks.slack.com"),
        rb"xox[abcdeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10}|xapp-\d-[A-Z0-9]{5}|hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_]{16}",
    ),
    _Form(
        "a key of an API",
        (b"sk-", b"sk_", b"rk_", b"gsk_", b"r8_"),
        rb"sk-[A-Za-z0-9_-]{32}|[sr]k_live_[A-Za-z0-9]{16}|gsk_[A-Za-z0-9]{40}|r8_[A-Za-z0-9]{36}",
    ),
    _Form(
        "a token of a package index",
        (b"pypi-", b"npm_", b"dckr_"),
        rb"pypi-AgE[A-Za-z0-9_-]{50}|npm_[A-Za-z0-9]{36}|dckr_[a-z]{2,4}_[A-Za-z0-9_-]{20}",
    ),
    _Form("a signed token (JWT)", (b"eyJ",), rb"eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{16}"),
)


def credential_in(path: Path) -> str | None:
    """Say what kind of key or token a file seems to hold; None if it holds none. Of tensors only the list before them is looked at."""
    with path.open("rb") as file:
        data = file.read(8)
        length = int.from_bytes(data, "little") if path.suffix == ".safetensors" else path.stat().st_size
        data += file.read(min(length, path.stat().st_size))
    # Text of two or four bytes a letter has zeros in between, and nothing else in a repository does.
    texts = (data, data.replace(b"\0", b"")) if b"\0" in data else (data,)
    return next((form.words for form in _FORMS for text in texts if _is_in(form, text)), None)


def _is_in(form: _Form, text: bytes) -> bool:
    return any(hint in text for hint in form.hints) and form.pattern.search(text) is not None
