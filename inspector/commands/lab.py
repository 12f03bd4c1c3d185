"""Look after the lab: real kernels on emulated arm64 machines.

doctor: what is there and what is missing; list: CPU models, fetched kernels, saved and running machines; fetch: get a
kernel series beforehand; stop: end machines that run; clear: throw saved machines and unpacked kernels away. ask: one
register of several real kernels side by side, read or written (REG=VALUE, REG.FIELD=VALUE), with what the model
predicts. To use a machine, name it where a source is expected: lab:6.12,
lab:path/to/Image,cpu=max,mte=on,smp=2,append="kvm-arm.mode=nvhe".
"""

from __future__ import annotations

import argparse
import sys
from functools import partial

from inspector.checks.lab.real_kernels import RealKernels
from inspector.checks.writing.typed import typed_write
from inspector.commands.arguments import add_style
from inspector.errors import EXIT_NO, EXIT_YES, InspectorError, SourceError
from inspector.folders import cache_folder
from inspector.lab import doctor, store
from inspector.lab.kernels import image_of
from inspector.numbers import is_decimal
from inspector.registers.catalog import Register, find
from inspector.reports.json import dumps
from inspector.reports.real_kernels import side_by_side_json, side_by_side_lines
from inspector.reports.text import columns
from inspector.sources.live.laboratory import DEFAULT_CPU, FORM, PREFIX, guest_python, to_standard_error


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "what",
        choices=("doctor", "list", "fetch", "ask", "stop", "clear"),
        metavar="WHAT",
        help="doctor, list, fetch, ask, stop or clear",
    )
    parser.add_argument(
        "words", nargs="*", default=[], metavar="SERIES|REG", help="fetch: series such as newest; ask: REG[=VALUE]"
    )
    parser.add_argument(
        "--kernels",
        metavar="LIST",
        default="",
        help="with ask: series or paths, commas between (default: those fetched, else newest)",
    )
    parser.add_argument("--cpu", metavar="NAME", default="", help=f"with ask: the CPU model (default: {DEFAULT_CPU})")
    add_style(parser, markdown=False)


def run(options: argparse.Namespace) -> int:
    """Do it; `doctor` ends with 1 when something is missing."""
    if options.words and options.what not in ("fetch", "ask"):
        hint = "only `lab fetch` and `lab ask` take more"
        raise InspectorError(f"takes no {options.words[0]!r}", f"lab {options.what}", hint)
    if options.what != "ask" and (options.kernels or options.cpu):
        raise InspectorError("goes with `lab ask`", "--kernels" if options.kernels else "--cpu")
    done = {"doctor": _doctor, "list": _list, "fetch": _fetch, "ask": _ask, "stop": _stop, "clear": _clear}
    return done[options.what](options)


def _ask(options: argparse.Namespace) -> int:
    """Registers of several kernels, side by side; 1 when one gives no answer, or another than predicted."""
    if not options.words:
        raise InspectorError("needs a register", "lab ask", "such as: lab ask ID_AA64MMFR2_EL1.CCIDX=1")
    asked = [_register(word) for word in options.words]
    cpu = f",cpu={options.cpu}" if options.cpu else ""
    names = [name for name in options.kernels.split(",") if name] if options.kernels else _fetched()
    if not names:
        raise InspectorError("names no kernel", "--kernels", "series or paths, commas between: newest,~/linux")
    kernels = RealKernels([f"{PREFIX}{name}{cpu}" for name in names])
    found = [(register, kernels.ask_all(register, text), text) for register, text in asked]
    if options.json:
        print(dumps({"registers": [side_by_side_json(*one) for one in found]}))
    else:
        print("\n\n".join("\n".join(side_by_side_lines(*one)) for one in found))
    answers = [answer for _, each, _ in found for answer in each]
    good = all(
        not one.problem and one.shown_as_predicted is not False and (one.write is None or one.write.agrees)
        for one in answers
    )
    return EXIT_YES if good else EXIT_NO


def _fetched() -> list[str]:
    """The series whose kernels are there, oldest first; the newest one, to be fetched, where there is none."""
    return sorted(doctor.kernels(cache_folder()), key=_order) or ["newest"]


def _register(word: str) -> tuple[Register, str]:
    """(register, what is written to it) of `REG`, `REG=VALUE` or `REG.FIELD=VALUE`."""
    return typed_write(word) if "=" in word else (find(word).register, "")


def _doctor(options: argparse.Namespace) -> int:
    findings = doctor.examine(cache_folder())
    if options.json:
        print(dumps([finding._asdict() for finding in findings]))
    else:
        rows = [("ok" if one.good else "missing" if one.needed else "none", one.what, one.said) for one in findings]
        print("\n".join(columns(rows)))
    return EXIT_YES if all(one.good for one in findings if one.needed) else EXIT_NO


def _list(options: argparse.Namespace) -> int:
    folder = cache_folder()
    cpus, kernels, saved, unpacked, running = (
        doctor.cpu_models(folder), doctor.kernels(folder), store.machines(folder), store.kernels(folder),
        store.running(),
    )  # fmt: skip
    if options.json:
        known = {
            "cpus": cpus,
            "kernels": {series: " ".join(about) for series, about in kernels.items()},
            "saved": [{"name": name, "mib": size >> 20, "unused_s": int(age)} for name, size, age in saved],
            "unpacked": [{"name": name, "mib": size >> 20, "unused_s": int(age)} for name, size, age in unpacked],
            "running": [{"pid": pid, "owner": owner, "address": address} for pid, owner, address, *_ in running],
        }
        print(dumps(known))
        return EXIT_YES
    print("\n".join(columns([("address", FORM), ("CPU models", " ".join(cpus) or "none: no emulator")])))
    rows: list[tuple[str, ...]] = [
        ("kernel", f"lab:{series}", *kernels[series][:2]) for series in sorted(kernels, key=_order)
    ]
    rows += [("unpacked", name, f"{size >> 20} MiB", _age(int(age))) for name, size, age in unpacked]
    rows += [("saved", name[:12], f"{size >> 20} MiB", _age(int(age))) for name, size, age in saved]
    rows += [
        ("running", address, f"process {pid}", f"of process {owner}" + ", which was killed" * left)
        for pid, owner, address, _, left in running
    ]
    for line in columns(rows):
        print(line)
    return EXIT_YES


def _order(series: str) -> list[int]:
    return [int(part) if is_decimal(part) else 99 for part in series.split(".")]


def _age(seconds: int) -> str:
    for size, word in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"used {seconds // size} {word} ago"
    return "used just now"


def _fetch(options: argparse.Namespace) -> int:
    if not options.words:
        raise InspectorError("needs a series", "lab fetch", "such as: lab fetch newest")
    say = partial(to_standard_error, "lab fetch")
    guest_python(cache_folder(), say)
    for series in options.words:
        print(f"{series}: {image_of(series, cache_folder(), say)}")
    return EXIT_YES


def _stop(options: argparse.Namespace) -> int:
    running = store.running()
    for pid, _, address, *_ in running:
        try:
            store.end(pid)
        except OSError as error:
            raise SourceError(f"cannot be ended: {error.strerror}", f"process {pid} ({address})") from None
        print(f"ended {address}, process {pid}")
    if not running:
        print("no machine runs", file=sys.stderr)
    return EXIT_YES


def _clear(options: argparse.Namespace) -> int:
    machines, kernels = store.machines(cache_folder()), store.kernels(cache_folder())
    store.clear(cache_folder())
    left = {name for name, *_ in store.kernels(cache_folder())}
    kernels = [one for one in kernels if one[0] not in left]
    size = sum(size for _, size, _ in (*machines, *kernels)) >> 20
    print(f"threw {len(machines)} saved machines and {len(kernels)} unpacked kernels away, {size} MiB")
    return EXIT_YES
