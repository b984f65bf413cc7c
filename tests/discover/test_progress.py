"""Progress: seldom enough for a log, and a bar where there is a terminal."""

import io

import pytest
from rich.console import Console

from discover.cli.output import duration
from discover.cli.progress import Bar, Lines, _things, progress_on


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def lines():
    clock, text = Clock(), io.StringIO()
    return Lines(Console(file=text, width=40), clock=clock), clock, lambda: text.getvalue().splitlines()


def test_a_line_for_each_tenth_of_the_way(lines):
    progress, clock, said = lines
    progress.start(100, 0)
    for done in range(1, 101):
        clock.now += 0.1
        progress.update(done, 10 * done, 1, 2, "hull: Si")
    progress.finish()
    assert len(said()) == 11
    assert said()[0] == "searching: 0/100 candidates"
    assert said()[1] == "10/100: 100 model calls, 1 failed, 2 duplicates, hull: Si, about 9 s left"
    assert said()[-1] == "100/100: 1000 model calls, 1 failed, 2 duplicates, hull: Si"


def test_a_line_every_ten_seconds_where_the_way_is_long_or_endless(lines):
    progress, clock, said = lines
    progress.start(None, 7)
    for done in range(8, 108):
        clock.now += 1
        progress.update(done, done, 0, 0, "")
    progress.finish()
    assert len(said()) == 11
    assert said()[1] == "17: 17 model calls, 0 failed, 0 duplicates"


def test_what_earlier_sessions_did_does_not_shorten_the_estimate(lines):
    progress, clock, said = lines
    progress.start(100, 80)
    clock.now = 10
    progress.update(90, 0, 0, 0, "")
    assert said()[-1].endswith("about 10 s left")


def test_a_terminal_shows_a_bar_with_its_totals():
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=100)
    started = []
    progress = progress_on(console, lambda: started.append(True))
    assert isinstance(progress, Bar)
    progress.start(40, 0)
    progress.update(30, 500, 2, 3, "hull: Ge, Si")
    progress.message("a word between")
    progress.finish()
    progress.finish()
    shown = text.getvalue()
    assert "30/40" in shown and "500 model calls, 2 failed, 3 duplicates, hull: Ge, Si" in shown
    assert "a word between" in shown and started == [True]


def test_what_follows_the_search_has_a_count_of_its_own(lines):
    progress, clock, said = lines
    progress.start(1, 0)
    progress.update(1, 9, 0, 0, "")
    progress.finish()
    progress.start(4, 2, "re-ranking with 7net-l3i5")
    clock.now += 4
    progress.update(3, 20, 1, 0, "")
    progress.finish()
    assert said()[2:] == [
        "re-ranking with 7net-l3i5: 2/4 structures",
        "3/4: 20 model calls, 1 failed, 0 duplicates, about 4 s left",
    ]


def test_a_second_bar_stands_below_the_first():
    text = io.StringIO()
    progress = progress_on(Console(file=text, force_terminal=True, width=100))
    for label, doing in (("candidates", "searching"), ("re-ranking with lj", "re-ranking with lj")):
        progress.start(4, 0, doing)
        progress.update(4, 5, 0, 0, "")
        progress.finish()
        assert f"{label} " in text.getvalue() and "4/4" in text.getvalue()


@pytest.mark.parametrize("seconds, words", [(4.4, "4 s"), (59.9, "1 min 0 s"), (3725, "1 h 2 min")])
def test_durations_as_people_say_them(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("doing", "things"), [("band", "steps"), ("molecular dynamics", "steps"), ("ends", "structures")]
)
def test_what_is_counted_is_called_by_its_name(doing, things):
    assert _things(doing) == things
