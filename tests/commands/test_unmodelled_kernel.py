"""A kernel newer or older than all that are modelled: what the nearest one answers is a case, never a firm answer."""

from __future__ import annotations

import json

import pytest

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
