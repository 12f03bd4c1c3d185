"""Addresses of the lab."""

from __future__ import annotations

import pytest

from inspector.cli import main
from inspector.errors import SourceError
from inspector.sources.live import open_live
from inspector.sources.live.laboratory import taken_apart


def test_an_address_names_kernel_and_machine() -> None:
    kernel, spec = taken_apart('lab:/boot/my,kernel/Image,cpu=max,mte=on,smp=2,append="kvm-arm.mode=nvhe a=b,c=d"')
    assert kernel == "/boot/my,kernel/Image"
    assert (spec.cpu, spec.mte, spec.smp, spec.append) == ("max", True, 2, "kvm-arm.mode=nvhe a=b,c=d")
    kernel, spec = taken_apart("lab:6.12")
    assert (kernel, spec.cpu, spec.mte, spec.smp, spec.append) == ("6.12", "neoverse-n2", False, 1, "")
    assert open_live("lab:6.12").address == "lab:6.12"


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("lab:", "is not the address of a lab"),
        ("lab:,cpu=max", "is not the address of a lab"),
        ("lab:6.12,cpu=max,colour=red", "is not the address of a lab"),
        ("lab:6.12,cpu=-device", "is no CPU model"),
        ("lab:6.12,smp=0", "not a number from 1 to 8"),
        ("lab:6.12,smp=99999999999", "not a number from 1 to 8"),
        ("lab:6.12,mte=maybe", "neither on nor off"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused(address: str, wanted: str) -> None:
    with pytest.raises(SourceError, match=wanted):
        open_live(address)


def test_a_kernel_that_there_is_not_ends_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "lab:/nonexistent/Image"]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_the_command_takes_no_series_but_to_fetch(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "list", "6.12"]) == 2
    assert "only `lab fetch`" in capsys.readouterr().err
    assert main(["lab", "ask", "MIDR_EL1", "--kernels", ","]) == 2
    assert "names no kernel" in capsys.readouterr().err
