"""Known: the panes as they were when fewer facts were known.

In: summed facts of some owners, the meaning they were folded by. Out: pane hashes, as Redis would
hold them. Guarantee: pure; spread by ``kpi.panes`` as the live numbers are, so whatever reads panes
reads these.
"""

from __future__ import annotations

from collections.abc import Iterable

from kpi.contributions import Contributions
from kpi.panes import spread
from paceline.progress.reading.reader import Contents, Hash
from schemas.meaning import Meaning


def contents_of_facts(
    facts: Contributions, meaning: Meaning, now: int, wanted: Iterable[Hash]
) -> dict[Hash, Contents]:
    """The wanted hashes; one without facts is empty. ``now``, ms UTC: what expired by then is out.

    Facts outside the wanted hashes do no harm; facts that are missing are missed.
    """
    contents: dict[Hash, dict[str, int]] = {one: {} for one in wanted}
    for (owner, hashed, field), amount in spread(facts, meaning, now).items():
        held = contents.get((owner, hashed.grain, hashed.span))
        if held is not None and amount:
            held[field] = amount
    return dict(contents)
