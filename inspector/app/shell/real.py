"""Real kernels of the lab beside the kernel slider: what the kernel that one stepped to really shows.

Asked are only kernels that were fetched, and only once the lab was opened on the patch page (L): a machine takes half a
gigabyte. Each step is answered beside the screens; while a key is held, steps that nobody would see are passed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.app import App

from inspector.app.shell.background import aside, tell
from inspector.app.shell.session import Session
from inspector.app.widgets.ink import Ink, Row, ink, row
from inspector.checks.lab.real_kernels import RealAnswer, RealKernels
from inspector.errors import InspectorError
from inspector.folders import cache_folder
from inspector.lab.doctor import kernels
from inspector.policies.series import series_of
from inspector.registers.catalog import Register
from inspector.registers.encoding import grouped_hex
from inspector.reports.real_kernels import shown_words
from inspector.sources.dump import Dump
from inspector.sources.live.laboratory import PREFIX


class RealBeside:
    """The real kernel of the series that the slider stands at."""

    def __init__(self, app: App[None], session: Session, cpu: str) -> None:
        """`cpu`: the model of the machines; empty for the lab's own."""
        self._app, self._session, self._cpu = app, session, cpu
        self._real: dict[str, RealKernels] = {}
        self._ready: set[str] = set()
        """addresses that have answered"""
        self._said: dict[str, str] = {}
        """address -> what its machine does now, or why it has no answer"""
        self._busy = False
        self._kernel = ""
        self._address = ""
        """of the fetched kernel of the series that the slider stands at; empty where none is fetched"""

    def follow(self, kernel: str) -> None:
        """The slider stands at this kernel of the catalogue."""
        found = fetched_for(kernel, kernels(cache_folder()))
        cpu = f",cpu={self._cpu}" if self._cpu else ""
        self._kernel, self._address = kernel, f"{PREFIX}{found}{cpu}" if found else ""
        if not self._busy:
            self._ask()

    def _ask(self) -> None:
        """Read a fresh vCPU of that kernel, once."""
        address = self._address
        if not address or address in self._ready:
            return
        real = self._real.setdefault(address, RealKernels([address], say=self._progress))
        self._busy = True

        def done(_: Dump) -> None:
            self._ready.add(address)
            self._next(address)

        def failed(error: InspectorError) -> None:
            self._ready.add(address)
            self._said[address] = str(error).replace(f"{address}: ", "")
            self._next(address)

        aside(self._app, lambda: real.vcpu_of(address), done, failed)

    def _next(self, address: str) -> None:
        self._busy = False
        self._session.on_change("slider")
        if address != self._address:
            self._ask()

    def _progress(self, address: str, text: str) -> None:
        """Called by the thread that waits for a machine."""

        def say() -> None:
            self._said[address] = text
            self._session.on_change("slider")

        tell(self._app, say)

    def row(self, register: Register | None) -> Row:
        """`real 6.12.118 0x1011_... = as predicted`, for the register on screen."""
        address = self._address
        if register is None:
            return row()
        if not address:
            return row(ink(f"no kernel of {series_of(self._kernel)} is fetched", "muted"))
        name = f"real {address.removeprefix(PREFIX).partition(',')[0]} "
        if address not in self._ready:
            return row(Ink(name, "muted"), ink(self._said.get(address, "…"), "muted"))
        answer = self._real[address].ask(address, register)
        if answer.problem:
            said = self._said.get(address, answer.problem)
            return row(Ink(name, "muted"), Ink("✖ ", "refused"), ink(said))
        return answer_row(register, answer)


def answer_row(register: Register, answer: RealAnswer) -> Row:
    """What one kernel shows of a register, and whether that was predicted."""
    release = answer.kernel.partition("-")[0].partition("+")[0]
    value = "does not list it" if answer.value is None else grouped_hex(answer.value, register.size)
    words = shown_words(answer)
    role = {"=": "same", "✖": "refused"}.get(words[:1], "muted")
    return row(Ink(f"real {release} ", "muted"), ink(value), Ink(" "), ink(words, role))


def fetched_for(kernel: str, fetched: Mapping[str, Sequence[str]]) -> str:
    """How the lab calls the fetched kernel of the series of `kernel`; empty where none is fetched.

    `fetched`: series, or `newest`, -> package and version.
    """
    series = series_of(kernel)
    if series in fetched:
        return series
    version = next((about[1] for name, about in fetched.items() if name == "newest" and len(about) > 1), "")
    return "newest" if series_of(version.partition("-")[0].partition("~")[0]) == series else ""
