"""docs/metrics.md is the catalogue in words."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from kpi.activity import TYPES
from kpi.definitions import CATALOGUE
from kpi.definitions.functions import FUNCTIONS
from kpi.definitions.measures import BUILT_IN
from kpi.definitions.page import metrics_page
from paceline.cli import app
from tests.kpi.definitions.quarter import kpi
from tests.support.need import ROOT

PAGE = ROOT / "docs" / "metrics.md"


def test_the_page_is_the_one_that_the_catalogue_writes() -> None:
    """Run `paceline docs metrics` where this fails."""
    assert PAGE.read_text(encoding="utf-8") == metrics_page()


def test_every_kpi_has_its_sentence_in_both_languages_its_formula_unit_and_direction() -> None:
    """One row each."""
    page = metrics_page()
    for one in CATALOGUE:
        (row,) = [
            line for line in page.splitlines() if line.startswith(f"| `{one.id}` | {one.name}")
        ]
        for words in (one.name_zh, one.says, one.says_zh, f"`{one.formula}`", one.unit):
            assert f" {words} " in row
        assert one.direction in row


def test_every_name_and_function_of_the_language_is_on_the_page() -> None:
    """An author looks them up there."""
    page = metrics_page()
    for name in BUILT_IN:
        assert f"| `{name}` |" in page
    for one in FUNCTIONS.values():
        assert f"| `{one.usage}` |" in page


def test_every_kind_of_activity_that_has_a_name_is_read_by_it() -> None:
    """``custom`` alone is reached through activities("custom")."""
    read = {stored for one in BUILT_IN.values() for stored in getattr(one, "stored", ())}
    assert {f"act:{kind}" for kind in TYPES} - read == {"act:custom"}


def test_the_command_writes_the_page_and_then_finds_it_up_to_date(tmp_path: Path) -> None:
    """With --check it changes nothing."""
    page = tmp_path / "metrics.md"
    told = [CliRunner().invoke(app, ["docs", "metrics", "--file", str(page)]) for _ in range(2)]
    assert ["written" in told[0].output, "up to date" in told[1].output] == [True, True]
    assert page.read_text(encoding="utf-8") == metrics_page()
    page.write_text("old", encoding="utf-8")
    stale = CliRunner().invoke(app, ["docs", "metrics", "--check", "--file", str(page)])
    assert "is out of date; run `paceline docs metrics" in str(stale.exception)
    assert page.read_text(encoding="utf-8") == "old"


def test_a_bar_in_a_text_does_not_break_the_table() -> None:
    """The row has as many cells as its head."""
    page = metrics_page([kpi("calls", name="Calls | in and out")])
    (row,) = [line for line in page.splitlines() if line.startswith("| `asked`")]
    assert r"Calls \| in and out" in row
    assert row.replace(r"\|", "").count("|") == 9
