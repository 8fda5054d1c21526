"""Workers that are there at once: forked from a process that has imported everything already.

In: settings. Out: real processes that join the group within moments, so that it can be made to
rebalance every second; a fresh interpreter needs longer than that to start. Guarantee: they die
with the test run.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Mapping
from pathlib import Path

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["services.aggregator.main"])


def guest(settings: Mapping[str, str], log: Path) -> multiprocessing.process.BaseProcess:
    """A worker; ``kill`` it when it has stayed long enough."""
    environment = {f"PACELINE_{name.upper()}": value for name, value in settings.items()}
    process = _context.Process(target=_work, args=(environment, str(log)), daemon=True)
    process.start()
    return process


def _work(environment: dict[str, str], log: str) -> None:
    from services.aggregator.main import main  # noqa: PLC0415 - in the child, already imported

    os.environ.update(environment)
    with Path(log).open("ab") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    main([])
