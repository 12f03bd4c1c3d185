"""The patch study as Markdown."""

from __future__ import annotations

from inspector import sources
from inspector.checks.patch_effect import PatchStudy, variants
from inspector.reports.patch_effect import cache_words, change_words, study_markdown, verdict_words


def test_the_report_tells_the_whole_story() -> None:
    dump = sources.load("builtin:neoverse-n2-linux-6.1")
    study = PatchStudy(dump, dump.vcpus[0])
    text = "\n".join(study_markdown(study, variants()[:3]))
    row = next(line for line in text.splitlines() if line.startswith("| ID_MMFR4_EL1"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[2].startswith("= accepted") and cells[3].startswith("✖ EINVAL")
    assert cells[4].startswith("▼ ignored") and cells[4].endswith("0x0000_0000_0002_1110")
    assert cells[5].startswith("= kept") and cells[5].endswith("0x0000_0000_0102_1110")
    assert "ID_AA64MMFR2_EL1.CCIDX 0x1 -> 0x0" in text
    assert "2 answers change, 250 do not" in text and "0 answers change" in text
    assert "mask CCIDX" in text and "\x1b" not in text


def test_words_of_one_write() -> None:
    dump = sources.load("builtin:neoverse-n2-linux-6.1")
    study = PatchStudy(dump, dump.vcpus[0])
    assert {verdict_words(one) for one in study.effect().writes} <= {"= accepted", "= kept", "= runs on"}
    posted, caches = study.effect(variants()[0]), study.effect(variants()[3])
    assert change_words(study.effect(), posted) == "ID_AA64MMFR2_EL1.CCIDX 0x1 → 0x0, ID_MMFR4_EL1.CCIDX 0x1 → 0x0"
    assert change_words(study.effect(), study.effect()) == ""
    assert change_words(study.effect(), caches).endswith(" more")
    assert "1 set x 4 ways x 64 B = 256 B, not 256 sets" in cache_words(study.effect(), posted)


def test_the_series_stand_by_their_titles_with_who_sees_what() -> None:
    dump = sources.load("builtin:neoverse-n2-linux-6.1")
    text = "\n".join(study_markdown(PatchStudy(dump, dump.vcpus[0]), variants()))
    assert text.count("### KVM: arm64: Normalize cache configuration") >= 1
    assert "### KVM: arm64: Disable MPAM visibility" in text and "nothing for this VM" in text
    row = next(line for line in text.splitlines() if line.startswith("| ID_AA64MMFR2_EL1.CCIDX"))
    assert [cell.strip() for cell in row.strip("|").split("|")][1:] == [
        "0x1", "0x1 → 0x0", "0x1 → 0x0", "0x1", "= accepted", "✖ EINVAL",
    ]  # fmt: skip
