"""Every command: plain text in a pipe, the same words in colour where that is asked for, Markdown without folders."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from inspector.command_line import COMMANDS
from tests.commands.running import run
from tests.material import material

N2, A72 = "builtin:neoverse-n2-linux-6.1", "builtin:cortex-a72-linux-6.12"
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "summary": (N2,),
    "features": (N2, "FEAT_SVE2"),
    "show": (N2, "CTR_EL0"),
    "decode": ("CTR_EL0", "0xb444c004"),
    "caches": (N2,),
    "convert": (N2, "-o", "{folder}/converted.json"),
    "list": (),
    "expose": (N2, "ID_AA64MMFR2_EL1", "--kernel", "6.12"),
    "write": (N2, "ID_AA64MMFR2_EL1.CCIDX=1", "--kernel", "6.12"),
    "kernels": ("6.1", "6.12"),
    "predict": ("{recording}", "-o", "{folder}/predicted.jsonl"),
    "verify": ("{recording}",),
    "migrate": (N2, "same-host", "--kernel", "6.12"),
    "matrix": (A72, "--kernels", "6.12,6.18"),
    "fix": (N2, "same-host", "--kernel", "6.12", "--dry-run"),
    "review": ("6.2", "6.2+mask-ccidx", "--cpu", "cortex-a72"),
    "learn": ("{recording}",),
    "explain": ("error while loading state for instance 0x0 of device 'cpu'",),
    "compare": (N2, A72),
    "live": ("ssh://", "--text"),
    "record": ("--first", "0"),
    "lab": ("list",),
    "formats": (),
    "completion": ("bash",),
    "locate": (),
    "serve": ("/no/such/file",),
    "demo": ("--text",),
}
_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def test_every_command_is_here() -> None:
    assert set(ARGUMENTS) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_pipe_gets_plain_text_and_colour_where_it_is_asked_for(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 34 of the review: there was no colour at all."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    answers = []
    for forced in ("", "1"):
        folder = tmp_path / f"run{forced}"
        folder.mkdir()
        places = {"folder": str(folder), "recording": str(material("answers", "linux-5.10-cortex-a72.jsonl.xz"))}
        monkeypatch.setenv("FORCE_COLOR", forced)
        done = run(name, *(word.format(**places) for word in ARGUMENTS[name]))
        assert "\x1b" not in done.err
        answers.append((done.code, done.out.replace(str(folder), "")))
    plain, coloured = answers
    assert "\x1b" not in plain[1]
    assert (coloured[0], _ESCAPE.sub("", coloured[1])) == plain


SHARED = {
    "show": (), "summary": (), "caches": (), "compare": ("{file}",),
    "migrate": ("same-host", "--kernel", "{policy}"), "matrix": ("--kernels", "6.12,6.18"),
    "explain": ("--source", "{file}"),
}  # fmt: skip
"""Commands whose Markdown names sources."""


@pytest.mark.parametrize("name", SHARED)
def test_markdown_for_others_names_no_folder_of_this_machine(name: str, tmp_path: Path) -> None:
    file, policy = tmp_path / "guest.json", tmp_path / "own.toml"
    assert run("convert", A72, "-o", str(file)).code == 0
    policy.write_text('extends = "6.12"\n', encoding="utf-8")
    words = [word.format(file=file, policy=policy) for word in SHARED[name]]
    first = "error while loading state for instance 0x0 of device 'cpu'" if name == "explain" else str(file)
    done = run(name, first, *words, "--markdown")
    assert done.code in (0, 1) and done.out
    assert str(tmp_path) not in done.out
    assert "guest.json" in done.out or name in ("explain", "matrix")
