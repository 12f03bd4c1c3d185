"""`migrate` and `fix` as a shell sees them."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.sources import load
from tests.commands.running import assert_one_line_error, run

OLD, NEW = "builtin:neoverse-n2-linux-6.1", "builtin:neoverse-n2-linux-6.12"


def test_exit_codes_and_json() -> None:
    failing = run("migrate", OLD, NEW, "--vmm", "qemu-11.1", "--json")
    assert failing.code == 1 and failing.json["verdict"] == "fails" and failing.json["vmm"] == "qemu-11.1"
    names = [f["name"] for f in failing.json["vcpus"][0]["findings"] if f["kind"] == "refused"]
    assert names == ["ID_MMFR4_EL1", "ID_AA64MMFR2_EL1"]
    every = run("migrate", OLD, NEW, "--json", "--all").json["vcpus"][0]["findings"]
    assert any(f["kind"] == "accepted" for f in every) and len(every) == 269
    assert run("migrate", "builtin:cortex-a72-linux-6.1", "builtin:cortex-a72-linux-6.12").code == 0


def test_text_and_markdown() -> None:
    assert run("migrate", OLD, NEW).out.startswith("✖ fails: 2 registers of 252 refused, first ID_MMFR4_EL1 (CCIDX)")
    assert run("migrate", OLD, NEW, "--markdown").out.startswith("## Restore fails")


def test_the_facts_that_an_answer_rests_on_are_told_in_every_form() -> None:
    ask = ("migrate", OLD, NEW, "--why", "--host", "bhb=vulnerable")
    assert "spectre-v2" in (text := run(*ask).out)
    assert next(line for line in text.splitlines() if line.startswith("  bhb ")).split()[1:3] == ["vulnerable", "given"]
    assert "| bhb | vulnerable | given |" in run(*ask, "--markdown").out
    facts = {one["name"]: one for one in run(*ask, "--json").json["host_facts"]}
    assert facts["bhb"]["origin"] == "given" and facts["vgic"]["origin"] == "inferred or assumed"
    assert "host_facts" not in run("migrate", OLD, NEW, "--json").json
    many = run("migrate", OLD, "all-kernels", "--why")
    assert many.code == 2 and not many.out and "--why" in many.err


def test_what_a_vcpu_shows_of_its_host_is_not_called_given(tmp_path: Path) -> None:
    fresh = tmp_path / "vcpu.txt"
    vcpu = next(one for one in load(NEW).vcpus if one.kind == "vcpu")
    fresh.write_text("".join(f"{reg_id:#x} {value:#x}\n" for reg_id, value in vcpu.values.items()))
    write = ("write", str(fresh), "--kernel", "6.12", "ID_AA64MMFR0_EL1=0", "ID_AA64MMFR2_EL1=0", "--why")
    assert not [one for one in run(*write, "--json").json["host_facts"] if one["origin"] == "given"]
    given = run(*write, "--host", "page-size=16k,ID_AA64MMFR2_EL1.NV=2").out
    shown = [line.split()[:3] for line in given.splitlines() if "given" in line]
    assert ["page-size", "16k", "given"] in shown and ["ID_AA64MMFR2_EL1.NV", "2", "given"] in shown


def test_same_host_and_all_kernels() -> None:
    assert run("migrate", OLD, "same-host", "--kernel", "6.12").code == 1
    assert run("migrate", OLD, "same-host", "--kernel", "6.2").code == 0
    assert run("migrate", OLD, "same-host").code == 2
    matrix = run("migrate", OLD, "all-kernels", "--json")
    assert matrix.code == 0 and len(matrix.json["kernels"]) > 30
    assert run("migrate", OLD, "all-kernels").out.startswith("= loads on ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("migrate", "nowhere", NEW),
        ("migrate", OLD, "nowhere"),
        ("migrate", OLD, NEW, "--vmm", "bhyve"),
        ("migrate", OLD, NEW, "--kernel", "2.6"),
        ("migrate", OLD, NEW, "--features", "wings"),
        ("fix", OLD, NEW),
        ("fix", OLD, NEW, "-o", "/nowhere/file"),
    ],
)
def test_bad_usage_is_one_line(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.code == 2 and done.out == "" and done.err.count("\n") == 1


def test_plain_lines_of_a_destination(tmp_path: Path) -> None:
    values = load(NEW).vcpus[0].values
    lines = tmp_path / "fresh.txt"
    lines.write_text("".join(f"0x{i:016x} {v:#x}\n" for i, v in values.items()))
    inferred = run("migrate", OLD, str(lines))
    assert inferred.code == 1 and "nearest to that of Linux 6.12.118" in inferred.out
    named = run("migrate", OLD, str(lines), "--kernel", "6.12")
    assert named.code == 1 and "names no kernel" not in named.out


def test_fix(tmp_path: Path) -> None:
    out = tmp_path / "fixed.json"
    done = run("fix", OLD, NEW, "-o", str(out))
    assert done.code == 0 and "2 values replaced" in done.out and "risk" in done.out
    assert run("migrate", str(out), NEW).code == 0
    again = run("fix", OLD, NEW, "-o", str(out))
    assert again.code == 2 and "exists already" in again.err


def test_gic_alone_leaves_the_features_as_they_were_saved() -> None:
    """Also where the destination cannot give them all: that is told, and no error."""
    to_a72 = ("migrate", "builtin:neoverse-n2-linux-6.1", "builtin:cortex-a72-linux-6.12", "--kernel", "6.12")
    done = run(*to_a72, "--gic", "v3")
    assert done.code == 1
    assert "cannot give a vCPU sve, ptrauth: it is created without" in done.out
    assert "ENOEXEC" not in done.out
    same = run("migrate", "builtin:cortex-a72-linux-6.1", "same-host", "--kernel", "6.12", "--gic", "none")
    assert "vCPU         psci,pmu: as asked (--features, --gic)\n" in same.out
    asked = run("migrate", "builtin:cortex-a72-linux-6.1", "same-host", "--kernel", "6.12", "--features", "psci,sve")
    assert asked.code == 2
    assert "sve" in asked.err


A72 = "builtin:cortex-a72-linux-6.12"


def test_the_matrix_of_kernels() -> None:
    done = run("matrix", A72, "--kernels", "6.12,6.18")
    assert done.code == 1 and done.out.startswith("0 of 2 pairs of kernels load\n")
    assert '{ "arm-cpu", "kvm-psci-version", "1.1" },' in done.out
    data = run("matrix", A72, "--kernels", "6.12, 6.18", "--vmm", "qemu-11.1", "--json").json
    assert [cell["verdict"] for cell in data["cells"]] == ["loads", "loads", "fails", "loads"]
    assert run("matrix", A72, "--kernels", "6.1,6.2").code == 0
    assert "| source / destination | 6.12 | 6.18 |" in run("matrix", A72, "--kernels", "6.12,6.18", "--markdown").out
    assert run("matrix", A72, "--kernels", "6.12").code == 2
    assert "no policy for kernel 9.99" in run("matrix", A72, "--kernels", "6.12,9.99").err
    assert "unknown VMM" in run("matrix", A72, "--vmm", "bhyve").err


def test_matrix_takes_what_is_known_of_the_host_as_the_other_commands_do() -> None:
    asked = ("matrix", "builtin:cortex-a72-linux-6.12", "--kernels", "6.12,ubuntu-6.8.0-151")
    done = run(*asked, "--host", "vgic=none", "--gic", "none", "--why", "--json")
    assert done.json["kernels"] == ["6.12", "ubuntu-6.8.0-151"], "a vendor's kernel is a row like any other"
    facts = {(one["name"], one["value"], one["origin"]) for one in done.json["host_facts"]}
    assert ("vgic", "none", "given") in facts
    assert "host_facts" not in run(*asked, "--json").json
    assert "Facts of the host that registers do not show" in run(*asked, "--why").out
    assert_one_line_error(run(*asked, "--host", "vgic=v9"))
    assert_one_line_error(run(*asked, "--snapshot", "nothing"))
