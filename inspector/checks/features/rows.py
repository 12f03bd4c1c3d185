"""The lines of a summary: what each is about, which features and fields it is made of, and its words for one side.

Words name what is there; what is not known stands behind "not known"; a line of which nothing is known has no words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from inspector.checks.features.level import level_words
from inspector.checks.features.sides import Side
from inspector.numbers import few_of
from inspector.policies.setup import Feature
from inspector.registers.caches import Cache
from inspector.registers.features import feature
from inspector.registers.ids import WORKAROUND_1, WORKAROUND_2, WORKAROUND_3, id_of
from inspector.registers.meanings import core_name, counted, size_text
from inspector.registers.naming import by_id
from inspector.registers.reading import read_field

Words = Callable[[Side], str | None]


class SummaryRow(NamedTuple):
    """One line."""

    key: str
    """stable word for JSON"""
    title: str
    features: tuple[str, ...]
    """names of features that the line counts: what one side has less is lost"""
    places: tuple[str, ...]
    """REGISTER or REGISTER.FIELD, the most telling first"""
    words: Words
    by_features: bool = False
    """the sides are alike when their features are: the words tell more than the registers of a vCPU hold"""


def _listed(side: Side, names: Sequence[str], labels: dict[str, str] | None = None, none: str = "none") -> str | None:
    """Those that are there, then those that are not known; None where none is known."""
    there = [name for name in names if side.has(name)]
    open_ = [name for name in names if side.has(name) is None]
    if len(open_) == len(names):
        return None
    words = " ".join(_label(name, labels) for name in there) or none
    return words + _not_known([_label(name, labels) for name in open_])


def _label(name: str, labels: dict[str, str] | None) -> str:
    return (labels or {}).get(name, name.removeprefix("FEAT_"))


def _not_known(labels: Sequence[str]) -> str:
    if not labels:
        return ""
    return f"; not known: {few_of(labels, 5)}"


def _newest(side: Side, names: Sequence[str]) -> str | None:
    """The last of a ladder of features that is there, `at least` where the next is not known; None for nothing."""
    best = ""
    for name in names:
        answer = side.has(name)
        if answer is None:
            return f"at least {best}" if best else None
        if not answer:
            break
        best = name.removeprefix("FEAT_")
    return best or "none"


def _meaning(side: Side, register: str, field: str) -> str | None:
    """What a field's value says, up to the first semicolon."""
    value = side.field(register, field)
    schema = by_id(id_of(register)).schema
    span = schema.span(field) if schema else None
    return None if value is None or span is None else read_field(span, value).short


def _joined(*parts: str | None) -> str | None:
    """Parts that are known; None where none is."""
    known = [part for part in parts if part]
    return ", ".join(known) or None


def _core(side: Side) -> str | None:
    if side.cores:
        return "; ".join(f"{core_name(midr)} ({where})" for where, midr in side.cores)
    midr = side.register("MIDR_EL1")
    return None if midr is None else f"{core_name(midr)} ({midr >> 24 & 0xFF:#04x}, {midr >> 4 & 0xFFF:#05x})"


def _level(side: Side) -> str | None:
    return level_words(side.has)


_GRANULES = (("FEAT_TGran4K", "TGRAN4", "4K"), ("FEAT_TGran16K", "TGRAN16", "16K"), ("FEAT_TGran64K", "TGRAN64", "64K"))
_STAGE_2 = (("TGRAN4_2", "4K"), ("TGRAN16_2", "16K"), ("TGRAN64_2", "64K"))


def _addresses(side: Side) -> str | None:
    physical, virtual = (_bits(side, *place) for place in (("0", "PARANGE"), ("2", "VARange")))
    granules = [size for name, _, size in _GRANULES if side.has(name)]
    open_ = [f"{size} pages" for name, _, size in _GRANULES if side.has(name) is None]
    pages = f"pages of {' '.join(granules)}" if granules else None
    parts = (physical and f"{physical} physical", virtual and f"{virtual} virtual", pages)
    words = _joined(*(part or None for part in parts), _stage_2(side), "LPA2" if side.has("FEAT_LPA2") else None)
    return words + _not_known(open_) if words else None


def _bits(side: Side, number: str, field: str) -> str | None:
    """`52-bit`: the number that the meaning begins with."""
    meaning = _meaning(side, f"ID_AA64MMFR{number}_EL1", field)
    return f"{meaning.split()[0]}-bit" if meaning else None


def _stage_2(side: Side) -> str | None:
    """The granules of stage 2, where they are not those of stage 1."""
    told = [(size, side.field("ID_AA64MMFR0_EL1", field)) for field, size in _STAGE_2]
    if any(value is None for _, value in told) or all(value == 0 for _, value in told):
        return None
    of_stage_1 = {size: side.has(name) for name, _, size in _GRANULES}
    held = [size for size, value in told if (value or 0) >= 2 or (value == 0 and of_stage_1[size])]
    return f"stage 2 {' '.join(held)}" if held else "stage 2 none"


_SVE = ("FEAT_SVE", "FEAT_SVE2", "FEAT_SVE2p1", "FEAT_SVE2p2")
_SVE_PARTS = (
    "FEAT_SVE_AES", "FEAT_SVE_PMULL128", "FEAT_SVE_BitPerm", "FEAT_SVE_SHA3", "FEAT_SVE_SM4", "FEAT_F32MM",
    "FEAT_F64MM", "FEAT_SVE_F16F32MM", "FEAT_SVE_B16B16",
)  # fmt: skip
_SME = ("FEAT_SME", "FEAT_SME2", "FEAT_SME2p1", "FEAT_SME2p2")


def _vectors(side: Side) -> str | None:
    sve, sme = _newest(side, _SVE), _newest(side, _SME)
    parts = ["no SVE" if sve == "none" else sve]
    if sve not in (None, "none"):
        parts.append(_lengths(side.lengths))
    parts.append("no SME" if sme == "none" else sme)
    return _joined(*parts)


def _lengths(bitmap: int | None) -> str:
    """`128 and 256 bits`; bit n of SVE_VLS stands for (n + 1) * 128 bits."""
    if bitmap is None:
        return "lengths not known"
    held = [(n + 1) * 128 for n in range(64) if bitmap >> n & 1]
    if len(held) > 4:
        return f"{len(held)} lengths, {held[0]} to {held[-1]} bits"
    return " ".join(map(str, held)) + " bits" if held else "no length"


_PAUTH = ("FEAT_PAuth", "FEAT_PAuth2", "FEAT_FPAC", "FEAT_FPACCOMBINE", "FEAT_PAuth_LR")
_ALGORITHMS = {"FEAT_PACQARMA5": "QARMA5", "FEAT_PACQARMA3": "QARMA3", "FEAT_PACIMP": "IMPDEF algorithm"}


def _pointers(side: Side) -> str | None:
    level = _newest(side, _PAUTH)
    if level in (None, "none"):
        return level
    algorithm = next((words for name, words in _ALGORITHMS.items() if side.has(name)), None)
    return _joined(algorithm or "algorithm not known", "EPAC" if side.has("FEAT_EPAC") else level)


_MEMORY_TAGS = ("FEAT_MTE", "FEAT_MTE2", "FEAT_MTE3")
_BRANCHES = ("FEAT_BTI", "FEAT_GCS")
_ATOMICS = (
    "FEAT_LSE",
    "FEAT_LSE2",
    "FEAT_LSE128",
    "FEAT_LRCPC",
    "FEAT_LRCPC2",
    "FEAT_LRCPC3",
    "FEAT_LS64",
    "FEAT_MOPS",
)
_CRYPTO = (
    "FEAT_AES", "FEAT_PMULL", "FEAT_SHA1", "FEAT_SHA256", "FEAT_SHA512", "FEAT_SHA3", "FEAT_SM3", "FEAT_SM4",
    "FEAT_CRC32",
)  # fmt: skip
_ARITHMETIC = (
    "FEAT_FP16", "FEAT_BF16", "FEAT_I8MM", "FEAT_DotProd", "FEAT_FHM", "FEAT_FCMA", "FEAT_JSCVT", "FEAT_RDM",
    "FEAT_FRINTTS", "FEAT_FP8",
)  # fmt: skip
_PMU = (
    "FEAT_PMUv3", "FEAT_PMUv3p1", "FEAT_PMUv3p4", "FEAT_PMUv3p5", "FEAT_PMUv3p7", "FEAT_PMUv3p8", "FEAT_PMUv3p9",
)  # fmt: skip
_RAS = ("FEAT_RAS", "FEAT_RASv1p1", "FEAT_RASv2")


def _pmu(side: Side) -> str | None:
    if side.field("ID_AA64DFR0_EL1", "PMUVer") == 15:
        return "a PMU of the vendor's own"
    version = _newest(side, _PMU)
    if version in (None, "none"):
        return version
    # PMCR_EL0.N is what a guest sees of the counters; bits 15:11 alone count.
    counters = side.possible(id_of("PMCR_EL0"), 15, 11)
    known = counters is not None and len(counters) == 1 and id_of("PMCR_EL0") in side.values.known
    return _joined(version, counted(counters[0], "event counter") if known and counters else "counters not known")


_PROFILING = ("FEAT_SPE", "FEAT_BRBE", "FEAT_TRBE", "FEAT_AMUv1", "FEAT_MPAM")


_DEBUG = ("FEAT_Debugv8p2", "FEAT_Debugv8p4", "FEAT_Debugv8p8", "FEAT_Debugv8p9")


def _debug(side: Side) -> str | None:
    version = _meaning(side, "ID_AA64DFR0_EL1", "DebugVer")
    numbers = [
        None if (value := side.field("ID_AA64DFR0_EL1", field)) is None else counted(value + 1, noun)
        for field, noun in (("BRPs", "breakpoint"), ("WRPs", "watchpoint"))
    ]
    return _joined(version, *numbers, "double lock" if side.has("FEAT_DoubleLock") else None)


def _timers(side: Side) -> str | None:
    frequency = side.register("CNTFRQ_EL0")
    ecv = side.has("FEAT_ECV")
    offset = side.has("FEAT_ECV_POFF")
    words = None if ecv is None else "ECV, with an offset" if offset else "ECV" if ecv else "no ECV"
    return _joined(f"{frequency / 1e6:g} MHz" if frequency else None, words)


_NESTED = ("FEAT_VHE", "FEAT_NV", "FEAT_NV2", "FEAT_NV2p1", "FEAT_NV3")


def _virtual(side: Side) -> str | None:
    level = side.field("ID_AA64PFR0_EL1", "EL2")
    if level is None:
        return None
    shown = ", ".join(["EL2", *(name.removeprefix("FEAT_") for name in _NESTED if side.has(name))]) if level else ""
    if side.setup is not None and not side.setup.has(Feature.EL2):
        # KVM leaves the field of the host to a vCPU that has no EL2.
        return "no EL2" + (f" for the guest; registers show {shown}" if shown else "")
    return shown or "no EL2"


_LEVELS = ("EL0", "EL1", "EL2", "EL3")


def _aarch32(side: Side) -> str | None:
    values = {level: side.field("ID_AA64PFR0_EL1", level) for level in _LEVELS}
    if all(value is None for value in values.values()):
        return None
    held = [level for level, value in values.items() if value == 2]
    open_ = [level for level, value in values.items() if value is None]
    return (" ".join(held) or "none") + _not_known(open_)


_SPECULATION = ("FEAT_CSV3", "FEAT_SSBS", "FEAT_SSBS2", "FEAT_CLRBHB", "FEAT_ECBHB", "FEAT_SB", "FEAT_SPECRES")
_CSV2 = ("FEAT_CSV2", "FEAT_CSV2_2", "FEAT_CSV2_3")
_WORKAROUNDS = ((WORKAROUND_1, "Spectre v2"), (WORKAROUND_2, "Spectre v4"), (WORKAROUND_3, "Spectre-BHB"))


def _speculation(side: Side) -> str | None:
    first = _newest(side, _CSV2)
    words = _listed(side, _SPECULATION, none="")
    there, _, open_ = (words or "").partition("; ")
    lacks = "no CSV2" if first == "none" else ""
    held = _joined(first if first != "none" else "", there, *_workarounds(side))
    # What is not there stands apart, after all that is.
    return "; ".join(part for part in (held, lacks, open_) if part) or None


def _workarounds(side: Side) -> tuple[str, ...]:
    """What the vCPU's firmware answers to the three workaround calls, as its registers hold it."""
    return tuple(
        f"{title} call: {read.short}"
        for reg_id, title in _WORKAROUNDS
        if side.key == "vcpu"
        and (value := side.register(by_id(reg_id).name)) is not None
        and (schema := by_id(reg_id).schema) is not None
        and (read := read_field(schema.fields[-1], schema.fields[-1].extract(value)))
    )


def _gic(side: Side) -> str | None:
    if side.has("FEAT_GCIE"):
        return "GICv5 CPU interface"
    return _meaning(side, "ID_AA64PFR0_EL1", "GIC")


def _caches(side: Side) -> str | None:
    if side.caches is None or not side.caches.caches:
        return None
    words = ", ".join(_cache(one, side.key) for one in side.caches.caches)
    made_up = side.caches.fabricated and side.key != "host"
    return f"{words}; made up by KVM" if made_up else words


def _cache(one: Cache, key: str) -> str:
    name = f"L{one.level}{ {'instruction': 'i', 'data': 'd'}.get(one.kind, '') }"
    reading = one.host if key == "host" and one.host is not None else one.chosen
    if reading is None:
        return f"{name} ?"
    size = "? KiB" if reading.size is None else size_text(reading.size)
    return f"{name} {size} {counted(reading.ways, 'way')}"


def _of(*names: str, none: str = "none") -> Words:
    return lambda side: _listed(side, names, none=none)


def _ladder(*names: str) -> Words:
    return lambda side: _newest(side, names)


def _places(*names: str) -> tuple[str, ...]:
    """The fields behind features, in their order."""
    return tuple(dict.fromkeys(term.place for name in names for term in feature(name).terms))


def rows() -> tuple[SummaryRow, ...]:
    """Every line of a summary, in its order."""
    dfr0, mmfr0, pfr0 = "ID_AA64DFR0_EL1", "ID_AA64MMFR0_EL1", "ID_AA64PFR0_EL1"
    return (
        SummaryRow("core", "Core", (), ("MIDR_EL1",), _core),
        SummaryRow("architecture", "Architecture", (), ("ID_AA64ISAR0_EL1", pfr0), _level),
        SummaryRow(
            "addresses", "Addresses", ("FEAT_LPA", "FEAT_LPA2", "FEAT_LVA", "FEAT_TGran4K", "FEAT_TGran16K",
            "FEAT_TGran64K"), (f"{mmfr0}.PARANGE", "ID_AA64MMFR2_EL1.VARange", f"{mmfr0}.TGRAN4", f"{mmfr0}.TGRAN16",
            f"{mmfr0}.TGRAN64"), _addresses,
        ),
        SummaryRow("vectors", "Vectors", (*_SVE, *_SME), (*_places(*_SVE[:2], "FEAT_SME"), "SVE_VLS"), _vectors),
        SummaryRow("sve", "SVE, further", _SVE_PARTS, _places(*_SVE_PARTS), _of(*_SVE_PARTS)),
        SummaryRow("arithmetic", "Arithmetic", _ARITHMETIC, _places(*_ARITHMETIC), _of(*_ARITHMETIC)),
        SummaryRow("atomics", "Atomics, copies", _ATOMICS, _places(*_ATOMICS), _of(*_ATOMICS)),
        SummaryRow("crypto", "Cryptography", _CRYPTO, _places(*_CRYPTO), _of(*_CRYPTO)),
        SummaryRow("random", "Random numbers", ("FEAT_RNG",), _places("FEAT_RNG"), _of("FEAT_RNG")),
        SummaryRow("pointers", "Pointer auth", (*_PAUTH, *_ALGORITHMS), _places("FEAT_PAuth", *_ALGORITHMS), _pointers),
        SummaryRow("branches", "Control flow", _BRANCHES, _places(*_BRANCHES), _of(*_BRANCHES)),
        SummaryRow("tags", "Memory tags", _MEMORY_TAGS, _places("FEAT_MTE"), _ladder(*_MEMORY_TAGS)),
        SummaryRow("speculation", "Speculation", (*_CSV2, *_SPECULATION), _places(*_CSV2, *_SPECULATION), _speculation),
        SummaryRow("errors", "RAS", _RAS, _places("FEAT_RAS"), _ladder(*_RAS)),
        SummaryRow("pmu", "PMU", _PMU, (f"{dfr0}.PMUVer", "PMCR_EL0"), _pmu),
        SummaryRow("profiling", "Profiling", _PROFILING, _places(*_PROFILING), _of(*_PROFILING)),
        SummaryRow("debug", "Debug", _DEBUG, (f"{dfr0}.DebugVer", f"{dfr0}.BRPs", f"{dfr0}.WRPs"), _debug),
        SummaryRow("timers", "Timers", ("FEAT_ECV", "FEAT_ECV_POFF"), (f"{mmfr0}.ECV", "CNTFRQ_EL0"), _timers, True),
        SummaryRow(
            "virtualisation", "Virtualisation", _NESTED,
            (f"{pfr0}.EL2", "ID_AA64MMFR1_EL1.VH", "ID_AA64MMFR2_EL1.NV"), _virtual,
        ),
        SummaryRow(
            "aarch32", "AArch32", ("FEAT_AA32EL0", "FEAT_AA32EL1"), (f"{pfr0}.EL0", f"{pfr0}.EL1"), _aarch32,
        ),
        SummaryRow("gic", "GIC interface", ("FEAT_GICv3", "FEAT_GICv4p1", "FEAT_GCIE"), (f"{pfr0}.GIC",), _gic),
        SummaryRow("caches", "Caches", (), ("CLIDR_EL1", "CCSIDR[0]"), _caches),
    )  # fmt: skip
