"""One answer of those that the policies give which a kernel may have: certain where they agree, else with its cases."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from errno import ENOEXEC
from typing import TypeVar

import msgspec

from inspector.errors import PolicyError
from inspector.kvm.cases import ACCEPTED, Branch, Case, agreed, refused
from inspector.kvm.verdict import JudgedField, Verdict
from inspector.policies import loader, points
from inspector.policies.dates import parse_date
from inspector.policies.model import Policy
from inspector.policies.release import UncertainRule, choose, differences
from inspector.registers.bits import ALL
from inspector.registers.encoding import CLASS_CORE, class_of, grouped_hex
from inspector.registers.naming import by_id, name_of

T = TypeVar("T")


class Cause(msgspec.Struct, frozen=True):
    """Why the answer about a register differs between the policies that a kernel may have."""

    text: str
    """a clause: `whether the kernel has "hide MPAM" (by 6.8.0-151)`"""
    rules: tuple[str, ...]
    """names of the rules that decide; empty where they are not known"""


def cause_of(policies: Sequence[Policy], register: str, fields: Iterable[str] = ()) -> Cause:
    """The rules in which `policies` differ about a register; about `fields` of it, where some concern those."""
    concerned = [rule for rule in differences(by_age(policies)) if rule.guests and rule.concerns(register)]
    places = {f"{register}.{field}" for field in fields}
    closer = [rule for rule in concerned if places.intersection(rule.places)]
    if not closer:
        # A rule about other fields of the register explains nothing about these.
        closer = [rule for rule in concerned if not places or any("." not in place for place in rule.places)]
    names = {policy.name for policy in policies}
    who = f"Linux {names.pop()}" if len(names) == 1 else "the kernel"
    if not closer:
        return Cause(f"how {who} treats {register}", ())
    told = " and ".join(_rule_text(rule) for rule in closer[:3])
    more = f" and {len(closer) - 3} more" if len(closer) > 3 else ""
    return Cause(f"whether {who} has {told}{more}", tuple(rule.rule for rule in closer))


def _rule_text(rule: UncertainRule) -> str:
    return f'"{rule.rule}"' + (f" ({rule.when})" if rule.when else "")


def by_age(policies: Sequence[Policy]) -> tuple[Policy, ...]:
    """Oldest first; of one release, as given."""
    return tuple(sorted(policies, key=lambda policy: (policy.version, _point(loader.carried_base(policy.name)))))


def _point(name: str) -> tuple[int, ...]:
    try:
        return parse_date(name.partition("-")[2] if name[:1].isalpha() else name)
    except PolicyError:
        return ()


def case_words(policies: Sequence[Policy], every: Sequence[Policy], rules: Sequence[str]) -> tuple[str, str]:
    """(when, settle) of the case that the kernel is as one of `policies`, which are some of `every`."""
    settled = [settling(policy, rules) for policy in policies]
    settle = next((f"--kernel {name}" for name in settled if name), "")
    same_name = len({policy.name for policy in every}) < len(every)
    if not same_name:
        return f"the kernel behaves as Linux {_range([p.name for p in policies], [p.name for p in every])}", settle
    if all(settled):
        return f"the kernel behaves as Linux {' or '.join(dict.fromkeys(settled))}", settle
    come = "what may have come by then" if policies[0].possible else "none of it yet"
    return f"the kernel has {come}", settle


def _range(names: list[str], every: list[str]) -> str:
    """`6.5.0`, `6.5.0 to 6.9.0` of names that follow each other in `every`, else `6.5.0 or 6.9.0`."""
    bases = [loader.carried_base(name) for name in names]
    doubled = {name for at, name in enumerate(names) if bases[at] != name and bases[at] in (*names, *bases[at + 1 :])}
    names, every = ([name for name in some if name not in doubled] for some in (names, every))
    if len(names) > 1 and names == every[every.index(names[0]) :][: len(names)]:
        return f"{names[0]} to {names[-1]}"
    return " or ".join(names)


def settling(policy: Policy, rules: Sequence[str]) -> str:
    """The name of a kernel that is certain, and as `policy` in all its rules or at least in `rules`; empty for none."""
    close = ""
    for name in _names_near(policy):
        try:
            choice = choose(name)
        except PolicyError:
            continue
        if choice.candidates:
            continue
        if _same(choice.policy, policy, {*_rules(choice.policy), *_rules(policy)}):
            return name
        if not close and rules and _same(choice.policy, policy, rules):
            close = name
    return close


def _rules(policy: Policy) -> dict[str, object]:
    return {rule.name: rule for rule in policy.rules}


def _same(left: Policy, right: Policy, rules: Iterable[str]) -> bool:
    one, other = _rules(left), _rules(right)
    return all(one.get(name) == other.get(name) for name in rules)


def _names_near(policy: Policy) -> tuple[str, ...]:
    """Names under which a policy may be asked for, its own first; of its series where its own names none."""
    if loader.carried_base(policy.name) != policy.name:
        return ()
    base, *patches = policy.name.split("+")
    vendor, _, number = base.partition("-") if base[:1].isalpha() else ("", "", base)
    try:
        point = parse_date(number)
    except PolicyError:
        return (policy.name,)
    series = (*points.known_points(point, vendor), *loader.dated_points(point, vendor))
    stems = (base, policy.point, *(points.stem_of(one, vendor) for one in series))
    return tuple(dict.fromkeys("+".join((stem, *patches)) for stem in stems))


def cases_of(
    branches: Sequence[Branch[T]],
    reg_id: int,
    fields: Iterable[str],
    essence: Callable[[T], Hashable],
    told: Callable[[T, str, str], Sequence[Case]],
) -> tuple[Cause, tuple[Case, ...]]:
    """Why answers about a register differ, and the cases: one group for the answers of one `essence`, oldest kernel
    first. `told` makes the cases of an answer, given when it holds and what settles that."""
    policies = by_age([branch.policy for branch in branches])
    cause = cause_of(policies, name_of(reg_id), fields)
    groups: dict[Hashable, list[Branch[T]]] = {}
    for policy in policies:
        branch = next(one for one in branches if one.policy is policy)
        groups.setdefault(essence(branch.answer), []).append(branch)
    cases: list[Case] = []
    for group in groups.values():
        when, settle = case_words([branch.policy for branch in group], policies, cause.rules)
        cases += told(group[0].answer, when, settle)
    return cause, tuple(cases)


def merge_verdicts(branches: Sequence[Branch[Verdict]]) -> Verdict:
    """KVM's answer to one write, where the kernel may have several policies; the chosen policy's words where they
    agree. Of a kernel without policy only the answer of the nearest one is known, as a case."""
    first = branches[0]
    if first.policy.stands_for and first.answer.certain and class_of(first.answer.id) != CLASS_CORE:
        return _unmodelled(first.policy, first.answer)
    answers = [branch.answer for branch in branches]
    if agreed([_essence(answer) for answer in answers]):
        return _for_any_reason(_known_in_all(answers), _parts_that_differ(answers))
    parts = _parts_that_differ(answers)
    cause, cases = cases_of(branches, answers[0].id, parts, _essence, _cases)
    depends_on = tuple(dict.fromkeys((cause.text, *(text for answer in answers for text in answer.depends_on))))
    known = _known_in_all(answers)
    # A register that is refused as a whole has no field that is.
    undecided = parts or [field.name for field in known.changed]
    return msgspec.structs.replace(
        known, certain=False, fields=_undecided(known.fields, undecided), after=None, after_known=0, uncertain=parts,
        rule="", reference="",
        reason=f"the answer depends on {' and on '.join(depends_on)}, which is not known.", depends_on=depends_on,
        cases=cases, would_pass=None,
    )  # fmt: skip


def unmodelled(policy: Policy) -> str:
    """What an answer of a policy depends on that stands for another release: a clause."""
    return f"what Linux {policy.stands_for}, which is not modelled, does otherwise than {policy.name}"


def _unmodelled(policy: Policy, answer: Verdict) -> Verdict:
    depends_on = unmodelled(policy)
    fields = _undecided(answer.fields, [field.name for field in answer.changed])
    return msgspec.structs.replace(
        answer, certain=False, fields=fields, after=None, after_known=0, rule="", reference="",
        depends_on=(depends_on,),
        reason=f"the answer depends on {depends_on}.", would_pass=None,
        cases=tuple(_cases(answer, f"the kernel behaves as Linux {policy.name}", "")),
    )  # fmt: skip


def _for_any_reason(answer: Verdict, parts: Sequence[str]) -> Verdict:
    """An answer that holds for all policies, where `parts` are judged otherwise under some of them."""
    if not parts:
        return answer
    fields = _undecided(answer.fields, parts)
    reason = f"{answer.reason} The answer is the same under each policy that the kernel may have; the reasons differ."
    return msgspec.structs.replace(answer, fields=fields, reason=reason)


def _undecided(fields: Sequence[JudgedField], parts: Sequence[str]) -> tuple[JudgedField, ...]:
    """The fields, of which `parts` are judged otherwise under some of the policies that the kernel may have."""
    return tuple(
        msgspec.structs.replace(field, fate="uncertain", reason="") if field.name in parts else field
        for field in fields
    )


def _essence(answer: Verdict) -> Hashable:
    """What two answers are compared by."""
    if not answer.certain:
        return answer.outcome, answer.cases
    if answer.errno:
        return answer.outcome, answer.errno
    return answer.outcome, answer.after if answer.outcome == "ignored" else None


def _cases(answer: Verdict, when: str, settle: str) -> list[Case]:
    if not answer.certain:
        return also(answer.cases, when, settle)
    outcome = refused(answer.errno).text if answer.errno else ACCEPTED.text
    if answer.errno == ENOEXEC:  # every write to a vCPU that could not be initialised
        outcome = "no such vCPU can be created"
    if answer.outcome == "ignored" and answer.after is not None:
        outcome += f", not kept: reads back {grouped_hex(answer.after, by_id(answer.id).size)}"
    return [Case(when=when, outcome=outcome, errno=answer.errno, settle=settle, about="kernel")]


def also(cases: Sequence[Case], when: str, settle: str) -> list[Case]:
    """Cases of an answer that is uncertain by itself, under a further condition."""
    return [
        msgspec.structs.replace(case, when=f"{when}, and {case.when}", settle=case.settle or settle, about="kernel")
        for case in cases
    ]


def _parts_that_differ(answers: Sequence[Verdict]) -> tuple[str, ...]:
    """Fields that are judged otherwise in one answer than in another."""
    fates = [{field.name: field.fate for field in answer.fields} for answer in answers]
    names = dict.fromkeys(name for one in fates for name in one)
    return tuple(name for name in names if not agreed([one.get(name, "kept") for one in fates]))


def _known_in_all(answers: Sequence[Verdict]) -> Verdict:
    """The first answer; of what it shows, only what all show is known."""
    first = answers[0]
    before, before_known = first.before, first.before_known
    after, after_known = first.after, first.after_known
    value_known = first.value_known
    for other in answers[1:]:
        before, before_known = _met(before, before_known, other.before, other.before_known)
        after, after_known = _met(after, after_known, other.after, other.after_known)
        value_known &= other.value_known & ~(first.value ^ other.value)
    fields = tuple(_met_field(field, answers[1:]) for field in first.fields)
    passing = first.would_pass if agreed([answer.would_pass for answer in answers]) else None
    return msgspec.structs.replace(
        first, value_known=value_known, before=before, before_known=before_known, after=after, after_known=after_known,
        fields=fields, would_pass=passing,
    )  # fmt: skip


def _met(value: int | None, known: int, other: int | None, other_known: int) -> tuple[int | None, int]:
    if value is None or other is None:
        return None, 0
    both = known & other_known & ~(value ^ other)
    return value, both if both & ALL != ALL else known


def _met_field(field: JudgedField, others: Sequence[Verdict]) -> JudgedField:
    """The field with what it holds and its limit known where every other answer has the same."""
    now_known, limit_known = field.now_known, field.limit_known
    for other in others:
        same = next((one for one in other.fields if (one.msb, one.lsb) == (field.msb, field.lsb)), None)
        if same is not None:
            now_known &= same.now_known & ~(same.now ^ field.now)
            limit_known &= same.limit_known & ~(same.limit ^ field.limit)
    return msgspec.structs.replace(field, now_known=now_known, limit_known=limit_known)
