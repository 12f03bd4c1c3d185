"""Output of the kernel's KVM selftests and of kvm-unit-tests: which register and field, and in which direction.

tools/testing/selftests/kvm/arm64/: set_id_regs.c, get-reg-list.c, aarch32_id_regs.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from inspector.checks.explain.evidence import DECISIVE, REMARK, TELLING, Insight
from inspector.checks.explain.result import ExplainedRegister
from inspector.checks.explain.text import Pasted
from inspector.checks.feature_groups import group_by_feature
from inspector.checks.history import field_history
from inspector.checks.vmms.messages import Kind
from inspector.registers.bits import mask_of
from inspector.registers.catalog import by_id
from inspector.registers.scanning import Found, scan
from inspector.registers.schema import Span

_OK = re.compile(r"(?:^|\s)ok\s+(\d+)\s+([A-Z]\w+)")
_NOT_OK = re.compile(r"(?:^|\s)not ok\s+(\d+)\s+((?:SYS_)?[A-Z][A-Z0-9]\w*_EL\d\w*)")
_MASKS = re.compile(r"(0x[0-9a-f]+|0) != (0x[0-9a-f]+|0)\s*\(masks\[", re.IGNORECASE)
_VALUE = re.compile(
    r"(0x[0-9a-f]{1,32}|\d{1,32}) (?:!=|==) (0x[0-9a-f]{1,32}|\d{1,32})\s{0,9}\(([^)]{1,120})\)", re.IGNORECASE
)
_ASSERT = re.compile(r"==== Test Assertion Failure ====")
_WHERE = re.compile(r"\b(set_id_regs|get-reg-list|aarch32_id_regs)(?:\.c:(\d+))?")
_RESULT = re.compile(r"(?:^|\s)(not ok|ok) (\d+) selftests: kvm(?:/\w+)?: ([\w-]+)")
_NEW = re.compile(r"There (?:are|is) (\d+) (new|missing) registers?")
_UNIT = re.compile(r"^(PASS|FAIL|SKIP):? ([\w-]+)(?: \(|: |$)")
_OF_UNIT_TESTS = re.compile(
    r"\bkvm-unit-tests\b|^SUMMARY: \d+ tests?\b"
    r"|^(?:PASS|FAIL|SKIP) [\w-]+ \((?:\d+ tests?\b|timeout; duration=|terminated on SIG|test marked as manual"
    r"|\S+ only\)|\S+ not equal to )"
)
"""What only kvm-unit-tests print: lib/report.c, scripts/runtime.bash. FAIL and PASS alone are words of many a test's"""
_MOST = 200


def selftests(pasted: Pasted) -> Iterator[Insight]:
    """What the lines of a selftest's log say."""
    lines = pasted.lines
    if any(_WHERE.search(line) or _NEW.search(line) or _NOT_OK.search(line) for line in lines):
        yield from _set_id_regs(pasted)
        yield from _reg_list(pasted)
    yield from _unit_tests(pasted)


def _set_id_regs(pasted: Pasted) -> Iterator[Insight]:
    last: tuple[int, Found] | None = None
    for number, line in enumerate(pasted.lines):
        if (refused := _NOT_OK.search(line)) and (found := _field(refused[2])):
            yield _field_failed(
                found, found.field, line, pasted.starts[number], "the one that the line `not ok` names", None
            )
        elif (passed := _OK.search(line)) and (named := _field(passed[2])):
            last = number, named
        elif (failed := _MASKS.search(line)) and last is not None:
            mask = int(failed[2], 16) if int(failed[1], 16) == 0 else int(failed[1], 16)
            span = _with_mask(last[1].id, mask)
            why = f"the field behind the last `ok` ({last[1].field.name if last[1].field else ''}), mask {mask:#x}"
            writable = int(failed[1], 16) != 0
            yield _field_failed(last[1], span, line, pasted.starts[number], why, writable, mask)
            last = None
    if not any(_MASKS.search(line) for line in pasted.lines):
        yield from _plain_assertion(pasted, last[1] if last else None)


def _field(word: str) -> Found | None:
    return next((found for found in scan(word) if found.field is not None or found.form == "name"), None)


def _with_mask(reg_id: int, mask: int) -> Span | None:
    schema = by_id(reg_id).schema
    spans = schema.spans if schema else ()
    return next((s for s in spans if mask_of(s.msb, s.lsb) == mask), None)


def _field_failed(
    found: Found, span: Span | None, line: str, at: int, why: str, writable: bool | None = False, mask: int = 0
) -> Insight:
    register = by_id(found.id)
    place = f"{register.name}.{span.name} [{span.msb}:{span.lsb}]" if span else f"{register.name} (mask {mask:#x})"
    shown = (
        "not what the test expects"
        if writable is None
        else "writable although the test expects it not to be"
        if writable
        else "not writable; the test expects it to be"
    )
    says = [f"the field is found as {why}", *_writable(found.id, span)]
    return Insight(
        key="selftest-field",
        program="selftest",
        step="test",
        weight=DECISIVE,
        headline=f"KVM's selftest set_id_regs stops at {place}: this kernel reports it as {shown}",
        says=tuple(says),
        do=(
            (
                "run the selftest of the kernel's own source: kernel and test of different releases disagree in"
                " such fields"
            ),
        ),
        registers=(_register(found.id, "test"),),
        text=line,
        at=at,
    )


def _writable(reg_id: int, span: Span | None) -> list[str]:
    if span is None:
        return []
    history = field_history(reg_id, span.msb, span.lsb)
    known = [c for c in history.changes if c.what == "writable"]
    if not known:
        return [f"{span.name} is writable in no modelled release"]
    return [f"{span.name} is writable {change.since_words}" for change in known]


def _register(reg_id: int, kind: Kind) -> ExplainedRegister:
    register = by_id(reg_id)
    return ExplainedRegister(id=reg_id, name=register.name, title=register.title, kind=kind)


def _plain_assertion(pasted: Pasted, last: Found | None) -> Iterator[Insight]:
    """An assertion without masks: the values that the line shows, and the test that it is in."""
    at = next((n for n, line in enumerate(pasted.lines) if _ASSERT.search(line)), None)
    if at is None:
        return
    near = pasted.lines[at : at + 12]
    where = next((found for line in near if (found := _WHERE.search(line))), None)
    if where is None:
        return
    values = next((found for line in near if (found := _VALUE.search(line))), None)
    named = next((found for line in near for found in scan(line)), last)
    register = f" near {by_id(named.id).name}" if named is not None else ""
    yield Insight(
        key="selftest-assertion",
        program="selftest",
        step="test",
        weight=TELLING,
        headline=f"KVM's selftest {where[1]} failed an assertion{register}",
        says=(
            *((f"it compares {values[1]} with {values[2]}: {values[3]}",) if values else ()),
            *((_AARCH32,) if where[1] == "aarch32_id_regs" else ()),
        ),
        registers=(_register(named.id, "test"),) if named is not None else (),
        text=near[0],
        at=pasted.starts[at],
        bring=("the line of the test's source that the assertion names",),
    )


_AARCH32 = (
    "on a CPU without AArch32 the test expects the AArch32 ID registers to read 0 and to ignore what is written, and a"
    " vCPU with EL1_32BIT to be refused"
)


def _reg_list(pasted: Pasted) -> Iterator[Insight]:
    for number, line in enumerate(pasted.lines):
        counted = _NEW.search(line)
        if counted is None:
            continue
        ids = list(dict.fromkeys(f.id for text in islice(pasted.lines, number + 1, number + _MOST) for f in scan(text)))
        names = ", ".join(by_id(i).name for i in ids[:4]) + (f" and {len(ids) - 4} more" if len(ids) > 4 else "")
        new = counted[2] == "new"
        side = "this kernel lists, not the test" if new else "the test expects and this kernel does not list"
        noun = "register" if counted[1] == "1" else "registers"
        groups = [f"{g.feature}: {g.sentence}" for g in group_by_feature(ids)]
        yield Insight(
            key="selftest-list",
            program="selftest",
            step="test",
            weight=REMARK if new else DECISIVE,
            headline=f"KVM's selftest get-reg-list: {counted[1]} {noun} that {side}" + (f": {names}" if names else ""),
            says=(
                *groups,
                "no failure: a kernel newer than the test"
                if new
                else "a kernel older than the test, or a vCPU without the feature",
            ),
            registers=tuple(_register(i, "test") for i in ids),
            text=line,
            at=pasted.starts[number],
        )


def _unit_tests(pasted: Pasted) -> Iterator[Insight]:
    failed = []
    for number, line in enumerate(pasted.lines):
        if (found := _UNIT.match(line)) and found[1] == "FAIL":
            failed.append((number, found[2]))
    if failed and not any(_OF_UNIT_TESTS.search(line) for line in pasted.lines):
        failed = []
    if failed:
        names = ", ".join(dict.fromkeys(name for _, name in failed[:6]))
        yield Insight(
            key="unit-tests",
            program="kvm-unit-tests",
            step="test",
            weight=TELLING,
            headline=f"kvm-unit-tests: {len(failed)} failed: {names}",
            says=("these are tests of a hypervisor's behaviour in a guest; no register was restored",),
            text=pasted.lines[failed[0][0]],
            at=pasted.starts[failed[0][0]],
        )
    elif any((found := _RESULT.search(line)) and found[1] == "ok" for line in pasted.lines):
        yield Insight(
            key="selftest-passed",
            program="selftest",
            step="test",
            weight=REMARK,
            headline="the KVM selftests named here passed",
        )
