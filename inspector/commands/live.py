"""Read the registers that a running host gives its guests: this one, or another through ssh.

On a terminal the screens open; elsewhere the registers are printed. A scratch vCPU is made and thrown away; nothing of
the host or of its running VMs is changed.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from inspector.errors import EXIT_NO, EXIT_YES, InspectorError, one_line

if TYPE_CHECKING:
    from inspector.sources.dump import Dump
    from inspector.sources.live.source import LiveOptions, LiveSource


_LONGEST_PAUSE = 86400
"""Seconds between two readings of --watch."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("address", metavar="ADDRESS", nargs="?", default="live:", help="default: live: (this host)")
    parser.add_argument("--features", metavar="LIST", default="qemu", help="features of the scratch vCPU")
    parser.add_argument("--gic", choices=("v3", "none"), default="v3", help="interrupt controller of the scratch VM")
    parser.add_argument("--timeout", metavar="SECONDS", type=float, default=20.0, help="give up after (default: 20)")
    parser.add_argument("--watch", metavar="SECONDS", type=float, help="read again at this interval")
    parser.add_argument("--count", metavar="N", type=int, help="with --watch: stop after N readings")
    parser.add_argument("--json", action="store_true", help="print the dump in this program's JSON format")
    parser.add_argument("--text", action="store_true", help="print the registers, also on a terminal")
    parser.add_argument(
        "--for-real", action="store_true", help="let the Write dialog (W) write to a scratch vCPU of this source"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write the dump to a file")


def _options(options: argparse.Namespace) -> LiveOptions:
    from inspector.sources.live.source import LiveOptions

    return LiveOptions(timeout=options.timeout, features=options.features, gic=options.gic)


def run(options: argparse.Namespace) -> int:
    """Open the screens, or print, or write a file."""
    from inspector.commands.convert import write_whole
    from inspector.sources.formats import dump_json
    from inspector.sources.live import open_live

    if options.watch is not None and not 0 < options.watch <= _LONGEST_PAUSE:
        raise InspectorError(f"takes seconds, more than 0 and at most {_LONGEST_PAUSE}", "--watch", "such as 5")
    if options.count is not None and (options.count < 1 or not options.watch):
        raise InspectorError("takes a number of readings from 1, and goes with --watch", "--count", "such as 10")
    source = open_live(options.address, _options(options))
    printing = options.json or options.text or options.output or not (sys.stdout.isatty() and sys.stdin.isatty())
    if options.for_real and (printing or not hasattr(source, "answer")):
        hint = "without the screens: `vcpu-inspector write live: REG=VALUE --for-real`"
        raise InspectorError("needs a terminal, and live: or ssh://[user@]host[:port]", "--for-real", hint)
    if not printing:
        from inspector import app

        return app.run([options.address], watch=options.watch, options=_options(options), for_real=options.for_real)
    if source.caution:
        print(one_line(source.caution), file=sys.stderr)
    dump = source.read()
    if options.output:
        write_whole(options.output, dump_json.write(dump))
        print(one_line(f"wrote {options.output}"), file=sys.stderr)
    elif options.json:
        sys.stdout.buffer.write(dump_json.write(dump))
    else:
        print("\n".join(_lines(dump)))
    print("\n".join(map(one_line, dump.notes)), file=sys.stderr)
    return _watch(source, dump, options) if options.watch else EXIT_YES


def _lines(dump: Dump) -> list[str]:
    from inspector.reports import clusters
    from inspector.reports import registers as report

    lines: list[str] = []
    for vcpu in dump.vcpus:
        shown = report.items(vcpu)
        lines += [report.headline(dump, vcpu, len(shown)), "", *report.list_lines(shown), ""]
    return lines + clusters.cluster_lines(dump)


def _watch(source: LiveSource, dump: Dump, options: argparse.Namespace) -> int:
    """Read again and again; each line names a register that changed. Ends when the source does, or after --count."""
    from inspector.registers.catalog import by_id
    from inspector.sources.live.source import changes

    done = 1
    while options.count is None or done < options.count:
        time.sleep(options.watch)
        current = source.read()
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


def write_for_real(options: argparse.Namespace) -> int:
    """`write live: --for-real`: predicted and actual answers side by side; 1 when they differ or any is refused.

    The prediction starts from the fresh vCPU's own values, read before the first write.
    """
    from inspector import sources
    from inspector.checks.writing.for_real import predict_writes
    from inspector.commands.write import parse_write
    from inspector.policies.release import choose
    from inspector.reports import for_real as report
    from inspector.reports.json import dumps
    from inspector.sources.live import forreal, is_live, open_live
    from inspector.sources.live.source import LiveOptions

    if not is_live(options.source):
        raise InspectorError("--for-real needs a live source", options.source, "live: or ssh://[user@]host[:port]")
    if options.ran:
        raise InspectorError("--ran has no meaning for a scratch vCPU", "--for-real", "leave one of them out")
    if not hasattr(open_live(options.source), "answer"):
        hint = "live: or ssh://[user@]host[:port]"
        raise InspectorError("has no scratch vCPU to write to", options.source, hint)
    live = LiveOptions(features=options.features or "qemu", gic=options.gic or "v3")
    dump = sources.load(options.source, options.declared)
    told = dump.provenance
    choice = choose(options.kernel) if options.kernel else choose(told.kernel, told.kernel_version, said_by_file=True)
    policy = choice.policy
    writes = [parse_write(text, predict_writes(dump, policy).vcpu(0)) for text in options.writes]
    fresh, actual = forreal.write_for_real(options.source, writes, live)
    vm = predict_writes(fresh, policy)
    pairs = [(vm.vcpu(0).set(reg_id, value), done) for (reg_id, value), done in zip(writes, actual, strict=True)]
    if options.json:
        print(dumps({"kernel": policy.name, "writes": [report.pair_json(*pair) for pair in pairs]}))
    else:
        print("\n\n".join("\n".join(report.pair_lines(*pair)) for pair in pairs))
    if choice.text:
        print(one_line(choice.text), file=sys.stderr)
    refused = any(done.errno for done in actual)
    return EXIT_NO if refused or not all(report.agree(*pair) for pair in pairs) else EXIT_YES
