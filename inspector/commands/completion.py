"""Print the script that lets a shell complete commands and registers.

bash: eval "$(vcpu-inspector completion bash)"; zsh: eval "$(vcpu-inspector completion zsh)" behind compinit;
fish: vcpu-inspector completion fish | source
"""

from __future__ import annotations

import argparse

from inspector.completion import SHELLS, script
from inspector.errors import EXIT_YES


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help=f"one of: {', '.join(SHELLS)}")


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    print(script(options.shell), end="")
    return EXIT_YES
