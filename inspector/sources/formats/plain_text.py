"""Plain text: registers and their values in any spelling, whatever stands around them.

`0x603000000013c020 0x1101000021111112`, `ID_AA64PFR0_EL1=0x...`, `NAME: value`, `NAME value`, `NAME.FIELD=value`;
numbers are `0x` hex, `0b` binary or decimal; `#`, `//` and `;` begin a comment. `vcpu 1:` and `CPU 1:` begin the next
vCPU or CPU, `cpu=1` in a line names one. Time stamps, prompts, tables, headers and prose do not matter: a line that is
not understood is counted and named. A file of registers alone, without values, is a list.

Whose values they are is said by `--as`, by a header line (`# host`, `guest:`), or inferred and then reported. In KVM's
debugfs file `idregs` (since Linux 6.9) every value is 16 hex digits without `0x`; a text with one number of 8 or 16
digits that begins with 0 or holds a letter has its other numbers of that width in hex too. Where nothing shows the base
of such digits (`MIDR_EL1 41091083` alone), they are left out with the reason.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from inspector.budget import LINES, RECORDS, STEPS, VCPUS
from inspector.errors import RegisterError, SourceError
from inspector.numbers import is_decimal
from inspector.registers.catalog import find
from inspector.registers.pasted import plausible_id
from inspector.sources.dump import PASTED_TEXT, Constraint, Dump, Provenance, Vcpu, View
from inspector.sources.gathered import Gathered, infer_view, make_dump, view_in_line
from inspector.sources.json_values import VALID as VALID_JSON
from inspector.sources.json_values import gather_json
from inspector.sources.jsontext import check_id, decode
from inspector.sources.kernel_log import values_in_log
from inspector.sources.opening import Content
from inspector.sources.pasted_lines import bare, base_of, cpu_of, is_border, pairs_of, without_comment
from inspector.sources.patch_text import patch_in
from inspector.untrusted import Untrusted

NAME: Final = PASTED_TEXT
_IDREGS = re.compile(r"\s*([A-Za-z]\w+):\s+([0-9a-f]{16})\s*")
HEADING = re.compile(
    r"(?:- )?[\[(]?(v?cpu(?:[ _]?(?:id|index))?|processor|(?<=- )(?:index|id)) {0,3}[:#=]? {0,3}([0-9]{1,4})[\])]?:?",
    re.IGNORECASE,
)
_SIMPLE = re.compile(r"(\w{2,40}(?:\[[0-9]{1,2}\])?)[ \t]{0,20}[=: \t][ \t]{0,20}(0x[0-9a-fA-F]{1,512}|[0-9]{1,7})")
_DECIMAL = re.compile(r"[=: \t][1-9][0-9]{1,6}$")
_HEX = frozenset("0123456789abcdefABCDEF")
_FOREIGN_LETTERS = 20
"""One in so many characters of a text may be no UTF-8: letters of an older encoding, as in a translated label."""
_CONTROLS = bytes(b for b in range(32) if (b < 9 or b > 13) and b != 27)
VALID = "each line is a register and its value, e.g. ID_AA64PFR0_EL1=0x1101000021111112"
_TRIED = (
    "tried: saved VMs (QEMU, libvirt, qcow2, Firecracker, Cloud Hypervisor, crosvm), recordings, arm-cpusysregs,"
    " get-reg-list, ArmCpuInfo, lscpu, /proc/cpuinfo, hwcaps, debuggers, Windows registry, macOS sysctl, plain text"
)
_UNSURE = "taken for a vCPU's values, as the text does not say whose they are: --as host, el0 or guest if they are not"


def sniff(content: Content) -> bool:
    """Text, not bytes; the last format to be asked."""
    sample = content.head[:4096]
    return b"\0" not in content.head and (len(sample) - len(sample.translate(None, _CONTROLS))) * 20 < len(sample)


def text_of(content: Content) -> str:
    """The whole text of a source. Raises SourceError for a text that is too long, or is none."""
    content.budget.check(LINES, len(content.whole()))
    data = content.whole()
    content.budget.spend(STEPS, data.count(b"\n") + data.count(b"\r") + len(data) // 16)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        text = data.decode("utf-8", "replace")
        if b"\0" not in data and text.count("\ufffd") * _FOREIGN_LETTERS < len(text):
            return text
        where = content.name
        raise SourceError(f"is neither a known format nor UTF-8 text ({error.reason})", where, VALID) from None


def load(content: Content) -> Dump:
    """The dump. Raises SourceError for a text without any value, and for one register with two values."""
    dump = _of_json(content)
    return _of_text(content, _refuse_json(content)) if dump is None else dump


def _of_text(content: Content, broken: str) -> Dump:
    """The dump of a text by lines. `broken`: why it is not JSON."""
    where = content.name
    text = text_of(content)
    lines = text.splitlines()
    patch = patch_in(lines)
    if patch is not None:
        lines = ["" if number in patch.lines else line for number, line in enumerate(lines)]
    lines = _with_values_below(lines)
    told = [line for line in lines if without_comment(line)]
    idregs = bool(told) and all(_IDREGS.fullmatch(without_comment(line)) for line in told)
    gathered = Gathered(where, content.budget)
    unlike = [line for line in told if not _SIMPLE.fullmatch(line)]
    hexes = True if idregs else base_of(unlike)
    if hexes is None and any(_DECIMAL.search(line) for line in told):
        hexes = False
    if hexes is None and _DICTIONARY.match(text):
        hexes = False
    items = _items(lines)
    reports = items or _reports(lines)
    header = gather(gathered, _without(lines, reports), hexes)
    for first, end in reports:
        _take_report(gathered, lines[first:end], first + 1, hexes)
    tool = "KVM debugfs idregs" if idregs else ""
    provenance = Provenance(source=where, format=NAME, compression=content.compression, tool=Untrusted(tool))
    if patch is not None and not any(gathered.sections.values()):  # a field alone is prose of its description
        raise SourceError(f"is a patch to {patch.words}: source text, no values of a machine", where, _OF_A_PATCH)
    if gathered.empty:
        return _list_or_nothing(gathered, provenance, broken)
    notes = ["idregs holds the VM's feature ID registers only: no MPIDR_EL1, no CCSIDR, no state"] if idregs else []
    notes += [(_ITEMS if items else _REPORTS).format(len(reports)) for _ in reports[:1]]
    notes += [_BESIDE.format(patch.words)] if patch else []
    declared = content.declared or header
    view, reason = (declared, "") if declared else infer_view(gathered, "kvm" if idregs else text)
    if reason and not idregs:
        notes.append(f"taken for {_WORDS[view or 'vcpu']}: {reason}; --as says otherwise")
    elif view is None:
        notes.append(_UNSURE)
    return make_dump(gathered, view or "vcpu", provenance, notes)


def _of_json(content: Content) -> Dump | None:
    """JSON of another tool as the dump that its registers make; None where it has none, or the text is none."""
    if content.head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] not in (b"{", b"["):
        return None
    gathered = Gathered(content.name, content.budget)
    stated = gather_json(gathered, content.whole())
    if gathered.empty:
        return None
    provenance = Provenance(
        source=content.name, format=NAME, compression=content.compression, tool=Untrusted("JSON of another tool")
    )
    declared = content.declared or stated
    view, reason = (declared, "") if declared else infer_view(gathered, "")
    note = f"taken for {_WORDS[view or 'vcpu']}: {reason}; --as says otherwise" if reason else _UNSURE
    return make_dump(gathered, view or "vcpu", provenance, [] if view and not reason else [note])


_NAMED = re.compile(r"(?:==> )?(?:[\w./-]{0,200}/)?([A-Za-z]\w{1,40}_el[0-3])(?: <==)?:?[ \t]{0,8}", re.IGNORECASE)
_VALUE = re.compile(r"[ \t]{0,8}0x(?!60[2-8]0[0-9a-f]{12}\b)[0-9a-f]{1,32}[ \t]{0,8}", re.IGNORECASE)
"""A value alone in its line, and no register's id"""


def _with_values_below(lines: list[str]) -> list[str]:
    """Registers whose value stands alone in the line below, as `head` prints files, in one line; of equal number."""
    if "_el" not in "".join(line for line in lines[:40]).lower():
        return lines
    found = list(lines)
    for number in range(1, len(found)):
        if _VALUE.fullmatch(found[number]) and _NAMED.fullmatch(found[number - 1]):
            name = found[number - 1].removeprefix("==> ").rstrip(" \t:").removesuffix(" <==")
            found[number - 1], found[number] = "", f"{name}: {found[number].strip()}"
    return found


_OF_A_PATCH = (
    "`vcpu-inspector explain FILE` says which registers it names; `review` asks kernels built without and with it"
)
_BESIDE = "a patch to {} stands in the text: its lines are source text, no values, and are left out"
_DICTIONARY = re.compile(r"\s*\{\s*'")
"""A dictionary as Python prints it: numbers without 0x are decimal."""
_WORDS = {
    "host": "a host's raw values",
    "el0": "what a process of a host reads",
    "vcpu": "a vCPU's values",
    "guest": "what a guest reads",
}


def gather(gathered: Gathered, lines: list[str], hexes: bool | None, first: int = 1) -> View | None:
    """Take every value of `lines`, the first of which has the number `first`; gives the view that a header line states,
    None without one.

    Raises SourceError for a register with two values, and for a vCPU that begins twice.
    """
    view: View | None = None
    section: int | None = None
    seen: set[int] = set()
    known: dict[str, int | None] = {}
    for count, raw in enumerate(lines, first):
        if _simple(gathered, section, raw, count, known):
            gathered.budget.spend(STEPS, 3)
            continue
        gathered.budget.spend(STEPS, 2 if not raw else 40 + len(raw))
        line = bare(raw)
        if is_border(line):
            continue
        if heading := heading_in(line):
            section = int(heading[2])
            if section in seen and heading[1][0] in "vV":
                raise SourceError(f"vCPU {section} begins a second time", f"{gathered.where}, line {count}")
            seen.add(section)
            gathered.begin(section)
            continue
        if stated := view_in_line(line):
            view = view or stated
            continue
        if _take_frame(gathered, section, line, count):
            continue
        if without_comment(line) or "=" in line or ":" in line:
            own = cpu_of(raw)
            _take(gathered, section if own is None else own, line, count, hexes)
    return view


def heading_in(line: str) -> re.Match[str] | None:
    """The line as the heading of a CPU or vCPU: its word and number; None for any other line."""
    for text in (line, without_comment(line[:200])):  # `cpu #0` has what begins a comment
        if len(text) < 40 and (found := HEADING.fullmatch(text)):
            return found
    return None


_FRAME = re.compile(
    r"\b(pc|lr|sp|pstate|x[0-9]{1,2})[ \t]{0,4}:[ \t]{0,4}([0-9a-f]{16}|(?<=pstate: )[0-9a-f]{8})\b", re.IGNORECASE
)
_FLAGS = re.compile(r"pstate[ \t]{0,4}:[ \t]{0,4}([0-9a-f]{8}) \([nN][zZ][cC][vV] ", re.IGNORECASE)
_STATE = re.compile(r"\bpstate[ \t]{0,4}:[ \t]{0,4}[0-9a-f]{8}\b", re.IGNORECASE)


_BEGINS = re.compile(
    r"Unable to handle kernel |Internal error: |\[ cut here \]|BUG: soft lockup|Unhandled (?:fault|exception)"
    r"|Bad mode in|SError Interrupt|PID: [0-9]{1,9} {1,4}TASK: "
)
"""What kernels, and crash, begin a report with: die(), die_kernel_fault() and their like, arch/arm64"""
_MOST_REPORTS = 16
_REPORTS = (
    "{} reports of a kernel at an exception follow each other: the registers of each stand as a vCPU of its own, in the"
    " order of the text"
)


def _reports(lines: list[str]) -> list[tuple[int, int]]:
    """Where reports with registers stand, first line and end of each; nothing where there is but one."""
    if sum(len(_STATE.findall(line)) for line in lines if "pstate" in line.lower()) < 2:
        return []
    begins: list[int] = []
    begun, framed = None, True
    for at, line in enumerate(lines):
        if _BEGINS.search(line):
            begun = at if framed else begun
            framed = False
        elif "pstate" in line.lower() and _STATE.search(line):
            begins.append(at if framed or begun is None else begun)
            framed = True
    if len(begins) < 2:
        return []
    begins = begins[:_MOST_REPORTS]
    ends = [
        *begins[1:],
        next((at for at in range(begins[-1] + 1, len(lines)) if _BEGINS.search(lines[at])), len(lines)),
    ]
    return list(zip(begins, ends, strict=True))


_ITEM = re.compile(r"([ \t]{0,40})- {0,8}(?=\S)")
_HEAD = 20
"""Lines that may stand before the first item"""
_ITEMS = (
    "a list of {} items without numbers, each with the same registers: each stands as a vCPU, in the order of the text"
)


def _items(lines: list[str]) -> list[tuple[int, int]]:
    """Where the items of a list as YAML has them stand, first line and end of each, where every item has two lines or
    more and the same registers: vCPUs without numbers. Nothing for any other text."""
    begins = [at for at, line in enumerate(lines) if "- " in line[:50] and _ITEM.match(line)]
    if not 2 <= len(begins) <= VCPUS.most or begins[0] > _HEAD or any(heading_in(bare(line)) for line in lines):
        return []
    indent = {(_ITEM.match(lines[at]) or [""])[1] for at in begins}
    found = list(zip(begins, [*begins[1:], len(lines)], strict=True))
    if len(indent) > 1 or any(sum(map(bool, lines[first:end])) < 2 for first, end in found):
        return []
    named = [[pair.id for line in lines[a:b] for pair in pairs_of(bare(line), None)[0]] for a, b in found]
    alike = len({frozenset(ids) for ids in named}) == 1
    return found if alike and named[0] and all(len(set(ids)) == len(ids) for ids in named) else []


def _without(lines: list[str], reports: list[tuple[int, int]]) -> list[str]:
    """The lines that stand in none of the reports, each under its own number."""
    rest = lines.copy()
    for first, end in reports:
        rest[first:end] = [""] * (end - first)
    return rest


def _take_report(gathered: Gathered, lines: list[str], first: int, hexes: bool | None) -> None:
    """One report as the next vCPU."""
    apart = Gathered(gathered.where, gathered.budget)
    gather(apart, lines, hexes, first)
    number = max((cpu for cpu in gathered.sections if cpu is not None), default=-1) + 1
    gathered.sections[number] = apart.sections.pop(None, {})
    if None in apart.in_use:
        gathered.in_use[number] = apart.in_use[None]
    for cpu, values in apart.sections.items():
        for reg_id, value in values.items():
            gathered.add(cpu, reg_id, value, f"{gathered.where}, line {first}")
    for line, text, reason in apart.foreign:
        gathered.leave_out(line, text, reason)
    gathered.foreign_count += apart.foreign_count - len(apart.foreign)


def _take_frame(gathered: Gathered, section: int | None, line: str, count: int) -> bool:
    """Take a line of registers at an exception, as kernels and crash print them; False for any other line.

    All of them are hex: __show_regs(), arch/arm64/kernel/process.c; arm64_print_exception_frame(), arm64.c of crash.
    """
    at = f"{gathered.where}, line {count}"
    pairs = _FRAME.findall(line)
    if len(pairs) < 2:
        pairs = [("pstate", flags[1])] if (flags := _FLAGS.match(line)) else [p for p in pairs if p[0].upper() == "SP"]
    for name, digits in pairs:
        if name.upper() == "SP":
            if gathered.in_use.setdefault(section, int(digits, 16)) != int(digits, 16):
                raise SourceError(f"SP: the register already has the value {gathered.in_use[section]:#x}", at)
        else:
            gathered.add(section, find("X30" if name.upper() == "LR" else name).register.id, int(digits, 16), at)
    return bool(pairs)


def _simple(gathered: Gathered, section: int | None, raw: str, count: int, known: dict[str, int | None]) -> bool:
    """Take a line that is nothing but a name or id and a hex value, as most are; False for any other line.

    `known` remembers what names stand for: a dump of many vCPUs repeats them.
    """
    simple = _SIMPLE.fullmatch(raw)
    if not simple:
        return False
    name = simple[1]
    if name[0] == "0":
        number = int(name, 16) if len(name) == 18 and name[1] == "x" and _HEX.issuperset(name[2:]) else 0
        known[name] = number if plausible_id(number) else None
    elif name not in known:
        pairs, _ = pairs_of(raw, hexes=False)
        plain = len(pairs) == 1 and pairs[0].mask is None and "cpu" not in name.casefold()
        known[name] = pairs[0].id if plain else None
    reg_id = known[name]
    value = int(simple[2], 16 if simple[2][:2] == "0x" else 10)
    if reg_id is None or gathered.add(section, reg_id, value, f"{gathered.where}, line {count}"):
        return False
    gathered.by_id = gathered.by_id or is_decimal(name[0])
    return True


def _take(gathered: Gathered, section: int | None, line: str, count: int, hexes: bool | None) -> None:
    at = f"{gathered.where}, line {count}"
    logged = values_in_log(line)
    for each in logged:
        gathered.add(each.cpu, each.id, each.value, at)
    if logged:
        gathered.kernel_log = True
        return
    pairs, reason = pairs_of(line, hexes)
    for pair in pairs:
        problem = gathered.add(section, pair.id, pair.value, at, pair.mask)
        if problem:
            gathered.leave_out(count, line, problem)
        elif pair.text[:2].lower() in ("0x", "60", "69") or pair.text.startswith("KVM_"):
            gathered.by_id = True
    if pairs:
        return
    reg_id = _alone(line, at)
    if reg_id is not None:
        if reg_id not in gathered.bare:
            gathered.budget.spend(RECORDS)
            gathered.bare[reg_id] = count
        reason = "a register without a value"
    if reg_id is not None or without_comment(line):
        gathered.leave_out(count, line, reason)


def _alone(line: str, at: str) -> int | None:
    """The register that a line is, without a value; None for any other line."""
    content = without_comment(line)
    if not content or len(content) > 200 or (" " in content.strip("'\"`, ") and "(" not in content):
        return None
    try:
        found = find(content)
    except RegisterError:
        return None
    if found.field is not None:
        return None
    check_id(found.register.id, at)
    return found.register.id


def _list_or_nothing(gathered: Gathered, provenance: Provenance, broken: str) -> Dump:
    """A list of registers, if every line is one; else nothing that could be read. `broken`: why it is not JSON."""
    if gathered.bare and gathered.foreign_count == len(gathered.bare):
        constraints = {reg_id: Constraint(0, 0) for reg_id in gathered.bare}
        return Dump(provenance=provenance, vcpus=(Vcpu(index=0, kind="list", values={}, constraints=constraints),))
    problems = [f"line {n}: {reason}" for n, _, reason in sorted(gathered.foreign) if reason][:2]
    what = "holds no value of a register" + (f" ({'; '.join(problems)})" if problems else "")
    what += f"; read as JSON, it {broken}" if broken else ""
    raise SourceError(what, gathered.where, f"{_TRIED}; {VALID}")


def _refuse_json(content: Content) -> str:
    """Why a text that begins like JSON is none, "" for any other text.

    Raises SourceError for a text that is JSON, or begins like nothing else and is broken.
    """
    start = content.head.lstrip()
    if start[:1] not in (b"{", b"["):
        return ""
    try:
        decode(content.whole(), msgspec.Raw, content.name)
    except SourceError as error:
        second = start[1:].lstrip()[:1]
        if second in (b'"', b"}") if start[:1] == b"{" else second in (b"{", b'"', b"]"):
            raise
        first = bare(start.partition(b"\n")[0][:200].decode("utf-8", "replace"))
        return error.what if first[:1] in ("{", "[") else ""
    raise SourceError(
        "is JSON of a kind that is not known",
        content.name,
        "known: Firecracker, analyze-migration, Cloud Hypervisor, crosvm, lscpu -J, own dumps, recordings; any other"
        f" with its registers by name, {VALID_JSON}",
    )
