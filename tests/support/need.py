"""What a test needs of its machine: a program, a data set, a server.

In: a need. Out: where it is, or the test skipped with the reason. Guarantee: with PACELINE_CI
set (as `.ci/run` does) nothing is skipped: an unmet need fails the test.
"""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"


def skip_or_fail(reason: str) -> NoReturn:
    """Skip the test on a person's machine, fail it in CI."""
    if os.environ.get("PACELINE_CI", "") not in {"", "0"}:
        pytest.fail(f"needed in CI: {reason}", pytrace=False)
    pytest.skip(reason)


def require_program(name: str, *, package: str) -> Path:
    """The program on PATH, else skip or fail and name the package that brings it."""
    found = shutil.which(name)
    if found is None:
        skip_or_fail(f"no {name} on PATH (Debian's package: {package})")
    return Path(found).absolute()


def require_shared(part: str = "") -> Path:
    """A folder or file of the data beside the checkout, else skip or fail."""
    path = ROOT.parent / "shared" / part
    if not path.exists():
        skip_or_fail(f"no ../shared/{part}")
    return path
