"""Print the registers of a dump, decoded to fields.

Without names: one line each. With names: every field and its meaning.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence

from inspector.commands.arguments import add_declared, add_secrets, add_snapshot, add_style
from inspector.commands.opened import given_source
from inspector.errors import EXIT_NO, EXIT_YES, InspectorError, one_line
from inspector.registers import catalog
from inspector.reports import registers as report
from inspector.reports.json import dumps
from inspector.reports.registers_json import show_json
from inspector.reports.text import markdown_text
from inspector.sources.consistency import differing_id_registers
from inspector.sources.dump import HOST, Dump, host_registers, select_vcpus
from inspector.sources.notes import notes_about
from inspector.sources.withheld import withhold


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="SOURCE", help="a dump: file, -, builtin:NAME or a live source")
    add_declared(parser)
    add_snapshot(parser)
    parser.add_argument(
        "registers",
        metavar="REGISTER",
        nargs="*",
        default=[],  # else argparse counts it among the required ones
        help="name, NAME.FIELD, id or encoding: aa64pfr0.MPAM, S3_0_C0_C4_0, 0x603000000013c020, CCSIDR[2]; "
        "or a feature: FEAT_SVE2, asimddp, +sve2-aes",
    )
    parser.add_argument(
        "--vcpu", metavar="N", action="append", help="only this vCPU (index, name, or host); may be repeated"
    )
    parser.add_argument("--group", metavar="G", help="only registers of this group; `--group help` lists the groups")
    add_secrets(parser)
    add_style(parser)


def run(options: argparse.Namespace) -> int:
    """Print the report; 1 when a named register is in none of the vCPUs."""
    if options.group == "help":
        print("\n".join(f"{key:12} {title}" for key, title in catalog.GROUPS))
        return EXIT_YES
    group = _group_of(options.group) if options.group is not None else ""
    found = [one for text in options.registers for one in catalog.look_up(text)]
    wanted = list(dict.fromkeys((f.register, f.field.name if f.field else "") for f in found)) or None
    dump = given_source(options)
    dump = select_vcpus(dump, options.vcpu or _host_alone(dump))
    dump = dump if options.secrets else withhold(dump)
    shown = {place: report.items(vcpu, wanted, group) for place, vcpu in enumerate(dump.vcpus)}
    differing = {
        catalog.by_id(reg_id).name: [f"0x{value:x}" for value in values]
        for reg_id, values in differing_id_registers(dump).items()
    }
    if options.json:
        print(dumps(show_json(dump, shown, dump.vcpus, differing)))
    elif lines := _lines(dump, shown, named=wanted is not None, markdown=options.markdown):
        print("\n".join(lines))
    present = {item.register.id for items in shown.values() for item in items}
    notes = notes_about(dump, present) if wanted is not None or group else dump.notes
    missing = {f.register.name: dump.why_absent(f.register.id) for f in found if f.register.id not in present}
    talk = [f"differs between vCPUs: {name} {' / '.join(values)}" for name, values in differing.items()]
    talk += [f"no vCPU in {options.source}, and no register of its host"] * (not dump.vcpus)
    talk += [*notes, *(_not_there(options.source, *entry) for entry in missing.items())]
    nothing = missing or not dump.vcpus
    if talk and (nothing or not options.json):
        print("\n".join(map(one_line, talk)), file=sys.stderr)
    return EXIT_NO if nothing else EXIT_YES


def _host_alone(dump: Dump) -> list[str]:
    """The host's own registers of a dump without any vCPU."""
    return [HOST] if not dump.vcpus and host_registers(dump) is not None else []


def _group_of(text: str) -> str:
    """The group of a key or a title, in letters of any size. Raises InspectorError for none."""
    for key, title in catalog.GROUPS:
        if text.strip().lower() in (key, title.lower()):
            return key
    keys = ", ".join(key for key, _ in catalog.GROUPS)
    raise InspectorError(f"no group {text!r}", "--group", f"one of: {keys}")


def _not_there(source: str, name: str, reason: str) -> str:
    return f"not in {source}: {name}" + (f" ({reason})" if reason else "")


def _lines(dump: Dump, shown: Mapping[int, Sequence[report.Item]], *, named: bool, markdown: bool) -> list[str]:
    """The report as text: every vCPU's headline and registers; `named` ones in full, all of them in a line each."""
    lines: list[str] = []
    for place, vcpu in enumerate(dump.vcpus):
        headline, items = report.headline(dump, vcpu, len(shown[place])), shown[place]
        if markdown:
            lines += [
                "## " + markdown_text(headline),
                "",
                *(line for item in items for line in report.item_markdown(item)),
            ]
        elif named:
            lines += [headline, "", *(line for item in items for line in (*report.register_lines(item), ""))]
        else:
            lines += [headline, "", *report.list_lines(items)]
        if not named and place + 1 < len(dump.vcpus):
            lines.append("")
    return lines
