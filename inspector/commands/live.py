"""Read the registers that a running host gives its guests.

This host, or another through ssh. On a terminal the screens open; elsewhere the registers are printed. A scratch vCPU
is made and thrown away; nothing of the host or of its running VMs is changed.
"""

from __future__ import annotations

import argparse
import sys
import time

from inspector.commands.arguments import add_secrets, seconds, whole
from inspector.commands.output import add_force, check_output, write_out
from inspector.errors import EXIT_NO, EXIT_YES, InspectorError, one_line
from inspector.registers.catalog import by_id
from inspector.reports import clusters
from inspector.reports import registers as report
from inspector.sources.dump import Dump, host_registers
from inspector.sources.formats import dump_json
from inspector.sources.live import open_live
from inspector.sources.live.source import LiveOptions, LiveSource, changes
from inspector.sources.withheld import unnamed, withhold
from inspector.talk import on_terminal

_LONGEST_PAUSE = 86400
"""Seconds between two readings of --watch."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("address", metavar="ADDRESS", nargs="?", default="live:", help="default: live: (this host)")
    parser.add_argument("--features", metavar="LIST", default="qemu", help="features of the scratch vCPU")
    parser.add_argument("--gic", choices=("v3", "none"), default="v3", help="interrupt controller of the scratch VM")
    parser.add_argument("--timeout", metavar="SECONDS", type=seconds, default=20.0, help="give up after (default: 20)")
    parser.add_argument("--cpus", metavar="LIST", default="", help="CPUs to visit: 0-3,8 (default: one of each kind)")
    parser.add_argument("--identify", action="store_true", help="tell the host's name and whole command line too")
    parser.add_argument("--watch", metavar="SECONDS", type=seconds, help="read again at this interval")
    parser.add_argument("--count", metavar="N", type=whole, help="with --watch: stop after N readings")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the dump in this program's JSON format")
    form.add_argument("--text", action="store_true", help="print the registers, also on a terminal")
    parser.add_argument(
        "--for-real", action="store_true", help="let the Write dialog (W) write to a scratch vCPU of this source"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write the dump to a file; - for standard output")
    add_force(parser)
    add_secrets(parser)


def _options(options: argparse.Namespace) -> LiveOptions:
    return LiveOptions(
        timeout=options.timeout, features=options.features, gic=options.gic, identify=options.identify,
        cpus=options.cpus,
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Open the screens, or print, or write a file."""
    if options.watch is not None and not 0 < options.watch <= _LONGEST_PAUSE:
        raise InspectorError(f"takes seconds, more than 0 and at most {_LONGEST_PAUSE}", "--watch", "such as 5")
    if options.count is not None and (options.count < 1 or not options.watch):
        raise InspectorError("takes a number of readings from 1, and goes with --watch", "--count", "such as 10")
    check_output(options)
    source = open_live(options.address, _options(options))
    printing = options.json or options.text or options.output or not on_terminal(sys.stdin, sys.stdout)
    if options.for_real and (printing or not hasattr(source, "answer")):
        hint = "without the screens: `vcpu-inspector write live: REG=VALUE --for-real`"
        raise InspectorError("needs a terminal, and live: or ssh://[user@]host[:port]", "--for-real", hint)
    if not printing:
        from inspector import app

        return app.run([options.address], watch=options.watch, options=_options(options), for_real=options.for_real)
    if source.caution:
        print(one_line(source.caution), file=sys.stderr)
    dump = _told(source.read(), options)
    if options.output:
        write_out(options.output, dump_json.write(dump), force=options.force)
    elif options.json:
        sys.stdout.buffer.write(dump_json.write(dump))
    else:
        print("\n".join(_lines(dump)))
    print("\n".join(map(one_line, dump.notes)), file=sys.stderr)
    if options.watch:
        return _watch(source, dump, options)
    return EXIT_YES if _shows_registers(dump) else EXIT_NO


def _shows_registers(dump: Dump) -> bool:
    """False where the host, of another architecture or without KVM, gave no register at all."""
    given = any(vcpu.lists for vcpu in dump.vcpus) or any(cpu.values for cpu in dump.cpus)
    return given or host_registers(dump) is not None


def _told(dump: Dump, options: argparse.Namespace) -> Dump:
    """The dump as it may be told."""
    dump = dump if options.identify else unnamed(dump)
    return dump if options.secrets else withhold(dump)


def _lines(dump: Dump) -> list[str]:
    lines: list[str] = []
    for vcpu in dump.vcpus:
        shown = report.items(vcpu)
        lines += [report.headline(dump, vcpu, len(shown)), "", *report.list_lines(shown), ""]
    return lines + clusters.cluster_lines(dump)


def _watch(source: LiveSource, dump: Dump, options: argparse.Namespace) -> int:
    """Read again and again; each line names a register that changed. Ends when the source does, or after --count."""
    done = 1
    while options.count is None or done < options.count:
        time.sleep(options.watch)
        current = _told(source.read(), options)
        done += 1
        for (index, name), changed in changes(dump, current).items():
            for reg_id, value in changed.items():
                before, after = (
                    "absent" if number is None else f"0x{number:x}" for number in (value.before, value.after)
                )
                label = f"vCPU {index}" + f" ({name})" * bool(name)
                print(one_line(f"{time.strftime('%H:%M:%S')} {label} {by_id(reg_id).name} {before} -> {after}"))
        sys.stdout.flush()
        dump = current
    return EXIT_YES
