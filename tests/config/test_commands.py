"""The command line as a person meets it: real processes, exit codes, one clear line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.need import ROOT

EXAMPLE = str(ROOT / "examples" / "paceline.yaml")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A database of the test's own, and no other setting."""
    clean = {name: v for name, v in os.environ.items() if not name.startswith("PACELINE_")}
    return clean | {"PACELINE_SQL": f"sqlite+aiosqlite:///{tmp_path / 'paceline.db'}"}


def paceline(environment: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    command = [sys.executable, "-m", "paceline.cli", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_from_an_empty_database_to_a_key(environment: dict[str, str]) -> None:
    """Apply says to migrate; then migrate, dry run, apply, apply again, a key, revoked."""
    code, _, error = paceline(environment, "apply", "-f", EXAMPLE)
    assert (code, error.count("\n")) == (2, 1)
    assert "run `paceline migrate`" in error
    assert paceline(environment, "migrate")[0] == 0
    assert (
        "+ team shanghai: Shanghai, 上海组"
        in paceline(environment, "apply", "-f", EXAMPLE, "--dry-run")[1]
    )
    assert "+ generation 1" in paceline(environment, "apply", "-f", EXAMPLE)[1]
    again = paceline(environment, "apply", "-f", EXAMPLE)
    assert again == (0, "tenant northwind: nothing changes\n", "")
    made = paceline(
        environment, "keys", "create", "-t", "northwind", "--label", "phone", "--rep", "li-wei"
    )
    prefix = made[1].split("_")[1]
    assert made[1].startswith(f"pl_{prefix}_")
    listed = paceline(environment, "keys", "list", "-t", "northwind")[1]
    assert f"pl_{prefix}_…  read  rep li-wei" in listed
    assert made[1].strip() not in listed
    assert paceline(environment, "keys", "revoke", prefix, "-t", "northwind")[0] == 0
    assert "revoked" in paceline(environment, "keys", "list", "-t", "northwind")[1]


@pytest.mark.parametrize(
    ("arguments", "settings", "line"),
    [
        (("apply", "-f", "absent.yaml"), {}, "absent.yaml cannot be read"),
        (("migrate",), {"PACELINE_SQL": ""}, "PACELINE_SQL: must start with sqlite+aiosqlite://"),
        (
            ("migrate",),
            {"PACELINE_SQL": "sqlite+aiosqlite:////absent/x.db"},
            "the SQL database (PACELINE_SQL) does not work: unable to open database file",
        ),
        (
            ("keys", "list", "-t", "acme"),
            {"PACELINE_SQL": "postgresql+asyncpg://u:s3cr3t@127.0.0.1:9/x"},
            "the SQL database (PACELINE_SQL) cannot be reached",
        ),
        (("ledger",), {"PACELINE_REDIS": "redis://localhost"}, "PACELINE_KAFKA is not set"),
        (
            ("check-config",),
            {"PACELINE_KAFKA": "localhost", "PACELINE_REDIS": "redis://localhost"},
            "PACELINE_KAFKA: must be host:port, or several with commas between",
        ),
    ],
)
def test_what_a_person_can_put_right_is_one_line_and_exit_code_2(
    environment: dict[str, str], arguments: tuple[str, ...], settings: dict[str, str], line: str
) -> None:
    """No traceback, no password."""
    code, _, error = paceline(environment | settings, *arguments)
    assert (code, error.count("\n")) == (2, 1), error
    assert line in error
    assert "s3cr3t" not in error


def test_a_function_that_no_mapping_knows_is_named_by_its_line(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """JMESPath itself would notice only when the first webhook comes."""
    file = tmp_path / "spoilt.yaml"
    file.write_text(Path(EXAMPLE).read_text().replace("at: started_at", "at: midnight(started_at)"))
    code, _, error = paceline(environment, "apply", "-f", str(file))
    assert code == 2
    assert f"{file}:68:21: tenants[0].connections[1].mapping.rules[0].fields.at: " in error
    assert "midnight" in error


def test_targets_are_imported_listed_and_aligned(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """Dry run, import, import again, a mistake by its line, the list, what does not add up."""
    plan = str(ROOT / "examples" / "plan.yaml")
    assert paceline(environment, "migrate")[0] == 0
    assert paceline(environment, "apply", "-f", plan)[0] == 0
    file = tmp_path / "targets.csv"
    file.write_text("kpi,rep,period,base\ncalls,li-wei,2026-12,140\n")
    imported = ("targets", "import", str(file), "-t", "lighthouse")
    code, out, _ = paceline(environment, *imported, "--dry-run")
    assert (code, "1 changes to make" in out) == (0, True)
    code, out, _ = paceline(environment, *imported)
    assert code == 0
    assert "calls.rep.li-wei.2026-12-01.2026-12-31" in out
    assert paceline(environment, *imported) == (0, "nothing changes\n", "")
    file.write_text("kpi,rep,period,base\ncals,li-wei,2026-12,140\n")
    code, _, error = paceline(environment, *imported)
    assert (code, error.count("\n")) == (2, 1)
    assert f"{file}:2:1: kpi: unknown KPI `cals`; did you mean `calls`?" in error
    listed = paceline(environment, "targets", "list", "-t", "lighthouse")[1]
    assert "2026-11-16" in listed
    aligned = paceline(environment, "align", "-t", "lighthouse", "--period", "FY2027-Q3")
    assert aligned[0] == 0
    assert "won_amount organisation lighthouse" in aligned[1]
    assert paceline(environment, "align", "-t", "nobody")[0] == 2
