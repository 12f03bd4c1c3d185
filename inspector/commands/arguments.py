"""Arguments that many commands share. Only argparse is loaded here, so that reading a register starts fast."""

from __future__ import annotations

import argparse

from inspector.numbers import is_decimal, parse_seconds


def whole(text: str) -> int:
    """A whole number, as an option takes it."""
    if not is_decimal(text.removeprefix("-")) or len(text) > 18:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a whole number")
    return int(text)


def seconds(text: str) -> float:
    """A number of seconds, as an option takes it."""
    try:
        return parse_seconds(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a number of seconds") from None


def add_style(parser: argparse.ArgumentParser, markdown: bool = True) -> None:
    """`--json` and, unless asked otherwise, `--markdown`: at most one of them."""
    style = parser.add_mutually_exclusive_group()
    style.add_argument("--json", action="store_true", help="print JSON")
    if markdown:
        style.add_argument("--markdown", action="store_true", help="print Markdown, for a bug report")


def add_secrets(parser: argparse.ArgumentParser) -> None:
    """`--secrets`: whether values of the guest's general, vector and debug registers, pointers and keys are shown."""
    parser.add_argument(
        "--secrets",
        action="store_true",
        help="tell the values of general, vector and debug registers, pointers (SP, PC, TTBR, TPIDR) and keys too: "
        "secrets of the guest, which are withheld otherwise",
    )


def add_declared(parser: argparse.ArgumentParser) -> None:
    """`--as VIEW`: whose values a text holds, for texts that do not say it."""
    parser.add_argument(
        "--as",
        dest="declared",
        choices=("host", "el0", "vcpu", "guest"),
        metavar="VIEW",
        help="whose values a pasted text holds: a host's raw ones (host), what a process of a host reads (el0), a "
        "vCPU's (vcpu), or what a guest reads (guest); default: as a header line of the text says, else inferred. It "
        "holds for every text of the command: two that differ in it say it in a header line of their own (`# host`, "
        "`# guest`)",
    )


def add_snapshot(parser: argparse.ArgumentParser) -> None:
    """`--snapshot NAME|ID`: which internal snapshot of a qcow2 image."""
    parser.add_argument(
        "--snapshot",
        metavar="NAME|ID",
        default="",
        help="which internal snapshot of a qcow2 SOURCE, by name or ID (default: the last one with VM state)",
    )


def add_kernel(parser: argparse.ArgumentParser) -> None:
    """`--kernel K`: a policy name, a release string, a path to a policy of the user's own, `+patch` behind any."""
    parser.add_argument(
        "--kernel",
        metavar="K",
        help="a policy (6.12, 6.2+mask-ccidx), a release string (uname -r), or the path of a TOML policy",
    )


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """`--host LIST`: what no register shows of the host; inferred where it is not given."""
    parser.add_argument(
        "--host",
        metavar="LIST",
        default="",
        help="what registers do not show, else inferred: spectre-v2=unaffected|mitigated|vulnerable, "
        "meltdown=unaffected|affected, ssb=..., bhb=..., vgic=v2|v3|v5|none, page-size=4k|16k|64k, "
        "aarch32=on|off, how the kernel was built: sme=on|off, poe=on|off; REGISTER.FIELD=VALUE; "
        'cmdline="..." (the command line of the host\'s kernel: arm64.nobti, mitigations=off ...)',
    )


def add_host_inputs(parser: argparse.ArgumentParser) -> None:
    """`--host LIST` and `--assume core`: what is not known of the host."""
    add_inputs(parser)
    parser.add_argument(
        "--assume",
        choices=("core",),
        help="core: take bits of the host that are unknown from what its core (by MIDR_EL1) is known to have",
    )


def add_why(parser: argparse.ArgumentParser) -> None:
    """`--why`: the facts of the host that the answer rests on."""
    parser.add_argument("--why", action="store_true", help="print the facts of the host that the answer rests on too")


_MANY = ("files_from", "partial", "merge", "engine", "skip_unreadable", "table")
"""Options that ask for many dumps."""
_MOST_JOBS = 256


def is_many(options: argparse.Namespace) -> bool:
    """True where an option asks for many dumps, however few there are."""
    return any(getattr(options, name) for name in _MANY)


def add_many(parser: argparse.ArgumentParser, table: str, each: str = "DUMP") -> None:
    """`--files-from`, `--partial`, `--merge`, `--skip-unreadable`, `--engine`, `--jobs` and `--table`. `table`: what is
    in its rows and columns; `each`: what is listed."""
    among = parser.add_argument_group("many at once")
    among.add_argument(
        "--files-from",
        metavar="FILE",
        help=f"a file with the path of a {each} on each line, or with a NUL behind each (find -print0); "
        "- for standard input",
    )
    among.add_argument(
        "--partial",
        metavar="FILE",
        help=f"print nothing; write what the report needs of each {each} (without secrets of guests)",
    )
    among.add_argument("--merge", action="store_true", help=f"each {each} is a file that --partial wrote")
    among.add_argument(
        "--skip-unreadable",
        action="store_true",
        help=f"go on without a {each} that cannot be read, and tell it: on standard error and in the report by name "
        "and reason (the first 64; all are counted), in a table as a row. As nothing is known of it, the exit code is "
        "1 at best, and 2 where none can be read; with --partial 0, as the part tells it to --merge",
    )
    among.add_argument(
        "--engine",
        metavar="ENGINE",
        help="dask: read on processes of a Dask cluster on this machine; dask:tcp://HOST:PORT: on that scheduler's "
        f"workers. {each} may then be a pattern, an address of a store (s3://..., zip://...) or a Parquet file with "
        "the columns name and dump. Needs pip install 'vcpu-inspector[fleet]', and s3fs for s3://",
    )
    among.add_argument(
        "--jobs", type=_jobs, default=0, metavar="N", help="at most so many processes read (default: one per CPU)"
    )
    among.add_argument(
        "--table",
        metavar="FILE",
        help=f"write a table too, for DuckDB, pandas or a spreadsheet: {table}; FILE ends in .csv, or in .parquet "
        "(needs pip install 'vcpu-inspector[fleet]')",
    )


def _jobs(text: str) -> int:
    if not (is_decimal(text) and len(text) < 4 and 1 <= int(text) <= _MOST_JOBS):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a number from 1 to {_MOST_JOBS}")
    return int(text)
