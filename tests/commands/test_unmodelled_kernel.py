"""A kernel newer or older than all that are modelled: what the nearest one answers is a case, never a firm answer."""

from __future__ import annotations

import json

import pytest

import inspector
from inspector.reports.exposure import exposure_markdown
from tests.commands.running import run

DUMP = "builtin:neoverse-n2-linux-6.1"
KERNELS = ("99.5.1", "99.5.1+mask-ccidx", "5.4.0-1103-raspi", "4.14.355-275.572.amzn2.aarch64")


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_write(kernel: str) -> None:
    done = run("write", DUMP, "ID_AA64MMFR2_EL1.CCIDX=1", "--kernel", kernel, "--json")
    (answer,) = json.loads(done.out)["writes"]
    assert done.code == 1 and answer["certain"] is False and len(answer["cases"]) == 1
    assert kernel.split("-")[0].partition("+")[0] in answer["depends_on"][0]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_restore(kernel: str) -> None:
    done = run("migrate", DUMP, "same-host", "--kernel", kernel, "--json")
    told = json.loads(done.out)
    assert done.code == 1 and told["verdict"] == "uncertain"
    assert run("migrate", DUMP, "same-host", "--kernel", kernel).out.startswith("? uncertain: it depends on what Linux")


def test_what_kvm_only_stores_is_certain() -> None:
    done = run("write", DUMP, "X0=1", "--kernel", "99.5.1", "--json")
    assert done.code == 0 and json.loads(done.out)["writes"][0]["errno"] == 0


def test_a_matrix() -> None:
    done = run("matrix", "builtin:neoverse-n2-linux-6.12", "--kernels", "6.12,99.5.1", "--json")
    cells = json.loads(done.out)["cells"]
    verdicts = {(cell["source"], cell["destination"]): cell["verdict"] for cell in cells}
    assert verdicts["6.12", "99.5.1"] == verdicts["99.5.1", "6.12"] == "uncertain" != verdicts["6.12", "6.12"]


@pytest.mark.parametrize("kernel", KERNELS)
def test_what_is_exposed(kernel: str) -> None:
    done = run("expose", DUMP, "--kernel", kernel, "CTR_EL0", "X0", "TCR2_EL1", "--json")
    told = json.loads(done.out)
    register, general, absent = told["registers"]
    assert done.code == 1 and told["certain"] is register["certain"] is False
    assert told["depends_on"] == register["depends_on"] == absent["depends_on"]
    assert int(register["known"], 16) == 0 and register["exposed"] is register["guest"] is register["listed"] is None
    assert register["cases"][0]["outcome"] == "0x0000_0000_b444_c004"
    assert {field["exposed"] for field in register["fields"]} == {None}
    assert absent["cases"][0]["outcome"] == "not listed" and absent["listed"] is None
    assert general["listed"] is True and "certain" not in general and general["exposed"] is not None


def test_what_is_exposed_as_text() -> None:
    done = run("expose", DUMP, "--kernel", "99.5.1")
    lines = done.out.splitlines()
    assert done.code == 1
    assert lines[0].startswith("? uncertain: it depends on what Linux 99.5.1, which is not modelled, does otherwise")
    assert "in place of 99.5.1" in lines[1] and lines[2].startswith("as the nearest kernel that is modelled: ")
    assert sum(line.startswith("  if  the kernel behaves as Linux ") for line in lines) > 10
    changed = sum(line.startswith("  [") for line in lines)
    assert 0 < changed < 100, "only fields that the nearest kernel changes"
    assert not [line for line in lines if line.startswith("  [") and " -> ? " not in line]


def test_what_is_exposed_in_a_library() -> None:
    machine = inspector.machine(DUMP, "99.5.1")
    register, general = inspector.expose(machine, "ID_AA64MMFR2_EL1", "X0")
    assert register.exposed is None and register.cases and register.depends_on and register.likely.exposed
    assert general.exposed == 0 and not general.cases and general.likely is general


def test_what_is_exposed_in_markdown() -> None:
    machine = inspector.machine(DUMP, "99.5.1")
    text = exposure_markdown(machine.exposures, machine.label)
    assert "| uncertain | it depends on what Linux 99.5.1, which is not modelled" in " ".join(text.split())
    assert "0x0 if Linux 99.5.1, which is not modelled, is as " in text


def test_features_and_summary_of_it() -> None:
    assert run("features", DUMP, "--kernel", "99.5.1", "FEAT_SVE").out.rstrip().endswith("not known")
    told = json.loads(run("summary", DUMP, "--kernel", "99.5.1", "--json").out)
    assert "in place of 99.5.1" in told["kernel"]
