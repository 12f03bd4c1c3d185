"""Print the registers of a dump: all in one line each, or the named ones with every field and its meaning."""

from __future__ import annotations

import argparse
import sys

from inspector.commands.arguments import add_declared, add_style
from inspector.errors import EXIT_NO, EXIT_YES, InspectorError


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="SOURCE", help="a dump: file, -, builtin:NAME or a live source")
    add_declared(parser)
    parser.add_argument(
        "registers",
        metavar="REGISTER",
        nargs="*",
        default=[],  # else argparse counts it among the required ones
        help="name, NAME.FIELD, id or encoding: aa64pfr0.MPAM, S3_0_C0_C4_0, 0x603000000013c020, CCSIDR[2]",
    )
    parser.add_argument("--vcpu", metavar="N", action="append", help="only this vCPU (index or name); may be repeated")
    parser.add_argument("--group", metavar="G", help="only registers of this group; `--group help` lists the groups")
    add_style(parser)


def run(options: argparse.Namespace) -> int:
    """Print the report; 1 when a named register is in none of the vCPUs."""
    from inspector import sources
    from inspector.registers import catalog
    from inspector.reports import registers as report
    from inspector.reports.json import dumps
    from inspector.sources.consistency import differing_id_registers
    from inspector.sources.dump import select_vcpus

    groups = dict(catalog.GROUPS)
    if options.group == "help":
        print("\n".join(f"{key:12} {title}" for key, title in catalog.GROUPS))
        return EXIT_YES
    if options.group is not None and options.group not in groups:
        raise InspectorError(f"no group {options.group!r}", "--group", f"one of: {', '.join(groups)}")
    wanted = None
    if options.registers:
        found = [catalog.find(text) for text in options.registers]
        wanted = [(f.register, f.field.name if f.field else "") for f in found]
    dump = select_vcpus(sources.load(options.source, options.declared), options.vcpu or ())
    vcpus = dump.vcpus
    shown = {place: report.items(vcpu, wanted, options.group or "") for place, vcpu in enumerate(vcpus)}
    differing = {
        catalog.by_id(reg_id).name: [f"0x{value:x}" for value in values]
        for reg_id, values in differing_id_registers(dump).items()
    }
    if options.json:
        print(dumps(report.show_json(dump, shown, vcpus, differing)))
    else:
        for place, vcpu in enumerate(vcpus):
            lines = [report.headline(dump, vcpu, len(shown[place])), ""]
            if options.markdown:
                lines[0] = "## " + lines[0]
                for item in shown[place]:
                    lines += report.item_markdown(item)
            elif wanted is None:
                lines += report.list_lines(shown[place])
            else:
                for item in shown[place]:
                    lines += [*report.register_lines(item), ""]
            print("\n".join(lines))
            if wanted is None and place + 1 < len(vcpus):
                print()
    talk = [f"differs between vCPUs: {name} {' / '.join(values)}" for name, values in differing.items()]
    talk += dump.notes
    missing = [
        register.name
        for register, _ in wanted or ()
        if not any(item.register.id == register.id for items in shown.values() for item in items)
    ]
    talk += [f"not in {options.source}: {name}" for name in dict.fromkeys(missing)]
    if (talk and not options.json) or missing:
        from inspector.errors import one_line

        print("\n".join(map(one_line, talk)), file=sys.stderr)
    return EXIT_NO if missing else EXIT_YES
