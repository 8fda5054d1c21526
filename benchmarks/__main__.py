"""All benchmarks, or those named: ``python -m benchmarks [name ...]``, as ``--help`` lists them.

In: names. Out: a table, and ``bench.json`` in the working directory. Guarantee: one that fails, or
takes longer than its limit, is named at the end and makes the exit code 1; the others still run.
Each runs in a process of its own, so that none inherits another's memory or threads.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

from benchmarks.row import Row, table
from paceline.embedded.leash import leashed

LIMITS_S = {
    "aggregate": 180.0,
    "latency": 65.0,
    "reads": 40.0,
    "team": 60.0,
    "ingest": 70.0,
    "verify": 20.0,
    "ledger": 40.0,
    "rebuild": 40.0,
    "explain": 60.0,
    "calibration": 10.0,
    "forecasting": 30.0,
}
"""All together stay near eight minutes even where everything hangs; usually it is half of that."""
RESULTS = Path("bench.json")


def main(arguments: list[str] | None = None) -> int:
    """Run; 1 where any failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(LIMITS_S))
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    unknown = sorted(set(chosen.names) - set(LIMITS_S))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(LIMITS_S)}")
    if chosen.into is not None:
        chosen.into.write_text(json.dumps(import_module(f"benchmarks.{chosen.names[0]}").run()))
        return 0
    return _all(chosen.names or list(LIMITS_S))


def _all(names: list[str]) -> int:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{os.cpu_count()} CPUs, Python {platform.python_version()}, load {load}", flush=True)
    rows: list[Row] = []
    failed: list[str] = []
    for name in names:
        began = time.monotonic()
        found = _one(name)
        print(f"\n{name} ({time.monotonic() - began:.0f} s)")
        if found is None:
            failed.append(name)
            print("  failed", flush=True)
        else:
            rows += found
            print(table(found), flush=True)
    RESULTS.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"\nwritten to {RESULTS}")
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def _one(name: str) -> list[Row] | None:
    """Its rows; None where it failed, and then it has said why on standard error."""
    with tempfile.TemporaryDirectory(prefix="paceline-bench-") as folder:
        into = Path(folder) / "rows.json"
        command = [sys.executable, "-m", "benchmarks", name, "--into", str(into)]
        try:
            subprocess.run(leashed(command), check=True, timeout=LIMITS_S[name])
        except subprocess.TimeoutExpired:
            print(f"{name} took longer than {LIMITS_S[name]:g} s", file=sys.stderr)
            return None
        except subprocess.CalledProcessError:
            return None
        rows: list[Row] = json.loads(into.read_text())
        return rows


if __name__ == "__main__":
    sys.exit(main())
