from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walead_async.bulk.duplicates import FirstPositions, _PositionsFile
from walead_async.errors import WaleadError

OPEN_FILES = Path("/proc/self/fd")


@given(
    st.lists(st.lists(st.text("aä\udcff", max_size=3), min_size=1, max_size=8), max_size=12),
    st.sampled_from([0, 3, 1_000]),
)
def test_every_key_is_told_where_it_stood_first_in_memory_and_in_the_file(
    batches: list[list[str]], in_memory: int
) -> None:
    firsts = FirstPositions(in_memory)
    known: dict[str, int] = {}
    position = 0
    try:
        for keys in batches:
            positions = range(position, position + len(keys))
            expected = [known.setdefault(key, at) for key, at in zip(keys, positions, strict=True)]
            assert list(firsts.of(keys, positions)) == expected
            position += len(keys)
    finally:
        firsts.close()


def test_a_batch_of_new_keys_gets_its_own_positions_back() -> None:
    firsts = FirstPositions(2)
    for positions in (range(2), range(2, 4), range(4, 6)):
        assert firsts.of([f"k{at}" for at in positions], positions) is positions
    firsts.close()


def test_the_file_is_gone_from_its_folder_while_it_is_in_use(tmp_path: Path) -> None:
    firsts = FirstPositions(1, tmp_path)
    firsts.of(["a", "b", "c"], range(3))
    assert list(tmp_path.iterdir()) == []
    assert list(firsts.of(["c"], [9])) == [2]
    firsts.close()


@pytest.mark.skipif(not OPEN_FILES.exists(), reason="an unnamed file is looked for where Linux lists open files")
def test_the_file_is_open_to_its_owner_alone_and_holds_no_key(tmp_path: Path) -> None:
    firsts = FirstPositions(1, tmp_path)
    # So many that SQLite cannot hold them all in memory.
    names = [f"john-doe-{number}" for number in range(400_000)]
    firsts.of(names, range(len(names)))
    mine = [path for path in list(OPEN_FILES.iterdir()) if path.exists() and str(tmp_path) in str(path.readlink())]
    assert [stat.S_IMODE(path.stat().st_mode) for path in mine] == [0o600]
    content = mine[0].read_bytes()
    assert len(content) > 100_000
    assert b"john-doe" not in content
    firsts.close()
    assert not mine[0].exists()


def test_a_folder_that_cannot_be_written_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WaleadError, match="TMPDIR"):
        FirstPositions(1, tmp_path / "missing").of(["a", "b"], range(2))


def test_two_runs_hash_with_different_keys() -> None:
    contents = []
    for _ in range(2):
        file = _PositionsFile(None)
        contents.append(list(file.hashes(["a"])))
        file.close()
    assert contents[0] != contents[1]
