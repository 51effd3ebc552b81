# SPDX-License-Identifier: MIT
"""tls: certificates that are their own issuers, made by openssl(1), and clients that take them."""

import select
import socket
import ssl
import subprocess
import threading

TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


class Pair:
    """A certificate for 127.0.0.1 and its key, as files in a folder."""

    def __init__(self, folder, name="tapehead"):
        self.cert, self.key = folder / f"{name}.crt", folder / f"{name}.key"
        self.renew()

    def renew(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=tapehead", "-addext", "subjectAltName=IP:127.0.0.1",
             "-keyout", self.key, "-out", self.cert], check=True, capture_output=True,
        )  # fmt: skip

    @property
    def arguments(self):
        return "--tls-cert", self.cert, "--tls-key", self.key

    def der(self):
        return ssl.PEM_cert_to_DER_cert(self.cert.read_text())


def context(version=None, alpn=(), ciphers=None):
    """Takes any certificate; speaks that version alone, if one is given."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    if version:
        made.minimum_version = made.maximum_version = version
    if alpn:
        made.set_alpn_protocols(alpn)
    if ciphers:
        made.set_ciphers(ciphers)
    return made


class Shared:
    """A TLS socket for two threads, one that reads and one that writes, as `websockets` has them. Python lets both into
    OpenSSL at once, which loses a request now and then while session tickets come in."""

    def __init__(self, port, made):
        self.secure = made.wrap_socket(socket.create_connection(("127.0.0.1", port)))
        self.secure.setblocking(False)
        self.lock = threading.Lock()

    def _again(self, call, *arguments):
        while True:
            try:
                with self.lock:
                    return call(*arguments)
            except ssl.SSLWantReadError:
                select.select([self.secure], [], [])
            except ssl.SSLWantWriteError:
                select.select([], [self.secure], [])

    def recv(self, size):
        return self._again(self.secure.recv, size)

    def sendall(self, data):
        data = memoryview(data)
        while data:
            data = data[self._again(self.secure.send, data) :]

    def settimeout(self, seconds):
        pass

    def __getattr__(self, name):
        return getattr(self.secure, name)


def hello():
    """The bytes that a client opens with."""
    out = ssl.MemoryBIO()
    try:
        context().wrap_bio(ssl.MemoryBIO(), out).do_handshake()
    except ssl.SSLWantReadError:
        return out.read()
    raise AssertionError("a handshake without an answer")
