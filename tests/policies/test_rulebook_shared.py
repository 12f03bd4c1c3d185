"""What a book says of a register is shared with the books of other policies whose rules agree in it."""

from __future__ import annotations

import msgspec
import pytest

from inspector.errors import PolicyError
from inspector.policies import register_rules
from inspector.policies.loader import combine, load_policy
from inspector.policies.model import Boot, Know, Policy, Rule, Tolerate
from inspector.policies.points import all_names, patch_names, policy_names
from inspector.policies.rulebook import Rulebook, rulebook

PATCHED = [f"6.2+{name}" for name in patch_names()]
EVERY = (*all_names(), *PATCHED)


def told(book: Rulebook) -> dict[int, dict[str, object]]:
    """Everything that the engine looks up of a register; of the feature table also its order."""
    said = {reg_id: msgspec.structs.asdict(book.of(reg_id)) for reg_id in book.registers}
    return {reg_id: one | {"table": list(one["table"].items())} for reg_id, one in said.items()}


def alone(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> dict[int, dict[str, object]]:
    """The same of a policy, compiled with nothing else before it."""
    with monkeypatch.context() as patched:
        patched.setattr(register_rules, "_COMPILED", {})
        patched.setattr(register_rules, "_SAID", {})
        return told(Rulebook(policy))


def test_every_policy_compiles_the_same_behind_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in EVERY:
        policy = load_policy(name)
        assert told(Rulebook(policy)) == alone(policy, monkeypatch), name


def test_every_policy_that_ships_means_something() -> None:
    for name in EVERY:
        Rulebook(load_policy(name)).check()


def test_every_word_of_the_command_line_is_one_rule() -> None:
    """Two rules about one word would hide each other."""
    for name in EVERY:
        book = rulebook(load_policy(name))
        assert len(book.words) == sum(rule.__struct_config__.tag == "boot" for rule in book.policy.rules), name


def test_neighbours_share_what_no_differing_rule_names() -> None:
    older, newer = (rulebook(load_policy(name)) for name in ("6.12.0", "6.12.43"))
    same = [reg_id for reg_id in newer.registers if older.of(reg_id) is newer.of(reg_id)]
    assert len(newer.registers) // 2 < len(same) < len(newer.registers)


def test_points_without_a_change_are_one_book() -> None:
    assert rulebook(load_policy("6.12.95")) is rulebook(load_policy("6.12.107"))
    assert rulebook(load_policy("6.12.94")) is not rulebook(load_policy("6.12.43"))


def test_a_book_is_made_of_a_wrong_rule_and_its_check_refuses_it() -> None:
    """Nothing is compiled that is not asked for: who makes a policy checks it."""
    policy = load_policy("6.12")
    rule = Tolerate(name="tried", fields=("MIDR_EL1.NOPE",))
    book = Rulebook(msgspec.structs.replace(policy, name="own", rules=(*policy.rules, rule)))
    assert book.of(policy_ids()[0]) is rulebook(policy).of(policy_ids()[0])
    with pytest.raises(PolicyError) as said:
        book.check()
    assert (said.value.where, said.value.what) == ("own", "rule 'tried': unknown field 'MIDR_EL1.NOPE'")


def policy_ids() -> list[int]:
    return list(rulebook(load_policy(policy_names()[0])).registers)


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


def test_words_of_the_command_line_are_checked_again_where_they_or_their_fields_change() -> None:
    """Of a policy over a checked one only what changed is looked at: who names a field has not changed when it goes."""
    policy = load_policy("6.12")
    table = Know(name="own table", register="ID_AA64PFR2_EL1", fields=("OWN[63:60] lower",))
    word = Boot(name="own word", option="arm64.noown", fields=("ID_AA64PFR2_EL1.OWN=0",))

    def over(*rules: Rule) -> Policy:
        return msgspec.structs.replace(policy, name="own", rules=(*policy.rules, *rules))

    Rulebook(over(table)).check(policy.rules)
    Rulebook(over(table, word)).check(over(table).rules)
    with pytest.raises(PolicyError, match="OWN"):
        Rulebook(over(word)).check(policy.rules)
    with pytest.raises(PolicyError, match="OWN"):
        Rulebook(over(word)).check(over(table, word).rules)
