"""Turn what msgspec says about a bad policy file into one line that names the key and what is allowed there."""

from __future__ import annotations

import re
from typing import get_args

from inspector.errors import PolicyError
from inspector.policies.model import KINDS, Condition, PolicyFile

_AT = re.compile(r" - at `\$\.?(.*)`$")
_UNKNOWN_KEY = re.compile(r"unknown field `(.+?)`")


def kinds() -> list[str]:
    """The words that `kind` takes."""
    return [str(kind.__struct_config__.tag) for kind in KINDS]


def explain_invalid(message: str, where: str) -> PolicyError:
    """The PolicyError for one msgspec message about the file `where`."""
    at = _AT.search(message)
    key = at.group(1) if at else ""
    key = re.sub(r"\[(\d+)\]", lambda m: f"[{int(m[1]) + 1}]", key)
    what = _AT.sub("", message)
    hint = ""
    if "kind" in key or "Invalid value" in what or "missing required field `kind`" in what:
        hint = f"kind is one of: {', '.join(kinds())}"
    if re.search(r"\.(when|unless)", key):
        hint = f"one of: {', '.join(get_args(Condition))}"
    elif key.endswith("evidence"):
        hint = "one of: recorded, source, user"
    elif key.endswith("writes"):
        hint = "one of: zero, ignore"
    elif unknown := _UNKNOWN_KEY.search(what):
        hint = _allowed_keys(key, unknown.group(1))
    return PolicyError(f"{key or 'file'}: {what}", where, hint)


def _allowed_keys(key: str, name: str) -> str:
    """Which keys may stand where `name` was found."""
    if key.startswith("rule"):
        takers = [str(k.__struct_config__.tag) for k in KINDS if name in k.__struct_fields__]
        keys = sorted({field for kind in KINDS for field in kind.__struct_fields__} - {"release"})
        return f"{name} belongs to kind {', '.join(takers)}" if takers else f"keys of a rule: kind, {', '.join(keys)}"
    return f"keys of a policy: {', '.join(PolicyFile.__struct_fields__)}"
