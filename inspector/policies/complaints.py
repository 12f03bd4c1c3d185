"""Turn what msgspec says about a bad policy file into one line that names the key and what is allowed there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

from inspector.errors import PolicyError
from inspector.policies.model import KINDS, Condition, PolicyFile

_AT = re.compile(r" - at `\$\.?([^`]*)`$")
_UNKNOWN_KEY = re.compile(r"unknown field `(.+?)`")


def kinds() -> list[str]:
    """The words that `kind` takes."""
    return [str(kind.__struct_config__.tag) for kind in KINDS]


def explain_invalid(message: str, where: str, tables: Mapping[str, Any]) -> PolicyError:
    """The PolicyError for one msgspec message about the file `where`, which holds `tables`."""
    at = _AT.search(message)
    key = at.group(1) if at else ""
    key = re.sub(r"\[([0-9]+)\]", lambda m: f"[{int(m[1]) + 1}]", key)
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
        hint = _allowed_keys(key, unknown.group(1), tables)
    return PolicyError(f"{key or 'file'}: {what}", where, hint)


def _allowed_keys(key: str, name: str, tables: Mapping[str, Any]) -> str:
    """Which keys may stand where `name` was found."""
    if not key.startswith("rule"):
        return f"keys of a policy: {', '.join(PolicyFile.__struct_fields__)}"
    word = _kind_at(key, tables)
    own = next((k.__struct_fields__ for k in KINDS if k.__struct_config__.tag == word), ())
    takers = [str(k.__struct_config__.tag) for k in KINDS if name in k.__struct_fields__]
    if own:
        return f"keys of kind {word}: {', '.join(field for field in own if field != 'release')}"
    return f"{name} belongs to kind {', '.join(takers)}" if takers else f"kind is one of: {', '.join(kinds())}"


def _kind_at(key: str, tables: Mapping[str, Any]) -> str:
    """The kind that the rule at `rule[n]` (from 1) states; empty where there is none to read."""
    number = re.match(r"rule\[([0-9]+)\]", key)
    rules = tables.get("rule")
    if number is None or not isinstance(rules, list) or not isinstance(rules[int(number[1]) - 1], dict):
        return ""
    return str(rules[int(number[1]) - 1].get("kind", ""))
