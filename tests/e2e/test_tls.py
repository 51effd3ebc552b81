# SPDX-License-Identifier: MIT
"""TLS on the port: nothing of the contract changes, certificates change without a restart, and whoever doesn't speak it
is told so."""

import contextlib
import json
import random
import re
import signal
import socket
import ssl
import struct
import subprocess
import time

import pytest

from account import Account
from raw import CLOSE, Raw, upgrade
from server import BINARY, TRUSTING, Server, run, wait_for
from test_slow_clients import FLOOD, SMALL, read_for
from tls import TLS_1_2, TLS_1_3, Pair, context, hello
from trades import value

VERSIONS = pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3], ids=["1.2", "1.3"])


def reload(server):
    """SIGHUP; returns the event that it logs."""

    def events():
        return [line for line in server.lines if "server.reload" in line]

    before = len(events())
    server.signal(signal.SIGHUP)
    assert wait_for(lambda: len(events()) > before, 10), server.stderr()
    return events()[-1]


def certificate(server):
    with Raw(server.port, tls=context()) as one:
        return one.socket.getpeercert(binary_form=True)


@pytest.fixture(scope="module")
def shared_secure(tmp_path_factory):
    pair = Pair(tmp_path_factory.mktemp("pair"))
    server = Server("--source", "sim:seed=1,rate=5000,symbols=2000", *pair.arguments)
    assert wait_for(lambda: len(server.json("/v1/symbols")["symbols"]) > 1500)
    yield server
    server.stop()


@VERSIONS
@pytest.mark.parametrize("form", ["json", "msgpack"])
@pytest.mark.main_path
def test_ticks_arrive_over_tls_as_they_were_produced(broker, on_topic, client, pair, version, form):
    topic = broker.topic()
    server = on_topic(topic, *pair.arguments, "--queue-frames", 5000)
    assert server.http.startswith("https:")
    one = client(server, form, ssl=context(version))
    assert one.socket.socket.version() == {TLS_1_2: "TLSv1.2", TLS_1_3: "TLSv1.3"}[version]
    one.ask("subscribe", symbols=["*"])
    broker.produce(topic, [value("X", n, price=f"{n}.50") for n in range(1, 2001)])
    account = Account(one.trades(2000))
    account.require_all({"X": 2000})
    assert [(tick["id"], tick["price"]) for tick in account.ticks["X"]] == [(str(n), f"{n}.50") for n in range(1, 2001)]


def test_a_client_that_verifies_certificates_finds_its_own_in_order(secure_sim, pair):
    trusting = ssl.create_default_context(cafile=pair.cert)
    with Raw(secure_sim().port) as one, trusting.wrap_socket(one.socket, server_hostname="127.0.0.1") as secure:
        assert secure.getpeercert()["subject"] == ((("commonName", "tapehead"),),)


def test_with_tls_min_1_3_a_client_of_1_2_is_refused(secure_sim, raw):
    server = secure_sim("rate=10,symbols=2", "--tls-min", "1.3")
    raw(server, tls=context(TLS_1_3)).open()
    with pytest.raises(ssl.SSLError, match="(?i)protocol.version"):
        raw(server, tls=context(TLS_1_2))
    assert wait_for(lambda: server.closed("tls") == 1, 5)


@VERSIONS
def test_http_1_1_is_chosen_by_alpn_and_a_client_that_offers_only_others_is_refused(secure_sim, raw, version):
    server = secure_sim()
    both = raw(server, tls=context(version, ["h2", "http/1.1"]))
    assert both.socket.selected_alpn_protocol() == "http/1.1" and both.get("/healthz").status == 200
    assert raw(server, tls=context(version)).socket.selected_alpn_protocol() is None
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        raw(server, tls=context(version, ["h2"]))


CIPHERS = [name for cipher in context(TLS_1_2).get_ciphers() if "ECDSA" in (name := cipher["name"])]


@pytest.mark.parametrize(
    "version, cipher", [(TLS_1_3, None), *((TLS_1_2, cipher) for cipher in CIPHERS)], ids=["1.3", *CIPHERS]
)
def test_answers_longer_than_a_record_come_whole_with_every_usual_cipher(shared_secure, raw, version, cipher):
    one = raw(shared_secure, tls=context(version, ciphers=cipher))
    for _ in range(3):
        answer = one.get("/v1/last")
        assert answer.status == 200 and len(json.loads(answer.body)["last"]) > 1500
    assert cipher in (None, one.socket.cipher()[0])


@VERSIONS
@pytest.mark.parametrize("size", [1, 100, 100000])
def test_a_request_and_the_frames_behind_it_may_come_in_records_of_any_size(shared_secure, raw, version, size):
    one = raw(shared_secure, tls=context(version))
    sent = []
    one.send, send = sent.append, one.send
    one.send(upgrade())
    one.command("list", padding="x" * 20000 if size > 1 else "")
    data = b"".join(sent)
    for at in range(0, len(data), size):
        send(data[at : at + size])
    assert one.answer().status == 101
    assert [one.message()["type"] for _ in range(2)] == ["welcome", "subscriptions"]


@VERSIONS
def test_sessions_are_resumed_also_after_a_reload(secure_sim, raw, pair, version):
    server = secure_sim()
    same = context(version)

    def visit(session=None):
        one = raw(server, tls=same, session=session)
        assert one.get("/healthz").status == 200  # in 1.3 tickets come after the handshake
        return one.socket.session_reused, one.socket.session

    reused, session = visit()
    assert not reused
    assert visit(session)[0]
    pair.renew()
    assert "error=" not in reload(server)
    assert visit(session)[0]


def test_a_new_certificate_is_shown_to_who_comes_and_costs_who_is_there_nothing(secure_sim, client, pair):
    server = secure_sim("rate=1000,symbols=5")
    standing = client(server)
    standing.ask("subscribe", symbols=["*"])
    standing.trades(200)
    old = pair.der()
    assert certificate(server) == old
    for _ in range(3):
        pair.renew()
        assert "error=" not in reload(server)
        assert certificate(server) == pair.der() != old
        standing.more(500)
    assert Account(standing.messages).lost() == 0
    assert standing.socket.socket.getpeercert(binary_form=True) == old


@pytest.mark.parametrize("spoil", ["cert", "key", "other", "missing"])
def test_files_that_cant_be_used_are_named_at_a_reload_and_the_old_ones_stay(secure_sim, raw, pair, tmp_path, spoil):
    server = secure_sim()
    old = pair.der()
    if spoil == "other":
        pair.key.write_bytes(Pair(tmp_path, "other").key.read_bytes())
    elif spoil == "missing":
        pair.key.unlink()
    else:
        getattr(pair, spoil).write_text("nonsense\n")
    event = reload(server)
    assert "error=" in event and str(pair.cert if spoil == "cert" else pair.key) in event
    assert certificate(server) == old
    assert raw(server, tls=context()).open().message()["type"] == "welcome"
    pair.renew()
    assert "error=" not in reload(server)
    assert certificate(server) == pair.der() != old


def test_sighup_without_tls_changes_nothing(sim, client):
    server = sim()
    one = client(server)
    assert "error=" not in reload(server)
    assert one.ask("ping")["type"] == "pong"


@pytest.mark.parametrize("wrong", ["cert", "key", "other", "no-key", "no-cert", "min", "directory"])
def test_what_cant_be_used_at_the_start_ends_with_2_and_is_named(pair, tmp_path, wrong):
    arguments = {"tls-cert": pair.cert, "tls-key": pair.key, "tls-min": "1.2"}
    bad = tmp_path / "nonsense"
    bad.write_text("nonsense\n")
    setting, file = {
        "cert": ("tls-cert", bad), "key": ("tls-key", bad), "other": ("tls-key", Pair(tmp_path, "other").key),
        "no-key": ("tls-key", None), "no-cert": ("tls-cert", tmp_path / "absent"), "min": ("tls-min", "1.1"),
        "directory": ("tls-cert", tmp_path),
    }[wrong]  # fmt: skip
    arguments[setting] = file
    words = [word for name, given in arguments.items() if given for word in (f"--{name}", given)]
    done = run(BINARY, "--listen", "127.0.0.1:0", "--source", "sim:", *words)
    assert done.returncode == 2 and done.stdout == "", done.stderr
    assert setting in done.stderr and str(file or "") in done.stderr
    assert len(done.stderr.splitlines()[-1]) < 400


def test_a_key_with_a_passphrase_is_refused_without_asking_for_it(pair, tmp_path):
    locked = tmp_path / "locked.key"
    subprocess.run(["openssl", "pkey", "-aes256", "-passout", "pass:secret", "-in", pair.key, "-out", locked], check=True)
    words = [BINARY, "--listen", "127.0.0.1:0", "--source", "sim:", "--tls-cert", pair.cert, "--tls-key", locked]
    process = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )  # standard input stays open: who reads it waits
    try:
        assert process.wait(5) == 2
        assert b"tls-key" in process.stderr.read()
    finally:
        process.kill()
        process.communicate()


def test_clear_text_on_the_tls_port_is_told_so_in_http(secure_sim, raw):
    server = secure_sim()
    one = raw(server)
    answer = one.request(upgrade())
    assert answer.version == "HTTP/1.1" and answer.status == 400
    assert answer.body.decode().strip() == "This port speaks TLS only"
    assert one.ended(5)
    one.close()
    assert wait_for(lambda: server.closed("tls") == 1, 5)


def test_tls_on_the_clear_port_is_told_so_in_tls(sim, raw):
    server = sim()
    one = raw(server)
    one.send(hello())
    assert one._take(7) == bytes.fromhex("15030100020228")
    assert one.ended(5)
    with pytest.raises(ssl.SSLError, match="(?i)handshake.failure"):
        raw(server, tls=context())


@VERSIONS
def test_a_slow_reader_over_tls_loses_ticks_only_where_it_is_told_so(secure_sim, raw, version):
    server = secure_sim(FLOOD, *SMALL)
    slow = raw(server, receive_buffer=16384, tls=context(version)).open("/ws?symbols=*")
    messages = []
    for pause in (1, 0.3, 0.3):
        time.sleep(pause)
        messages += read_for(slow, 0.5)
    account = Account(messages)
    assert account.lost() > 1000 and account.received() > 100
    assert {gap["reason"] for gap in account.gaps} == {"slow_client"}


def test_readers_that_stop_cost_bounded_memory(secure_sim, raw):
    server = secure_sim(FLOOD, *SMALL, "--arena-bytes", 1 << 20, "--history-ticks", 1000, "--ring-slots", 1024)
    before = server.memory()["RssAnon"]
    stopped = [raw(server, receive_buffer=4096, tls=context()).open("/ws?symbols=*") for _ in range(20)]

    def after_drops(count):
        assert wait_for(lambda: server.metrics().sum("tapehead_dropped_total", reason="slow_client") > count)
        return server.memory()["RssAnon"]

    # What a worker writes once, and again and again, is written by then.
    early = after_drops(600000)
    assert after_drops(1200000) - early < 256 << 10
    assert early - before < len(stopped) * (128 << 10) + (6 << 20)


@VERSIONS
def test_a_connection_ends_with_close_notify_whoever_ends_it(secure_sim, raw, version):
    server = secure_sim()
    ours = raw(server, tls=context(version)).open()
    ours.frame(CLOSE, struct.pack(">H", 1000))
    theirs = raw(server, tls=context(version)).open()
    theirs.frame(CLOSE, b"\0")  # no code is that short
    http = raw(server, tls=context(version))
    http.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (ours.close_code(), theirs.close_code(), http.answer().status) == (1000, 1002, 200)
    standing = raw(server, tls=context(version)).open()
    server.signal(signal.SIGTERM)
    assert standing.close_code() == 1001
    for one in (ours, theirs, http, standing):
        assert one.socket.recv(1) == b""  # a mere end of stream would be an SSLEOFError


def test_a_client_that_says_goodbye_in_tls_alone_is_gone(secure_sim, raw):
    server = secure_sim()
    one = raw(server, tls=context()).open()
    one.message()
    before = server.closed("peer")
    one.socket.settimeout(5)
    try:
        one.socket.unwrap()
    except (ssl.SSLError, OSError):
        pass  # the server may answer with its own, or just end
    assert wait_for(lambda: server.closed("peer") > before, 5)


@VERSIONS
def test_a_client_may_ask_for_new_keys_amid_the_stream_but_not_for_another_handshake(secure_sim, version, tmp_path):
    server = secure_sim("rate=2000,symbols=2")
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", f"-tls{version.name[-3:]}"]
    with (tmp_path / "out").open("wb") as out:
        peer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=out)
    say = "K" if version == TLS_1_3 else "R"
    try:
        peer.stdin.write(upgrade("/ws?symbols=*"))
        peer.stdin.flush()
        assert wait_for(lambda: server.metrics().sum("tapehead_websockets") == 1, 10)
        for _ in range(5):
            received = (tmp_path / "out").stat().st_size
            peer.stdin.write(f"{say}\n".encode())
            peer.stdin.flush()
            if version == TLS_1_2:
                assert wait_for(lambda: peer.poll() is not None, 10)  # s_client gives up where it is refused
                break
            assert wait_for(lambda: (tmp_path / "out").stat().st_size > received + 100000, 10)
    finally:
        peer.kill()
        peer.communicate()
    texts = re.findall(rb'\{"type":"(?:trade|snapshot)".*?\}', (tmp_path / "out").read_bytes())
    assert Account(map(json.loads, texts)).received() > (1000 if version == TLS_1_3 else 0)
    assert (tmp_path / "out").read_bytes().count(b"KEYUPDATE") == (5 if version == TLS_1_3 else 0)


def spoilt(chance, port):
    """One connection's worth of what is no TLS, or ceases to be."""
    one = Raw(port, timeout=5)
    opening = bytearray(hello())
    how = chance.randrange(5)
    if how == 0:
        one.send(chance.randbytes(chance.choice([1, 5, 300, 70000])))
    elif how == 1:
        opening[chance.randrange(len(opening))] ^= 1 << chance.randrange(8)
        one.send(opening)
    elif how == 2:
        one.send(opening[: chance.randrange(1, len(opening))])
    elif how == 3:
        one.send(b"\x16\x03\x01\x40\x00" + chance.randbytes(1 << 14))
    else:
        secure = TRUSTING.wrap_socket(one.socket)
        one.socket = socket.socket(fileno=secure.detach())
        one.send(b"\x17\x03\x03" + struct.pack(">H", 64) + chance.randbytes(64))
    return one


def test_what_is_no_tls_harms_nobody_who_streams(secure_sim, client):
    server = secure_sim("rate=500,symbols=5", "--handshake-ms", 1000)
    streaming = client(server)
    streaming.ask("subscribe", symbols=["*"])
    chance = random.Random(1)
    for _ in range(200):
        try:
            one = spoilt(chance, server.port)
            if chance.random() < 0.5:
                one.ended(0.02)
            if chance.random() < 0.3:
                one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()
        except (ConnectionError, TimeoutError):
            pass
    streaming.more(200)
    assert Account(streaming.messages).lost() == 0
    assert server.closed("tls") > 50
    assert wait_for(lambda: server.metrics().sum("tapehead_connections") <= 2, 10)


def test_hellos_that_never_end_cost_no_more_than_was_said_at_start(sim, raw, pair):
    server = sim("rate=10,symbols=2", *pair.arguments, "--max-connections", 300, workers=1)
    claimed = int(re.search(r"what=worker\.tls bytes=(\d+)", server.stderr())[1])
    opening = b"\1" + (131000).to_bytes(3, "big") + b"\3\3" + bytes(130900)  # of a message that has 100 bytes more
    records = [opening[at : at + 16000] for at in range(0, len(opening), 16000)]
    before = server.memory()["RssAnon"]
    held = [raw(server) for _ in range(290)]
    for one in held:
        with contextlib.suppress(ConnectionError):
            one.send(b"".join(b"\x16\3\1" + struct.pack(">H", len(record)) + record for record in records))
    assert Raw(server.port, tls=context()).get("/healthz").status == 200
    assert server.memory()["RssAnon"] - before <= claimed


def test_what_a_thousand_idle_connections_over_tls_cost(secure_sim, raw, figure):
    server = secure_sim("rate=10,symbols=2")
    raw(server, tls=TRUSTING).open().message()
    before = server.memory()["RssAnon"]
    held = [raw(server, tls=TRUSTING).open() for _ in range(1000)]
    assert server.metrics().sum("tapehead_websockets") == 1001
    own = (server.memory()["RssAnon"] - before) / len(held)
    figure(f"{len(held)} idle WebSocket connections over TLS 1.3: {own:.0f} bytes of user-space memory each")
    assert own < 32 << 10
