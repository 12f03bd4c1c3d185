"""Reports about policies: the list of kernels, one kernel's rules, and what changed between two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import msgspec

from inspector.errors import one_line
from inspector.numbers import count_of
from inspector.policies.changes import Change, alike
from inspector.policies.dates import interval
from inspector.policies.model import Policy, Rule, kind_of
from inspector.policies.release import Certainty, Choice, UncertainRule
from inspector.reports.json import Json
from inspector.reports.outline import listed
from inspector.reports.text import columns, markdown_table, markdown_text


def policy_json(policy: Policy) -> Json:
    """What a policy is, without its rules."""
    return {
        "name": policy.name,
        "point": policy.point,
        "title": policy.title,
        "evidence": policy.evidence,
        "recorded": list(policy.recorded),
        "patches": list(policy.patches),
        "chain": list(policy.chain),
        "notes": list(policy.notes),
    }


def _evidence(policy: Policy) -> str:
    return f"recorded: {', '.join(policy.recorded)}" if policy.recorded else policy.evidence


def policy_list_lines(kernels: Iterable[Policy], patches: Iterable[tuple[str, str, str]]) -> list[str]:
    """`kernels` without arguments: every policy with its evidence, then every patch overlay."""
    lines = ["kernels", *columns([[p.name, p.title, _evidence(p)] for p in kernels], indent="  ")]
    lines += ["", "patches (behind a kernel: 6.2+mask-ccidx)", *columns(patches, indent="  ")]
    return lines


def _named(rule: Rule) -> str:
    when = interval(rule)
    return f"{rule.name} ({when})" if when else rule.name


def _rule_line(rule: Rule) -> list[str]:
    return [kind_of(rule), _named(rule), rule.reason, rule.reference]


_NAMED = 4
"""Rules that the brief answer names."""
CERTAINTY_WORDS: dict[Certainty, str] = {
    "exact": "that very kernel was recorded",
    "same-as-recorded": "recorded kernels of the same series answer for it",
    "between": "some rules are uncertain",
    "interval": "it may be any of several releases",
    "source": "read in source, not recorded",
    "newer": "newer than the newest known point of its series",
    "vendor": "a kernel with patches of its own; the upstream point is used",
    "outside": "no policy for that series",
}
"""How sure a choice is, in words."""


def choice_json(choice: Choice, register: str = "") -> Json:
    """One kernel: the policy, how sure the choice is, the rules that are uncertain, and all rules."""
    return policy_json(choice.policy) | {
        "vendor": choice.vendor,
        "series": choice.series,
        "certainty": choice.certainty,
        "explanation": choice.explanation,
        "warnings": list(choice.warnings),
        "candidates": [policy.name for policy in choice.candidates],
        "uncertain": [msgspec.to_builtins(rule) for rule in _doubts(choice, register)],
        "rules": [msgspec.to_builtins(rule) for rule in choice.policy.rules],
    }


def _doubts(choice: Choice, register: str) -> list[UncertainRule]:
    return [doubt for doubt in choice.uncertain if not register or doubt.concerns(register)]


def choice_page(choice: Choice) -> list[str]:
    """The same for a page to read: a rule's reason and reference stand below its name."""
    lines = [*_about_lines(choice), *_doubt_lines(choice, "")]
    for release, rules in _by_release(choice.policy):
        lines += ["", f"from {release}"]
        for rule in rules:
            why = ". ".join(part for part in (rule.reason.rstrip("."), rule.reference) if part)
            lines += [f"  {kind_of(rule)}: {_named(rule)}", *[f"    {why}"] * bool(why)]
    return [one_line(line) for line in lines]


def choice_lines(choice: Choice, register: str = "") -> list[str]:
    """`kernels K --rules`: whose kernel, which policy, how sure, and its rules, newest file first.

    `register`: only the uncertain rules that concern it.
    """
    lines = [*_about_lines(choice), *_doubt_lines(choice, register)]
    if not register:
        for release, rules in _by_release(choice.policy):
            lines += ["", f"from {release}", *columns(map(_rule_line, rules), indent="  ")]
    return [one_line(line) for line in lines]


def brief_lines(choice: Choice) -> list[str]:
    """`kernels K`: the same in ten lines at most, with the newest rules and the names of uncertain ones."""
    policy = choice.policy
    kinds = Counter(map(kind_of, policy.rules))
    counted = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    rows = [["rules", f"{len(policy.rules)}: {counted}"]]
    for release, rules in [*_by_release(policy)][:1]:
        rows.append(["newest", f"from {release}: {listed([_named(rule) for rule in rules], _NAMED)}"])
    if choice.uncertain:
        doubts = [doubt.rule for doubt in choice.uncertain]
        rows.append(["uncertain", f"{count_of(len(doubts), 'rule')}: {listed(doubts, _NAMED)}"])
    asks = "--rules prints each rule with its reason and reference"
    asks += "; --register R says whether an uncertain one concerns a register" * bool(choice.uncertain)
    return [one_line(line) for line in [*_about_lines(choice), *columns(rows, indent="  "), asks]]


def _about_lines(choice: Choice) -> list[str]:
    """Whose kernel it is, which policy stands for it, and how sure that is."""
    policy = choice.policy
    lines = [f"{policy.title}: policy {policy.name}, {_evidence(policy)}"]
    about = [("vendor", choice.vendor), ("series", choice.series), ("certainty", CERTAINTY_WORDS[choice.certainty])]
    names = list(dict.fromkeys(one.name for one in choice.candidates))
    if len(names) > 1:
        about.append(("may be as", ", ".join(names)))
    if choice.vendor or choice.uncertain or choice.candidates:
        lines += columns([[name, text] for name, text in about if text], indent="  ")
    return lines + [text for text in (choice.text, " ".join(policy.notes)) if text]


def _by_release(policy: Policy) -> Iterator[tuple[str, list[Rule]]]:
    """The rules of each file that has any, the newest first."""
    found: dict[str, list[Rule]] = {}
    for rule in policy.rules:
        found.setdefault(rule.release, []).append(rule)
    for release in reversed([*policy.chain, *policy.patches]):
        if release in found:
            yield release, found[release]


def _doubt_lines(choice: Choice, register: str) -> list[str]:
    """The rules that are uncertain at this release; for one register whether any concerns it."""
    found = _doubts(choice, register)
    if not choice.uncertain:
        return ["No rule is uncertain at this release."] if register else []
    if not found:
        return ["", f"None of the {len(choice.uncertain)} uncertain rules concerns {register}."]
    about = f", for {register}" if register else ""
    lines = ["", f"uncertain at this release{about}"]
    for doubt in found:
        when = f" ({doubt.when})" if doubt.when else ""
        lines += [f"  {doubt.rule}{when}: {doubt.text}", f"    older: {doubt.lower}", f"    newer: {doubt.upper}"]
    if not register:
        lines += [
            "  Answers that these rules do not concern are the same either way; --register R asks for one register."
        ]
    return lines


def change_json(change: Change) -> Json:
    """One difference between two kernels."""
    return {name: getattr(change, name) for name in change.__struct_fields__}


def changes_json(before: Policy, after: Policy, found: Sequence[Change]) -> Json:
    """`kernels A B --json`."""
    return {
        "before": policy_json(before),
        "after": policy_json(after),
        "changes": [change_json(change) for change in found],
    }


def changes_lines(before: Policy, after: Policy, found: Sequence[Change]) -> list[str]:
    """`kernels A B`: register by register, field by field, with reason and reference."""
    count = count_of(len(found), "difference")
    lines = [f"{before.title} -> {after.title}: {count}"]
    blocks: dict[tuple[str, ...], list[str]] = {}
    for register, group in groupby(found, key=lambda change: change.register):
        blocks.setdefault(tuple(_told(group)), []).append(register)
    for told, registers in blocks.items():
        lines += ["", ", ".join(registers), *told]
    return [one_line(line) for line in lines]


def _told(found: Iterable[Change]) -> Iterator[str]:
    """The lines for one register's changes; registers that have the same ones are shown together."""
    for same in alike(found):
        change = same[0]
        subject = " ".join(filter(None, [", ".join(c.field for c in same if c.field), change.what]))
        yield f"  {subject}: {change.before} -> {change.after}"
        reason = "" if change.reason == change.after else change.reason.rstrip(".")
        if why := ". ".join(part for part in (reason, change.reference) if part):
            yield f"    {why}"


def changes_markdown(before: Policy, after: Policy, found: Sequence[Change]) -> list[str]:
    """The same as a Markdown table."""
    rows = [[c.register, c.field, c.what, c.before, c.after, c.reference] for c in found]
    head = ["register", "field", "what", before.name, after.name, "reference"]
    return [f"## {markdown_text(before.title)} → {markdown_text(after.title)}", "", *markdown_table(head, rows)]
