"""Results that may be given away: whatever member of a result holds a guest's secret, it is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from inspector import compare, explain, migrate
from inspector.checks.compare.fields import FieldValues
from inspector.checks.compare.values import RegisterValues
from inspector.checks.compare.withheld import told as told_comparison
from inspector.checks.explain.result import ExplainedField, ExplainedRegister
from inspector.checks.explain.withheld import told as told_explanation
from inspector.checks.restore.result import FieldDifference, Finding, KernelMatrix, KernelRow
from inspector.checks.restore.withheld import told, told_finding, told_matrix
from inspector.kvm.cases import Case
from inspector.registers.bits import Partial
from inspector.registers.catalog import find
from inspector.untrusted import Untrusted

KEY, MIDR = (find(name).register.id for name in ("APIAKeyLo_EL1", "MIDR_EL1"))
N2, A72 = "builtin:neoverse-n2-linux-6.12", "builtin:cortex-a72-linux-6.12"
SECRET = 0x5EC2E7
PART = Partial(SECRET, 0xFFFFFF)


def tells(thing: object) -> bool:
    """Whether the secret stands in any member of a result."""
    if isinstance(thing, msgspec.Struct):
        return any(tells(getattr(thing, name)) for name in thing.__struct_fields__)
    if isinstance(thing, Mapping):
        return any(map(tells, (*thing, *thing.values())))
    if isinstance(thing, tuple | list | set | frozenset):
        return any(map(tells, thing))
    if isinstance(thing, Untrusted):
        return tells(thing.raw)
    return "5ec2e7" in (f"{thing:x}" if isinstance(thing, int) else str(thing).lower().replace("_", ""))


def finding(reg_id: int = KEY, **members: object) -> Finding:
    """What happens to a register, every member of it with a value."""
    field = FieldDifference(
        name="F", msb=63, lsb=0, source=SECRET, destination=SECRET, part=PART, safe="equal", accepted=False
    )
    whole = Finding(
        vcpu=0, id=reg_id, kind="refused", order=1, value=SECRET, destination=SECRET, part=PART, errno=22, after=SECRET,
        would_pass=SECRET, fields=(field,), cases=(Case(when="always", outcome=f"{SECRET:#x}"),),
    )  # fmt: skip
    return msgspec.structs.replace(whole, **members)


def test_a_finding_tells_a_secret_by_none_of_its_members() -> None:
    nothing: dict[str, Any] = {
        "value": None, "destination": None, "after": None, "would_pass": None, "part": Partial.nothing(), "fields": (),
        "cases": (),
    }  # fmt: skip
    for name in nothing:
        alone = finding(**{other: empty for other, empty in nothing.items() if other != name})
        assert tells(alone)
        assert not tells(told_finding(alone)) and told_finding(alone).withheld, name
    silent = finding(**nothing)
    assert told_finding(silent) is silent
    assert told_finding(finding(MIDR)) == finding(MIDR)


def test_a_report_and_a_matrix_tell_it_nowhere() -> None:
    report = migrate(N2, A72)
    vcpu = msgspec.structs.replace(report.vcpus[0], findings=(finding(), finding(MIDR)))
    for part in (
        msgspec.structs.replace(report, first=finding()), msgspec.structs.replace(report, vcpus=(vcpu,), first=None)
    ):  # fmt: skip
        assert tells(part)
        kept = [one for one in told(part).vcpus[0].findings if one.id == MIDR]
        assert not tells(msgspec.structs.replace(told(part), vcpus=())) and kept
        assert not any(tells(one) for one in told(part).vcpus[0].findings if one.id == KEY)
    row = KernelRow(kernel="6.1", evidence="", verdict="fails", refused=1, only_in_source=0, changed=0, first=finding())
    matrix = KernelMatrix(vmm="", vmm_title="", source="", destination="", rows=(row,))
    assert tells(matrix) and not tells(told_matrix(matrix))


def test_a_comparison_tells_it_nowhere() -> None:
    field = FieldValues(name="F", msb=63, lsb=0, values=(SECRET,), parts=(PART,), meanings=((SECRET, ""),))
    one = RegisterValues(
        id=KEY, name="K", values=(SECRET, None), known=(SECRET, 0), fields=(field,), feature=False, distinct=2
    )
    answer = msgspec.structs.replace(compare(N2, A72), registers=(), unknown=())
    for name in ("registers", "unknown"):
        part = msgspec.structs.replace(answer, **{name: (one,)})
        assert tells(part) and not tells(told_comparison(part)), name
        assert getattr(told_comparison(part), name)[0].withheld
        other = msgspec.structs.replace(answer, **{name: (msgspec.structs.replace(one, id=MIDR),)})
        assert told_comparison(other) == other


def test_an_explanation_tells_it_nowhere() -> None:
    field = ExplainedField(
        name="F", msb=63, lsb=0, wanted=SECRET, actual=SECRET, meaning_wanted="", meaning_actual=""
    )  # fmt: skip
    answer = explain("Invalid argument")
    for members in ({"wanted": SECRET}, {"actual": SECRET}, {"wanted": 1, "fields": (field,)}):
        one = msgspec.structs.replace(
            ExplainedRegister(id=KEY, name="K", title="", kind="refused"), **members
        )  # fmt: skip
        part = msgspec.structs.replace(answer, registers=(one,))
        assert tells(part) and not tells(told_explanation(part))
        assert told_explanation(part).registers[0].withheld
    simulated = msgspec.structs.replace(answer, simulation=msgspec.structs.replace(migrate(N2, A72), first=finding()))
    assert tells(simulated) and not tells(told_explanation(simulated))
