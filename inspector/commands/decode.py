"""Decode one register value to its fields, without any dump."""

from __future__ import annotations

import argparse

from inspector.commands.arguments import add_style
from inspector.errors import EXIT_YES
from inspector.registers import catalog
from inspector.registers.reading import both_layouts, parse_field, parse_value, read
from inspector.registers.spelling import Found
from inspector.reports import registers as report


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("register", metavar="REGISTER", help="any spelling; NAME.FIELD or FEAT_NAME decode a field")
    parser.add_argument("value", metavar="VALUE", help="0x hex, 0b binary or decimal; _ may group digits")
    add_style(parser)


def _items(found: Found, text: str) -> list[report.Item]:
    """The value as a field's own, or as a register's in every layout that it can have."""
    register, field = found.register, found.field
    if field is None:
        return [report.Item(register, one) for one in both_layouts(register.id, parse_value(register, text))]
    value = field.insert(0, parse_field(register, field, text))
    return [report.Item(register, read(register.id, value, include_reserved=True), only=(field.name,))]


def run(options: argparse.Namespace) -> int:
    """Print every field; CCSIDR_EL1 in both its layouts."""
    places = catalog.look_up(options.register)
    items = [item for found in places for item in _items(found, options.value)]
    if options.json:
        print(_json(items, len(places)))
        return EXIT_YES
    for item in items:
        print("\n".join(report.item_markdown(item) if options.markdown else report.register_lines(item)))
    return EXIT_YES


def _json(items: list[report.Item], places: int) -> str:
    """An object for each place that the text names, or the one value in both its layouts."""
    from inspector.reports.json import dumps, reading_json  # msgspec is a quarter of the time of this command
    from inspector.reports.registers_json import item_json

    answers = [reading_json(item.reading) | {"fields": item_json(item)["fields"]} for item in items if item.reading]
    if places > 1:
        return dumps({"places": answers})
    return dumps(answers[0] | ({"other_layout": answers[1]} if len(answers) > 1 else {}))
