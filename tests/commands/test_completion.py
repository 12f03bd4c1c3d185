"""Completion: what the program offers for a line, and the shells' own scripts in real shells."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.cli import main
from inspector.completion import script
from tests import make_share
from tests.programs import program
from tests.terminal.terminal import ROOT, Terminal


def offered(line: str, folder: Path) -> list[str]:
    """The words that the program offers behind a line, as a shell gets them."""
    found = folder / "words"
    environment = os.environ | {
        "PYTHONPATH": str(ROOT), "_ARGCOMPLETE": "1", "_ARGCOMPLETE_STDOUT_FILENAME": str(found), "COMP_LINE": line,
        "COMP_POINT": str(len(line)), "_ARGCOMPLETE_SUPPRESS_SPACE": "1", "_ARGCOMPLETE_IFS": "\n",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "inspector"], env=environment, cwd=folder, check=False, capture_output=True
    )
    assert not done.stderr, done.stderr
    return found.read_text().split("\n")


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("sho", "show"),
        ("", "migrate"),
        ("builtin:cix", "builtin:cix-cd8180-host"),
        ("show builtin:cix", "builtin:cix-cd8180-host"),
        ("show x id_aa64mmfr2", "id_aa64mmfr2_EL1"),
        ("show x ID_AA64MMFR2_EL1.CC", "ID_AA64MMFR2_EL1.CCIDX"),
        ("decode ccsidr", "ccsidr_EL1"),
        ("expose x --kernel 6.12", "6.12.0"),
        ("expose x --kernel ubuntu-5", "ubuntu-5.15.0-204"),
        ("expose x --kernel 6.2+", "6.2+mask-ccidx"),
        ("expose x --features sve,p", "sve,ptrauth"),
        ("expose x --host vgic=v3,ss", "vgic=v3,ssb="),
        ("migrate x sa", "same-host"),
        ("migrate x y --vmm fire", "firecracker"),
        ("migrate x y --fea", "--features"),
        ("show x --group ide", "identification"),
        ("kernels 5.10.2", "5.10.218"),
        ("completion f", "fish"),
        ("serv", "serve"),
        ("serve builtin:cix", "builtin:cix-cd8180-host"),
        ("serve --p", "--port"),
        ("kernels 6.12 --ru", "--rules"),
        ("show x FEAT_SVE2", "FEAT_SVE2"),
        ("write x id_aa64mmfr2_el1.cc", "id_aa64mmfr2_el1.ccIDX"),
        ("matrix builtin:cix", "builtin:cix-cd8180-host"),
        ("matrix x --kernels 6.12,ubuntu-5", "6.12,ubuntu-5.15.0-204"),
        ("matrix x --host vgic=v3,ss", "vgic=v3,ssb="),
        ("review 6.2 6.2+", "6.2+mask-ccidx"),
        ("learn x --without 5.10.2", "5.10.218"),
        ("live deb", "debugfs:"),
        ("help wri", "write"),
    ],
)
def test_a_line_is_offered_what_fits_it(line: str, wanted: str, tmp_path: Path) -> None:
    assert wanted in offered(f"vcpu-inspector {line}", tmp_path)


def test_files_of_the_folder_are_offered_and_nothing_that_does_not_fit(tmp_path: Path) -> None:
    (tmp_path / "guest.mig").touch()
    assert offered("vcpu-inspector show gue", tmp_path) == ["guest.mig"]
    assert offered("vcpu-inspector show x ID_AA64MMFR2_EL1.nothing", tmp_path) == [""]


def prepared(shell: str, folder: Path) -> dict[str, str]:
    """A program on the path and the shell's script in a file; the environment of a shell that has them."""
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    program(folder, "vcpu-inspector", f'exec {sys.executable} -m inspector "$@"')
    (folder / "script").write_text(script(shell))
    return {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "PYTHONPATH": str(ROOT),
    }


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_tab_key_completes_in_a_real_shell(shell: str, tmp_path: Path) -> None:
    """Fault 35 of the review."""
    environment = prepared(shell, tmp_path)
    command = {"bash": ["bash", "--norc", "-i"], "zsh": ["zsh", "-f", "-i"]}[shell]
    start = {"bash": ". ./script", "zsh": "autoload -U compinit && compinit -u -D; . ./script"}[shell]
    with Terminal(command=command, environment=environment, folder=tmp_path, size=(100, 20)) as terminal:
        terminal.send(f"{start}; echo rea''dy\r")
        terminal.wait_for("ready")
        terminal.send("vcpu-inspector decode ID_AA64ISAR3\t")
        terminal.wait_for("decode ID_AA64ISAR3_EL1")
        # Colons, equal signs and dots are where these shells would break a word.
        for typed, completed in (
            ("migrate x sam", "migrate x same-host"),
            ("serve builtin:cix", "serve builtin:cix-cd8180-host"),
            ("write x ID_AA64MMFR2_EL1.CC", "write x ID_AA64MMFR2_EL1.CCIDX"),
            ("expose x --host vgic=v3,ss", "expose x --host vgic=v3,ssb="),
            ("kernels 6.2+mask-ccidx-k", "kernels 6.2+mask-ccidx-keep"),
            ("serve --po", "serve --port"),
        ):
            terminal.send(f"\x15vcpu-inspector {typed}\t")
            terminal.wait_for(completed)


def test_fish_completes(tmp_path: Path) -> None:
    environment = prepared("fish", tmp_path)
    lines = (
        "decode ID_AA64ISAR3", "fix x sam", "serve builtin:cix", "write x ID_AA64MMFR2_EL1.CC",
        "kernels 6.2+mask-ccidx-k", "expose x --host vgic=v3,ss", "serv",
    )  # fmt: skip
    asked = "; ".join(["source script", *(f'complete -C "vcpu-inspector {line}"' for line in lines)])
    done = subprocess.run(
        ["fish", "--no-config", "-c", asked], check=True, env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    offers = [line.split("\t")[0] for line in done.stdout.splitlines()]
    assert offers == [
        "ID_AA64ISAR3_EL1", "same-host", "builtin:cix-cd8180-host", "ID_AA64MMFR2_EL1.CCIDX", "6.2+mask-ccidx-keep",
        "vgic=v3,ssb=", "serve",
    ]  # fmt: skip


@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="argparse writes its help differently in each Python; 3.11 writes share/"
)
def test_the_man_page_and_the_scripts_that_ship_are_those_of_the_parser() -> None:
    for path, text in make_share.files().items():
        assert (make_share.SHARE / path).read_text() == text, f"{path}: run python -m tests.make_share"


def test_man_renders_the_page_without_a_warning() -> None:
    if not shutil.which("man"):
        pytest.skip("man is not installed")
    page = str(make_share.SHARE / "man/man1/vcpu-inspector.1")
    done = subprocess.run(
        ["man", "--warnings", "-l", page],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "MANWIDTH": "80"},
    )
    assert done.returncode == 0
    assert not done.stderr
    assert "vcpu-inspector migrate" in done.stdout


def test_help_names_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Fault 35 of the review."""
    texts = []
    for words in (["help", "show"], ["show", "--help"], ["help"], ["--help"]):
        assert main(words) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] and "REGISTER" in texts[0]
    assert texts[2] == texts[3] and "completion" in texts[2]


@pytest.mark.parametrize("word", ["migrat", "nothing", "--json"])
def test_help_refuses_what_is_no_command(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", word, "more"]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"vcpu-inspector: {word}: is not a command; ") and told.count("\n") == 1
    assert ("did you mean vcpu-inspector migrate?" in told) == (word == "migrat")


def test_zsh_lists_words_as_they_are(tmp_path: Path) -> None:
    """Words without a description were listed as `show  --`."""
    environment = prepared("zsh", tmp_path)
    (tmp_path / ".hidden").touch()
    with Terminal(command=["zsh", "-f", "-i"], environment=environment, folder=tmp_path, size=(100, 30)) as terminal:
        terminal.send("autoload -U compinit && compinit -u -D; . ./script; echo rea''dy\r")
        terminal.wait_for("ready")
        terminal.send("vcpu-inspector s\t")
        terminal.wait_for(lambda text: "serve" in text and "summary" in text)
        assert "--" not in terminal.text().partition("vcpu-inspector s")[2]
        terminal.send("\x15vcpu-inspector show --\t")
        terminal.wait_for("-- print JSON")
        terminal.send("\x15vcpu-inspector convert \t\t")
        terminal.wait_for("script")
        assert ".hidden" not in terminal.text()
        terminal.send("\x15vcpu-inspector convert .h\t")
        terminal.wait_for("convert .hidden")
