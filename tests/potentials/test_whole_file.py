"""Whoever is killed while writing leaves the old file."""

import pytest

from potentials.whole_file import whole_file, write_whole


def test_what_fails_half_way_leaves_the_old_file_and_nothing_else(tmp_path):
    file = tmp_path / "below" / "a.json"
    write_whole(file, "old")
    with pytest.raises(KeyboardInterrupt), whole_file(file) as part:
        part.write_text("ne")
        raise KeyboardInterrupt
    assert file.read_text() == "old" and list(file.parent.iterdir()) == [file]


def test_until_the_end_the_old_file_stands(tmp_path):
    file = tmp_path / "a.bin"
    write_whole(file, b"old")
    with whole_file(file) as part:
        part.write_bytes(b"new")
        assert file.read_bytes() == b"old"
    assert file.read_bytes() == b"new"
