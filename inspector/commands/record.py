"""Ask this host's KVM everything and write a kvm-recording.

`verify` compares it with the model. Needs an arm64 host with /dev/kvm. Only scratch VMs are touched; a full recording
takes minutes. `record lab:6.12,cpu=max` asks an emulated machine instead, on any host.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from inspector.commands.arguments import whole
from inspector.commands.output import add_output, check_output, write_out
from inspector.errors import EXIT_YES, SourceError
from inspector.progress import Progress, work
from inspector.sources.live import open_live
from inspector.sources.live.laboratory import Lab
from inspector.sources.live.questions import chosen_configs
from inspector.sources.live.recorder import record
from inspector.talk import on_terminal

_SLOWEST = 3600.0
"""Seconds that a recording in the lab may take."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "source", metavar="SOURCE", nargs="?", default="live:", help="live: (this host, the default) or lab:KERNEL"
    )
    add_output(parser)
    parser.add_argument("--configs", metavar="LIST", help="comma-separated configurations (default: all thirteen)")
    parser.add_argument(
        "--first", metavar="N", type=whole, help="write only to the first N registers of a configuration"
    )
    parser.add_argument("--seed", metavar="N", type=whole, default=1, help="seed of the random writes (default: 1)")
    parser.add_argument("--identify", action="store_true", help="tell the whole command line and serial number too")
    parser.add_argument("--cpu", metavar="NAME", default="", help="name of the CPU, for the recording's first line")


def run(options: argparse.Namespace) -> int:
    """Write the recording."""
    if options.first is not None and options.first < 0:
        raise SourceError("takes a number of registers, 0 or more", "--first")
    try:
        configs = chosen_configs(options.configs) if options.configs is not None else None
    except ValueError as error:
        raise SourceError(str(error), "--configs") from None
    # Said before the minutes of asking.
    check_output(options)
    try:
        if options.output in (None, "-"):
            # On a terminal the lines themselves tell how far it is.
            with Progress.silent() if on_terminal(sys.stdout) else _work(options) as told:
                _asked(options, configs, _counted(lambda line: print(line, flush=False), told))
        else:
            lines: list[str] = []
            with _work(options) as told:
                _asked(options, configs, _counted(lines.append, told))
            write_out(options.output, "".join(f"{line}\n" for line in lines).encode(), force=options.force)
    except OSError as error:
        raise SourceError(
            f"cannot record: {error.strerror or error}", error.filename or "/dev/kvm", "run on an arm64 host with KVM"
        ) from error
    return EXIT_YES


def _work(options: argparse.Namespace) -> Progress:
    return work(f"recording {options.source}, lines")


def _counted(emit: Callable[[str], None], told: Progress) -> Callable[[str], None]:
    """`emit` that tells how many lines there were."""
    count = 0

    def one_more(line: str) -> None:
        nonlocal count
        emit(line)
        count += 1
        told.at(count)

    return one_more


def _asked(options: argparse.Namespace, configs: list[str] | None, emit: Callable[[str], None]) -> None:
    """Ask the source everything, and give the recording's lines to `emit`."""
    if options.source in ("live", "live:"):
        record(emit, configs, options.first, options.seed, options.cpu, identify=options.identify)
        return
    source = open_live(options.source)
    if not isinstance(source, Lab):
        raise SourceError("cannot be recorded from here", options.source, "valid: live: and lab:KERNEL")
    given = ["--seed", str(options.seed), "--cpu", options.cpu or source.cpu]
    given += ["--configs", ",".join(configs)] if configs is not None else []
    given += ["--first", str(options.first)] if options.first is not None else []
    for line in source.run("/recorder.py", *given, timeout=_SLOWEST).splitlines():
        emit(line)
