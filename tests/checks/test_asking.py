"""Which kernel is asked about which vCPU, and why it may have no answer."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from inspector import sources
from inspector.checks.machine.asking import FEATURE_WORDS, answer, ask, has_word, own_question, toggled, with_gic
from inspector.errors import InspectorError, PolicyError
from inspector.policies.setup import QEMU_SETUP, VcpuSetup, parse_features
from inspector.sources.dump import Dump, Provenance

N2 = "builtin:neoverse-n2-linux-6.1"


@pytest.mark.parametrize(
    ("text", "base", "patches", "title"),
    [
        ("6.12", "6.12", (), "Linux 6.12"),
        ("6.2+mask-ccidx", "6.2", ("mask-ccidx",), "Linux 6.2+mask-ccidx"),
        ("6.12.107+deb13-cloud-arm64", "6.12.107+deb13-cloud-arm64", (), "Linux 6.12.107"),
    ],
)
def test_a_text_names_base_and_patches(text: str, base: str, patches: tuple[str, ...], title: str) -> None:
    question = ask(text)
    assert (question.base, question.patches, question.title) == (base, patches, title)
    assert ask(question.text).policy == question.policy


def test_a_policy_of_the_users_own(tmp_path: Path) -> None:
    path = tmp_path / "amazon.toml"
    path.write_text('extends = "6.1"\ntitle = "ours"\n')
    assert ask(f"{path}+mask-ccidx").title == "amazon+mask-ccidx"
    path.write_text('extends = "6.1"\ntitel = "ours"\n')
    with pytest.raises(PolicyError) as told:
        ask(str(path))
    assert "titel" in str(told.value) and "amazon.toml" in str(told.value) and "\n" not in str(told.value)


def test_features_that_the_kernel_or_host_lacks_are_named() -> None:
    dump = sources.load(N2)
    plain = answer(ask("6.2"), dump)
    for word, error in (("el2", "ENOENT"), ("imp-id", "EINVAL"), ("el1_32bit", "EINVAL")):
        with pytest.raises(InspectorError, match=f"{error}.*because of {word}"):
            answer(msgspec.structs.replace(ask("6.2"), setup=toggled(plain.setup, word)), dump)


def test_a_setup_that_nobody_named_is_the_dumps_own() -> None:
    dump = sources.load(N2)
    assert answer(ask("6.12"), dump).setup == dump.vcpus[0].setup
    chosen = parse_features("psci", gic="v3")
    told = answer(ask("6.12", chosen), dump)
    assert told.setup == chosen and not told.vm().init_errno


@pytest.mark.parametrize("word", FEATURE_WORDS)
def test_a_tick_and_its_undoing(word: str) -> None:
    for setup in (VcpuSetup(), QEMU_SETUP):
        once = toggled(setup, word)
        assert has_word(once, word) != has_word(setup, word)
        if word != "el2-e2h0":
            assert toggled(once, word) == setup


def test_e2h0_comes_with_el2_and_goes_with_it() -> None:
    both = toggled(VcpuSetup(), "el2-e2h0")
    assert has_word(both, "el2") and has_word(both, "el2-e2h0")
    assert not has_word(toggled(both, "el2"), "el2-e2h0")
    assert has_word(toggled(both, "el2-e2h0"), "el2")


def test_the_interrupt_controller() -> None:
    assert with_gic(VcpuSetup(), True).gic == "v3" and with_gic(QEMU_SETUP, False).gic == "none"


def test_the_kernel_of_a_dump_that_names_none_is_told_by_its_list() -> None:
    dump = sources.load(N2)
    unnamed = msgspec.structs.replace(
        dump, host=None, provenance=msgspec.structs.replace(dump.provenance, kernel="", kernel_version="")
    )
    assert own_question(dump).policy.point == "6.1.176"
    guessed = own_question(unnamed, dump.vcpus[0])
    assert guessed.policy.version < (6, 3, 0) and "nearest" in guessed.explanation
    with pytest.raises(InspectorError):
        own_question(Dump(provenance=Provenance(source="empty", format="test")))
