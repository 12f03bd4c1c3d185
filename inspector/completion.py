"""What the tab key offers: commands, options, registers and fields, kernels, shipped dumps and files.

The shells' scripts (`vcpu-inspector completion SHELL`) run the program again with the line so far in its environment;
argcomplete reads that line against the same parser that runs the command, and prints the words that fit.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import argcomplete
from argcomplete.completers import FilesCompleter
from argcomplete.lexers import split_line
from argcomplete.shell_integration import shellcode

from inspector import sources
from inspector.checks.vmms.table import VMM_NAMES
from inspector.command_line import COMMANDS, Parser, command_parser, screens_parser
from inspector.kvm.host_inputs import HOST_INPUTS
from inspector.policies.points import patch_names, policy_names, vendor_names
from inspector.policies.setup import FEATURE_WORDS
from inspector.registers import catalog
from inspector.registers.features import all_features
from inspector.version import PROGRAM

SHELLS = ("bash", "zsh", "fish")
_DESCRIBE = '_describe "${words[1]}" completions'
"""Where argcomplete's script hands the words to zsh."""
Completer = Callable[..., Iterable[str]]


def script(shell: str) -> str:
    """What a shell reads to complete the program's arguments."""
    text = str(shellcode([PROGRAM], shell=shell)).strip() + "\n"
    if shell == "zsh":
        # A word without a description ends in a colon; zsh would list it as `word --`.
        text = text.replace(_DESCRIBE, f'completions=("${{completions[@]%:}}")\n        {_DESCRIBE}')
    return text


def answer(line: str, point: int) -> None:
    """Print the words that fit the line up to the cursor, as argcomplete hands them to the shell; ends the process."""
    before = split_line(line, point)[3][1:]
    if before and before[0] in COMMANDS:
        parser = Parser(prog=PROGRAM, add_help=False)
        _offer(command_parser(before[0], parser.add_subparsers()), completers())
    elif before == ["help"]:
        parser = Parser(prog=PROGRAM, add_help=False)
        parser.add_argument("help")
        parser.add_argument("command", choices=tuple(COMMANDS))
    else:
        parser = screens_parser()
        table = dict(completers())
        if not before:
            table["SOURCE"] = partial(_first, table["SOURCE"])
        _offer(parser, table)
    argcomplete.autocomplete(parser, always_complete_options=False)


def _offer(parser: argparse.ArgumentParser, table: Mapping[str, Completer]) -> None:
    """Give every argument what completes it."""
    for action in parser._actions:
        completer = table.get(str(action.metavar or ""))
        if completer is not None and action.choices is None:
            action.completer = completer  # type: ignore[attr-defined]  # where argcomplete looks for it


def completers() -> Mapping[str, Completer]:
    """What completes an argument, by the metavar that the help shows."""
    files = partial(_visible, FilesCompleter())
    return {
        "SOURCE": partial(_sources, files),
        "DUMP": partial(_sources, files),
        "HOST": partial(_sources, files),
        "ADDRESS": _addresses,
        "DESTINATION": partial(_destinations, files),
        "REGISTER": _registers_and_features,
        "REG=VALUE": _registers,
        "R": _registers,
        "K": _kernels,
        "VMM": _vmms,
        "KERNEL": _kernels,
        "POINT": _kernels,
        "BEFORE": partial(_kernels_and_files, files),
        "AFTER": partial(_kernels_and_files, files),
        "LIST": _listed,
        "G": _groups,
        "FEATURE": _features,
        "FILE": files,
        "RECORDING": files,
        "NEWFILE": files,
    }


def _first(others: Completer, prefix: str, **rest: object) -> list[str]:
    return [*(name for name in COMMANDS if name.startswith(prefix)), *others(prefix, **rest)]


def _visible(files: FilesCompleter, prefix: str, **rest: object) -> list[str]:
    """Files; hidden ones where their dot was typed."""
    dot = prefix.rpartition("/")[2].startswith(".")
    found = files(prefix, **rest)
    return [name for name in found if dot or not name.rstrip("/").rpartition("/")[2].startswith(".")]


def _sources(files: Completer, prefix: str, **_: object) -> list[str]:
    shipped = [f"builtin:{name}" for name in sources.shipped_names()]
    return [*(name for name in shipped if name.startswith(prefix)), *files(prefix)]


def _destinations(files: Completer, prefix: str, **rest: object) -> list[str]:
    return [*(name for name in ("same-host",) if name.startswith(prefix)), *_sources(files, prefix, **rest)]


def _registers(prefix: str, **_: object) -> list[str]:
    """Names, in the case that was typed; behind a dot the fields of the register."""
    name, dot, field = prefix.partition(".")
    folded = prefix.casefold()
    if not dot:
        names = (register.name for register in catalog.all_registers())
        return [prefix + each[len(prefix) :] for each in names if each.casefold().startswith(folded)]
    known = {register.name.casefold(): register for register in catalog.all_registers()}.get(name.casefold())
    schema = known.schema if known else None
    fields = [span.name for span in schema.fields] if schema else []
    return [f"{name}.{field}{each[len(field) :]}" for each in fields if each.casefold().startswith(field.casefold())]


def _registers_and_features(prefix: str, **_: object) -> list[str]:
    """FEAT_ names too where one was begun: a feature stands for its fields."""
    return [*_registers(prefix), *(_features(prefix) if prefix.casefold().startswith("feat") else [])]


def _features(prefix: str, **_: object) -> list[str]:
    """Names of features, in the case that was typed."""
    names = (one.name for one in all_features())
    return [prefix + each[len(prefix) :] for each in names if each.casefold().startswith(prefix.casefold())]


def _kernels(prefix: str, **_: object) -> list[str]:
    base, plus, _patch = prefix.rpartition("+")
    if plus:
        return [found for name in patch_names() if (found := f"{base}+{name}").startswith(prefix)]
    return [name for name in (*policy_names(), *vendor_names()) if name.startswith(prefix)]


def _kernels_and_files(files: Completer, prefix: str, **_: object) -> list[str]:
    return [*_kernels(prefix), *files(prefix)]


def _addresses(prefix: str, **_: object) -> list[str]:
    """Where a live source is read from."""
    return [one for one in ("live:", "ssh://", "debugfs:", "gdb:", "qmp:") if one.startswith(prefix)]


def _vmms(prefix: str, **_: object) -> list[str]:
    return [name for name in VMM_NAMES if name.startswith(prefix)]


def _groups(prefix: str, **_: object) -> list[str]:
    return [key for key, _title in catalog.GROUPS if key.startswith(prefix)]


def _listed(prefix: str, action: argparse.Action, **_: object) -> list[str]:
    """`--features`, `--host` and `--kernels`: words between commas."""
    done, comma, last = prefix.rpartition(",")
    words: Iterable[str] = ()
    if action.dest == "features":
        words = (*FEATURE_WORDS, "qemu", "none")
    elif action.dest in ("host", "inputs"):
        words = (*(f"{name}=" for name in HOST_INPUTS), "cmdline=")
    elif action.dest == "kernels":
        words = _kernels(last)
    return [f"{done}{comma}{word}" for word in words if word.startswith(last)]
