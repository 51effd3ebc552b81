# SPDX-License-Identifier: MIT
"""What a replay is refused for, how it ends, what it does to others and they to it, and what it says where a file is damaged."""

import signal
import threading
import time

import pytest

import tape
from account import Account
from clients import Closed
from server import wait_for
from tapes import Reel, evenly, flip, generated, require_played, rows, told, write

FORMS = ["json", "msgpack"]
ROOMY = ("--queue-frames", 65536, "--queue-bytes", 1 << 26)
SLOW = evenly(2000, every_ns=10**9)  # at speed 1 it is under way for half an hour


def replays(server):
    return server.metrics().sum("tapehead_replays")


def code(answer):
    return answer["type"], answer.get("code")


def follow(parties, until=None):
    """Reads on in the background, till that instant or the server's close; the call of what is returned waits for that and
    gives, of each, how it was closed."""

    def read(one):
        try:
            while until is None or time.monotonic() < until:
                one.next(60)
        except Closed as closed:
            how[one] = closed

    how = {}
    threads = [threading.Thread(target=read, args=[one]) for one in parties]
    for thread in threads:
        thread.start()

    def done():
        for thread in threads:
            thread.join()
        return [how.get(one) for one in parties]

    return done


# ---- refused ----


def test_one_connection_has_a_replay_or_subscriptions_and_is_told_when_it_asks_for_both(playing, client):
    one = client(playing(SLOW))
    assert one.ask("subscribe", symbols=["BTC-USD"])["type"] == "subscribed"
    busy = one.ask("replay", id=5, symbols=["*"])
    assert code(busy) == ("error", "busy") and busy["id"] == 5
    assert one.ask("unsubscribe")["type"] == "unsubscribed"
    assert one.ask("replay", symbols=["*"])["type"] == "replaying"
    one.until("replay", state="playing")
    assert code(one.ask("subscribe", symbols=["BTC-USD"])) == ("error", "busy")
    assert code(one.ask("replay", symbols=["*"])) == ("error", "busy")
    assert one.ask("list")["symbols"] == [] and one.ask("ping")["type"] == "pong"


def test_a_control_without_a_replay_gets_no_replay(playing, client):
    one = client(playing(evenly(5)))
    for op, more in (("pause", {}), ("resume", {}), ("step", {}), ("seek", {"from": 0}), ("speed", {"speed": 2})):
        assert code(one.ask(op, id=1, **more)) == ("error", "no_replay")
    one.ask("replay", symbols=["*"], speed="max")
    one.until("replay", state="ended")
    assert code(one.ask("pause")) == ("error", "no_replay")


@pytest.mark.main_path
def test_as_many_replays_as_there_may_be_and_room_again_as_soon_as_one_has_ended(playing):
    server = playing(SLOW, "--replays", 1, "--max-commands", 100000)
    one, other = Reel(server), Reel(server, "msgpack")
    one.begin()
    assert code(other.ask("replay", symbols=["*"])) == ("error", "server_full")
    assert other.ask("subscribe", symbols=["*"])["type"] == "subscribed"
    other.ask("unsubscribe")
    one.steer("speed", speed="max")
    one.until("replay", state="ended")
    for _ in range(200):
        for party in (other, one):
            require_played(party.replay(speed="max", to=SLOW[3]["t"] // 1000), SLOW[:3], party.form)
    assert replays(server) == 0


@pytest.mark.parametrize("how", ["neither archive nor Kafka", "--replays 0", "then live, without Kafka"])
def test_where_there_is_nothing_to_replay_that_is_not_supported(sim, playing, client, how):
    server = {"neither": lambda: sim(), "--replays": lambda: playing(SLOW, "--replays", 0), "then": lambda: playing(SLOW)}[how.split()[0]]()
    then = {"then": "live"} if how.startswith("then") else {}
    one = client(server)
    assert code(one.ask("replay", symbols=["*"], **then)) == ("error", "not_supported")
    assert one.ask("subscribe", symbols=["*"])["type"] == "subscribed"


def test_a_bad_symbol_is_rejected_alone_and_only_bad_ones_are_an_error(playing):
    ticks = evenly(100)
    one = Reel(playing(ticks))
    answer = one.ask("replay", id=1, symbols=["A", "X Y", "B*"], speed="max")
    assert (answer["symbols"], answer["rejected"]) == (["A", "B*"], [{"symbol": "X Y", "code": "bad_symbol"}])
    one.until("replay", state="ended")
    require_played(one.messages, ticks)
    assert code(one.ask("replay", symbols=["X Y", "Ü"])) == ("error", "bad_symbol")
    assert code(one.ask("replay", symbols=["A"], speed=0)) == ("error", "bad_field")
    require_played(one.replay(speed="max"), ticks)


# ---- the end ----


@pytest.mark.main_path
@pytest.mark.parametrize("form", FORMS)
def test_unsubscribe_ends_a_replay_and_no_tick_follows(playing, form):
    ticks = evenly(20000)
    server = playing(ticks)
    for speed in (1, 100, "max"):
        one = Reel(server, form)
        one.begin(["A", "B"], speed=speed)
        one.more(20)
        ended = one.ask("unsubscribe", id=3)
        assert (ended["type"], ended["id"], ended["symbols"]) == ("unsubscribed", 3, ["A", "B"])
        mark = len(one.messages)
        one.drain(0.2)
        assert one.messages[mark:] == []
        count = len(one.of("trade"))
        require_played(one.messages, ticks[:count], form)
        assert one.ask("subscribe", symbols=["*"])["type"] == "subscribed"
        mark = len(one.messages)
        one.trades(count + 20)
        Account(one.messages[mark:])
    assert wait_for(lambda: replays(server) == 0)


def test_after_the_end_the_connection_subscribes_and_replays_again(playing):
    ticks = evenly(300)
    one = Reel(playing(ticks, "--heartbeat-ms", 50))
    for _ in range(5):
        require_played(one.replay(speed="max"), ticks)
        mark = len(one.messages)
        assert one.ask("subscribe", symbols=["*"])["type"] == "subscribed"
        one.more(20)
        one.until("heartbeat", source="live")
        one.ask("unsubscribe")
        Account(one.messages[mark:])


@pytest.mark.main_path
def test_a_client_that_vanishes_leaves_its_place_to_others(playing):
    server = playing(evenly(50000), "--replays", 4)
    for round in range(5):
        gone = [Reel(server, receive_buffer=4096) for _ in range(4)]
        for one, speed in zip(gone, ("max", 1, 50, "max")):
            one.begin(speed=speed, **({"group": "g"} if round % 2 else {}))
        assert replays(server) == 4
        for one in gone:
            one.vanish()
        assert wait_for(lambda: replays(server) == 0)
    assert Reel(server).begin()["state"] == "playing"


@pytest.mark.main_path
def test_sigterm_in_the_middle_of_replays_ends_with_0_and_whoever_reads_is_told(playing):
    ticks = evenly(50000)
    server = playing(ticks, "--replays", 16, "--drain-ms", 2000)
    parties = [Reel(server, FORMS[n % 2], receive_buffer=4096 if n % 4 == 3 else None) for n in range(12)]
    for n, one in enumerate(parties):
        one.begin(speed=("max", 1, 20)[n % 3], **({"group": "g"} if n % 5 == 0 else {}))
        one.until("trade")
    parties[1].steer("pause")
    reading = [one for n, one in enumerate(parties) if n % 4 != 3]
    closed = follow(reading)
    begun = time.monotonic()
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert time.monotonic() - begun < 20
    for one, how in zip(reading, closed()):
        assert how.code == 1001 and one.of("shutdown")
        first = int(one.of("trade")[0]["id"])  # those who joined the group came in the midst
        require_played(one.messages, ticks[first : first + len(one.of("trade"))], one.form)


# ---- slow ones, and others ----


@pytest.mark.main_path
@pytest.mark.parametrize("form", FORMS)
def test_a_replay_waits_for_a_client_that_reads_slowly_and_costs_a_live_one_nothing(sim, tmp_path, form):
    ticks = generated(tmp_path, 60000)
    server = sim("rate=2000,symbols=10", "--archive", tmp_path, "--replay-buffer", 16384, "--send-buffer", 8192,
                 "--heartbeat-ms", 100, *ROOMY)  # fmt: skip
    live, fast = Reel(server), Reel(server)
    live.ask("subscribe", symbols=["*"])
    slow = Reel(server, form, receive_buffer=8192)
    slow.begin(speed="max")
    require_played(fast.replay(speed="max"), ticks)
    live.drain(1)
    assert replays(server) == 1
    for _ in range(5):
        slow.more(2000)
        live.drain(0.1)
    paused = slow.steer("pause")
    assert 10000 <= paused["ticks"] < len(ticks)
    slow.steer("resume")
    slow.until("replay", 60, state="ended")
    require_played(slow.messages, ticks, form)
    assert {beat["dropped"] for beat in slow.of("heartbeat")} == {0}
    account = Account(live.messages)
    assert account.lost() == 0 and account.received() > 1000


def test_who_reads_nothing_at_all_is_closed_and_its_place_is_free(sim, tmp_path):
    generated(tmp_path, 60000)
    server = sim("rate=200", "--archive", tmp_path, "--stall-ms", 1000, "--send-buffer", 8192, "--replay-buffer", 16384)
    stopped = Reel(server, receive_buffer=4096)
    stopped.begin(speed="max")
    assert wait_for(lambda: replays(server) == 0 and server.metrics().sum("tapehead_websockets") == 0, 30)


@pytest.mark.timeout(300)
def test_many_replays_at_once_are_exact_and_live_clients_beside_them_complete(sim, tmp_path, figure):
    ticks = generated(tmp_path, 30000)
    server = sim("rate=5000,symbols=50", "--archive", tmp_path, "--replays", 24, *ROOMY)
    live = [Reel(server, form) for form in FORMS]
    for one in live:
        one.ask("subscribe", symbols=["*"])
    players = [Reel(server, FORMS[n % 2], deflate=n % 3 == 0) for n in range(24)]
    for n, one in enumerate(players):
        one.begin(speed=("max", 5)[n % 2], id=n)
    assert replays(server) == len(players)
    done = follow(live, time.monotonic() + 8)
    for n, one in enumerate(players):
        one.until("replay", 120, state="ended")
        require_played(one.messages, ticks, one.form)
    done()
    accounts = [Account(one.messages) for one in live]
    assert all(account.lost() == 0 and account.received() > 10000 for account in accounts)
    figure(f"24 replays of {len(ticks)} ticks beside {[account.received() for account in accounts]} live ticks at 5000/s: all complete")


# ---- damage ----


@pytest.mark.parametrize("form", FORMS)
def test_damage_is_told_in_its_place_with_file_and_byte_and_the_rest_comes(sim, tmp_path, form):
    ticks = generated(tmp_path, 60000)
    path = tmp_path / "made-000001.tape"
    blocks, _ = tape.blocks(path)
    at, header, length = blocks[2]
    counts = [int.from_bytes(path.read_bytes()[first + 40 : first + 44], "little") for first, _, _ in blocks]
    flip(path, at + header + length // 2 - header // 2)
    one = Reel(sim("rate=200", "--archive", tmp_path), form)
    messages = one.replay(id="x", speed="max")
    (place,) = [n for n, message in enumerate(messages) if message["type"] == "error"]
    error = messages[place]
    assert (error["id"], error["code"]) == ("x", "replay_damage")
    assert path.name in error["message"] and f"byte {at}" in error["message"], error
    before, lost = sum(counts[:2]), counts[2]
    assert rows(messages[:place]) == told(ticks[:before], form)
    require_played(messages, ticks[:before] + ticks[before + lost :], form)


def test_the_torn_end_of_a_capture_in_progress_is_no_damage_and_grows_on(playing, tmp_path):
    ticks = evenly(3000)
    server = playing(ticks)
    (path,) = (tmp_path / "archive").glob("*.tape")
    whole, (blocks, _) = path.read_bytes(), tape.blocks(path)
    for number, cut in ((1, 1), (3, 20), (4, 150), (4, -1)):
        at, header, length = blocks[number]
        path.write_bytes(whole[: at + (cut if cut > 0 else length + cut)])
        one = Reel(server)
        require_played(one.replay(speed="max"), ticks[: 500 * number])
        assert one.of("error") == []
    path.write_bytes(whole)
    require_played(Reel(server).replay(speed="max"), ticks)


def test_what_is_written_meanwhile_is_played_next_time_and_what_is_no_tape_is_left_out(playing, tmp_path):
    ticks = evenly(900)
    server = playing(ticks[:300])
    folder = tmp_path / "archive"
    (folder / "README.tape").write_text("not a tape")
    (folder / "empty-000001.tape").write_bytes(b"")
    require_played(Reel(server).replay(speed="max"), ticks[:300])
    write(folder / "made-000002.tape", ticks[300:600])
    require_played(Reel(server).replay(speed="max"), ticks[:600])
    write(folder / "made-000003.tape", ticks[600:])
    require_played(Reel(server).replay(speed="max"), ticks)


def test_an_archive_that_is_gone_fails_the_replay_and_not_the_server(playing, tmp_path):
    server = playing(evenly(10))
    (tmp_path / "archive").rename(tmp_path / "elsewhere")
    one = Reel(server)
    one.ask("replay", id=5, symbols=["*"])
    failed = one.until("error")
    assert (failed["id"], failed["code"]) == (5, "replay_failed") and str(tmp_path / "archive") in failed["message"]
    assert one.until("replay")["state"] == "ended"
    (tmp_path / "elsewhere").rename(tmp_path / "archive")
    require_played(one.replay(speed="max"), evenly(10))
