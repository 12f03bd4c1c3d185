"""What the bits of control registers mean when they are 0 and 1 (DDI 0487, D24.2), grouped by polarity."""

from __future__ import annotations

import pytest

from inspector.registers import catalog, reading

POLARITY = {
    # (what 0 means, what 1 means): bits of SCTLR_EL1
    ("off", "on"): "M A C SA SA0 I EnDB EnDA EnIB EnIA NMI",
    ("trapped", "allowed"): "EnTP2 EnALS EnAS0 EnASR TME TME0 EnFPM EnRCTX",
    ("trapped", "not trapped"): "UMA DZE UCT nTWI nTWE UCI nTLSMD",
    ("allowed", "trapped"): "TIDCP TSCXT",
    ("allowed", "undefined"): "SED ITD",
    ("undefined", "allowed"): "CP15BEN MSCEn",
    ("no", "yes"): "SPINTMASK EPAN TMT TMT0 ITFSB CMOW WXN IESB EIS EOS",
    ("little-endian", "big-endian"): "EE E0E",
    ("loads and stores", "stores only"): "TCSO TCSO0",
    ("any branch type", "call types only"): "BT0 BT1",
    ("read as zero", "accessible"): "ATA ATA0",
    ("set to 1", "unchanged"): "SPAN",
    ("0", "1"): "DSSBS",
    ("any order", "as before"): "LSMAOE",
    ("alignment fault", "no alignment fault"): "nAA",
    ("implementation defined", "as TWEDEL says"): "TWEDEn",
}
_FROM_THE_TOP = """
    TIDCP SPINTMASK NMI EnTP2 TCSO TCSO0 EPAN EnALS EnAS0 EnASR TME TME0 TMT TMT0 - - - - TWEDEn DSSBS ATA ATA0 - - - -
    ITFSB BT1 BT0 EnFPM MSCEn CMOW EnIA EnIB LSMAOE nTLSMD EnDA UCI EE E0E SPAN EIS IESB TSCXT WXN nTWE - nTWI UCT DZE
    EnDB I EOS EnRCTX UMA SED ITD nAA CP15BEN SA0 SA C A M
"""
"""the 64 bits of SCTLR_EL1; `-` where a field is wider than one bit or reserved"""
BITS = {name: 63 - place for place, name in enumerate(_FROM_THE_TOP.split())}


def meaning(register: str, field: str, value: int) -> str:
    """The words for a field of one bit."""
    schema = catalog.find(register).register.schema
    assert schema is not None
    span = schema.span(field)
    assert span is not None
    text = reading.read_field(span, value).meaning
    return text.partition(": ")[2] or text


@pytest.mark.parametrize(
    ("words", "names"), POLARITY.items(), ids=lambda value: value if isinstance(value, str) else None
)
def test_sctlr(words: tuple[str, str], names: str) -> None:
    for name in names.split():
        assert meaning("SCTLR_EL1", name, 0).startswith(words[0]), name
        assert meaning("SCTLR_EL1", name, 1).startswith(words[1]), name


def test_every_bit_of_sctlr_is_held() -> None:
    told = {name for names in POLARITY.values() for name in names.split()}
    schema = catalog.find("SCTLR_EL1").register.schema
    assert schema is not None
    single = {span.name: span.lsb for span in schema.fields if span.width == 1}
    assert single == {name: bit for name, bit in BITS.items() if name != "-"}
    assert told == set(single)


@pytest.mark.parametrize("field", ["FPEN", "ZEN", "SMEN"])
def test_cpacr(field: str) -> None:
    """0 and 2 trap both levels, 1 traps EL0 alone, 3 traps none."""
    assert meaning("CPACR_EL1", field, 0).startswith("trapped")
    assert meaning("CPACR_EL1", field, 1).startswith("EL0 trapped, EL1 allowed")
    assert meaning("CPACR_EL1", field, 2).startswith("trapped")
    assert meaning("CPACR_EL1", field, 3).startswith("allowed")


@pytest.mark.parametrize("field", ["EL0PTEN", "EL0VTEN", "EL0VCTEN", "EL0PCTEN"])
def test_cntkctl(field: str) -> None:
    assert (meaning("CNTKCTL_EL1", field, 0), meaning("CNTKCTL_EL1", field, 1)) == ("trapped to EL1", "not trapped")
