"""The journal: what was acknowledged is read again, in order, whatever a crash leaves of it."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paceline import metrics
from schemas import topics
from services.ingest.journal import Journal, JournalError
from services.ingest.log import Log
from services.ingest.publisher import Publisher
from services.ingest.records import NotDurable, Record, frame, unframe
from tests.ingest.doubles import FailingDisk, MemoryLog

ROOMY = 1 << 30


def deal(n: int, size: int = 40) -> Record:
    """The n-th record of acme."""
    return Record(topics.EVENTS, n % 8, b"acme", f"deal {n} ".encode().ljust(size, b"."))


def everything(journal: Journal) -> list[Record]:
    """All that can be read, in order."""
    return [r for s in journal.segments for r, _ in journal.read(s, 0, 1 << 20)]


async def test_what_was_appended_is_read_again_after_a_restart(tmp_path: Path) -> None:
    """Two processes, one after the other: one order."""
    async with Journal(tmp_path, max_bytes=ROOMY) as journal:
        await journal.append([deal(1), deal(2)])
        await journal.append([deal(3)])
    async with Journal(tmp_path, max_bytes=ROOMY) as journal:
        await journal.append([deal(4)])
        assert everything(journal) == [deal(1), deal(2), deal(3), deal(4)]


async def test_a_file_cut_at_any_byte_yields_the_whole_records_before_it(tmp_path: Path) -> None:
    """The tail after every possible crash; and the next process writes on behind it."""
    records = [deal(n) for n in range(4)]
    async with Journal(tmp_path / "whole", max_bytes=ROOMY) as journal:
        await journal.append(records)
        (segment,) = journal.segments
    raw = segment.path.read_bytes()
    each = len(raw) // 4
    for cut in range(len(raw) + 1):
        folder = tmp_path / "cut"
        folder.mkdir()
        (folder / segment.path.name).write_bytes(raw[:cut])
        async with Journal(folder, max_bytes=ROOMY) as journal:
            assert everything(journal) == records[: cut // each]
            if cut % 50 == 0:
                await journal.append([deal(9)])
                assert everything(journal) == [*records[: cut // each], deal(9)]
        shutil.rmtree(folder)


@given(
    values=st.lists(st.binary(max_size=60), max_size=8),
    cut=st.integers(0, 400),
    flip=st.integers(0, 400),
    bit=st.integers(0, 7),
)
def test_reading_yields_a_prefix_of_what_was_written_whatever_the_disk_did(
    values: list[bytes], cut: int, flip: int, bit: int
) -> None:
    """Cut anywhere, and one bit changed anywhere: never a record that nobody wrote."""
    written = [Record(topics.DEAD, n, b"acme", v) for n, v in enumerate(values)]
    raw = bytearray(frame(written)[:cut])
    if flip < len(raw):
        raw[flip] ^= 1 << bit
    found = [record for record, _ in unframe(bytes(raw))]
    assert found == written[: len(found)]


async def test_concurrent_appends_share_a_commit_and_all_are_kept(tmp_path: Path) -> None:
    """Group commit: a thousand requests at once, in the order in which they came."""
    async with Journal(tmp_path, max_bytes=ROOMY, segment_bytes=10_000) as journal:
        await asyncio.gather(*[journal.append([deal(n)]) for n in range(1000)])
        assert everything(journal) == [deal(n) for n in range(1000)]


async def test_a_full_journal_promises_nothing_and_takes_again_when_there_is_room(
    tmp_path: Path,
) -> None:
    """The limit holds over restarts, and letting go of files makes room."""
    async with Journal(tmp_path, max_bytes=1000) as journal:
        await journal.append([deal(1, 800)])
        with pytest.raises(NotDurable):
            await journal.append([deal(2, 800)])
    async with Journal(tmp_path, max_bytes=1000) as journal:
        with pytest.raises(NotDurable):
            await journal.append([deal(2, 800)])
        await journal.release(journal.segments[-1].number)
        await journal.append([deal(2, 800)])
        assert everything(journal) == [deal(2, 800)]


async def test_the_file_that_is_written_to_is_never_let_go(tmp_path: Path) -> None:
    """Only a sealed file can be known to be whole in the log."""
    async with Journal(tmp_path, max_bytes=ROOMY) as journal:
        await journal.append([deal(1)])
        await journal.release(journal.segments[-1].number)
        assert everything(journal) == [deal(1)]
        await journal.seal()
        await journal.append([deal(2)])
        await journal.release(journal.segments[0].number)
        assert everything(journal) == [deal(2)]


async def test_a_second_process_is_told_that_the_folder_is_taken(tmp_path: Path) -> None:
    """Two writers would make one heap of two orders."""
    async with Journal(tmp_path, max_bytes=ROOMY):
        with pytest.raises(JournalError, match="in use by another process"):
            Journal(tmp_path, max_bytes=ROOMY)


async def test_a_disk_that_fails_is_an_honest_no(tmp_path: Path) -> None:
    """The folder is gone: nothing is promised, and nothing else breaks."""
    journal = Journal(tmp_path / "j", max_bytes=ROOMY)
    shutil.rmtree(tmp_path / "j")
    with pytest.raises(NotDurable):
        await journal.append([deal(1)])
    (tmp_path / "j").mkdir()
    await journal.append([deal(2)])
    assert everything(journal) == [deal(2)]
    await journal.close()


async def test_a_file_number_that_was_let_go_is_never_used_again(tmp_path: Path) -> None:
    """Readers remember how far they got by number; reused, they would begin in the middle."""
    async with Journal(tmp_path, max_bytes=ROOMY) as journal:
        numbers = []
        for n in range(3):
            await journal.append([deal(n)])
            numbers.append(journal.segments[-1].number)
            await journal.seal()
            await journal.release(numbers[-1])
            assert not journal.segments
    assert sorted(set(numbers)) == numbers


async def test_a_hole_in_what_this_process_wrote_is_loud_and_nothing_is_passed_over(
    tmp_path: Path,
) -> None:
    """The disk turned a bit of record 2 of 4: 1 is produced, the file stays, until it is mended."""
    log = MemoryLog()
    async with Journal(tmp_path, max_bytes=ROOMY) as journal:
        publisher = Publisher(cast("Log", log), journal, "always", log, period_s=0.001)
        await publisher.publish(
            [Record(topics.EVENTS, 0, b"acme", b"deal %d" % n) for n in range(4)]
        )
        path = journal.segments[0].path
        whole = path.read_bytes()
        spoilt = bytearray(whole)
        spoilt[len(whole) // 4 + 12] ^= 1
        path.write_bytes(spoilt)
        await _goes_on(publisher, log)
        assert log.partitions[0] == [b"deal 0"]
        assert (
            publisher.damaged
            == f"{path} cannot be read from byte {len(whole) // 4} to {len(whole)}"
        )
        assert path.exists()
        with pytest.raises(NotDurable, match="the local journal is damaged"):
            await publisher.publish([deal(9)])
        path.write_bytes(whole)
        await _goes_on(publisher, log)
        assert log.partitions[0] == [b"deal 0", b"deal 1", b"deal 2", b"deal 3"]
        assert publisher.damaged is None


async def _goes_on(publisher: Publisher, log: MemoryLog) -> None:
    for _ in range(3):
        await publisher._identify()
        await publisher._step()
        log.archive()
        await publisher._release()


async def test_what_a_crash_left_of_a_group_is_cut_off_and_kept_beside(tmp_path: Path) -> None:
    """Promised to nobody; still, a person may want to look."""
    async with Journal(tmp_path, max_bytes=ROOMY) as journal:
        await journal.append([deal(1)])
        path = journal.segments[0].path
    with path.open("ab") as file:
        file.write(frame([deal(2)])[:30])
    async with Journal(tmp_path, max_bytes=ROOMY) as journal:
        assert everything(journal) == [deal(1)]
        assert path.read_bytes() == frame([deal(1)])
        assert path.with_suffix(".torn").read_bytes() == frame([deal(2)])[:30]


async def test_the_metrics_tell_how_much_the_journal_holds(tmp_path: Path) -> None:
    """Records and bytes, over a restart, until they are let go."""
    async with Journal(tmp_path, max_bytes=ROOMY) as journal:
        await journal.append([deal(1), deal(2)])
        await journal.append([deal(3)])
    async with Journal(tmp_path, max_bytes=ROOMY) as journal:
        assert _told() == (3, len(frame([deal(1), deal(2), deal(3)])))
        await journal.append([deal(4)])
        assert _told()[0] == 4
        await journal.seal()
        await journal.release(journal.segments[-1].number)
        assert _told() == (0, 0)


def _told() -> tuple[float, float]:
    return metrics.JOURNAL_RECORDS._value.get(), metrics.JOURNAL_BYTES._value.get()


async def test_a_journal_that_is_closed_says_no_instead_of_nothing(tmp_path: Path) -> None:
    """A webhook that comes while ingest ends is answered."""
    async with Journal(tmp_path, max_bytes=ROOMY) as journal:
        pass
    with pytest.raises(NotDurable, match="ingest is ending"):
        await journal.append([deal(1)])


async def test_a_file_whose_name_was_not_synced_takes_no_records(tmp_path: Path) -> None:
    """Else they would be written into one file and looked for in another."""
    disk = FailingDisk()
    async with Journal(tmp_path, max_bytes=ROOMY, disk=disk) as journal:
        await journal.append([deal(1)])
        await journal.seal()
        disk.fails_in = 0
        with pytest.raises(NotDurable):
            await journal.append([deal(2)])
        await journal.append([deal(3)])
        assert everything(journal) == [deal(1), deal(3)]
