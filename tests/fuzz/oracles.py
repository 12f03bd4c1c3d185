"""Inputs whose right answer is known, because they are made from it: `python -m tests.fuzz.oracles [--seconds S]`.

A mutant that is read wrongly but without a crash goes unnoticed by `tests.fuzz.run`. Here every input is valid and
dressed up at random: memory, other devices, wrappers and compression around a vCPU's state; keys, blanks and escapes of
JSON; spellings and company of a value that somebody pasted; what loggers put before a line. A reader may refuse to know
a value; a wrong one is a failure.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import random
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import zstandard

from inspector.library import explain
from inspector.registers import catalog
from inspector.registers.catalog import find
from inspector.reports.explain import explanation_text
from inspector.sources import load
from inspector.sources.dump import Dump
from inspector.sources.formats import dump_json
from tests.material import files, read_text
from tests.sources import streams

_IDS = tuple(
    find(name).register.id
    for name in (
        "MIDR_EL1", "MPIDR_EL1", "REVIDR_EL1", "ID_AA64PFR0_EL1", "ID_AA64PFR1_EL1", "ID_AA64ISAR0_EL1", "CTR_EL0",
        "ID_AA64ISAR1_EL1", "ID_AA64MMFR0_EL1", "ID_AA64MMFR1_EL1", "ID_AA64MMFR2_EL1", "ID_AA64DFR0_EL1", "CLIDR_EL1",
    )
)  # fmt: skip


class WrongError(Exception):
    """What was read is not what was written."""


def _word(chance: random.Random) -> int:
    """A register's value: few bits, all bits, or an ID register's small fields."""
    kind = chance.randrange(4)
    if kind == 0:
        return chance.choice((0, 1, (1 << 64) - 1, 1 << 63, 0x7FFFFFFFFFFFFFFF))
    if kind == 1:
        return chance.getrandbits(64)
    return sum(chance.randrange(3) << place for place in range(0, 64, 4))


def _read(data: bytes, name: str = "input") -> Dump:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        return load(str(path))


def _check(dump: Dump, wanted: list[dict[int, int]], where: str) -> None:
    if len(dump.vcpus) != len(wanted):
        raise WrongError(f"{where}: {len(dump.vcpus)} vCPUs of {len(wanted)}")
    for vcpu, values in zip(dump.vcpus, wanted, strict=True):
        for reg, value in values.items():
            if vcpu.values.get(reg, value) != value:
                raise WrongError(f"{where}: {reg:#x} is {vcpu.values[reg]:#x}, written as {value:#x}")
        if missing := [hex(reg) for reg in values if reg not in vcpu.values]:
            raise WrongError(f"{where}: {missing[:5]} are not known")


def _packed(data: bytes, chance: random.Random) -> bytes:
    kind = chance.randrange(6)
    if kind == 0:
        packer = zlib.compressobj(1, wbits=31)
        return packer.compress(data) + packer.flush()
    return {1: lambda: zstandard.compress(data, 1), 2: lambda: lzma.compress(data, preset=0)}.get(kind, lambda: data)()


def _memory(chance: random.Random) -> bytes:
    """Pages, of which some hold what begins a device's section."""
    lure = streams.section(4, 9, "cpu", 0, 22, streams.cpu_payload(streams.SOME_REGISTERS, count=3))
    pages = [
        chance.choice((chance.randbytes(streams.PAGE), (lure * 9)[: streams.PAGE], bytes(streams.PAGE)))
        for _ in range(chance.randrange(4))
    ]
    return streams.ram(pages, zero=chance.randrange(1, 9), number=chance.randrange(1, 6))


def qemu(chance: random.Random) -> None:
    """A migration stream, plain, packed, in a save image of libvirt or in a snapshot of an image."""
    known = [*(streams.SOME_REGISTERS), *_IDS]
    wanted = []
    for _ in range(chance.choice((1, 1, 2, 5))):
        values = {reg: _word(chance) for reg in chance.sample(known, chance.randrange(20, len(known)))}
        values |= {reg: streams.SOME_REGISTERS[reg] for reg in values if reg >> 52 == 0x602}
        wanted.append(dict(sorted(values.items())))
    payloads = [
        streams.cpu_payload(values, xregs=[chance.getrandbits(64) for _ in range(32)], sve=bool(chance.randrange(2)))
        for values in wanted
    ]
    wide = {reg for values in wanted for reg in values if (reg >> 52) & 0xF == 3}
    kind = chance.randrange(5)
    if kind == 4:
        data = streams.mapped_ram_stream(wanted)
    else:
        data = streams.stream(wanted, memory=_memory(chance), payloads=payloads, described=bool(chance.randrange(4)))
    if kind == 1:
        data = streams.libvirt(data, order=chance.choice("<>"))
    elif kind == 2:
        data = streams.qcow2(data, bits=chance.choice((9, 12, 16)), reverse=bool(chance.randrange(2)))
    elif kind == 0:
        data = _packed(data, chance)
    _check(
        _read(data), [{reg: value for reg, value in values.items() if reg in wide} for values in wanted], f"kind {kind}"
    )


def _dressed(value: object, chance: random.Random) -> str:
    """JSON with its keys in any order, blanks anywhere and letters as escapes."""
    blank = chance.choice(("", " ", "\n", "\t  "))
    if isinstance(value, dict):
        rows = [f"{_dressed(key, chance)}{blank}:{blank}{_dressed(one, chance)}" for key, one in value.items()]
        chance.shuffle(rows)
        return f"{{{blank}{f',{blank}'.join(rows)}{blank}}}"
    if isinstance(value, list):
        return f"[{blank}{f',{blank}'.join(_dressed(one, chance) for one in value)}{blank}]"
    if isinstance(value, str) and value and chance.randrange(5) == 0:
        at = chance.randrange(len(value))
        if ord(value[at]) < 0x10000:
            head, tail = json.dumps(value[:at])[1:-1], json.dumps(value[at + 1 :])[1:-1]
            return f'"{head}\\u{ord(value[at]):04x}{tail}"'
    return json.dumps(value, ensure_ascii=bool(chance.randrange(2)))


def dumps(chance: random.Random) -> None:
    """A dump of this program, dressed up."""
    data = _DUMPS[chance.randrange(len(_DUMPS))]
    first = _read(data)
    again = _read(_packed(_dressed(json.loads(data), chance).encode(), chance))
    _check(again, [dict(vcpu.values) for vcpu in first.vcpus], "dump")
    if json.loads(dump_json.write(again)) != json.loads(dump_json.write(first)):
        raise WrongError("dump: written again it differs")


_DUMPS = [dump_json.write(load(f"builtin:{name}")) for name in ("neoverse-n2-linux-6.1", "max-linux-6.12")]


def _name(register: catalog.Register, chance: random.Random) -> str:
    spelt = register.name
    return chance.choice(
        (spelt, spelt, spelt.lower(), f"SYS_{spelt}", spelt.removesuffix("_EL1") if "AA64" in spelt else spelt)
    )


def _number(value: int, chance: random.Random) -> str:
    digits = f"{value:016x}"
    return chance.choice(
        (f"0x{value:x}", f"0x{digits}", f"0x{digits.upper()}", f"0X{value:X}",
         "0x" + "_".join(digits[at : at + 4] for at in range(0, 16, 4)), f"0b{value:b}"),
    )  # fmt: skip


def pasted(chance: random.Random) -> None:
    """Values of ID registers as people paste them, each once."""
    wanted = {reg: _word(chance) for reg in chance.sample(_IDS, chance.randrange(2, len(_IDS)))}
    between = chance.choice((" = ", ": ", "=", " : ", "\t", " "))
    begin, end = chance.choice((("", ""), ("  ", ""), ("- ", ""), ("| ", " |"), ("[    1.234567] ", ""), ("", ",")))
    between = " | " if begin == "| " else between
    lines = [
        f"{begin}{_name(catalog.by_id(reg), chance)}{between}{_number(value, chance)}{end}"
        for reg, value in wanted.items()
    ]
    for _ in range(chance.randrange(4)):
        lines.insert(chance.randrange(len(lines) + 1), chance.choice(("", "some words", "# a remark", "---", "~ # ls")))
    text = chance.choice(("\n", "\r\n")).join([*lines, ""])
    dump = _read(text.encode())
    found: list[Mapping[int, int]] = [
        dump.el0,
        *(cpu.values for cpu in dump.cpus),
        *(vcpu.values for vcpu in dump.vcpus),
    ]
    for values in found:
        for reg, value in values.items():
            if reg in wanted and wanted[reg] != value:
                raise WrongError(f"{reg:#x} is {value:#x}, pasted as {wanted[reg]:#x}:\n{text}")
    if lost := set(wanted) - {reg for values in found for reg in values}:
        raise WrongError(f"{sorted(map(hex, lost))} are not known:\n{text}")


_PREFIXES: tuple[Callable[[random.Random, str], str], ...] = (
    lambda chance, clock: "",
    lambda chance, clock: f"[{chance.randrange(99999):5}.{chance.randrange(10**6):06}] ",
    lambda chance, clock: f"Nov 26 {clock} host qemu[{chance.randrange(1, 9999)}]: ",
    lambda chance, clock: f"2026-11-26T{clock}.123456+00:00 host libvirtd[77]: ",
    lambda chance, clock: f"2026-11-26 {clock}.123+0000: ",
)


def dressed(chance: random.Random, lines: Sequence[str]) -> list[str]:
    """Lines as one logger keeps them, second after second."""
    prefix, start = chance.choice(_PREFIXES), chance.randrange(12 * 3600)
    seconds = range(start, start + len(lines))
    clocks = [f"{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}" for at in seconds]
    return [f"{prefix(chance, clock)}{line}" for clock, line in zip(clocks, lines, strict=True)]


def logged(chance: random.Random) -> None:
    """What QEMU said of a failed load, as loggers keep it: the same registers are named as in its own words."""
    path = chance.choice(_SAID)
    lines = path.read_text(encoding="utf-8").splitlines()
    said = lines.copy()
    for _ in range(chance.randrange(6)):
        said.insert(chance.randrange(len(said) + 1), chance.choice(("usb 1-1: new device", "ok", "")))
    text = chance.choice(("\n", "\r\n")).join([*dressed(chance, said), ""])
    plain, kept = (_named(explanation_text(explain(one))) for one in ("\n".join([*lines, ""]), text))
    if plain != kept:
        raise WrongError(f"{path.name}: {sorted(plain ^ kept)} named in one of both:\n{text[:2000]}")


_SAID = files("qemu-output", "*.txt")


def failed(chance: random.Random) -> None:
    """What stopped a VM and is no register's, in a log with other lines around it: the same cause is named."""
    plain = chance.choice(_FAILURES)
    around = [[chance.choice(_COMPANY) for _ in range(chance.randrange(3))] for _ in range(2)]
    text = "\n".join(dressed(chance, [*around[0], *plain.splitlines(), *around[1]]))
    if chance.random() < 0.3:
        text = json.dumps({"component": "launcher", "level": "error", "msg": text})
    told, wanted = explain(text).headline, explain(plain).headline
    if told != wanted:
        raise WrongError(f"{told!r} instead of {wanted!r}:\n{text[:2000]}")


_FAILURES = [block.partition("\n")[2].rstrip("\n") for block in read_text("pasted", "failures.txt").split("### ")[1:]]
_COMPANY = (
    "usb 1-1: new device", "ok", "", "a line of nothing but letters", "Ebeefcafe is a word", "12 lines follow",
    "(none)", "[ok] done", "name: value", "shutting down, reason=failed",
)  # fmt: skip
"""Lines of others that say nothing about a VM; several begin as a number, a remark or a word may go on."""


def _named(text: str) -> set[str]:
    """Names and ids of registers in a text."""
    words = {word.strip("().,;:`'").partition(".")[0] for word in text.split()}
    return {word for word in words if word.endswith(("_EL0", "_EL1", "_EL2")) or word.startswith("0x60")}


ORACLES: dict[str, Callable[[random.Random], None]] = {
    "qemu": qemu, "dumps": dumps, "pasted": pasted, "logged": logged, "failed": failed,
}  # fmt: skip


def run(name: str, seed: str, seconds: float, most: int) -> tuple[int, str]:
    """How many inputs were tried, and what went wrong with the last; "" for nothing. A seed gives the same inputs."""
    end, count = time.monotonic() + seconds, 0
    while count < most and time.monotonic() < end:
        count += 1
        try:
            ORACLES[name](random.Random(f"{seed} {name} {count}"))
        except Exception as error:
            return count, f"seed {seed}, input {count}: {type(error).__name__}: {error}"
    return count, ""


def main() -> int:
    """Try each for some seconds; exit code 1 when something was read wrongly."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--seed", default=os.urandom(6).hex())
    parser.add_argument("--only", default=",".join(ORACLES))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    wrong = 0
    for name in options.only.split(","):
        count, problem = run(name, options.seed, options.seconds, 1 << 62)
        wrong += bool(problem)
        print(f"{name:10} {count:>9,} inputs  {problem or 'read as they were written'}", flush=True)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
