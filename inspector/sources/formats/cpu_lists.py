"""lscpu and /proc/cpuinfo of arm64: what every CPU is (MIDR_EL1), and the flags that Linux gives its processes.

A flag stands for the least value of an ID register field (`registers.hwcaps`), so those registers are known in part.
/proc/cpuinfo prints a block for each CPU; lscpu one for each kind of core.
"""

from __future__ import annotations

import re

from inspector.errors import SourceError
from inspector.sources.dump import Dump, Provenance
from inspector.sources.flags import Core, cores_dump, known_flags, midr_of, part_code, vendor_code
from inspector.sources.formats.plain_text import text_of
from inspector.sources.opening import Content
from inspector.sources.pasted_lines import bare

NAME = "cpu-list"
_SNIFF = re.compile(
    rb"^[^\n:=]{0,80}\b(?:CPU implementer|CPU part|Architecture|Features|Flags|Stepping|Model name)[ \t]{0,80}:", re.M
)
_KEYS = ("CPU implementer", "CPU architecture", "CPU variant", "CPU part", "CPU revision", "Architecture", "Features",
         "Flags", "Stepping", "Model name", "Vendor ID", "Model", "processor", "CPU(s)")  # fmt: skip
_OTHER = re.compile(rb"^[^\n:=]{0,80}\bvendor_id[ \t]{0,80}:[ \t]{0,80}([^\n\r]{0,40})", re.M)
"""A line of x86's /proc/cpuinfo, and of s390's."""
_STEPPING = re.compile(r"r(\d{1,2})p(\d{1,2})")
_ARM = frozenset(("aarch64", "arm64", "aarch64_be", "armv8l", "8", "aarch64el"))


def sniff(content: Content) -> bool:
    """A line of either is among the first ones, and a second one that only they have."""
    head = content.head
    if _OTHER.search(head) and b"\0" not in head:
        return True
    if b"\0" in head or not _SNIFF.search(head):
        return False
    return any(word in head for word in (b"CPU implementer", b"CPU part", b"asimd", b"Architecture:", b"Stepping:"))


def load(content: Content) -> Dump:
    """The cores. Raises SourceError for another architecture, and where no core is told."""
    where = content.name
    rows = _rows(text_of(content))
    other = _OTHER.search(content.head)
    if other:
        told = other[1].decode("utf-8", "replace").strip()
        raise SourceError(f"is of another architecture ({told})", where, "this program reads arm64")
    architecture = next((value for key, value in rows if key == "Architecture"), "")
    if architecture and architecture not in _ARM:
        raise SourceError(f"is of another architecture ({architecture[:40]})", where, "this program reads arm64")
    lscpu = not any(key.startswith("CPU ") for key, _ in rows)
    cores = _of_lscpu(rows) if lscpu else _of_cpuinfo(rows)
    if not any(core.midr.known or core.flags for core in cores):
        raise SourceError("names no arm64 core and no flags of one", where, "is it of an arm64 machine?")
    tool = "lscpu" if lscpu else "/proc/cpuinfo"
    provenance = Provenance(source=where, format=NAME, compression=content.compression, tool=tool)
    notes = () if content.declared else (f"taken for a host: {tool} in a VM shows what its guest sees: --as guest",)
    return cores_dump(cores, content.declared or "host", provenance, notes)


def _rows(text: str) -> list[tuple[str, str]]:
    """Keys and values in their order; an indented line without a key goes on with the value before it."""
    rows: list[tuple[str, str]] = []
    for raw in text.splitlines():
        line = bare(raw)
        key, colon, value = line.partition(":")
        name = next((each for each in _KEYS if each.casefold() == key.strip().casefold()), "")
        if colon and name:
            rows.append((name, value.strip()))
        elif not colon and rows and raw[:1].isspace() and rows[-1][0] in ("Flags", "Features"):
            rows[-1] = rows[-1][0], f"{rows[-1][1]} {line}"
    return rows


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
            "implementer": _number(block.get("CPU implementer")),
            "variant": _number(block.get("CPU variant")),
            "architecture": 0xF if block.get("CPU architecture", "8").casefold() in _ARM else None,
            "part": _number(block.get("CPU part")),
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
        implementer = vendor_code(block.get("Vendor ID", ""))
        fields: dict[str, int | None] = {
            "implementer": implementer,
            "architecture": 0xF,
            "part": part_code(implementer, block.get("Model name", "")),
            "revision": _number(block.get("Model")),
        }
        stepping = _STEPPING.fullmatch(block.get("Stepping", ""))
        if stepping:
            fields |= {"variant": int(stepping[1]), "revision": int(stepping[2])}
        named = implementer is not None
        midr = midr_of({name: number for name, number in fields.items() if number is not None and named})
        cores.append(Core(place, midr, known_flags(block.get("Flags", shared).split())))
    return cores


def _number(text: str | None) -> int | None:
    try:
        return int(text or "", 0)
    except ValueError:
        return None
