"""What the README says to type is typed, as it stands but for folder and ports."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.support.need import ROOT, require_program
from tests.support.process import until
from tests.up.stacks import Up, clean

READMES = ("README.md", "README.zh-CN.md")


def _blocks(readme: str) -> tuple[str, str]:
    """The webhook by curl, and the question that follows it."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / readme).read_text("utf-8"), re.DOTALL)
    webhook, question = (block for block in blocks if "curl" in block)
    return webhook, question


def test_both_readmes_tell_the_same_commands() -> None:
    """A Chinese reader types what an English reader types."""
    assert _blocks(READMES[0]) == _blocks(READMES[1])


def test_a_webhook_by_curl_is_taken_and_read_back(tmp_path: Path) -> None:
    """Signed by openssl; five events accepted; Zhao Ming has won today. A forged one is refused."""
    for program in ("curl", "openssl"):
        require_program(program, package=program)
    with Up(tmp_path, "--demo", "--rate", "0") as up:
        webhook, question = (_here(block, up) for block in _blocks(READMES[0]))
        before = _won(question)
        assert json.loads(_typed(webhook)) == {"accepted": 5, "dead": 0, "ignored": 0}
        until(lambda: _won(question) == before + 1, 30, "the win")
        forged = webhook.replace('-d "$BODY"', '-d "$BODY "')
        assert json.loads(_typed(forged))["status"] == httpx.codes.UNAUTHORIZED


def _here(block: str, up: Up) -> str:
    return (
        block.replace("paceline-data", str(up.data))
        .replace("127.0.0.1:8001", f"127.0.0.1:{up.ingest_port}")
        .replace("127.0.0.1:8000", f"127.0.0.1:{up.api_port}")
    )


def _won(question: str) -> int:
    return int(json.loads(_typed(question))["measures"]["won"]["count"])


def _typed(block: str) -> str:
    done = subprocess.run(
        ["sh", "-eu", "-c", block],  # noqa: S607 - every machine has sh
        env=clean(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        pytest.fail(done.stderr)
    return done.stdout
