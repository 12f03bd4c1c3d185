"""The lines of Compare without a screen: what differs, what is not known, groups, order, filter, steps."""

from __future__ import annotations

import pytest

from inspector import sources
from inspector.app.modes.compare.board import Board
from inspector.app.modes.compare.dumps import contrast, equal_nodes
from inspector.app.modes.compare.lines import Node, by_rule, filtered, in_order, lines, registers_in, step, worst
from inspector.app.modes.compare.question import dumps_picture, first_question, kernel_picture, report
from inspector.app.modes.compare.sides import Side, all_sides, side_name
from inspector.app.modes.compare.table import fitted, number, verdict
from inspector.app.shell.session import Session
from inspector.app.shell.view import views_of
from inspector.checks.machine.question import ask
from inspector.errors import InspectorError
from inspector.registers.encoding import sysreg_id
from inspector.sources.dump import Constraint, Dump, Host, Provenance, Vcpu
from inspector.untrusted import Untrusted
from tests.app.material import MIDR, NEOVERSE, PFR0, PFR1, TPIDR, VALUES, template_of
from tests.sources.material import dump_of

MMFR2 = sysreg_id(3, 0, 0, 7, 2)


def node_of(nodes: tuple[Node, ...] | list[Node], reg_id: int) -> Node:
    return next(one for one in registers_in(nodes) if one.id == reg_id)


def field_of(node: Node, name: str) -> Node:
    return next(one for one in node.children if one.title == name)


def host_dump(values: dict[int, int], kernel: str = "") -> Dump:
    vcpu = Vcpu(index=0, values=values, kind="host")
    return Dump(
        provenance=Provenance(source="host.txt", format="model", kernel=Untrusted(kernel)),
        vcpus=(vcpu,),
        host=Host(values=values),
    )


def test_what_a_kernel_hides_is_told_with_rule_and_source() -> None:
    (view, *_) = views_of(sources.load(NEOVERSE))
    picture = kernel_picture(view, ask("6.12"), None)
    ccidx = field_of(node_of(picture.nodes, MMFR2), "CCIDX")
    assert ccidx.values == (1, 0) and ccidx.state == "masked"
    assert "CCIDX" in ccidx.rule and "bf48040cd9b0" in ccidx.reference and ccidx.reason
    assert "64-bit" in ccidx.meaning(0) and "32-bit" in ccidx.meaning(1)
    assert picture.titles == ("host", "exposed") and "Linux 6.12" in picture.brief
    assert not node_of(kernel_picture(view, ask("6.1"), None).nodes, MMFR2).differs


def test_the_dumps_own_kernel_is_asked_by_itself_and_says_what_was_saved() -> None:
    """The model against a recording: nothing that it derives differs from the saved vCPU."""
    (view, *_) = views_of(sources.load(NEOVERSE))
    picture = kernel_picture(view, None, None, view.one_vcpu)
    assert "6.1.176" in picture.brief
    assert [one.title for one in registers_in(picture.nodes) if one.differs] == []
    assert picture.equal == len(list(registers_in(picture.nodes))) > 300


def test_what_a_saved_vcpu_does_not_show_of_its_host_is_unknown_and_never_masked() -> None:
    (view, *_) = views_of(sources.load(NEOVERSE))
    alone = dump_of(view.values)
    (view, *_) = views_of(alone)
    picture = kernel_picture(view, ask("6.12"), None)
    seen = [field for node in registers_in(picture.nodes) for field in node.children if field.values[0] is None]
    assert seen and {field.state for field in seen} == {"unknown"}
    amu = field_of(node_of(picture.nodes, PFR0), "AMU")
    assert amu.values == (None, 0) and amu.state == "unknown" and amu.reason
    assert "?" in number(node_of(picture.nodes, PFR0), 0, "hex")
    assert any("?" in text for _, text in picture.notes)


def test_a_bare_machine_is_asked_the_newest_kernel_and_a_list_of_ids_cannot_be() -> None:
    (view, *_) = views_of(host_dump(VALUES))
    question = first_question(view)
    assert question.policy.version >= (7, 3)
    assert kernel_picture(view, None, None).names[1][1].startswith(f"what {question.title}, the newest known")
    (view, *_) = views_of(template_of({PFR0: Constraint(0xF, 1)}))
    with pytest.raises(InspectorError):
        kernel_picture(view, ask("6.1"), None)


def test_two_dumps_field_by_field_with_meanings_and_history() -> None:
    picture = dumps_picture(all_sides([sources.load(NEOVERSE), sources.load("builtin:neoverse-n2-linux-6.12")]))
    ccidx = field_of(node_of(picture.nodes, MMFR2), "CCIDX")
    assert ccidx.values == (1, 0) and "since Linux 6.3" in ccidx.rule and "bf48040cd9b0" in ccidx.reference
    assert dict(ccidx.meanings)[1] == ccidx.meaning(0)
    lists = [one for one in picture.nodes if one.kind == "feature"]
    assert sum(len(one.children) for one in lists) == 17
    assert {one.only for one in lists} == {"only right"}
    assert any("FEAT_TCR2" in one.title and "since 6.13" in one.reason for one in lists)
    assert picture.nodes[-1].kind == "heading" and "2 registers" in picture.nodes[-1].title
    assert "CCIDX" in report(picture)


def test_equal_dumps_differ_in_nothing_and_everything_can_be_listed() -> None:
    found = contrast([Side(dump_of(VALUES)), Side(dump_of(VALUES, source="other.json"))])
    assert found.nodes == () and len(found.columns) == 2
    equal = equal_nodes(found)
    assert {one.id for one in equal} == set(VALUES)
    assert node_of(equal, PFR0).values == (VALUES[PFR0],) * 2 and not node_of(equal, PFR0).differs


def test_a_host_against_its_vcpu_says_masked_lowered_raised() -> None:
    values = {MIDR: VALUES[MIDR], PFR0: VALUES[PFR0] & ~(0xF << 32) | 2 << 56, PFR1: 0x221}
    found = contrast([Side(host_dump(values | {PFR0: VALUES[PFR0]})), Side(dump_of(values | {PFR1: 0x121, TPIDR: 5}))])
    pfr0 = node_of(found.nodes, PFR0)
    assert field_of(pfr0, "SVE").state == "masked"
    assert field_of(pfr0, "CSV2").state == "raised"
    assert field_of(node_of(found.nodes, PFR1), "MTE").state == "lowered"
    assert not any(one.kind == "feature" for one in found.nodes)
    assert any("lists are not compared" in text for _, text in found.told)


def test_a_template_differs_only_in_the_bits_that_it_gives() -> None:
    template = template_of({PFR0: Constraint(0xF << 32, 0), PFR1: Constraint(0xF, 1)})
    found = contrast([Side(dump_of(VALUES | {PFR0: VALUES[PFR0] | 1 << 32})), Side(template)])
    pfr0 = node_of(found.nodes, PFR0)
    assert [one.title for one in pfr0.changed()] == ["SVE"]
    assert number(pfr0, 1, "hex") == "0x????_???0_????_????"
    assert PFR1 not in {one.id for one in registers_in(found.nodes)}


def test_groups_of_equal_dumps_become_columns() -> None:
    names = ("6.1", "6.12", "6.18")
    dumps = [sources.load(f"builtin:neoverse-n2-linux-{name}") for name in names]
    twin = dump_of(dumps[0].vcpus[0].values, source="twin.json")
    picture = dumps_picture(all_sides([*dumps, twin]))
    assert picture.titles == ("A", "B", "C") and picture.brief == "4 dumps in 3 groups"
    assert "and 1 more" in picture.names[0][1]
    assert field_of(node_of(picture.nodes, MMFR2), "CCIDX").values == (1, 0, 0)
    only = [one for one in picture.nodes if one.kind == "feature"]
    assert only and all(one.title.split(" ", 1)[1].startswith("only in") for one in only)


def test_more_groups_than_columns_are_still_all_told() -> None:
    dumps = [dump_of({MIDR: 0x410FD490 + number}, source=f"{number}.json") for number in range(12)]
    picture = dumps_picture(all_sides(dumps))
    assert len(picture.titles) == 12 and len(node_of(picture.nodes, MIDR).values) == 12


def test_a_dump_without_registers_is_refused() -> None:
    with pytest.raises(InspectorError):
        dumps_picture([Side(dump_of(VALUES)), Side(Dump(provenance=Provenance(source="empty.json")))])


def test_names_tell_apart_what_a_dump_holds() -> None:
    both = sources.load(NEOVERSE)
    assert side_name(Side(both)) == "neoverse-n2-linux-6.1"
    assert side_name(Side(both, 1)).endswith("host")
    two = dump_of(VALUES, VALUES, source="/tmp/two.json")
    assert side_name(Side(two, 1)) == "two.json vcpu 1"


def leaf(title: str, state: str, rule: str = "") -> Node:
    return Node(
        key=f"f {title}", kind="field", title=title, id=PFR0, msb=3, lsb=0, values=(1, 0), state=state, rule=rule
    )


def tree() -> list[Node]:
    first = Node("a", "register", "ID_A", PFR0, state="masked", children=(leaf("X", "masked", "r"), leaf("Y", "same")))
    second = Node("b", "register", "ID_B", PFR1, state="unknown", children=(leaf("Z", "unknown", "s"),))
    third = Node("c", "register", "ID_C", MIDR, state="same", children=(leaf("W", "same"),))
    return [third, second, first]


def test_certain_differences_come_first_and_stand_open() -> None:
    ordered = in_order(tree())
    assert [one.key for one in ordered] == ["a", "b", "c"]
    assert [line.node.key for line in lines(ordered, (), False)] == ["a", "f X", "b"]
    assert [line.node.key for line in lines(ordered, {"a", "b"}, False)] == ["a", "b", "f Z"]
    assert [line.node.key for line in lines(ordered, (), True)] == ["a", "f X", "f Y", "b", "c"]


def test_steps_go_through_what_differs_around_the_end() -> None:
    shown = lines(in_order(tree()), (), True)
    keys = [line.node.key for line in shown]
    at = keys.index("f X")
    forward = step(shown, at, 1)
    assert forward is not None and keys[forward] == "b"
    assert step(shown, forward, 1) == at and step(shown, forward, -1) == at
    assert step(lines([tree()[0]], (), True), 0, 1) is None


def test_by_rule_the_same_fields_are_grouped() -> None:
    grouped = by_rule(in_order(tree()), "none")
    assert [(one.title, [leaf.title for leaf in one.children]) for one in grouped] == [
        ("r", ["ID_A.X"]),
        ("s", ["ID_B.Z"]),
    ]


def test_the_filter_knows_names_fields_rules_and_encodings() -> None:
    ordered = in_order(tree())
    assert [one.key for one in filtered(ordered, "id_b")] == ["b"]
    assert [(one.key, [c.title for c in one.children]) for one in filtered(ordered, "z")] == [("b", ["Z"])]
    assert [one.key for one in filtered(ordered, "S3_0_C0_C0_0")] == ["c"]
    assert filtered(ordered, "") == ordered and filtered(ordered, "nothing") == []


def test_states_in_words() -> None:
    assert worst(["same", "unknown", "lowered"]) == "lowered" and worst([]) == ""
    assert verdict(tree()[2]).text == "▼ 1 field" and verdict(tree()[1]).text == "? 1 field"
    assert verdict(leaf("X", "same")).text == "= same" and verdict(leaf("X", "unknown")).text == "? unknown"


@pytest.mark.parametrize(
    ("text", "cells", "shown"),
    [
        ("0x0000_0000_0000_0021", 21, "0x0000_0000_0000_0021"),
        ("0x0000_0000_0000_0021", 12, "0x…0000_0021"),
        ("0x1101_0011_2111_0112", 18, "0x…0011_2111_0112"),
        ("0x0000_0004_b444_c004", 16, "0x…b444_c004"),
        ("none", 4, "none"),
    ],
)
def test_fault_22_a_number_that_is_cut_says_so(text: str, cells: int, shown: str) -> None:
    assert fitted(text, cells) == shown


def session_on(*dumps: Dump) -> Session:
    session = Session()
    for dump in dumps:
        session.add(dump)
    session.look_at(0)
    return session


def test_the_board_swaps_adds_and_takes_away() -> None:
    one, two, three = (dump_of({MIDR: number}, source=f"{number}.json") for number in (1, 2, 3))
    session = session_on(one, two)
    board = Board(session)
    assert not board.swap()
    board.use(Side(two))
    assert board.catch_up() and not board.catch_up()
    assert board.picture is not None and board.picture.form == "pair"
    assert board.swap() and session.place.source == 1 and board.others == (Side(one),)
    board.toggle(Side(three))
    board.catch_up()
    assert board.grid and len(board.sides) == 3
    board.toggle(Side(three))
    assert board.others == (Side(one),)
    assert board.use_all() and len(board.sides) == 2


def test_the_board_compares_again_when_a_dump_was_read_anew() -> None:
    board = Board(session_on(dump_of({MIDR: 1}, source="a"), dump_of({MIDR: 1}, source="b")))
    board.use(Side(board.session.dumps[1]))
    board.catch_up()
    assert board.arrange() == []
    board.session.loaded[1] = dump_of({MIDR: 2}, source="b")
    assert board.catch_up() and board.arrange()


def test_a_field_folds_what_it_belongs_to_and_the_session_follows() -> None:
    board = Board(session_on(sources.load(NEOVERSE)))
    board.catch_up()
    shown = board.arrange()
    at = next(place for place, line in enumerate(shown) if line.node.title == "MTE")
    board.follow(shown[at])
    assert board.session.place.register == PFR1 and board.session.place.field == "MTE"
    assert board.cursor() == at
    key = board.fold(shown[at].node.key)
    assert key == f"{PFR1:x}" and len(board.arrange()) == len(shown) - 1
    board.search = "mte"
    assert [line.node.title for line in board.arrange()] == ["ID_AA64PFR1_EL1", "MTE"] and board.fold(key) == ""
