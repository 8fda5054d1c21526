"""One stage id in several pipelines: what a stage means depends on where the deal is."""

from __future__ import annotations

import pytest

from schemas.envelope import EntityPatch, Scalar
from tests.kpi.telling import Story, ms

MOVE = "2026-04-01 09:00"


def test_a_stage_is_read_with_the_map_of_its_pipeline() -> None:
    """``signed`` wins a new customer, but in renewals it is the name of a loss."""
    story = Story().deal("2026-03-02 09:00", "create", owner="ana", pipeline="renewals")
    story.deal("2026-03-20 09:00", stage="signed")
    assert story.flow("ana", "won_n", "2026-03") == 0
    assert story.flow("ana", "lost_n", "2026-03") == 1


def test_a_stage_that_its_pipeline_does_not_list_is_read_with_the_common_map() -> None:
    """``lead`` means the same everywhere."""
    story = Story().deal("2026-03-02 09:00", "create", owner="ana", pipeline="renewals")
    story.deal("2026-03-20 09:00", stage="lead")
    assert story.flow("ana", "x:unmapped_stage", "2026-03") == 0
    assert story.level("ana", "open_n:-", "2026-03-31") == 1


def test_a_stage_that_nobody_listed_is_open_and_marked() -> None:
    """Never guessed: it counts as open pipeline and as unmapped."""
    story = Story().deal("2026-03-02 09:00", "create", owner="ana", stage="审批中 50%:b")
    assert story.flow("ana", "x:unmapped_stage", "2026-03") == 1
    assert story.flow("ana", "stage:%E5%AE%A1%E6%89%B9%E4%B8%AD%2050%25%3Ab", "2026-03") == 1
    assert story.level("ana", "open_n:-", "2026-03-31") == 1
    assert story.level("ana", "qual_n:-", "2026-03-31") == 0


def test_a_move_of_the_pipeline_alone_reads_the_stage_anew() -> None:
    """The signed deal that turns out to be a renewal is no win, and lost from the move on."""
    story = Story().deal("2026-03-02 09:00", "create", owner="ana", pipeline="new")
    story.deal("2026-03-20 09:00", stage="signed").deal(MOVE, pipeline="renewals")
    assert story.flow("ana", "won_n", "2026-03") == 0
    assert story.flow("ana", "lost_n", "2026-04") == 1


@pytest.mark.parametrize("to_stage", ["a-new-stage", "zz-new-stage"])
def test_a_deal_moved_to_another_pipeline_and_stage_at_once_was_never_in_between(
    to_stage: str,
) -> None:
    """Its old stage would be qualified in the new pipeline; ids may sort as they like."""
    story = Story().deal("2026-03-02 09:00", "create", owner="ana", pipeline="new", amount="100")
    story.deal("2026-03-20 09:00", stage="due").deal(MOVE, pipeline="renewals", stage=to_stage)
    assert story.flow("ana", "built_n", "2026-04") == 0


def test_a_win_that_moves_with_its_pipeline_keeps_its_date() -> None:
    """Signed in March; filed in April as renewed by two events of one millisecond."""
    story = Story().deal("2026-03-02 09:00", "create", owner="ana", pipeline="new")
    story.deal("2026-03-20 09:00", stage="signed")
    story.tell("evt-a", _moved(pipeline="renewals")).tell("evt-b", _moved(stage="renewed"))
    assert story.flow("ana", "won_n", "2026-03") == 1
    assert story.flow("ana", "lost_n", "2026-04") == 0


def _moved(**fields: Scalar) -> EntityPatch:
    at = ms(MOVE)
    return EntityPatch(
        entity="deal", id="9001", op="set", occurred_at=at, received_at=at, fields=fields
    )
