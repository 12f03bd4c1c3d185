"""What the screens take a dump to hold."""

from __future__ import annotations

from inspector.app.shell.view import views_of
from inspector.registers.ids import CTR_EL0, MIDR_EL1
from inspector.sources.dump import Dump, Host, Provenance


def test_a_raw_register_that_is_known_in_part_is_not_shown_with_zeros() -> None:
    host = Host(values={MIDR_EL1: 0x410FD490, CTR_EL0: 0x4}, known={CTR_EL0: 0xF})
    (view,) = views_of(Dump(provenance=Provenance(source="x", format="y"), host=host, vcpus=()))
    assert dict(view.values) == {MIDR_EL1: 0x410FD490}
    assert (view.constraints[CTR_EL0].mask, view.constraints[CTR_EL0].value) == (0xF, 0x4)
