"""Commits of the kernel and titles of patches from which rules are known: what a patch that somebody has may be."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from inspector.policies.loader import policy_file
from inspector.policies.points import all_names, policy_names, stems


def known_rules(commits: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """(commit, name of the rule, its reference) for each of `commits` (12 hex digits), from the oldest kernel on."""
    if not commits:
        return
    told = set()
    for name in all_names():
        for rule in policy_file("kernels", name).rule:
            for commit in commits:
                if commit in rule.reference and (commit, rule.name) not in told:
                    told.add((commit, rule.name))
                    yield commit, rule.name, rule.reference


def known_patches(commits: Collection[str], titles: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """(name, release that has it, the last kernel before) of the shipped patches with such a commit or title.

    `titles`: casefolded. A patch has a title where a rule's reference quotes it.
    """
    for name in sorted(stems("patches")):
        file = policy_file("patches", name)
        quoted = {part.casefold() for rule in file.rule for part in rule.reference.split('"')[1::2]}
        if file.merged and (file.commit[:12] in commits or quoted & set(titles)):
            releases = [policy.removesuffix(".0") for policy in policy_names() if policy.endswith(".0")]
            yield name, file.merged, releases[max(0, releases.index(file.merged) - 1)]
