# SPDX-License-Identifier: MIT
"""What a running server really sends is what schemas/ says, message by message: one session provokes every type."""

import json
import signal

import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from clients import Closed
from server import ROOT, wait_for
from trades import value

FOLDER = ROOT / "schemas/json"
SCHEMAS = {path.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.schema.json"))}
REGISTRY = Registry().with_resources((name, Resource.from_contents(schema)) for name, schema in SCHEMAS.items())
ASYNCAPI = yaml.safe_load((ROOT / "schemas/asyncapi.yaml").read_text())

TYPES = {"welcome", "subscribed", "unsubscribed", "subscriptions", "pong", "configured", "snapshot", "trade", "gap",
         "heartbeat", "error", "shutdown", "replaying", "replay"}  # fmt: skip
NAMED = {"replay": "replay_state"}  # schemas that aren't called as their message's type is, for a command is
OPS = {"subscribe", "unsubscribe", "list", "ping", "configure", "replay", "pause", "resume", "step", "seek", "speed"}


def validator(name):
    schema = SCHEMAS[name]
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, registry=REGISTRY)


def require_valid(message, name):
    problems = [f"{error.json_path}: {error.message}" for error in validator(name).iter_errors(message)]
    assert not problems, (message, problems)


def session(server, client, form, produce):
    """Every command and every refusal; returns all that was received, and as it was sent."""
    one = client(server, form, keep_raw=True)
    replay(one)
    for command in COMMANDS:
        one.send(**command)
        one.answer()
    produce()
    one.until("trade")
    one.until("heartbeat")
    for bad in ({"op": "dance", "id": "x"}, {"op": "replay", "symbols": ["X"]}, {"op": "subscribe"}, {"op": "configure", "max_delay_ms": -1}):
        one.send(**bad)
        one.until("error")
    one.send_raw(b"\xc1" if form == "msgpack" else "{")
    one.until("error")
    server.signal(signal.SIGTERM)
    with pytest.raises(Closed):
        while True:
            one.next()
    return one


def replay(one):
    """From Kafka's history: one to its end, and one that is steered and joins the market."""
    one.ask("replay", id=5, symbols=["A", "B-*", "C", "X Y"], speed="max", to="2100-01-01T00:00:00Z")
    one.until("replay", state="ended")
    one.ask("replay", id="text", symbols=["A", "B-*", "C"], speed=0.5, max_gap_ms=60000, then="live")
    one.until("replay", state="playing")  # for minutes: there are silences of an hour, more than one step ahead
    for op, more in (("pause", {}), ("step", {"id": 6}), ("speed", {"id": 8, "speed": 2.25}), ("resume", {"id": 9}), ("seek", {"id": 7, "from": 0}), ("speed", {"speed": "max"})):
        one.send(op, **more)
        one.until("replay")
    one.until("replay", state="live")
    one.ask("unsubscribe")


HOUR = 3600 * 10**9
LATER = 1723161255342123456 + HOUR

COMMANDS = [
    {"op": "subscribe", "id": 1, "symbols": ["*", "A", "X Y", "Ü"]}, {"op": "subscribe", "symbols": ["B-*"], "snapshot": False},
    {"op": "subscribe", "id": "text", "symbols": ["C"], "mode": "all"}, {"op": "list", "id": 2}, {"op": "list"},
    {"op": "ping", "id": -5}, {"op": "ping"}, {"op": "configure", "id": 3, "max_delay_ms": 20},
    {"op": "unsubscribe", "id": 4, "symbols": ["A", "UNKNOWN"]},
]  # fmt: skip


REPLAY_COMMANDS = [
    {"op": "replay", "symbols": []}, {"op": "replay", "id": 5, "symbols": ["*"], "from": -1, "to": 2, "clock": "receive", "speed": 0.5},
    {"op": "replay", "symbols": ["A"], "from": "2024-08-09 00:05:00.123456789+01:00", "speed": "max", "max_gap_ms": 0, "then": "live", "group": "a_B.9-"},
    {"op": "pause"}, {"op": "resume"}, {"op": "step"}, {"op": "step", "count": 1000000}, {"op": "seek", "from": 0}, {"op": "speed", "speed": 1e6},
]  # fmt: skip


@pytest.fixture(params=["json", "msgpack"])
def received(request, broker, on_topic, client, raw):
    """Of each type at least one, as dicts: what the session brought, and the gaps of a client that stopped reading."""
    topic = broker.topic(partitions=2)
    ticks = [value("A", 1, price="-0.50", size="0"), '{"s":"B-1","p":"1","q":"2","t":-1}', f"[{value('A', t=LATER)},{value('C', 2**64 - 1, t=LATER + HOUR)}]"]
    broker.produce(topic, ticks)
    server = on_topic(topic, "--heartbeat-ms", 50, "--queue-frames", 16, "--send-buffer", 8192)
    assert wait_for(lambda: len(server.json("/v1/last?symbols=*")["last"]) == 3)
    stopped = raw(server, receive_buffer=4096).open("/ws?symbols=*", Sec_WebSocket_Protocol=f"tapehead.{request.param}")
    broker.produce(topic, [value("FLOOD", n) for n in range(5000)], partition=1)
    gap = stopped.until("gap")
    one = session(server, client, request.param, lambda: broker.produce(topic, [value("LATER")]))
    return request.param, [*one.messages, gap], one.raw


def test_every_message_of_a_session_is_valid_by_its_schema_and_every_type_is_among_them(received):
    form, messages, texts = received
    assert {message["type"] for message in messages} == TYPES
    if form == "json":
        messages = [*(json.loads(text) for text in texts), messages[-1]]
    else:
        messages = [{key: it for key, it in message.items() if key not in ("ts_ns", "rts_ns")} for message in messages]
    for message in messages:
        require_valid(message, f"{NAMED.get(message['type'], message['type'])}.schema.json")
        require_valid(message, "server_message.schema.json")


def test_what_the_tests_send_is_valid_too():
    for command in COMMANDS + REPLAY_COMMANDS:
        require_valid(command, f"{command['op']}.schema.json")
        require_valid(command, "client_command.schema.json")


@pytest.mark.parametrize(
    "wrong",
    [
        {"from": 1.5}, {"to": "today"}, {"clock": "wall"}, {"speed": 0}, {"speed": 1000001}, {"speed": "fast"}, {"max_gap_ms": 86400001},
        {"then": "loop"}, {"then": "live", "to": 5}, {"group": "a b"}, {"group": "g" * 33},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_replay_is_refused_by_its_schema(wrong):
    assert list(validator("replay.schema.json").iter_errors({"op": "replay", "symbols": ["X"], **wrong}))


def test_a_schema_refuses_what_is_not_its_message():
    good = {"type": "gap", "symbol": "X", "from": 1, "to": 2, "count": 2, "reason": "slow_client"}
    require_valid(good, "gap.schema.json")
    for field in good:
        assert list(validator("gap.schema.json").iter_errors({key: it for key, it in good.items() if key != field}))
    assert list(validator("gap.schema.json").iter_errors({**good, "reason": "boredom"}))
    assert list(validator("trade.schema.json").iter_errors(good))


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_one_and_its_references_resolve(name):
    list(validator(name).iter_errors({}))
    assert SCHEMAS[name]["$id"] == name


def resolve(reference):
    """A local reference within asyncapi.yaml."""
    node = ASYNCAPI
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def references(node):
    if isinstance(node, dict):
        for key, it in node.items():
            if key == "$ref":
                yield it
            else:
                yield from references(it)
    elif isinstance(node, list):
        for it in node:
            yield from references(it)


def test_the_asyncapi_document_names_every_message_and_its_references_resolve():
    assert ASYNCAPI["asyncapi"].startswith("3.")
    for reference in references(ASYNCAPI):
        if reference.startswith("#"):
            resolve(reference)
        else:
            assert reference.removeprefix("./json/") in SCHEMAS, reference
    messages = ASYNCAPI["components"]["messages"]
    assert set(messages) == {NAMED.get(name, name) for name in TYPES} | OPS
    (channel,) = ASYNCAPI["channels"].values()
    assert set(channel["messages"]) == set(messages)
    spoken = {ref.rsplit("/", 1)[1] for operation in ASYNCAPI["operations"].values() for ref in references(operation) if "/messages/" in ref}
    assert spoken == set(messages)


def test_the_examples_of_the_asyncapi_document_are_valid():
    for name, message in ASYNCAPI["components"]["messages"].items():
        schema = message["payload"]["schema"]["$ref"].removeprefix("./json/")
        assert message["examples"]
        for example in message["examples"]:
            require_valid(example["payload"], schema)
