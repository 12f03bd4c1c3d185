"""The command line, the screens and the functions behind them answer one question alike."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from inspector import sources
from inspector.app.modes.migrate.question import Question, ask
from inspector.app.shell.session import Session
from inspector.checks.machine.machine import machine
from inspector.checks.machine.question import Given
from inspector.checks.restore.migration import migrate
from inspector.checks.vmms.table import ALL, find_vmm
from inspector.errors import InspectorError
from inspector.policies.setup import FEATURES, parse_features
from inspector.sources.dump import Dump
from inspector.sources.formats import dump_json
from inspector.sources.live import collector
from tests.commands.running import run

N2 = "builtin:neoverse-n2-linux-6.1"
WRITE = "ID_AA64MMFR2_EL1.CCIDX=0"


@pytest.fixture
def unnamed(tmp_path: Path) -> str:
    """A saved vCPU whose dump says neither kernel nor host."""
    dump = sources.load(N2)
    given = dump.provenance.told(kernel="", kernel_version="", host="")
    path = tmp_path / "saved.json"
    path.write_bytes(dump_json.write(msgspec.structs.replace(dump, host=None, provenance=given)))
    return str(path)


def session_on(source: str) -> Session:
    session = Session()
    session.add(sources.load(source))
    return session


def test_a_write_to_a_dump_that_names_no_kernel(unnamed: str) -> None:
    here = machine(sources.load(unnamed))
    tried = session_on(unnamed).tried
    bench = tried.history().bench
    assert bench is not None and tried.machine().policy == here.policy == bench.vm.exposure.policy
    code, out, talk = run("write", unnamed, WRITE, "--json")
    assert f'"kernel": "{here.policy.name}"' in out and code in (0, 1)
    assert "names no kernel; its register list is nearest to that of" in talk


def test_what_is_exposed_without_naming_a_kernel(unnamed: str) -> None:
    code, out, _ = run("expose", unnamed, "ID_AA64MMFR2_EL1", "--json")
    assert code == 0 and f'"{machine(sources.load(unnamed)).policy.name}"' in out


def test_a_restore_on_a_dump_that_names_no_kernel(unnamed: str) -> None:
    source, target = sources.load(N2), sources.load(unnamed)
    told, asked = migrate(source, target), ask(Question(source, target))
    code, out, _ = run("migrate", N2, unnamed, "--json")
    assert told.kernel == asked.kernel == machine(target).policy.name and f'"{told.kernel}"' in out
    assert (told.exit_code, asked.exit_code) == (code, code)
    assert any("names no kernel" in note for note in told.notes)


def test_a_vcpu_that_cannot_be_created_is_refused_in_one_sentence() -> None:
    code, _, told = run("write", N2, WRITE, "--kernel", "6.12", "--features", "psci,el2")
    assert code == 2 and "would not create such a vCPU on this host: ENOENT (2), because of el2" in told
    others = [run("expose", N2, "--kernel", "6.12", "--features", "psci,el2")[2]]
    with pytest.raises(InspectorError) as refused:
        machine(sources.load(N2), Given("6.12", features="psci,el2"))
    others.append(f"vcpu-inspector: {refused.value}\n")
    assert set(others) == {told}
    restored = run("migrate", N2, "same-host", "--kernel", "6.12", "--features", "psci,el2")[2]
    assert "would not create such a vCPU on this host: ENOENT (2), because of el2" in restored


def test_features_that_are_named_leave_the_interrupt_controller_as_it_was() -> None:
    source = sources.load(N2)
    asked = ask(Question(source, None, "6.12", features="psci,pmu"))
    code, out, _ = run("migrate", N2, "same-host", "--kernel", "6.12", "--features", "psci,pmu", "--json")
    setup = parse_features("psci,pmu", gic="v3")
    told = migrate(source, "same-host", Given("6.12", features=setup), ways_out=False)
    said = [[(f.id, f.kind, f.errno, f.reason) for f in report.findings] for report in (asked, told)]
    assert said[0] == said[1] and code == asked.exit_code
    assert f'"headline": "{told.headline}"' in out


def test_inputs_of_the_host_count_wherever_a_host_is_asked() -> None:
    source = sources.load(N2)
    command = ["--kernel", "6.12", "--host", "bhb=vulnerable"]
    assert machine(source, Given("6.12", host="bhb=vulnerable")).host.bhb == 0
    assert run("migrate", N2, "same-host", *command)[0] in (0, 1)
    plain = migrate(source, "same-host", Given("6.12"), ways_out=False)
    given = migrate(source, "same-host", Given("6.12", host="bhb=vulnerable"), ways_out=False)
    assert plain.findings != given.findings
    for name in ("migrate", "fix"):
        tail = ["-o", "never"] if name == "fix" else []
        code, _, told = run(name, N2, "same-host", "--kernel", "6.12", "--host", "bhb=none", *tail)
        assert code == 2 and "bhb cannot be 'none'" in told


@pytest.mark.parametrize("name", [vmm.name for vmm in ALL])
def test_a_vmm_of_the_table_is_known_to_the_command_line(name: str) -> None:
    code, out, _ = run("migrate", N2, "same-host", "--kernel", "6.1", "--vmm", name)
    assert code in (0, 1) and f"VMM          {find_vmm(name).title}\n" in out
    assert run("migrate", N2, "same-host", "--kernel", "6.1", "--vmm", f"{name}-x")[0] == 2


def test_the_collector_knows_the_features_of_the_table() -> None:
    own = {feature.word: int(feature.bits) for feature in FEATURES if feature.bits}
    assert {word: bits for word, bits in collector.WORDS.items() if not word.startswith("ptrauth-")} == own
    assert {name for feature in FEATURES for name in feature.capabilities} <= set(collector.CAPABILITIES)


def test_the_same_host_without_a_kernel_is_refused_alike() -> None:
    source: Dump = sources.load(N2)
    with pytest.raises(InspectorError) as library:
        migrate(source, "same-host")
    with pytest.raises(InspectorError) as screens:
        ask(Question(source))
    told = {run("migrate", N2, "same-host")[2], run("fix", N2, "same-host", "-o", "never")[2]}
    assert told == {f"vcpu-inspector: {library.value}\n"} == {f"vcpu-inspector: {screens.value}\n"}


def test_the_first_run_stands_between_two_writes() -> None:
    code, out, _ = run("write", N2, "ID_AA64PFR0_EL1.CSV2=0 DIT=0", "run", "ID_AA64PFR0_EL1.DIT=1", "--kernel", "6.12")
    assert code == 1 and out.index("= accepted") < out.index("KVM_RUN  = the vCPU runs") < out.index("EBUSY (16)")
    code, out, _ = run("write", N2, "run", "SCTLR_EL1=0x5", "--kernel", "6.12", "--json")
    assert code == 0 and '"run": true' in out and '"id_registers_fixed": true' in out


def test_the_first_run_fixes_id_registers_only_where_kvm_keeps_them() -> None:
    for kernel, said, answer in (("6.1", "judged as before it", "accepted"), ("6.12", "fixed from now on", "EBUSY")):
        _, out, _ = run("write", N2, "run", "ID_AA64PFR0_EL1.CSV2=0", "--kernel", kernel)
        assert f"ID registers are {said}" in out and answer in out.splitlines()[3]
