"""Decode one register value to its fields, without any dump."""

from __future__ import annotations

import argparse

from inspector.commands.arguments import add_style
from inspector.errors import EXIT_YES
from inspector.registers import catalog
from inspector.registers.reading import both_layouts, parse_field, parse_value, read
from inspector.reports import registers as report
from inspector.reports.json import dumps, reading_json


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("register", metavar="REGISTER", help="any spelling; NAME.FIELD decodes a field's own value")
    parser.add_argument("value", metavar="VALUE", help="0x hex, 0b binary or decimal; _ may group digits")
    add_style(parser)


def run(options: argparse.Namespace) -> int:
    """Print every field; CCSIDR_EL1 in both its layouts."""
    found = catalog.find(options.register)
    register = found.register
    field = ""
    if found.field:
        field = found.field.name
        value = found.field.insert(0, parse_field(register, found.field, options.value))
        layouts = [read(register.id, value, include_reserved=True)]
    else:
        value = parse_value(register, options.value)
        layouts = list(both_layouts(register.id, value))
    items = [report.Item(register, reading, field=field) for reading in layouts]
    if options.json:
        answers = [
            reading_json(item.reading) | {"fields": report.item_json(item)["fields"]} for item in items if item.reading
        ]
        print(dumps(answers[0] | ({"other_layout": answers[1]} if len(answers) > 1 else {})))
        return EXIT_YES
    for item in items:
        print("\n".join(report.item_markdown(item) if options.markdown else report.register_lines(item)))
    return EXIT_YES
