"""Which policy a user means: a policy's name, what `uname` printed, a file of their own, with patches behind any."""

from __future__ import annotations

import re

import msgspec

from inspector.policies.choice import Choice, choose_policy
from inspector.policies.loader import combine, load_policy, policy_names, split_name
from inspector.policies.model import Policy


def choose(text: str, version: str = "") -> Choice:
    """The policy that the user named, and how sure that is.

    `text` is a policy's name, the path of one, or what `uname -r` (or `uname -rv`) printed, with `+patch` behind any of
    them. Raises PolicyError when it is none of these.
    """
    words = re.sub(r"\s*\+\s*(?=[a-z])", "+", text.strip()).split(maxsplit=1)
    release = words[0] if words else ""
    version = words[1] if len(words) > 1 else version
    base, patches = split_name(release)
    series = re.fullmatch(r"\d+\.\d+", base)
    if series or base in policy_names() or base.endswith(".toml") or "/" in base or not base[:1].isdigit():
        return Choice(policy=load_policy(release), certainty="exact", explanation="")
    choice = choose_policy(base, version)
    if not patches:
        return choice
    policy = combine(choice.policy, patches)
    text = f"{choice.explanation} With {' and '.join(patches)} over it, answers follow from reading the patch."
    if policy.evidence == "recorded":
        text = f"{choice.explanation} It was recorded with {' and '.join(patches)} as well."
        return msgspec.structs.replace(choice, policy=policy, explanation=text)
    certainty = "source" if choice.certainty in ("exact", "same-as-recorded") else choice.certainty
    return msgspec.structs.replace(choice, policy=policy, explanation=text, certainty=certainty)


def chosen_policy(text: str, version: str = "") -> tuple[Policy, str]:
    """The policy that the user named, and a sentence on how sure that is (empty for a policy's own name)."""
    choice = choose(text, version)
    return choice.policy, " ".join([choice.explanation, *choice.warnings]).strip()
