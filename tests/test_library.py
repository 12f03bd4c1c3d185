"""What `import inspector` offers: names, signatures, lightness, and the README's examples run as they stand."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import msgspec
import pytest

import inspector
from inspector import library
from inspector.errors import InspectorError
from inspector.reports.verdicts import verdict_json, verdict_lines
from tests.fresh import ROOT, modules_after

SAVED = "builtin:neoverse-n2-linux-6.1"
FUNCTIONS = {
    "load": "(source, declared=None, snapshot='')",
    "decode": "(register, value)",
    "kernel": "(text, version='')",
    "machine": "(dump, kernel=None, *, features=None, gic=None, host='', vcpu=None, assume=None)",
    "expose": "(machine, *registers)",
    "try_write": "(machine, *writes, ran=False)",
    "migrate": "(source, destination, kernel=None, vmm='', *, features=None, gic=None, host='', "
    "assume=None, ways_out=True, behind=None)",
    "fix": "(source, destination, out, kernel=None, vmm='', *, features=None, gic=None, host='', assume=None, "
    "dry_run=False)",
    "compare": "(*dumps, scope='auto')",
    "explain": "(text, source=None, destination=None, *, kernel=None, host='', assume=None)",
    "verify": "(recording, kernel='')",
    "summary": ("(dump, kernel=None, *, features=None, gic=None, host='', vcpu=None, assume=None)"),
    "features": "(dump, *names, kernel=None, features=None, gic=None, host='', vcpu=None, assume=None)",
}
TYPES = {
    "Agreement", "Choice", "Comparison", "Dump", "Explanation", "FeatureState", "FixResult", "InspectorError",
    "Machine", "MigrationReport", "Reading", "RegisterExposure", "Summary", "Verdict",
}  # fmt: skip


def test_the_public_names_are_these() -> None:
    """Whoever changes this table changes what scripts rely on: say so in CHANGELOG.md."""
    assert set(inspector.__all__) == {*FUNCTIONS, *TYPES, "__version__"} == {*library.__all__, "__version__"}
    assert dir(inspector) == sorted(inspector.__all__)
    with pytest.raises(AttributeError, match="no attribute 'load_policy'"):
        inspector.load_policy  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_signature_is_the_promised_one(name: str) -> None:
    function = getattr(inspector, name)
    signature = inspect.signature(function)
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    assert str(inspect.Signature(plain)) == FUNCTIONS[name]
    assert inspect.getdoc(function), "undocumented"
    assert signature.return_annotation is not inspect.Signature.empty
    assert all(p.annotation is not inspect.Parameter.empty for p in signature.parameters.values())


def test_nothing_is_loaded_before_a_name_is_used() -> None:
    assert not modules_after("import inspector\ninspector.__version__\ndir(inspector)") & {
        "construct", "msgspec", "inspector.library", "rich", "textual",
    }  # fmt: skip
    assert not modules_after("import inspector\ninspector.migrate") & {"rich", "textual", "argparse"}


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "inspector" / "py.typed").is_file()


def python_blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S | re.M)


@pytest.mark.parametrize("number", range(len(python_blocks())))
def test_an_example_of_the_readme(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(python_blocks()[number], "README.md", "exec"), {})


def test_the_readme_shows_every_function() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in FUNCTIONS if f"inspector.{name}(" not in text] == []


def test_a_dump_may_be_named_or_given() -> None:
    given, named = inspector.machine(inspector.load(SAVED)), inspector.machine(SAVED)
    assert (given.policy, given.setup) == (named.policy, named.setup)
    assert inspector.machine(SAVED, vcpu=0).setup == named.setup
    choice = inspector.kernel("6.12")
    assert inspector.machine(SAVED, choice).policy == inspector.machine(SAVED, "6.12").policy == choice.policy


def test_how_the_kernel_was_chosen_is_part_of_the_answer() -> None:
    release = "6.12.74+deb13+1-cloud-arm64"
    report = inspector.migrate(SAVED, "same-host", release, ways_out=False)
    assert report.kernel_note == inspector.kernel(release).text != ""


@pytest.mark.parametrize(
    "ask",
    [
        lambda: inspector.load("/does/not/exist"),
        lambda: inspector.decode("NO_SUCH_REGISTER", 1),
        lambda: inspector.decode("CTR_EL0", -1),
        lambda: inspector.kernel("linux"),
        lambda: inspector.machine(SAVED, "6.12", features="speed"),
        lambda: inspector.machine(SAVED, vcpu=9),
        lambda: inspector.try_write(inspector.machine(SAVED), "CTR_EL0"),
        lambda: inspector.migrate(SAVED, "same-host"),
        lambda: inspector.verify("/does/not/exist"),
    ],
)
def test_input_that_cannot_be_used_is_one_line(ask: object) -> None:
    assert callable(ask)
    with pytest.raises(InspectorError) as refused:
        ask()
    assert "\n" not in str(refused.value)


def test_a_field_is_written_while_the_others_stay_as_they_are_whatever_that_is() -> None:
    """Bits that the source's kernel hid counted as 0 once; then such a write was refused as input."""
    hidden = msgspec.structs.replace(inspector.load("builtin:neoverse-n2-linux-6.12"), host=None)
    machine = inspector.machine(hidden, "6.1")
    (verdict,) = inspector.try_write(machine, "ID_AA64MMFR2_EL1.BBM=0")
    assert (verdict.outcome, verdict.value_known & 0xFFFFFFFFFFFFFFFF) == ("refused", 0xFFFFFFFFFF0FFFFF)
    assert verdict.would_pass is None
    assert verdict_json(verdict)["value_known"] == "0xffffffffff0fffff"
    assert "= 0x1201_0111_12?0_1011" in verdict_lines(verdict)[0]
    (same,) = inspector.try_write(machine, "ID_AA64MMFR2_EL1.BBM=2")
    assert (same.outcome, same.after_known) == ("accepted", 0xFFFFFFFFFF0FFFFF)
    assert len(inspector.try_write(machine, "ID_AA64MMFR2_EL1.CCIDX=0", "ID_AA64MMFR2_EL1=0x1221011112001011")) == 2


def test_a_field_is_written_into_what_each_kernel_shows_where_these_differ() -> None:
    """DebugVer differs between the kernels that an el8 may be: the field is judged under each of them."""
    machine = inspector.machine("builtin:neoverse-n2-linux-6.12", "4.18.0-553.el8_10.aarch64")
    (bbm, wrps) = inspector.try_write(machine, "ID_AA64MMFR2_EL1.BBM=1", "ID_AA64DFR0_EL1.WRPs=1")
    assert bbm.outcome == "uncertain" and {case.outcome for case in bbm.cases} == {"accepted", "refused (EINVAL)"}
    assert (wrps.outcome, wrps.value >> 20 & 0xF, wrps.value_known >> 20 & 0xF) == ("refused", 1, 0xF)
    assert wrps.value_known & 0xF == 0
