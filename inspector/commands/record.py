"""Ask this host's KVM everything and write a kvm-recording.

`verify` compares it with the model. Needs an arm64 host with /dev/kvm. Only scratch VMs are touched; a full recording
takes minutes.
"""

from __future__ import annotations

import argparse

from inspector.commands.output import add_output, check_output, write_out
from inspector.errors import EXIT_YES, SourceError
from inspector.sources.live.questions import chosen_configs
from inspector.sources.live.recorder import record


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_output(parser)
    parser.add_argument("--configs", metavar="LIST", help="comma-separated configurations (default: all thirteen)")
    parser.add_argument("--first", metavar="N", type=int, help="write only to the first N registers of a configuration")
    parser.add_argument("--seed", metavar="N", type=int, default=1, help="seed of the random writes (default: 1)")
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
    check_output(options.output, options.force)
    try:
        if options.output in (None, "-"):
            record(lambda line: print(line, flush=False), configs, options.first, options.seed, options.cpu)
        else:
            lines: list[str] = []
            record(lines.append, configs, options.first, options.seed, options.cpu)
            write_out(options.output, "".join(f"{line}\n" for line in lines).encode(), force=options.force)
    except OSError as error:
        raise SourceError(
            f"cannot record: {error.strerror or error}", error.filename or "/dev/kvm", "run on an arm64 host with KVM"
        ) from error
    return EXIT_YES
