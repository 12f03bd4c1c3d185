"""A policy's book that is made from another one's has in it what a book made from nothing has."""

from __future__ import annotations

import pytest

from inspector.errors import PolicyError
from inspector.policies.loader import all_names, combine, load_policy, patch_names, policy_names
from inspector.policies.model import Policy
from inspector.policies.rulebook import Rulebook

PATCHED = [f"6.2+{name}" for name in patch_names()]
BY_REGISTER = ("table", "_taken", "steps", "raz", "writable", "reported", "hooks", "known_mask")
BY_WORD = ("specials", "behaviours", "boot", "boot_states", "boot_modes", "overridable")


def told(book: Rulebook) -> dict[str, object]:
    """Everything that the engine looks up; of tables that it goes through also their order."""
    found: dict[str, object] = {name: getattr(book, name) for name in (*BY_REGISTER, "lists", "defaults")}
    return found | {name: list(getattr(book, name).items()) for name in BY_WORD}


@pytest.mark.parametrize("base", ["5.10.0", "6.1.0", "6.12.107", "7.3.4"])
def test_every_policy_compiles_the_same_from_any_other(base: str) -> None:
    other = Rulebook(load_policy(base))
    for name in (*all_names(), *PATCHED):
        policy = load_policy(name)
        assert told(Rulebook(policy, other)) == told(Rulebook(policy)), name


def test_a_chain_of_books_stays_the_same() -> None:
    book = Rulebook(load_policy(policy_names()[0]))
    for name in policy_names():
        policy = load_policy(name)
        book = Rulebook(policy, book)
        assert told(book) == told(Rulebook(policy)), name


def test_neighbours_share_what_no_differing_rule_names() -> None:
    older, newer = load_policy("6.12.95"), load_policy("6.12.107")
    base = Rulebook(older)
    shared = Rulebook(newer, base)
    same = [reg_id for reg_id, steps in shared.steps.items() if base.steps.get(reg_id) is steps]
    assert len(same) > len(shared.steps) // 2


def wrong(policy: Policy, tmp_path: pytest.TempPathFactory, text: str) -> str:
    path = tmp_path.mktemp("own") / "own.toml"
    path.write_text(f'extends = "{policy.name}"\n{text}')
    with pytest.raises(PolicyError) as told_of:
        combine(load_policy(str(path)), [])
    return str(told_of.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[rule]]\nkind = "raz"\nname = "x"\nregisters = ["NOT_THERE_EL1"]\n', "unknown register 'NOT_THERE_EL1'"),
        ('[[rule]]\nkind = "hide"\nname = "x"\nfields = ["ID_AA64PFR0_EL1.NOPE"]\n', "unknown field"),
        ('[[rule]]\nkind = "special"\nname = "x"\nfunction = "nope"\nvariant = "raw"\n', "unknown function 'nope'"),
        ('[[rule]]\nkind = "has"\nname = "x"\nbehaviour = "nope"\n', "unknown behaviour 'nope'"),
        ('[[rule]]\nkind = "list"\nname = "x"\nregisters = ["X=S9_0"]\n', "cannot read 'X=S9_0'"),
        ('[[rule]]\nkind = "has"\nname = "x"\nbehaviour = "mte"\nwhen = ["sve"]\n', "takes no condition"),
        ('[[rule]]\nkind = "boot"\nname = "x"\noption = "o"\nfields = ["ID_AA64PFR1_EL1.BT=99"]\n', "sets no value"),
    ],
)
def test_a_wrong_rule_of_ones_own_is_told_behind_a_compiled_base(
    tmp_path_factory: pytest.TempPathFactory, text: str, said: str
) -> None:
    assert said in wrong(load_policy("6.12"), tmp_path_factory, text)
