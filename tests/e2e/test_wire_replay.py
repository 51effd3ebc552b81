# SPDX-License-Identifier: MIT
"""A capture file plays over the wire as it was taken down: every tick, in order, to whoever asks, at the pace asked for; and
whoever plays can stop, step and jump."""

import random
import time

import pytest

import tape
from account import Account
from tapes import BASE, MS, SECOND, Reel, evenly, generated, instant, matching, require_played, row, rows, tick, told
from trades import RECORDED, Tape, as_sent

FORMS = ["json", "msgpack"]


# ---- what is played ----


@pytest.mark.timeout(300)
@pytest.mark.parametrize("form", FORMS)
def test_the_real_trades_arrive_identical_in_every_field_and_three_times_over_the_same_on_every_kind_of_connection(
    sim, pair, client, recording, form, figure
):
    recorded, path = recording
    ticks, sums = list(tape.ticks(path)), set()
    for arguments in ((), pair.arguments):
        server = sim("rate=200", "--archive", path.parent, *arguments)
        foreign = client(server, form)
        foreign.ask("replay", symbols=["*"], speed="max")
        foreign.until("replay", 120, state="ended")
        require_played(foreign.messages, ticks, form)
        assert as_sent(Account(foreign.messages)) == {
            symbol: [(*exact, ts if form == "msgpack" else ts // 1000 * 1000) for *exact, ts in its]
            for symbol, its in recorded.symbols.items()
        }
        for deflate in (False, True):
            for _ in range(3):
                one = Reel(server, form, deflate, digest=True)
                one.replay(speed="max")
                assert one.count == len(ticks)
                sums.add(one.sum.hexdigest())
    assert len(sums) == 1, sums
    figure(f"{len(ticks)} {'real' if RECORDED.exists() else 'SIMULATED'} trades replayed 14 times as {form}, plain and deflated, "
           f"ws and wss: {sums.pop()[:16]}")  # fmt: skip


def test_the_trades_of_that_replay_are_the_real_ones(recording):
    if not RECORDED.exists():
        pytest.skip(f"{RECORDED} is absent: simulated trades stood in for it")
    assert recording[0].symbols == Tape.recorded().symbols


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("clock", ["event", "receive"])
def test_from_and_to_hand_out_exactly_the_ticks_within_them_by_either_clock(playing, clock, form):
    ticks = evenly(3000, lag_ns=7 * SECOND + 123)
    server, key = playing(ticks), "t" if clock == "event" else "r"
    one, dice = Reel(server, form), random.Random(1)
    for _ in range(8):
        low, high = sorted(dice.sample(range(len(ticks)), 2))
        since, until = ticks[low][key], ticks[high][key]
        expected = [it for it in ticks if since <= it[key] < until]
        require_played(one.replay(clock=clock, speed="max", **{"from": instant(since), "to": instant(until)}), expected, form)
        # One nanosecond later it is without the first and with the last.
        later = {"from": instant(since + 1), "to": instant(until + 1)}
        require_played(one.replay(clock=clock, speed="max", **later), ticks[low + 1 : high + 1], form)
        since, until = since // 1000, until // 1000
        expected = [it for it in ticks if since * 1000 <= it[key] < until * 1000]
        require_played(one.replay(clock=clock, speed="max", **{"from": since, "to": until}), expected, form)
    require_played(one.replay(clock=clock, speed="max", **{"from": instant(ticks[-1][key] + 1)}), [], form)
    require_played(one.replay(clock=clock, speed="max", to=instant(ticks[0][key])), [], form)


def test_a_generated_tape_is_played_by_symbols_and_patterns_each_numbered_from_1(sim, tmp_path):
    ticks = generated(tmp_path, 20000)
    server = sim("rate=200", "--archive", tmp_path)
    for symbols in (["BTC-USD"], ["A*"], ["BTC-USD", "ETH-*", "BTC-*", "A*"], ["NOBODY", "BTC-USD"], ["*"], ["NOBODY*"]):
        for form in FORMS:
            require_played(Reel(server, form).replay(symbols, speed="max"), matching(ticks, *symbols), form)


def test_ticks_without_an_id_in_arrays_with_every_digit_and_of_several_topics_and_partitions_are_told_as_they_are(playing):
    odd = [
        tick("A", 2**48 - 2, BASE, price=(-(2**63), 0)), tick("A", 9, BASE + 1, partition=7, price=(1, -41), side="none"),
        tick("B", 9, BASE + 1, BASE + 5, partition=7, index=1), tick("B", 9, BASE + 1, partition=7, index=4095, side="sell"),
        tick("C", 0, BASE + 2, topic="zz", partition=4095, price=(2**63 - 1, 3)),
    ]  # fmt: skip
    del odd[1]["id"]
    server = playing(odd)
    for form in FORMS:
        require_played(Reel(server, form).replay(speed="max"), odd, form, topics=["sim", "zz"])


def test_several_files_are_one_tape_by_time_then_partition_then_offset(playing, archive):
    ticks = [tick("AB"[n % 2], n, BASE + n // 3 * MS, partition=p) for p in range(3) for n in range(900)]
    for p in (2, 0, 1):
        archive([it for it in ticks if it["pos"][1] == p], name=f"part{p}", block=70)
    server = playing([tick("C", 0, BASE + 10 * SECOND)])
    expected = [*sorted(ticks, key=lambda it: (it["t"], it["pos"])), tick("C", 0, BASE + 10 * SECOND)]
    for _ in range(2):
        require_played(Reel(server).replay(speed="max"), expected)


def test_what_went_back_in_time_keeps_its_place(playing):
    ticks = evenly(400)
    for n in (50, 51, 52, 300):
        ticks[n]["t"] -= 3 * SECOND
    server = playing(ticks)
    require_played(Reel(server).replay(speed="max"), ticks)


# ---- pace ----


def test_at_speed_1_and_10_and_a_half_it_takes_as_long_as_it_took_divided_by_the_speed(playing, figure):
    ticks = evenly(500, every_ns=2 * MS)  # a second
    server = playing(ticks)
    for speed in (1, 10, 0.5):
        begun = time.monotonic()
        messages = Reel(server).replay(speed=speed)
        took = time.monotonic() - begun
        require_played(messages, ticks)
        assert [message["speed"] for message in messages if message["type"] == "replay"] == [speed, speed]
        assert took > 0.99 / speed, (speed, took)
        figure(f"a second of tape over the wire at speed {speed}: {took:.3f} s")


def test_a_silence_lasts_as_long_as_it_did_unless_it_is_cut(playing):
    hour = 3600 * SECOND
    ticks = [tick("A", 0, BASE), tick("A", 1, BASE + hour), tick("A", 2, BASE + 2 * hour), tick("A", 3, BASE + 2 * hour + SECOND)]
    server = playing(ticks, "--heartbeat-ms", 50)
    begun = time.monotonic()
    require_played(Reel(server).replay(max_gap_ms=200), ticks)
    assert time.monotonic() - begun > 0.59
    one = Reel(server)
    one.begin(["A"])
    one.drain(0.5)
    assert len(one.of("trade")) == 1 and {beat["source"] for beat in one.of("heartbeat")} == {"replay"}
    paused = one.steer("pause")
    assert (paused["state"], paused["at"], paused["ticks"]) == ("paused", ticks[1]["t"] // 1000, 1)
    assert one.steer("resume")["state"] == "playing"
    assert one.steer("speed", speed=1000000)["speed"] == 1000000
    one.until("replay", state="ended")
    require_played(one.messages, ticks)


@pytest.mark.main_path
def test_no_tick_follows_the_answer_to_pause_and_none_is_missing_after_resume(playing):
    ticks = evenly(3000)
    server = playing(ticks)
    for form in FORMS:
        one = Reel(server, form)
        assert one.begin(id="r")["id"] == "r"
        for _ in range(4):
            one.more(200)
            paused = one.steer("pause")
            assert (paused["type"], paused["state"]) == ("replay", "paused")
            count = len(one.of("trade"))
            one.drain(0.2)
            assert len(one.of("trade")) == count == paused["ticks"]
            assert paused["at"] == ticks[count]["t"] // 1000
            resumed = one.steer("resume")
            assert (resumed["state"], resumed["at"]) == ("playing", paused["at"])
        one.steer("speed", speed="max")
        ended = one.until("replay", state="ended")
        assert (ended["id"], ended["ticks"], "at" in ended) == ("r", len(ticks), False)
        require_played(one.messages, ticks, form)


def test_a_step_plays_so_many_ticks_and_pauses(playing):
    ticks = evenly(3000)
    server = playing(ticks)
    one = Reel(server)
    one.begin()
    one.more(50)
    before = one.steer("pause")["ticks"]
    for count in (None, 1, 7, 500, 1):
        paused = one.steer("step", **({"count": count} if count else {}))
        before += count or 1
        assert (paused["type"], paused["state"], paused["ticks"]) == ("replay", "paused", before)
        one.drain(0.05)
        assert len(one.of("trade")) == before
        assert paused["at"] == ticks[before]["t"] // 1000
    assert one.steer("resume")["state"] == "playing"
    assert one.steer("step")["state"] == "paused"  # out of the run, too
    assert one.steer("speed", speed="max")["state"] == "paused"
    one.steer("resume")
    one.until("replay", state="ended")
    require_played(one.messages, ticks)


def test_a_step_past_the_end_plays_what_is_left_and_is_answered(playing):
    ticks = evenly(100)
    one = Reel(playing(ticks))
    one.begin()
    one.steer("pause")
    paused = one.steer("step", count=1000)
    assert (paused["state"], paused["ticks"], "at" in paused) == ("paused", 100, False)
    one.send("resume")
    one.until("replay", state="ended")
    require_played(one.messages, ticks)


@pytest.mark.main_path
def test_a_seek_goes_forth_and_back_and_numbers_anew(playing):
    ticks = evenly(4000)
    server = playing(ticks)
    for form in FORMS:
        one = Reel(server, form)
        one.begin()
        one.more(10)
        for target in (3000, 0, 1500, 1501, 100):
            answer = one.steer("seek", **{"from": instant(ticks[target]["t"])})
            assert (answer["state"], answer["at"]) == ("playing", ticks[target]["t"] // 1000)
            require_played(one.more(40), ticks[target : target + 40], form)
        one.steer("pause")
        mark = len(one.messages)
        assert one.steer("seek", **{"from": ticks[-50]["t"] // 1000})["at"] == ticks[-50]["t"] // 1000
        one.steer("speed", speed="max")
        one.send("resume")
        one.until("replay", state="ended")
        require_played(one.messages[mark:], ticks[-50:], form)


def test_speed_changes_on_the_way_and_the_answers_tell_it(playing):
    ticks = evenly(2000, every_ns=20 * MS)  # 40 s
    one = Reel(playing(ticks))
    assert one.begin(speed=2)["speed"] == 2
    for speed in (0.25, 100, "max"):
        answer = one.steer("speed", speed=speed)
        assert (answer["state"], answer["speed"]) == ("playing", speed)
    ended = one.until("replay", state="ended")
    assert ended["speed"] == "max"
    require_played(one.messages, ticks)


# ---- groups ----


@pytest.mark.main_path
def test_a_group_shares_one_clock(playing):
    """A's ticks and B's lie between each other: wherever the clock stands, neither may be ahead of the other's next."""
    ticks = evenly(6000)
    server = playing(ticks)
    one, other = Reel(server, "json"), Reel(server, "msgpack")
    assert one.begin(["A"], id="a", group="g")["id"] == "a"
    one.more(20)
    joined = other.begin(["B"], id="b", group="g", speed=0.001, clock="receive", **{"from": 0})
    assert (joined["id"], joined["state"], joined["speed"]) == ("b", "playing", 1)
    for asker, second in ((one, other), (other, one)) * 2:
        asker.more(30), second.more(30)
        paused = [asker.steer("pause"), second.until("replay", state="paused")]
        assert "id" not in paused[1]
        last = [party.of("trade")[-1]["ts"] for party in (asker, second)]
        assert last[0] < paused[1]["at"] and last[1] < paused[0]["at"], (last, paused)
        second.steer("resume")
        assert "id" not in asker.until("replay", state="playing")
    target = ticks[5000]["t"]
    assert other.steer("seek", **{"from": instant(target)})["at"] == ticks[5001]["t"] // 1000
    sought = one.until("replay")
    assert (sought["at"], "id" in sought) == (target // 1000, False)
    assert row(one.until("trade")) == told([ticks[5000]])[0] and row(other.until("trade")) == told([ticks[5001]], "msgpack")[0]
    one.send("speed", speed="max")
    for party, symbol in ((one, "A"), (other, "B")):
        party.until("replay", state="ended")
        assert rows(party.messages)[-1] == told(matching(ticks, symbol), party.form)[-1]


def test_a_step_plays_the_next_tick_of_the_group_whoever_asked_for_its_symbol(playing):
    ticks = evenly(2000, symbols=("A", "B", "B"))
    server = playing(ticks)
    one, other = Reel(server), Reel(server, "msgpack")
    one.begin(["A"], group="g")
    paused = one.steer("pause")
    joined = other.begin(["B"], group="g")
    assert joined["state"] == "paused"
    left = [it for it in ticks if it["t"] // 1000 >= min(paused["at"], joined["at"])]
    for count in (1, 1, 4, 60):
        marks = len(one.messages), len(other.messages)
        assert one.steer("step", count=count)["state"] == "paused" and "id" not in other.until("replay")
        stepped, left = left[:count], left[count:]
        assert rows(one.messages[marks[0] :]) == told(matching(stepped, "A"))
        assert rows(other.messages[marks[1] :]) == told(matching(stepped, "B"), "msgpack")


def test_whoever_joins_a_group_begins_at_its_present_instant(playing):
    ticks = evenly(4000)
    server = playing(ticks)
    one, late = Reel(server), Reel(server)
    one.begin(group="g")
    one.more(500)
    paused = one.steer("pause")
    joined = late.begin(group="g", **{"from": 0})
    assert (joined["state"], joined["at"], joined["ticks"]) == ("paused", paused["at"], 0)
    one.steer("speed", speed="max")
    one.send("resume")
    late.until("replay", state="ended"), one.until("replay", state="ended")
    require_played(one.messages, ticks)
    require_played(late.messages, ticks[paused["ticks"] :])


def test_groups_of_other_names_and_none_have_clocks_of_their_own(playing):
    ticks = evenly(500)
    server = playing(ticks)
    paused = Reel(server)
    paused.begin(group="g")
    paused.steer("pause")
    for group in ({"group": "h"}, {}):
        require_played(Reel(server).replay(speed="max", **group), ticks)
    assert Account(paused.messages).received() < 500
