"""The program's style sheet, in which no text is parsed twice.

Textual ranks a widget's own rules above those of its bases by how far each base is away. A widget with more bases than
any before moves all of theirs down, for which Textual parses their texts again: a third of what a first dialog parsed.
"""

from __future__ import annotations

from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.css.types import CSSLocation


class Sheet(Stylesheet):
    """Textual's, which gives parsed rules another rank."""

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        super().__init__(variables=variables)
        self._depths: dict[CSSLocation, tuple[list[RuleSet], list[int]]] = {}
        """the parsed rules of each source, and how often each counts its rank: once for each level of nesting"""

    def _parse_rules(
        self, css: str, read_from: CSSLocation, is_default_rules: bool = False, tie_breaker: int = 0, scope: str = ""
    ) -> list[RuleSet]:
        rules = super()._parse_rules(css, read_from, is_default_rules, 1, scope)
        held = self._depths.get(read_from)
        if held is None or held[0] is not rules:
            held = self._depths[read_from] = rules, [rule.tie_breaker for rule in rules]
        for rule, depth in zip(rules, held[1], strict=True):
            rule.tie_breaker = depth * tie_breaker
        return rules
