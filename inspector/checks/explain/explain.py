"""Paste the error: which register and field, why, since which kernel, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from inspector.checks.explain.advice import finished, harmless_only, next_steps, things_to_bring
from inspector.checks.explain.anywrite import Told, program_named, told_registers
from inspector.checks.explain.case import Case, too_long
from inspector.checks.explain.clues import Clue, find_clues, find_mentions
from inspector.checks.explain.complaints import complains, is_translated
from inspector.checks.explain.conclusions import NOT_KVM, conclude, is_emulated
from inspector.checks.explain.evidence import DECISIVE, GENERIC, REMARK, TELLING, Insight
from inspector.checks.explain.failures import find_failures
from inspector.checks.explain.fields import decode_registers
from inspector.checks.explain.foreign import Place, quoted_code, where_from
from inspector.checks.explain.kernel_texts import (
    HOST_OR_GUEST,
    foreign_accesses,
    is_guest,
    kernel_word,
    undefined_instructions,
    unsupported_accesses,
)
from inspector.checks.explain.model import kernel_in
from inspector.checks.explain.result import DESTINATION, ExplainedRegister, Explanation, SeenMessage
from inspector.checks.explain.selftests import selftests
from inspector.checks.explain.streaming import WHOLE, condensed
from inspector.checks.explain.text import Pasted, read_pasted
from inspector.checks.feature_groups import group_by_feature
from inspector.checks.features.told import feature_sentences, features_in
from inspector.checks.machine.question import NOTHING_GIVEN, Given
from inspector.checks.machine.source_kernel import kernel_of, own_kernel
from inspector.checks.restore.migration import migrate
from inspector.checks.restore.result import MigrationReport
from inspector.checks.vmms.firecracker import UNNAMED
from inspector.checks.vmms.messages import Message
from inspector.checks.vmms.table import of_family
from inspector.errors import InspectorError
from inspector.registers import catalog
from inspector.registers.encoding import is_demux
from inspector.registers.ids import CLIDR_EL1
from inspector.sources.dump import Dump

NOTHING = "nothing here looks like an error of a VM restore, and no register is named"
UNKNOWN = "uncertain: no line of this text is known here, so what failed cannot be told; no register is named"
_HELPS = (
    (
        "the log from the program's start to its end: the line that names the cause mostly stands before the last one"
        " (QEMU under libvirt: /var/log/libvirt/qemu/NAME.log on the destination)"
    ),
    "which program printed it, and its version",
    (
        "dumps of both sides: `vcpu-inspector migrate SOURCE DESTINATION` says which registers would be refused,"
        " whatever the text says"
    ),
)
_IN_ENGLISH = (
    "the same in English, in which lines are known here: repeat the command with LC_ALL=C (a daemon, as libvirtd, takes"
    " its language from its service)"
)


def explain(
    text: str,
    source: Dump | None = None,
    destination: Dump | None = None,
    given: Given = NOTHING_GIVEN,
) -> Explanation:
    """What `text` (a log, one line, or just ids) says about a failed restore.

    Every line that is recognised is evidence for a cause; the headline is the cause with the most. With dumps of the
    source or destination, values that the text lacks are taken from them; with both, the restore is simulated.
    `given`: of the destination, its kernel where its dump does not name it. A text without anything to explain is an
    answer too: `recognised` is False then. Commands among the next steps name the sides as they were given.
    """
    choice = given.choice
    answer = _explained(text, source, destination, msgspec.structs.replace(given, kernel=choice))
    kernel = None if choice is None else choice.policy
    steps = tuple(finished(step, source, destination, kernel) for step in answer.next_steps)
    return msgspec.structs.replace(answer, next_steps=steps)


def _explained(text: str, source: Dump | None, destination: Dump | None, given: Given) -> Explanation:
    pasted = read_pasted(text if len(text) <= WHOLE else condensed([text.encode("utf-8", "replace")]))
    place = where_from(pasted)
    quoted = quoted_code(pasted)
    clues = _of_arm(_with_told(_attributed(find_clues(pasted), pasted), pasted), pasted, place)
    clues = [c for c in clues if pasted.line_of(c.at) not in quoted]
    insights = sorted(_insights(pasted), key=lambda i: (-i.weight, _follows(i), i.at))
    insights = [i for i in insights if pasted.line_of(i.at) not in quoted]
    if place.ours:
        insights = [i for i in insights if pasted.line_of(i.at) not in place.foreign_lines]
    if (patch := pasted.patch) and not (clues or any(i.weight > REMARK for i in insights)):
        from inspector.checks.explain.patches import about_patch

        found = about_patch(patch, pasted)
        return msgspec.structs.replace(found, registers=tuple(decode_registers(found.registers)))
    mail = not clues and not insights and _is_mail_of_a_patch(pasted)
    if mail and not find_mentions(pasted):
        from inspector.checks.explain.patches import ABOUT_ONE

        return ABOUT_ONE
    if place.only_foreign and not mail and (clues or insights or complains(pasted)):
        return _of_another(place, insights, clues)
    registers = _merge(clues) or _mentioned(pasted)
    if not clues and not registers and not insights:
        return _of_features(text, source or destination) or _unknown(pasted)
    simulable = source is not None and destination is not None
    if insights and _leads(insights[0], clues, simulable):
        return _beside_a_patch(_not_a_refusal(insights, clues, place), pasted)
    registers = _with_dumps(registers, source, destination)
    guest = is_guest(pasted)
    vmm, version = _program(clues, pasted, guest)
    simulation, trouble = _simulate(clues, source, destination, given, vmm, version)
    if simulation is not None and not any(r.kind in ("refused", "only_in_source") for r in registers):
        registers = [*_simulated(simulation), *registers]
    asked = given if given.kernel else msgspec.structs.replace(given, kernel=kernel_in(pasted))
    decoded = decode_registers(registers, guest, asked)
    by = DESTINATION if simulation is not None or source or destination else _refused_by(clues, pasted)
    told = _Told(vmm, version, _shows_kvm(clues, pasted), by, is_emulated(clues), guest)
    answer = _answer(clues, decoded, told, simulation, trouble, (source, destination))
    if not place.ours and source is None and destination is None and _of_any_machine(clues):
        answer = msgspec.structs.replace(answer, conclusions=(_ANY_MACHINE, *answer.conclusions))
    answer = _beside_a_patch(_with_insights(answer, insights, place), pasted)
    return _in_guest(answer) if guest else answer


_ANY_MACHINE = (
    "nothing in the text shows that the guest is an arm64 one: QEMU prints the same lines on x86 and other machines,"
    " where what follows does not hold"
)


def _of_any_machine(clues: Sequence[Clue]) -> bool:
    """True where QEMU says so of every architecture: that a vCPU did not load, or that registers were not taken."""
    fatal = [c for c in clues if c.message.fatal and c.message.kind != "envelope"]
    unnamed = all(c.id is None and c.message.kind in ("put_failed", "load_failed") for c in fatal)
    return bool(fatal) and unnamed and all(c.message.vmm == "qemu" for c in fatal) and not too_long(clues)


def _beside_a_patch(answer: Explanation, pasted: Pasted) -> Explanation:
    """The answer about messages, in a text that holds a patch as well or is a mail about one."""
    if pasted.patch is None and not _is_mail_of_a_patch(pasted):
        return answer
    from inspector.checks.explain.patches import beside_a_log

    return msgspec.structs.replace(answer, conclusions=(beside_a_log(pasted.patch), *answer.conclusions))


def _is_mail_of_a_patch(pasted: Pasted) -> bool:
    """Whether the text is a mail of a series of patches, or an answer to one."""
    return any(_SUBJECT.match(line) for line in pasted.lines)


_SUBJECT = re.compile(r"Subject: .{0,200}?\[[^\]]{0,80}\bPATCH\b[^\]]{0,80}\]")


def _unknown(pasted: Pasted) -> Explanation:
    """A text of which no line is known: what would help, where it complains of something."""
    if complains(pasted):
        bring = (_IN_ENGLISH, *_HELPS) if is_translated(pasted) else _HELPS
        return Explanation(recognised=False, headline=UNKNOWN, bring=bring)
    return Explanation(recognised=False, headline=NOTHING)


def _of_features(text: str, dump: Dump | None) -> Explanation | None:
    """A text that names nothing but features of the architecture."""
    found = features_in(text)
    if not found:
        return None
    told = tuple(sentence for one in found for sentence in feature_sentences(one, dump))
    headline = "; ".join(f"{one.name}: {one.text}" for one in found)
    return Explanation(recognised=True, headline=headline, conclusions=told)


def _in_guest(answer: Explanation) -> Explanation:
    """A guest's own CPUs are vCPUs."""
    return msgspec.structs.replace(
        answer, headline=answer.headline.replace("CPUs of one machine differ", "the vCPUs of this guest differ")
    )


def _insights(pasted: Pasted) -> list[Insight]:
    """Every cause that is no refused register, each once."""
    found: dict[str, Insight] = {}
    for make in (find_failures, unsupported_accesses, undefined_instructions, foreign_accesses, selftests):
        for insight in make(pasted):
            found.setdefault(insight.headline, insight)
    return list(found.values())


_NAMED_KINDS = frozenset(("refused", "only_in_source", "unreadable", "variation", "lengths", "format"))


def _weight(clues: Sequence[Clue]) -> int:
    """How much the text says about registers: a refused one, that one was refused, or that something failed."""
    if any(_names_one(c) for c in clues):
        return DECISIVE
    if any(_is_about_registers(c) for c in clues):
        return TELLING
    return GENERIC if any(c.message.fatal for c in clues) else 0


def _names_one(clue: Clue) -> bool:
    return clue.message.kind in _NAMED_KINDS and (clue.id is not None or clue.message.kind in ("lengths", "format"))


def _is_about_registers(clue: Clue) -> bool:
    """Only device 'cpu', a register or KVM_SET_ONE_REG makes a failure one of registers; a generic tail does not."""
    if clue.message.key in ("qemu-instance", "qemu-array"):
        return True
    return clue.message.kind in ("put_failed", "create_failed", "boot_failed", "unreadable", *_NAMED_KINDS)


def _follows(insight: Insight) -> bool:
    """True of a connection that broke: one side's failure breaks it for the other, whichever line comes first."""
    return insight.step == "channel" and insight.weight == TELLING


def _leads(insight: Insight, clues: Sequence[Clue], simulable: bool) -> bool:
    """True when the cause outweighs what the text says of registers; of equal ones that which comes first decides."""
    weight = _weight(clues)
    if insight.weight < weight or (insight.weight == GENERIC and simulable):
        return False
    firsts = [c.at for c in clues if (_names_one(c) if weight == DECISIVE else _is_about_registers(c))]
    if insight.weight == weight and firsts:
        return insight.at < min(firsts) and not _follows(insight)
    return insight.weight > REMARK or not clues


def _with_told(clues: list[Clue], pasted: Pasted) -> list[Clue]:
    """The clues, and registers with an errno in any other program's words."""
    known = {c.id for c in clues if c.id is not None}
    lines = {pasted.line_of(c.at) for c in clues if c.id is not None}
    more = [
        Clue(
            message=_any_program(told),
            text=told.text,
            at=pasted.starts[told.line],
            id=told.id,
            wanted=told.wanted,
            error=told.error,
        )
        for told in told_registers(pasted)
        if told.kind != "named" and told.id not in known and told.line not in lines
    ]
    return sorted([*clues, *more], key=lambda c: c.at)


_OF_FIRECRACKER = re.compile(r"firecracker|microvm|state of the vcpu", re.IGNORECASE)
_PLAIN = ("refused", "put_failed", "create_failed", "unreadable")


def _attributed(clues: list[Clue], pasted: Pasted) -> list[Clue]:
    """The clues, those in Firecracker's plain words given to the program that the text names instead, or to nobody.

    crosvm (`failed to set register: ...`, aarch64/src/lib.rs) and StratoVirt print the same words. Of Cloud
    Hypervisor's words `VcpuArmInit(...)` is libkrun's too (src/vmm/src/linux/vstate.rs).
    """
    named = program_named(pasted)
    if named == "libkrun":
        clues = [_of_libkrun(clue) for clue in clues]
    if named == "firecracker" or any(_OF_FIRECRACKER.search(line) for line in pasted.lines):
        return clues
    found = []
    for clue in clues:
        plain = clue.message.vmm == "firecracker" and clue.message.kind in _PLAIN
        if plain and (named or clue.message.key == UNNAMED):
            meaning = "A register write failed." if clue.message.kind != "unreadable" else "A register read failed."
            message = msgspec.structs.replace(clue.message, vmm=named or ANOTHER, versions="all", meaning=meaning)
            clue = msgspec.structs.replace(clue, message=message)
        found.append(clue)
    return found


def _of_libkrun(clue: Clue) -> Clue:
    if clue.message.kind != "create_failed":
        return clue
    meaning = "KVM refused to create a vCPU with the features that libkrun asks for."
    message = msgspec.structs.replace(clue.message, vmm="libkrun", versions="all", meaning=meaning)
    return msgspec.structs.replace(clue, message=message)


ANY_PROGRAM, ANOTHER = "any-program", "another program"
_WHOSE_LOG = "the log from its start: it names the machine (`Machine model:`, `DMI:`), or KVM of a host"
_WHICH_WRITE = (
    "whether a saved vCPU was restored, or a new one set up: with --source and --destination, or the text around the"
    " line, it can be said whose value was refused"
)


def _any_program(told: Told) -> Message:
    refused = told.kind == "refused"
    return Message(
        key=ANY_PROGRAM,
        vmm=told.program or ANOTHER,
        kind="refused" if refused else "unreadable",
        meaning="A register write failed with this errno." if refused else "A register read failed with this errno.",
    )


def _of_arm(clues: list[Clue], pasted: Pasted, place: Place) -> list[Clue]:
    """The clues without those that a program of another architecture wrote."""
    mine = [c for c in clues if pasted.line_of(c.at) not in place.foreign_lines]
    if mine or not place.only_foreign:
        return mine
    return clues if not place.foreign_lines else mine


def _of_another(place: Place, insights: Sequence[Insight], clues: Sequence[Clue]) -> Explanation:
    """A text of another architecture or hypervisor: what failed there may be known, but not by KVM/arm64's rules."""
    names = " and ".join(mark.name for mark in place.foreign[:2])
    shown = ", ".join(one.shown_by for one in place.foreign[:2])
    other = next((i for i in insights if i.weight >= TELLING and i.step != "vCPU init"), None)
    headline = f"this is a text of {names}, not of KVM on arm64"
    if other is not None:
        headline += f"; {other.headline}"
    return Explanation(
        recognised=True,
        headline=headline,
        vmm=other.program if other is not None else "",
        conclusions=(
            f"shown by: {shown}",
            "registers, register ids and rules of arm64 KVM do not apply to it; nothing is claimed about its registers",
        ),
        next_steps=other.do if other is not None else (),
        messages=tuple(msgspec.structs.replace(m, meaning="A message of another architecture.") for m in _seen(clues)),
    )


def _not_a_refusal(insights: Sequence[Insight], clues: Sequence[Clue], place: Place) -> Explanation:
    """The text names a cause that is no refused register."""
    lead = insights[0]
    others = [i for i in insights[1:] if i.weight >= min(lead.weight, TELLING) and i.weight > GENERIC]
    alike = [i for i in others if i.key == lead.key and i.weight == lead.weight]
    rest = [i for i in others if i not in alike]
    remarks = [i for i in insights[1:] if i.weight == REMARK or (lead.weight == GENERIC and i.weight == GENERIC)]
    headline = lead.headline
    if alike:
        headline += f" (and {len(alike)} more of this kind)"
    generic = lead.weight == GENERIC
    if generic:
        headline += "; no line that is known here says why"
    shown = lead.weight == REMARK
    if shown:
        headline = "; ".join(i.headline for i in (lead, *remarks, *rest))
    return Explanation(
        recognised=True,
        headline=headline,
        vmm=lead.program,
        registers=tuple(r for i in (lead, *alike) for r in i.registers),
        conclusions=tuple(
            dict.fromkeys(
                [
                    *lead.says,
                    *(s for i in alike for s in (i.headline, *i.says)),
                    *(i.headline for i in (*rest, *remarks) if not shown),
                    *((_LOOK_UP,) if generic else ()),
                    *_refused_besides(clues),
                    *(("no line here reports a failure",) if shown else ()),
                    *_foreign_says(place),
                ]
            )
        ),
        next_steps=tuple(dict.fromkeys(step for i in (lead, *alike, *rest) for step in i.do)),
        bring=lead.bring or ((_LINES_BEFORE,) if generic else ()),
        messages=_messages(insights, clues),
    )


def _refused_besides(clues: Sequence[Clue]) -> Iterator[str]:
    """Registers that are refused in the same text: of a later attempt, or of another VM."""
    names = list(
        dict.fromkeys(catalog.by_id(c.id).name for c in clues if c.id is not None and c.message.kind == "refused")
    )
    if names:
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        yield f"further down the text names a refused register ({shown}): paste these lines alone for its reason"


_LOOK_UP = (
    "such a line ends every failed load: the cause may be RAM, a device, the machine type, the connection or a register"
)
_LINES_BEFORE = "the lines before this one in the log of the destination (and of the source, if its connection broke)"


def _messages(insights: Sequence[Insight], clues: Sequence[Clue]) -> tuple[SeenMessage, ...]:
    seen = [
        SeenMessage(
            text=i.text,
            vmm=i.program,
            versions="all",
            meaning=f"{i.headline[:1].upper()}{i.headline[1:]}.",
            kind="envelope" if i.weight else "noise",
            fatal=i.weight > REMARK,
        )
        for i in sorted(insights, key=lambda i: i.at)
        if i.text and (i.weight != GENERIC or not clues)
    ]
    return (*seen, *_seen(clues))


def _foreign_says(place: Place) -> tuple[str, ...]:
    return tuple(
        f"lines of {mark.name} stand in the text too ({mark.shown_by}); nothing is concluded from them"
        for mark in place.foreign
    )


def _with_insights(answer: Explanation, insights: Sequence[Insight], place: Place) -> Explanation:
    """The answer about registers, with what else the text says."""
    more = [i for i in insights if i.weight not in (GENERIC,)]
    return msgspec.structs.replace(
        answer,
        conclusions=tuple(dict.fromkeys((*answer.conclusions, *(i.headline for i in more), *_foreign_says(place)))),
        next_steps=tuple(dict.fromkeys((*answer.next_steps, *(s for i in more if i.weight == DECISIVE for s in i.do)))),
    )


class _Told(NamedTuple):
    """What the text says of the program that failed."""

    vmm: str
    version: str
    by_kvm: bool
    """something in it shows that KVM ran the guest"""
    refused_by: str
    """see `Explanation.refused_by`"""
    emulated: bool
    """something in it shows that KVM did not"""
    guest: bool | None
    """see `Case.guest`"""


_KVM = re.compile(
    r"\baccel(?:[= ]|['\"]?: ?['\"]?)kvm\b|\benable-kvm\b|\bqemu-kvm\b|\btype=['\"]kvm|\bKVM_(?:SET|GET|ARM|REG)"
    r"|\bkvm_(?:arm|arch|set|put|failed)\w*|\bKVM: "
)


def _shows_kvm(clues: Sequence[Clue], pasted: Pasted) -> bool:
    """QEMU's lines about the device cpu come from guests that it emulates as well; those of other VMMs do not."""
    fatal = [c for c in clues if c.message.fatal]
    if any(c.message.vmm != "qemu" or c.message.kind == "put_failed" for c in fatal):
        return True
    return any(_KVM.search(line) for line in pasted.lines)


_RESTORE = re.compile(r"restor|snapshot|migrat|incoming|load(?:vm|ing (?:vm|state)| of )|resum", re.IGNORECASE)
_SETTING_UP = re.compile(r"Error (?:applying template|configuring the vcpu)", re.IGNORECASE)
"""Firecracker's words around a write while a vCPU is made (KvmVcpuError, src/vmm/src/arch/aarch64/vcpu.rs)."""


def _starts(clues: Sequence[Clue]) -> bool:
    """Whether what QEMU says of a refusal is what it says of a new vCPU too: no register, or those of caches alone.

    It writes back then what KVM gave it a moment before (kvm_arch_put_registers(), target/arm/kvm.c), which fails where
    the vCPU's thread has moved to another kind of CPU.
    """
    qemu = [c for c in clues if c.message.vmm in ("qemu", "libvirt") and c.message.kind in ("refused", "put_failed")]
    named = [c.id for c in qemu if c.id is not None]
    return any(c.message.kind == "put_failed" for c in qemu) and all(is_demux(i) or i == CLIDR_EL1 for i in named)


def _refused_by(clues: Sequence[Clue], pasted: Pasted) -> str:
    """Who refused a write: a destination where the text speaks of a restore or a message belongs to one, else KVM
    where it shows that one was asked, else nobody by name."""
    refused = [c for c in clues if c.message.kind == "refused"]
    started = _starts(clues)
    anybodys = [c for c in refused if c.message.key == ANY_PROGRAM or of_family(c.message.vmm) is None]
    restores = any(_RESTORE.search(line) for line in pasted.lines)
    sets_up = any(_SETTING_UP.search(line) for line in pasted.lines)
    if restores or not (started or (refused and (sets_up or len(anybodys) == len(refused)))):
        return DESTINATION
    named = sets_up or started or any(c.message.vmm != ANOTHER for c in refused)
    return "KVM" if named or any(_KVM.search(line) for line in pasted.lines) else ""


def _answer(
    clues: Sequence[Clue],
    registers: Sequence[ExplainedRegister],
    told: _Told,
    simulation: MigrationReport | None,
    trouble: str,
    dumps: tuple[Dump | None, Dump | None],
) -> Explanation:
    vmm, version = told.vmm, told.version
    messages = _seen(clues)
    counts = next((c.counts for c in clues if c.counts), None)
    fatal_ids = {c.id for c in clues if c.id is not None and c.message.fatal}
    unknown = {r.id for r in registers if r.kind == "only_in_source" and r.id in fatal_ids}
    if simulation is not None and not unknown:
        unknown = {f.id for f in simulation.of_kind("only_in_source") if f.fatal}
    groups = group_by_feature(unknown)
    named = any(r.kind in ("refused", "only_in_source", "unreadable", "variation") for r in registers)
    by_kvm = told.by_kvm or (dumps[0] is not None and dumps[0].kvm)
    case = Case(clues, registers, groups, counts, vmm, simulation, by_kvm, told.refused_by, told.guest)
    have = (dumps[0] is not None, dumps[1] is not None)
    if simulation is not None and simulation.ways_out:
        steps = [f"{way.title}: {'; '.join(way.how)}" if way.how else way.title for way in simulation.ways_out]
    else:
        steps = next_steps(case)
    if told.emulated:
        steps = [_SAME_CPU]
    bring = things_to_bring(vmm, registers, named, have) if case.unnamed or counts or named else []
    if case.kinds == {"envelope"}:
        bring = [_LINES_BEFORE, *things_to_bring(vmm, registers, named, have)]
    elif case.boot_error is not None and not case.refused:
        bring = [_WHOSE_LOG] if case.guest is None else []
    elif not case.restored:
        bring = [_WHICH_WRITE]
    conclusions, headline = conclude(case)
    if told.emulated:
        conclusions = [NOT_KVM]
    return Explanation(
        recognised=True,
        headline=headline,
        vmm=vmm,
        version=version,
        refused_by=told.refused_by,
        messages=messages,
        registers=tuple(registers),
        groups=() if told.emulated else tuple(groups),
        missing=()
        if told.emulated
        else tuple(group_by_feature(r.id for r in registers if r.kind == "missing_in_source")),
        counts=counts,
        conclusions=tuple(conclusions),
        next_steps=() if harmless_only(messages) else tuple(dict.fromkeys(steps)),
        bring=(*bring, *([trouble] if trouble else [])),
        simulation=simulation,
    )


_SAME_CPU = (
    "start the destination with the source's -cpu model and options, -machine options and -smp, and an equal QEMU"
)


def _seen(clues: Iterable[Clue]) -> tuple[SeenMessage, ...]:
    """The distinct messages in the text's order, counted."""
    found: dict[str, SeenMessage] = {}
    for clue in clues:
        have = found.get(clue.text)
        found[clue.text] = SeenMessage(
            text=clue.text,
            vmm=clue.message.vmm,
            versions=clue.message.versions,
            meaning=clue.message.meaning,
            kind=clue.message.kind,
            fatal=clue.message.fatal,
            count=have.count + 1 if have else 1,
        )
    return tuple(found.values())


_RANK = {"refused": 0, "only_in_source": 1, "unreadable": 2, "variation": 3, "missing_in_source": 4}


def _merge(clues: Sequence[Clue]) -> list[ExplainedRegister]:
    """One entry per register, kind and pair of values; a line with values completes one with the id alone."""
    found: dict[tuple[object, ...], ExplainedRegister] = {}
    for clue in clues:
        if clue.id is None:
            continue
        kind = clue.message.kind
        key = _place(found, clue)
        have = found.get(key)
        if have is None:
            register = catalog.by_id(clue.id)
            have = ExplainedRegister(id=clue.id, name=register.name, title=register.title, kind=kind)
        found[key] = msgspec.structs.replace(
            have,
            wanted=clue.wanted if clue.wanted is not None else have.wanted,
            actual=clue.actual if clue.actual is not None else have.actual,
            error=clue.error or have.error,
            cpus=tuple(dict.fromkeys((*have.cpus, *((clue.cpu,) if clue.cpu is not None else ())))),
        )
    return sorted(found.values(), key=lambda r: _RANK.get(r.kind, 9))


def _place(found: Mapping[tuple[object, ...], ExplainedRegister], clue: Clue) -> tuple[object, ...]:
    """The entry that a clue belongs to: same register and kind, and no contradicting values."""
    for key, have in found.items():
        agrees = all(
            mine is None or theirs is None or mine == theirs
            for mine, theirs in ((clue.wanted, have.wanted), (clue.actual, have.actual))
        )
        if have.id == clue.id and have.kind == clue.message.kind and agrees:
            return key
    return (clue.id, clue.message.kind, clue.wanted, clue.actual)


def _mentioned(pasted: Pasted) -> list[ExplainedRegister]:
    """Registers that stand in a text without any known message."""
    found = []
    for mention in find_mentions(pasted):
        register = catalog.by_id(mention.id)
        found.append(ExplainedRegister(id=register.id, name=register.name, title=register.title, kind="envelope"))
    return found


def _with_dumps(
    registers: list[ExplainedRegister], source: Dump | None, destination: Dump | None
) -> list[ExplainedRegister]:
    """Values that the text does not hold, from the dumps."""
    return [_with_dump(_with_dump(r, source, "wanted"), destination, "actual") for r in registers]


def _with_dump(register: ExplainedRegister, dump: Dump | None, which: str) -> ExplainedRegister:
    if dump is None or getattr(register, which) is not None or register.kind == "variation":
        return register
    value = next((v.values[register.id] for v in dump.vcpus if register.id in v.values), None)
    if value is None:
        return register
    told = (*register.from_dump, which)
    if which == "wanted":
        return msgspec.structs.replace(register, wanted=value, from_dump=told)
    return msgspec.structs.replace(register, actual=value, from_dump=told)


_VERSION = re.compile(
    r"QEMU(?:emulator)?(?:version)?(\d{1,2}\.\d{1,2}(?:\.\d{1,3})?)|Firecracker-?v?(\d\.\d{1,2}\.\d)", re.IGNORECASE
)


def _program(clues: Sequence[Clue], pasted: Pasted, guest: bool | None) -> tuple[str, str]:
    """The program whose message decides, and its version: as stated, else as the form of its messages implies.

    `guest`: whose kernel's lines the text has, see `Case.guest`.
    """
    deciding = [c for c in clues if c.message.kind not in ("envelope", "noise")] or list(clues)
    if not deciding:
        return "", ""
    fatal = [c for c in deciding if c.message.fatal] or deciding
    vmm = fatal[0].message.vmm
    if vmm == HOST_OR_GUEST:
        return kernel_word(guest), ""
    stated = _VERSION.search(pasted.squeezed)
    if stated and vmm in ("qemu", "firecracker"):
        return vmm, stated[1] or stated[2]
    narrow = [c.message.versions for c in clues if c.message.vmm == vmm and c.message.versions != "all"]
    return vmm, narrow[0] if narrow else ""


def _simulate(
    clues: Sequence[Clue],
    source: Dump | None,
    destination: Dump | None,
    given: Given,
    vmm: str,
    version: str,
) -> tuple[MigrationReport | None, str]:
    """The restore on the given dumps, or why it could not be simulated."""
    if source is None or destination is None:
        return None, ""
    try:
        rule = _restore_rule(clues, vmm, version)
        report = migrate(source, destination, msgspec.structs.replace(given, vmm=rule))
    except InspectorError as error:
        return None, f"the restore could not be simulated: {error}"
    if given.kernel is None and kernel_of(destination).policy is None:
        return report, f"the destination's kernel (--kernel K): {' '.join(own_kernel(destination).doubts)}"
    return report, ""


def _simulated(report: MigrationReport) -> list[ExplainedRegister]:
    """The registers that the simulated restore refuses, each once, in the VMM's order."""
    found: dict[int, ExplainedRegister] = {}
    for finding in report.of_kind("refused"):
        register = catalog.by_id(finding.id)
        found.setdefault(
            finding.id,
            ExplainedRegister(
                id=finding.id,
                name=register.name,
                title=register.title,
                kind="refused",
                wanted=finding.value,
                actual=finding.destination,
                error=finding.errno_name,
                simulated=True,
                from_dump=("wanted", "actual"),
            ),
        )
    return list(found.values())


def _restore_rule(clues: Sequence[Clue], vmm: str, version: str) -> str:
    """Name of the restore rule that the text points to; empty when it points to none."""
    stated = [version, *(c.message.versions for c in clues if c.message.vmm == vmm)]
    rules = [rule for text in stated if (rule := of_family(vmm, text.split(" ")[0])) is not None]
    newest = max(rules, key=lambda rule: rule.since) if any(text[:1].isdecimal() for text in stated) else of_family(vmm)
    return newest.name if newest is not None else ""
