"""Find the policy of a kernel that the model does not know, from recordings of its own answers.

The nearest known point is the base. Rules of other points (a backport brings them) are tried one by one and the best is
kept, as long as more answers agree; what is still wrong becomes a rule of its own, by register and field. At the end
every rule that is not needed is taken out again, and what no answer decides is named.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Literal, NamedTuple

import msgspec

from inspector.checks.machine.machine import machine
from inspector.checks.machine.question import Given
from inspector.checks.machine.shipped_hosts import hosts
from inspector.checks.recordings.agreement import Agreement, Disagreement
from inspector.checks.recordings.verify import Question, question_of
from inspector.errors import InspectorError, PolicyError, one_line, short_line
from inspector.kvm.host import HostState
from inspector.kvm.inference.el0 import el0_values
from inspector.kvm.vm import Vm
from inspector.numbers import parse_number
from inspector.policies.loader import combine, load_policy, place_of
from inspector.policies.model import Condition, Force, List, Policy, Rule, Writable
from inspector.policies.points import patch_names, policy_names, vendor_names
from inspector.policies.rulebook import rulebook
from inspector.policies.setup import EVERYTHING, VcpuSetup
from inspector.progress import steps, work
from inspector.registers.bits import ALL
from inspector.registers.catalog import find
from inspector.registers.naming import name_of
from inspector.sources.dump import Dump

_AROUND = 2
"""Nearest points of which also those rules are told that no CPU model would decide."""
_NEAREST = 4
"""How many points are asked every question, of those that are best at what is read."""
_WORST = -(1 << 60)
_MOST = 40
"""Edits, at the most."""
_LISTED_WITH: tuple[tuple[Condition, ...], ...] = (
    (), ("pmu",), ("sve",), ("el2",), ("mte",), ("ptrauth",), ("vm-tcr2",), ("vm-s1pie",), ("vm-s1poe",), ("vm-fpmr",),
    ("vm-sctlr2",),
)  # fmt: skip
"""Conditions under which a register that no known point lists may be listed."""
Origin = Literal["taken over", "dropped", "explicit"]
Say = Callable[[str], object]


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One change to the base: a rule of another point in its place or beside it, one left out, or a new one."""

    name: str
    rule: Rule | None
    """None: the base's rule of that name is dropped"""
    donor: str
    """the point that it is from; empty for an explicit rule"""
    gain: int = 0
    """so many answers fewer are wrong"""
    decided_on: tuple[str, ...] = ()
    """for a rule that no answer decides: CPU models on which a recording would"""

    @property
    def origin(self) -> Origin:
        """How it came about."""
        return "dropped" if self.rule is None else "taken over" if self.donor else "explicit"


class Learnt(msgspec.Struct, frozen=True, kw_only=True):
    """The policy that was found."""

    base: str
    edits: tuple[Edit, ...]
    policy: Policy
    compared: int
    agreed: int
    base_wrong: int
    """answers that are wrong under the base alone"""
    left: tuple[Disagreement, ...]
    """what still disagrees"""
    undecided: tuple[Edit, ...] = ()
    """rules of other points that change no answer here, and would on the CPU models that `decided_on` names: these
    recordings do not tell whether the kernel has them; of the two nearest points also those that no model shows. An
    explicit rule that forces a value stands here without its rule where another model shows whether it is fixed"""

    @property
    def whole(self) -> bool:
        """Whether every answer agrees."""
        return self.compared == self.agreed and not self.left


class _Judge:
    """Asks all recordings about policies."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self._whole = questions
        self._reading = [question.reading for question in questions]
        self._short = list(questions)
        self.answers: list[Agreement] = []

    def read(self, policy: Policy) -> int:
        """Minus the wrong answers to what is read; the worst for rules that do not go together."""
        return _wrong(self._reading, policy)

    def whole(self, policy: Policy) -> int:
        """Minus all wrong answers; what disagrees stays in `answers`, and later `short` questions are about that."""
        self.answers = [question.judge(policy=policy) for question in self._whole]
        registers = {one.register for answer in self.answers for one in answer.disagreements}
        keep = [f'"{_id_text(name)}"'.encode() for name in registers if _id_text(name)]
        self._short = [whole._replace(lines=list(_about(whole.lines, keep))) for whole in self._whole]
        return sum(map(_right, self.answers))

    def count(self, policy: Policy) -> int:
        """Minus all wrong answers; the worst for rules that do not go together."""
        return _wrong(self._whole, policy)

    def of(self, names: Iterable[str]) -> _Judge:
        """One that asks about what is read, and the writes to these registers."""
        keep = [f'"{text}"'.encode() for text in map(_id_text, names) if text]
        return _Judge([one._replace(lines=list(_about(one.lines, keep))) for one in self._whole])

    @property
    def named(self) -> list[Policy]:
        """The policies of the kernels that the recordings name, as far as there are any."""
        return [policy for question in self._whole if (policy := question.named)]

    @property
    def cpus(self) -> frozenset[str]:
        """The CPU models that were recorded, as the recordings call them."""
        return frozenset(answer.cpu for answer in self.answers)

    def short(self, policy: Policy) -> int:
        """As `count`, for what is read and the writes to registers that disagreed."""
        return _wrong(self._short, policy)

    @property
    def compared(self) -> int:
        """All answers compared."""
        return sum(answer.compared + sum(p.compared for p in answer.others) for answer in self.answers)

    @property
    def left(self) -> tuple[Disagreement, ...]:
        """What disagrees."""
        return tuple(one for answer in self.answers for one in answer.disagreements)


def _wrong(questions: Iterable[Question], policy: Policy) -> int:
    """Minus the wrong answers; the worst for rules that do not go together."""
    try:
        rulebook(policy).check()
        return sum(_right(question.judge(policy=policy)) for question in questions)
    except PolicyError:
        return _WORST


def _right(answer: Agreement) -> int:
    """0 where every answer agrees, else minus the wrong ones: an id that is listed too much counts as one."""
    return answer.agreed - answer.compared + sum(phase.agreed - phase.compared for phase in answer.others)


def _id_text(register: str) -> str:
    try:
        return f"0x{find(register).register.id:016x}"
    except InspectorError:
        return ""


def _about(lines: Iterable[bytes], ids: Sequence[bytes]) -> Iterator[bytes]:
    """The lines in their order, of the writes only those to these registers."""
    for line in lines:
        if not line.startswith((b'{"type":"set"', b'{"type": "set"')) or any(one in line for one in ids):
            yield line


def learn(paths: Sequence[str], host: str = "", without: Sequence[str] = (), say: Say = lambda text: None) -> Learnt:
    """The policy that agrees best with the recordings at `paths`.

    `without`: points whose policies are left aside (to try how well one is found again). `say` gets the progress.
    Raises SourceError for what is no recording, InspectorError without one.
    """
    if not paths:
        raise InspectorError("needs a recording", "learn", "make one with `vcpu-inspector record`")
    names = (*policy_names(), *vendor_names())
    unknown = next((name for name in without if name not in names), None)
    if unknown is not None:
        close = ", ".join(get_close_matches(unknown[:40], names))
        raise PolicyError(f"no point is called {short_line(unknown, 60)}", "--without", close or "`kernels` lists them")
    judge = _Judge([question_of(path, host) for path in paths])
    points = {name: load_policy(name) for name in names if name not in without}
    say(f"{len(points)} points are compared by what the kernel lists and reads")
    away = _away(judge, points)
    right = {name: judge.read(points[name]) for name in steps("comparing known points", tuple(points))}
    ranked = sorted(points, key=lambda name: (-right[name], away[name]))[:_NEAREST]
    with work("comparing the nearest points"):
        base = max(ranked, key=lambda name: judge.whole(points[name]))
    before = judge.whole(points[base])
    if not judge.compared:
        raise InspectorError(
            "holds no answers of a kernel", ", ".join(paths), "`vcpu-inspector record` makes one that does"
        )
    say(f"nearest is {base}: {-before} of {judge.compared} answers are wrong")
    donors = [*_by_distance(base, points), *_patched(points[base])]
    edits = _search(judge, points[base], donors, say)
    edits = _explicit(judge, points[base], edits, say)
    edits = _pruned(judge, points[base], edits)
    policy = apply(points[base], edits)
    wrong = -judge.whole(policy)
    return Learnt(
        base=base, edits=tuple(edits), policy=policy, compared=judge.compared,
        agreed=judge.compared - wrong, base_wrong=-before,
        left=judge.left, undecided=(*_undecided(judge, policy, donors), *_fixed(policy, edits, judge.cpus)),
    )  # fmt: skip


def _away(judge: _Judge, points: Mapping[str, Policy]) -> dict[str, int]:
    """How many points each is away from the kernel that the recordings name: of points that agree alike, which answers
    of a small CPU cannot tell apart, the nearest is the base. 0 for each where they name none that is modelled."""
    named = [place_of(policy) for policy in judge.named]
    return {name: sum(abs(place_of(policy) - place) for place in named) for name, policy in points.items()}


def _by_distance(base: str, points: dict[str, Policy]) -> list[Policy]:
    names = [name for name in points if name != base]
    order = list(points)
    place = order.index(base)
    return [points[name] for name in sorted(names, key=lambda name: abs(order.index(name) - place))]


def _patched(base: Policy) -> Iterator[Policy]:
    """The base with each overlay that ships: a patch that was posted may be in the kernel."""
    for patch in patch_names():
        with contextlib.suppress(PolicyError):
            yield combine(base, (patch,))


def apply(base: Policy, edits: Iterable[Edit]) -> Policy:
    """The base with the edits, as the file that `to_toml` writes would be resolved."""
    rules = {rule.name: rule for rule in base.rules}
    for edit in edits:
        if edit.rule is None:
            rules.pop(edit.name, None)
        else:
            rules[edit.name] = edit.rule
    return msgspec.structs.replace(base, name="learnt", rules=tuple(rules.values()))


def candidates(base: Policy, donors: Iterable[Policy]) -> list[Edit]:
    """Every way in which a rule of another point differs from the base's of the same name, the nearest donor first."""
    own = {rule.name: _bare(rule) for rule in base.rules}
    found: dict[tuple[str, Rule | None], Edit] = {}
    for donor in donors:
        theirs = {rule.name: _bare(rule) for rule in donor.rules}
        for name in dict.fromkeys([*theirs, *own]):
            rule = theirs.get(name)
            if rule != own.get(name):
                found.setdefault((name, rule), Edit(name=name, rule=rule, donor=donor.name))
    return list(found.values())


def _bare(rule: Rule) -> Rule:
    """A rule as far as it does something: without its words, and without when it came."""
    return msgspec.structs.replace(rule, reason="", reference="", release="", since="", after="", by="")


def _search(judge: _Judge, base: Policy, donors: Sequence[Policy], say: Say) -> list[Edit]:
    """Greedily: the edit after which most answers agree, again and again."""
    edits: list[Edit] = []
    while judge.left and len(edits) < _MOST:
        policy = apply(base, edits)
        now = judge.short(policy)
        tried = [edit for edit in candidates(policy, donors) if _concerns(edit, policy, judge.left)]
        each = enumerate(steps("trying rules of other points", tried))
        scored = [(judge.short(apply(policy, [edit])) - now, -place) for place, edit in each]
        gain, place = max(scored, default=(0, 0))
        if gain <= 0:
            break
        best = msgspec.structs.replace(tried[-place], gain=gain)
        edits = [*(one for one in edits if one.name != best.name), best]
        say(f"{gain} answers fewer are wrong with `{best.name}` {best.origin} from {best.donor}")
        judge.whole(apply(base, edits))
    return edits


def _concerns(edit: Edit, policy: Policy, left: Sequence[Disagreement]) -> bool:
    """Whether an edit may have to do with a register that disagrees: its rule names it, or names no register."""
    named = set(registers_of(edit, policy))
    return not named or any(one.register in named for one in left)


def registers_of(edit: Edit, policy: Policy) -> Iterator[str]:
    """The registers that an edit's rule names, and the rule in whose place it comes."""
    for rule in (edit.rule, *(rule for rule in policy.rules if rule.name == edit.name)):
        if rule is not None:
            yield from _registers(rule)


def _registers(rule: Rule) -> Iterator[str]:
    one = getattr(rule, "register", "")
    if one:
        yield one
    for text in (*getattr(rule, "fields", ()), *getattr(rule, "fixed", ()), *getattr(rule, "registers", ())):
        if not one:
            yield str(text).partition(".")[0].partition("=")[0].partition(" ")[0]


def _explicit(judge: _Judge, base: Policy, edits: list[Edit], say: Say) -> list[Edit]:
    """Rules of its own for what is left: registers that are listed, a field that reads as one value, or that may or may
    not be written."""
    edits = _listed(judge, base, edits, say)
    for one in judge.left:
        now = judge.short(apply(base, edits))
        for rule in _rules_for(one):
            edit = Edit(name=rule.name, rule=rule, donor="")
            gain = judge.short(apply(base, [*edits, edit])) - now
            if gain > 0:
                edits = [*edits, msgspec.structs.replace(edit, gain=gain)]
                say(f"{gain} answers fewer are wrong with an explicit rule: {rule.name}")
                judge.whole(apply(base, edits))
                break
        if len(edits) >= _MOST:
            break
    return edits


def _listed(judge: _Judge, base: Policy, edits: list[Edit], say: Say) -> list[Edit]:
    """One rule for all registers that are listed and were not expected to be, under the condition that explains most;
    again for what is left of them."""
    while len(edits) < _MOST:
        left = [one for one in judge.left if one.phase.startswith("list") and one.recorded == "listed"]
        names = tuple(dict.fromkeys(one.register for one in left if _id_text(one.register)))
        now = judge.read(apply(base, edits))
        tried = [_list_edit(names, when) for when in _LISTED_WITH if names]
        gains = [judge.read(apply(base, [*edits, edit])) - now for edit in tried]
        gain = max(gains, default=0)
        if gain <= 0:
            return edits
        edit = msgspec.structs.replace(tried[gains.index(gain)], gain=gain)
        edits = [*edits, edit]
        say(f"{gain} answers fewer are wrong with an explicit rule: {edit.name}")
        judge.whole(apply(base, edits))
    return edits


def _list_edit(names: tuple[str, ...], when: tuple[Condition, ...]) -> Edit:
    """An explicit rule that lists registers."""
    what = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
    name = f"learnt list {what}" + (f" with {when[0]}" if when else "")
    reason = "Learnt: recorded listed, predicted not listed."
    return Edit(name=name, rule=List(name=name, registers=names, when=when, reason=reason), donor="")


def _rules_for(one: Disagreement) -> Iterator[Rule]:
    """The explicit rules that could mend one class of disagreement."""
    reason = f"Learnt: recorded {one.recorded}, predicted {one.predicted}."
    try:
        register = find(one.register).register
    except InspectorError:
        return
    for span in register.schema.fields if register.schema else ():
        if one.field and span.name != one.field:
            continue
        named = f"{one.register}.{span.name}[{span.msb}:{span.lsb}]"
        if one.phase in ("get", "guest"):
            recorded = _number(one.recorded)
            if recorded is not None:
                value = span.extract(recorded)
                yield Force(name=f"learnt {one.register}.{span.name}", fields=(named,), value=value, reason=reason)
        else:
            yield Writable(name=f"learnt fixed {one.register}.{span.name}", fixed=(named,), reason=reason)
            yield Writable(name=f"learnt writable {one.register}.{span.name}", fields=(named,), reason=reason)


def _number(text: str) -> int | None:
    try:
        return parse_number(text.split()[0])
    except (ValueError, IndexError):
        return None


def _pruned(judge: _Judge, base: Policy, edits: list[Edit]) -> list[Edit]:
    """Without the edits that later ones made needless."""
    agreed = judge.whole(apply(base, edits))
    for edit in steps("trying what is not needed", tuple(edits)):
        fewer = [one for one in edits if one is not edit]
        without = apply(base, fewer)
        if judge.short(without) >= judge.short(apply(base, edits)) and judge.whole(without) >= agreed:
            edits = fewer
    return edits


def _undecided(judge: _Judge, policy: Policy, donors: Sequence[Policy]) -> Iterator[Edit]:
    """Rules by which other points differ from what was found, and which change no answer, the nearest point first."""
    near = {donor.name for donor in donors[:_AROUND]}
    now: dict[frozenset[str], int] = {}
    for edit in decided_on(policy, steps("looking for what no answer decides", candidates(policy, donors))):
        if edit.decided_on or edit.donor in near:
            named = frozenset(registers_of(edit, policy))
            part = judge.of(named) if named else judge
            if named not in now:
                now[named] = part.count(policy)
            if part.count(apply(policy, [edit])) == now[named]:
                yield edit


def _fixed(policy: Policy, edits: Iterable[Edit], recorded: Collection[str]) -> Iterator[Edit]:
    """Explicit rules that force the recorded value: whether it is fixed is seen on a model that would show another."""
    forced = [edit for edit in edits if isinstance(edit.rule, Force) and not edit.donor]
    for edit in decided_on(policy, [msgspec.structs.replace(edit, rule=None) for edit in forced]):
        where = tuple(cpu for cpu in edit.decided_on if cpu not in recorded)
        if where:
            yield msgspec.structs.replace(edit, decided_on=where)


def decided_on(policy: Policy, edits: Iterable[Edit]) -> Iterator[Edit]:
    """Each edit with the shipped CPU models on whose vCPUs it changes an answer."""
    machines = [one for cpu, host in hosts().items() for one in _machines(cpu, host, policy)]
    for edit in edits:
        changed = apply(policy, [edit])
        where = [one.cpu for one in machines if _differ(one, policy, changed, edit)]
        yield msgspec.structs.replace(edit, decided_on=tuple(dict.fromkeys(where)))


class _Model(NamedTuple):
    """A vCPU of a CPU model under the policy that was found."""

    cpu: str
    host: HostState
    setup: VcpuSetup
    vm: Vm
    el0: dict[int, int]


def _machines(cpu: str, host: Dump, policy: Policy) -> Iterator[_Model]:
    """The vCPUs of a CPU model that are looked at: with every feature that goes together, and as QEMU makes it."""
    for features in (EVERYTHING, None):
        with contextlib.suppress(InspectorError):
            found = machine(host, Given(policy, features=features))
            vm = Vm(found.host, policy, found.setup)
            yield _Model(cpu, found.host, found.setup, vm, el0_values(found.host, policy))


def _differ(model: _Model, policy: Policy, changed: Policy, edit: Edit) -> bool:
    """Whether a recording would tell two policies apart: by lists, values, writable masks, or writes to what the rule
    names."""
    try:
        rulebook(changed).check()
    except PolicyError:
        return False
    vm = Vm(model.host, changed, model.setup)
    one, other = model.vm.exposure, vm.exposure
    if set(one.listed) != set(other.listed) or one.values != other.values:
        return True
    if model.vm.writable_masks() != vm.writable_masks() or model.el0 != el0_values(model.host, changed):
        return True
    named = set(registers_of(edit, policy))
    ids = [reg_id for reg_id in one.listed if name_of(reg_id).partition("[")[0] in named]
    own = Vm(model.host, policy, model.setup, exposure=one)  # a fresh one: writes leave their mark
    return any(_answers(own, reg_id) != _answers(vm, reg_id) for reg_id in ids)


def _answers(vm: Vm, reg_id: int) -> list[int]:
    """What writes to one register are answered: each nibble one up, one down, and nothing at all."""
    vcpu = vm.vcpu(0)
    own = vcpu.value(reg_id)
    steps = [step << shift for shift in range(0, 64, 4) for step in (1, -1)]
    return [vcpu.set_one_reg(reg_id, value & ALL) for value in (0, *(own + step for step in steps), own)]


def what_it_is(learnt: Learnt) -> str:
    """`6.5.0, with `ssbs-erratum` of 6.6.87, and explicit rules`."""
    dropped = [edit for edit in learnt.edits if edit.rule is None]
    told = "".join(f", with `{edit.name}` of {edit.donor}" for edit in learnt.edits if edit.rule and edit.donor)
    told += ", without " + ", ".join(f"`{edit.name}`" for edit in dropped) if dropped else ""
    explicit = any(edit.rule is not None and not edit.donor for edit in learnt.edits)
    return f"{learnt.base}{told}" + ", and explicit rules" * explicit


def would_explain(learnt: Learnt) -> str:
    """Whether what was learnt explains a kernel's answers, in one line."""
    wrong = learnt.compared - learnt.agreed
    rest = "every answer" if learnt.whole else f"all but {wrong:,} of {learnt.compared:,} answers"
    return f"`learn` would explain {rest}: the kernel is as {what_it_is(learnt)}"


def to_toml(learnt: Learnt, recorded: Sequence[str]) -> str:
    """The policy as a file that `--kernel` takes."""
    dropped = [edit for edit in learnt.edits if edit.rule is None]
    kept = [edit for edit in learnt.edits if edit.rule is not None]
    lines = [
        one_line(f"# Learnt from {', '.join(recorded)}: {learnt.agreed} of {learnt.compared} answers agree."),
        one_line(f"# It is {what_it_is(learnt)}."),
        f"title = {json.dumps(f'learnt from {learnt.base}')}",
        f"extends = {json.dumps(learnt.base)}",
        'evidence = "user"',
    ]
    if dropped:
        lines.append(f"remove = {json.dumps([edit.name for edit in dropped])}")
    for edit in kept:
        assert edit.rule is not None
        origin = f"taken over from {edit.donor}" if edit.donor else "explicit: no known point has such a rule"
        lines += ["", f"# {origin}; {edit.gain} answers", "[[rule]]", *_rule_lines(edit)]
    return "\n".join([*lines, *_undecided_lines(learnt.undecided)]) + "\n"


def _undecided_lines(edits: Iterable[Edit]) -> Iterator[str]:
    """Comments that name every rule that no answer decides, by the recording that would."""
    found: dict[str, list[str]] = {}
    for edit in edits:
        found.setdefault(deciding(edit), []).append(undecided_words(edit))
    for how, words in found.items():
        yield f"# not decided by these recordings; {how}:"
        yield from (f"#   {one}" for one in words)


def undecided_words(edit: Edit) -> str:
    """A rule that no answer decides, and where it is from."""
    if edit.rule is None:
        return f"{edit.name} (absent in {edit.donor})" if edit.donor else f"{edit.name} (whether the value is fixed)"
    return f"{edit.name} (as in {edit.donor})"


def deciding(edit: Edit) -> str:
    """Which recording would decide a rule that no answer decides."""
    if not edit.decided_on:
        return "no CPU model whose registers ship shows it"
    return f"a whole recording with cpu={' or cpu='.join(edit.decided_on)} in the lab decides it"


def _rule_lines(edit: Edit) -> Iterator[str]:
    data = msgspec.to_builtins(edit.rule)
    data.setdefault("reason", f"Taken over from {edit.donor}.")
    data.setdefault("reference", "learnt from recordings")
    for key, value in data.items():
        yield f"{key} = {json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)}"
