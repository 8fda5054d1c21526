"""What a person can put right is one clear line, and nothing was started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from paceline.embedded.place import free_port
from tests.up.stacks import clean, run


def test_an_unwritable_folder_is_one_line(tmp_path: Path) -> None:
    """A file where the folder should be stops even root."""
    (tmp_path / "data").write_text("a file")
    done = run("up", "--data-dir", str(tmp_path / "data"))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"paceline up: cannot write to the folder {tmp_path / 'data'}")


def test_a_missing_broker_is_one_line_with_what_to_type(tmp_path: Path) -> None:
    """The extra's name, ready to paste."""
    ports = ["--api-port", str(free_port()), "--ingest-port", str(free_port())]
    words = ["up", "--data-dir", str(tmp_path), "--json", *ports]
    without = "import paceline.embedded.broker as b; b._WHEEL = 'no_such_wheel'"
    program = (
        f"{without}; import sys; sys.argv[1:] = {words!r}; from paceline.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**clean(), "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "pip install 'paceline[embedded]'" in done.stderr
    assert done.stdout == ""
