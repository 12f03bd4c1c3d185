"""lscpu and /proc/cpuinfo of arm64: what every CPU is (MIDR_EL1), and the flags that Linux gives its processes.

A flag stands for the least value of an ID register field (`registers.hwcaps`), so those registers are known in part.
/proc/cpuinfo prints a block for each CPU; lscpu one for each kind of core, as text or as JSON (`lscpu -J`).
"""

from __future__ import annotations

import re
from typing import Final

from inspector.budget import STEPS, VCPUS
from inspector.errors import SourceError
from inspector.numbers import parse_number
from inspector.registers.bits import Partial
from inspector.sources.cpu_rows import ARM, STEPPING, Lscpu, Rows, rows_of_json, rows_of_text, translated
from inspector.sources.cpu_tables import CpuTable, models_of
from inspector.sources.dump import Dump, Provenance
from inspector.sources.flags import (
    Core,
    cores_dump,
    implementer_of_core,
    known_flags,
    midr_of,
    part_code,
    shows_aarch32,
    vendor_code,
)
from inspector.sources.formats.plain_text import text_of
from inspector.sources.jsontext import decode
from inspector.sources.opening import Content
from inspector.untrusted import Untrusted

NAME: Final = "cpu-list"
_SNIFF = re.compile(
    rb"^[^\n:=]{0,80}\b(?:CPU implementer|CPU part|Architecture|Features|Flags|Stepping|Model name)[ \t]{0,80}:", re.M
)
_OF_32_BITS = "the flags are those of 32-bit processes: they show no field of an AArch64 register"
_PLACES = re.compile(rb'"(?:cpu|node|socket|core|one-size|all-size|modelname)"[ \t]{0,20}:')
_TABLE = re.compile(
    rb"^(?:# )?(?:CPU[ \t,]{1,20}(?:NODE|Node|SOCKET|Socket|CORE|Core|ONLINE|MODELNAME)\b|MODELNAME\b"
    rb"|NAME +ONE-SIZE +ALL-SIZE)",
    re.M,
)
_OTHER = re.compile(rb"^[^\n:=]{0,80}\bvendor_id[ \t]{0,80}:[ \t]{0,80}([^\n\r]{0,40})", re.M)
"""A line of x86's /proc/cpuinfo, and of s390's."""


def sniff(content: Content) -> bool:
    """A line of either is among the first ones, and a second one that only they have; or it is lscpu's JSON."""
    head = content.head
    if "lscpu" in content.json_object() or _lists_cpus(content):
        return True
    if _OTHER.search(head) and b"\0" not in head:
        return True
    if b"\0" in head or b":" not in head.replace("\uff1a".encode(), b":"):
        return False
    if not _SNIFF.search(head):
        return translated(head.decode("utf-8", "replace"))
    return any(
        word in head for word in (b"CPU implementer", b"CPU part", b"asimd", b"Architecture:", b"Stepping:")
    ) or (translated(head.decode("utf-8", "replace")))


def load(content: Content) -> Dump:
    """The cores. Raises SourceError for another architecture, and where no core is named."""
    where = content.name
    if _lists_cpus(content):
        return _of_table(content)
    rows = _rows(content)
    other = _OTHER.search(content.head)
    if other:
        told = other[1].decode("utf-8", "replace").strip()
        raise SourceError(f"is of another architecture ({told})", where, "this program reads arm64")
    architecture = next((value for key, value in rows if key == "Architecture"), "")
    if architecture and architecture not in ARM:
        raise SourceError(f"is of another architecture ({architecture[:40]})", where, "this program reads arm64")
    lscpu = not any(key.startswith("CPU ") for key, _ in rows)
    content.budget.spend(VCPUS, sum(key in ("processor", "Model name") for key, _ in rows))
    cores = _of_lscpu(rows) if lscpu else _of_cpuinfo(rows)
    if not any(core.midr.known or core.flags for core in cores):
        raise SourceError("names no arm64 core and no flags of one", where, "is it of an arm64 machine?")
    tool = "lscpu" if lscpu else "/proc/cpuinfo"
    provenance = Provenance(source=where, format=NAME, compression=content.compression, tool=Untrusted(tool))
    notes: tuple[str, ...] = (
        () if content.declared else (f"taken for a host: {tool} in a VM shows what its guest sees: --as guest",)
    )
    if any(key in ("Features", "Flags") and shows_aarch32(value.split()) for key, value in rows):
        notes = (*notes, _OF_32_BITS)
    return cores_dump(cores, content.declared or "host", provenance, notes)


def _lists_cpus(content: Content) -> bool:
    """lscpu -e, -p and -C, as a table or as JSON: where each CPU or cache is, and nothing of what it is."""
    keys = content.json_object()
    if "cpus" in keys or "caches" in keys:
        return len(keys) == 1 and _PLACES.search(content.head) is not None
    return _TABLE.search(content.head) is not None


def _of_table(content: Content) -> Dump:
    """The cores that a table names; SourceError where it names none that is known."""
    if content.json_object():
        keys = content.json_object()
        entries = decode(content.whole(), CpuTable, content.name).cpus if "cpus" in keys else []
        models = [(entry.cpu, entry.modelname) for entry in entries if entry.modelname]
    else:
        models = models_of(text_of(content))
    content.budget.spend(VCPUS, len(models))
    cores = [Core(cpu, _midr_of_name(name)) for cpu, name in models]
    if not any(core.midr.known for core in cores):
        hint = "give what `lscpu` or `lscpu -J` prints without -e, -p or -C"
        raise SourceError("is lscpu's list of CPUs or caches, which names no core and no flags", content.name, hint)
    provenance = Provenance(source=content.name, format=NAME, compression=content.compression, tool=Untrusted("lscpu"))
    unread = sorted({name for cpu, name in models if not _midr_of_name(name).known})
    notes = ["the table names cores and nothing else of them: their revision and flags stay unknown"]
    if unread:
        notes.append(f"not the name of one known core: {', '.join(unread[:4])}")
    return cores_dump(cores, content.declared or "host", provenance, tuple(notes))


def _midr_of_name(name: str) -> Partial:
    """MIDR_EL1 of a core that has one name; nothing where several makers, or none, have it."""
    maker = implementer_of_core(name)
    part = part_code(maker, name)
    return (
        Partial.nothing()
        if maker is None or part is None
        else midr_of({"implementer": maker, "architecture": 0xF, "part": part})
    )


def _rows(content: Content) -> Rows:
    if "lscpu" in content.json_object():
        return rows_of_json(decode(content.whole(), Lscpu, content.name))
    text = text_of(content)
    content.budget.spend(STEPS, 6 * text.count("\n"))
    return rows_of_text(text)


def _of_cpuinfo(rows: list[tuple[str, str]]) -> list[Core]:
    blocks: list[dict[str, str]] = []
    for key, value in rows:
        if not blocks or key == "processor" or (key in blocks[-1] and key != "Features"):
            blocks.append({})
        blocks[-1][key] = value
    told = [block for block in blocks if any(key.startswith("CPU ") for key in block)]
    shared = next((block["Features"] for block in blocks if "Features" in block), "")
    cores = []
    for place, block in enumerate(told):
        fields = {
            "implementer": _hex(block.get("CPU implementer"), 2),
            "variant": _number(block.get("CPU variant")),
            "architecture": 0xF if block.get("CPU architecture", "8").casefold() in ARM else None,
            "part": _hex(block.get("CPU part"), 3),
            "revision": _number(block.get("CPU revision")),
        }
        index = _number(block.get("processor"))
        flags = known_flags(block.get("Features", shared).split())
        midr = midr_of({name: number for name, number in fields.items() if number is not None})
        cores.append(Core(place if index is None else index, midr, flags))
    return cores


def _of_lscpu(rows: list[tuple[str, str]]) -> list[Core]:
    """A block begins with each `Model name`; vendor and flags of the whole system hold for blocks that lack them."""
    blocks: list[dict[str, str]] = [{}]
    for key, value in rows:
        if key == "Vendor ID" or (key == "Model name" and "Model name" in blocks[-1]):
            vendor = value if key == "Vendor ID" else blocks[-1].get("Vendor ID", "")
            blocks.append({"Vendor ID": vendor} if vendor else {})
        if key in blocks[-1] and key == "Flags":
            continue
        blocks[-1][key] = value
    told = [block for block in blocks if "Model name" in block or "Stepping" in block] or blocks
    shared = next((block["Flags"] for block in blocks if "Flags" in block), "")
    cores = []
    for place, block in enumerate(told):
        implementer = vendor_code(block.get("Vendor ID", "")) or implementer_of_core(block.get("Model name", ""))
        fields: dict[str, int | None] = {
            "implementer": implementer,
            "architecture": 0xF,
            "part": part_code(implementer, block.get("Model name", "")),
            "revision": _number(block.get("Model")),
        }
        stepping = STEPPING.fullmatch(block.get("Stepping", ""))
        if stepping:
            fields |= {"variant": int(stepping[1]), "revision": int(stepping[2])}
        named = implementer is not None
        midr = midr_of({name: number for name, number in fields.items() if number is not None and named})
        cores.append(Core(place, midr, known_flags(block.get("Flags", shared).split())))
    return cores


def _hex(text: str | None, digits: int) -> int | None:
    """A number with all the digits that the kernel prints (arch/arm64/kernel/cpuinfo.c, c_show()); fewer were cut."""
    return int(text, 16) if text and re.fullmatch(rf"0[xX][0-9a-fA-F]{{{digits}}}", text) else None


def _number(text: str | None) -> int | None:
    try:
        return parse_number(text or "")
    except ValueError:
        return None
