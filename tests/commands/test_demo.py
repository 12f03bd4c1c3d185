"""The story of the patch as text: in a pipe, by option, in Markdown; its facts are the model's."""

from __future__ import annotations

from inspector import sources
from inspector.checks.patch_effect import PatchStudy
from inspector.reports.demo import SOURCE, scenes, story_lines
from tests.commands.running import run


def study() -> PatchStudy:
    dump = sources.load(SOURCE)
    return PatchStudy(dump, dump.vcpus[0])


def test_in_a_pipe_it_is_text_and_tells_every_form() -> None:
    done = run("demo")
    assert done.code == 0 and not done.err and "\x1b" not in done.out
    assert done.out == run("demo", "--text").out
    told = " ".join(done.out.split())
    for words in (
        "The first write that differs: ID_MMFR4_EL1.CCIDX", "The second: ID_AA64MMFR2_EL1.CCIDX",
        "2 of 252 refused, EINVAL",
        "2 accepted and ignored", "reads 0x0 in ID_AA64MMFR2_EL1.CCIDX", "every write accepted. Saved VMs keep",
        "It went into Linux 6.3 (bf48040cd9b0)",
    ):  # fmt: skip
        assert words in told
    assert max(map(len, done.out.splitlines())) <= 110


def test_in_markdown_it_has_a_heading_for_each_step_and_who_sees_what() -> None:
    done = run("demo", "--markdown")
    assert done.out.startswith("# KVM: arm64: Normalize cache configuration")
    assert done.out.count("\n## ") == len(scenes(study()))
    assert "| ID_AA64MMFR2_EL1.CCIDX | 0x1 | 0x1 → 0x0 | 0x1 → 0x0 | 0x1 | = accepted | = kept |" in done.out


def test_it_fits_a_narrow_terminal() -> None:
    assert max(map(len, story_lines(study(), 40))) <= 40


def test_another_file_is_no_argument() -> None:
    done = run("demo", "some.json")
    assert done.code == 2 and len(done.err.splitlines()) == 1
