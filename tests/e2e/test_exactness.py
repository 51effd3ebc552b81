# SPDX-License-Identifier: MIT
"""What was sent is what arrives: every tick once, in order, with exactly its digits, in both formats, on every server."""

import time

import pytest

from account import Account
from server import tapectl
from trades import RECORDED, Tape, as_sent, positions, value

# Room for the whole tape, should a client not read before all is sent: these tests are about exactness, not drops.
ROOMY = ("--queue-frames", 65536, "--queue-bytes", 1 << 26)


def require_exact(messages, tape, form):
    """JSON tells times in whole microseconds, msgpack in nanoseconds."""
    unit = 1000 if form == "json" else 1
    account = Account(messages)
    account.require_all(tape.last())
    assert account.lost() == 0
    assert as_sent(account) == {
        symbol: [(*exact, ts_ns // unit * unit) for *exact, ts_ns in ticks] for symbol, ticks in tape.symbols.items()
    }
    return account


@pytest.mark.main_path
@pytest.mark.timeout(300)
def test_real_trades_reach_every_kind_of_client_once_in_order_with_the_digits_of_the_source(
    broker, on_topic, client, node, figure
):
    tape = Tape.recorded()
    if tape is None:
        pytest.skip(f"{RECORDED} is absent; simulated trades stand in for it in the next test")
    topic = broker.topic(partitions=3)
    one, other = on_topic(topic, *ROOMY), on_topic(topic, *ROOMY)
    pythons = [client(one, "json"), client(one, "msgpack"), client(other, "json"), client(other, "msgpack")]
    for python in pythons:
        assert python.ask("subscribe", symbols=["*"])["type"] == "subscribed"
    nodes = [node(one, "json", tape.count()), node(other, "msgpack", tape.count())]
    clients = [*pythons, *nodes]

    done = tapectl("import", "--brokers", broker.address, "--topic", topic, tape.path)
    assert done.returncode == 0, done.stderr

    accounts = [require_exact(one.trades(tape.count()), tape, one.form) for one in clients]
    assert all(positions(account) == positions(accounts[0]) for account in accounts)
    figure(f"{tape.count()} real trades, exact in {len(accounts)} clients on 2 servers")


@pytest.mark.main_path
def test_simulated_trades_reach_every_kind_of_client_once_in_order_with_the_digits_of_the_source(
    broker, on_topic, client, node
):
    topic = broker.topic(partitions=4)
    server = on_topic(topic, *ROOMY)
    clients = [client(server, form) for form in ("json", "msgpack")]
    for one in clients:
        assert one.ask("subscribe", symbols=["*"])["type"] == "subscribed"
    nodes = [node(server, form, 5000) for form in ("json", "msgpack")]

    done = tapectl("gen", "--brokers", broker.address, "--topic", topic, "--format", "json",
                   "--rate", 0, "--count", 5000, "--symbols", 20)  # fmt: skip
    assert done.returncode == 0, done.stderr

    tape = Tape.of_topic(broker, topic)
    assert tape.count() == 5000 and len(tape.symbols) > 10
    for one in [*clients, *nodes]:
        require_exact(one.trades(5000), tape, one.form)


DIGITS = ["0", "-0.00", "1", "61685.99000000", "0.00000001", "-12.50", "9223372036854775807", "-9223372036854775808",
          "922337203685477.5807", "0." + "0" * 40 + "1", "1000000000000000000"]  # fmt: skip


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_prices_keep_every_digit_and_sign_up_to_the_bounds_of_the_type(broker, on_topic, client, form):
    topic = broker.topic()
    broker.produce(topic, [value("X", n, price=digits, size=digits) for n, digits in enumerate(DIGITS)])
    server = on_topic(topic, "--queue-frames", 1000)
    late = client(server, form)
    late.send("subscribe", symbols=["X"])
    broker.produce(topic, [value("X", n, price=digits, size=digits) for n, digits in enumerate(DIGITS)])
    ticks = [one for one in late.trades(len(DIGITS)) if one["type"] == "trade"][-len(DIGITS) :]
    # Minus nought has no sign as an integer mantissa.
    expected = [digits.removeprefix("-") if not digits.strip("-0.") else digits for digits in DIGITS]
    assert [tick["price"] for tick in ticks] == expected
    assert [tick["size"] for tick in ticks] == expected


@pytest.mark.parametrize("form, ts_ns", [("json", 1723161255342123000), ("msgpack", 1723161255342123456)])
def test_times_are_exact_in_the_unit_of_their_format(broker, on_topic, client, form, ts_ns):
    topic = broker.topic()
    server = on_topic(topic)
    one = client(server, form)
    one.ask("subscribe", symbols=["X"])
    broker.produce(topic, [value("X", t=1723161255342123456)])
    tick = one.until("trade")
    assert tick["ts_ns"] == ts_ns
    assert abs(tick["rts_ns"] - time.time_ns()) < 60e9


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_an_array_of_ticks_in_one_message_becomes_as_many_ticks_with_positions_of_their_own(
    broker, on_topic, client, form
):
    topic = broker.topic()
    server = on_topic(topic)
    one = client(server, form)
    one.ask("subscribe", symbols=["*"])
    broker.produce(topic, ["[" + ",".join(value(symbol, n) for n, symbol in enumerate("ABAB")) + "]", value("A", 9)])
    account = Account(one.trades(5))
    account.require_all({"A": 3, "B": 2})
    assert positions(account) == {"A": [(1, "0:0"), (2, "0:0:2"), (3, "0:1")], "B": [(1, "0:0:1"), (2, "0:0:3")]}


def test_a_tick_without_a_trade_id_is_sent_without_one(broker, on_topic, client):
    topic = broker.topic()
    server = on_topic(topic)
    clients = [client(server, form) for form in ("json", "msgpack")]
    for one in clients:
        one.ask("subscribe", symbols=["X"])
    broker.produce(topic, ['{"s":"X","p":"1.50","q":"2","t":1723161255342123456}'])
    for one in clients:
        tick = one.until("trade")
        assert "id" not in tick and tick["side"] == "none" and tick["price"] == "1.50"
