# SPDX-License-Identifier: MIT
"""Clients that others wrote, as they come: each subscribes, receives, pings and closes, in both formats, in the clear and
over TLS, with permessage-deflate where it knows it."""

import asyncio
import base64
import json
import ssl

import aiohttp
import msgpack
import pytest
import websocket
from websockets.asyncio.client import connect

import browser
from account import Account
from clients import Script, decode
from server import TRUSTING, Server, wait_for
from tls import Pair

COUNT = 200
SUBSCRIBE = {"op": "subscribe", "symbols": ["*"]}


class Visit:
    """What a client got: its messages as they came, whether they were negotiated to be deflated, whether its ping was
    answered, and the code that the server closed with."""

    def __init__(self, messages, deflates, pong, code):
        self.messages = messages
        self.deflates = deflates
        self.pong = pong
        self.code = code


def packed(form, command=SUBSCRIBE):
    return msgpack.packb(command) if form == "msgpack" else json.dumps(command)


def by_websockets(server, form):
    async def visit():
        options = {"ssl": TRUSTING} if server.secure else {}
        async with connect(server.ws, subprotocols=[f"tapehead.{form}"], **options) as one:
            await one.send(packed(form))
            pong = await one.ping()
            messages = [await one.recv() for _ in range(COUNT)]
            await pong
            await one.close()
            return Visit(messages, bool(one.protocol.extensions), True, one.protocol.close_rcvd.code)

    return asyncio.run(asyncio.wait_for(visit(), 20))


def by_websocket_client(server, form):
    one = websocket.create_connection(
        server.ws, timeout=20, subprotocols=[f"tapehead.{form}"], sslopt={"cert_reqs": ssl.CERT_NONE}
    )
    one.send(packed(form), websocket.ABNF.OPCODE_BINARY if form == "msgpack" else websocket.ABNF.OPCODE_TEXT)
    one.ping("here")
    visit = Visit([], False, False, None)
    while len(visit.messages) < COUNT or not visit.pong:
        opcode, data = one.recv_data(control_frame=True)
        if opcode == websocket.ABNF.OPCODE_PONG:
            visit.pong = data == b"here"
        else:
            visit.messages.append(data.decode() if opcode == websocket.ABNF.OPCODE_TEXT else data)
    one.send_close(1000)
    while visit.code is None:
        opcode, data = one.recv_data(control_frame=True)
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            visit.code = int.from_bytes(data[:2], "big")
    one.close()
    return visit


def by_aiohttp(server, form):
    async def visit():
        options = {"protocols": [f"tapehead.{form}"], "compress": 15, "autoping": False, "ssl": TRUSTING}
        async with aiohttp.ClientSession() as session, session.ws_connect(server.ws, **options) as one:
            await (one.send_bytes if form == "msgpack" else one.send_str)(packed(form))
            await one.ping(b"here")
            visit = Visit([], bool(one.compress), False, None)
            while len(visit.messages) < COUNT or not visit.pong:
                message = await one.receive(20)
                if message.type == aiohttp.WSMsgType.PONG:
                    visit.pong = message.data == b"here"
                else:
                    visit.messages.append(message.data)
            await one.close(code=1000)
            visit.code = one.close_code
            return visit

    return asyncio.run(visit())


def from_base64(form, messages):
    data = map(base64.b64decode, messages)
    return [one if form == "msgpack" else one.decode() for one in data]


def by_node(server, form):
    script = Script("visit.cjs", server.ws, form, COUNT)
    try:
        said = script.line()
    finally:
        script.stop()
    messages = from_base64(form, said["messages"])
    return Visit(messages, "permessage-deflate" in said["extensions"], said["pong"], said["code"])


# A page can't ping; it asks.
IN_PAGE = """window.visit = {messages: [], extensions: null, code: null};
const one = new WebSocket(%s, "tapehead.%s"), words = %s.map(word => Uint8Array.from(atob(word), c => c.charCodeAt(0)));
one.binaryType = "arraybuffer";
one.onopen = () => {
  visit.extensions = one.extensions;
  for (const word of words) one.send(%s ? word : new TextDecoder().decode(word));
};
one.onmessage = ({data}) => {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data);
  visit.messages.push(btoa(String.fromCharCode(...bytes)));
  if (visit.messages.length === %d) one.close(1000);
};
one.onclose = ({code}) => { visit.code = code; };
undefined"""


def by_chromium(server, form, page):
    page.go(f"{server.http}/")  # pages of other origins may not connect
    assert wait_for(lambda: page.value("location.href").startswith(server.http), 20)
    commands = [packed(form, command) for command in (SUBSCRIBE, {"op": "ping", "id": "here"})]
    words = [base64.b64encode(command.encode() if form == "json" else command).decode() for command in commands]
    filled = IN_PAGE % (json.dumps(server.ws), form, json.dumps(words), json.dumps(form == "msgpack"), COUNT)
    page.value(f"{{{filled}}}")
    assert wait_for(lambda: page.value("visit.code"), 20)
    said = page.value("visit")
    messages = from_base64(form, said["messages"])
    pong = any(message.get("id") == "here" for message in map(decode, messages))
    return Visit(messages, "permessage-deflate" in said["extensions"], pong, said["code"])


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    pair = Pair(tmp_path_factory.mktemp("pair"))
    settings = ("--source", "sim:seed=1,rate=1000,symbols=5")
    both = {"ws": Server(*settings), "wss": Server(*settings, *pair.arguments)}
    yield both
    for server in both.values():
        server.stop()


@pytest.fixture(scope="module")
def shared_page(tmp_path_factory):
    if not browser.find():
        pytest.skip("chromium is not installed")
    page = browser.Browser(tmp_path_factory.mktemp("profile"))
    yield page
    page.stop()


DEFLATE = {"websockets": True, "websocket-client": False, "aiohttp": True, "node ws": True, "chromium": True}
VISITS = {
    "websockets": by_websockets, "websocket-client": by_websocket_client, "aiohttp": by_aiohttp, "node ws": by_node,
}  # fmt: skip


@pytest.mark.parametrize("form", ["json", "msgpack"])
@pytest.mark.parametrize("scheme", ["ws", "wss"])
@pytest.mark.parametrize("name", DEFLATE)
def test_a_client_of_others_subscribes_receives_pings_and_closes(request, servers, name, scheme, form):
    if name == "chromium":
        visit = by_chromium(servers[scheme], form, request.getfixturevalue("shared_page"))
    else:
        visit = VISITS[name](servers[scheme], form)
    messages = [decode(message) for message in visit.messages]
    account = Account(messages)
    assert [message["type"] for message in messages[:2]] == ["welcome", "subscribed"]
    assert account.received() > COUNT / 2 and account.lost() == 0
    assert (visit.deflates, visit.pong, visit.code) == (DEFLATE[name], True, 1000)


def test_a_page_of_another_origin_gets_no_connection_unless_it_is_allowed(sim, page, servers):
    page.go(f"{servers['ws'].http}/")
    assert wait_for(lambda: page.value("location.href").startswith(servers["ws"].http), 20)
    for allowed, event in ([], "close"), ([servers["ws"].http], "open"), (["*"], "open"):
        server = sim("rate=10,symbols=2", *(word for origin in allowed for word in ("--allow-origin", origin)))
        page.value(f"window.probe = new WebSocket({json.dumps(server.ws)}); probe.first = null;"
                   "probe.onopen = probe.onclose = ({type}) => { probe.first ??= type; }; undefined")  # fmt: skip
        assert wait_for(lambda: page.value("probe.first"), 10) == event
        assert server.closed("origin") == (event == "close")
