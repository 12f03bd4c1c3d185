"""Play the story of the patch that this program began with.

"KVM: arm64: Mask FEAT_CCIDX", and what it does to VMs that were saved before: on a terminal in the screens, where space
goes on from step to step; in a pipe, or with --text or --markdown, as text. It needs no file and no host.
"""

from __future__ import annotations

import argparse
import shutil
import sys

from inspector.checks.patch_effect import PatchStudy
from inspector.errors import EXIT_YES
from inspector.reports import demo as report
from inspector.reports.outline import TEXT_WIDTH
from inspector.sources import load
from inspector.talk import on_terminal


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--text", action="store_true", help="as text, also on a terminal")
    form.add_argument("--markdown", action="store_true", help="in Markdown")


def run(options: argparse.Namespace) -> int:
    """Open the screens on the story, or print it."""
    if not (options.text or options.markdown) and on_terminal(sys.stdin, sys.stdout):
        from inspector.app import run as run_screens

        return run_screens([report.SOURCE], demo=True)
    dump = load(report.SOURCE)
    study = PatchStudy(dump, dump.vcpus[0])
    if options.markdown:
        print("\n".join(report.story_markdown(study)).rstrip())
        return EXIT_YES
    cells = min(shutil.get_terminal_size().columns, TEXT_WIDTH) if sys.stdout.isatty() else TEXT_WIDTH
    print("\n".join(report.story_lines(study, max(cells, 40))).rstrip())
    return EXIT_YES
