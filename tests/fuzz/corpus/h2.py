# SPDX-License-Identifier: MIT
"""Writes the corpus of fuzz_h2: python3 h2.py, in this folder."""
import os
import struct

DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONT = \
    range(10)
END_STREAM = ACK = 1
END_HEADERS, PADDED = 4, 8


def frame(kind, flags, stream, payload=b""):
    return (struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) +
            struct.pack(">I", stream) + payload)


def block(*pairs):
    out = b""
    for name, value in pairs:
        out += (b"\0" + bytes([len(name)]) + name.encode() +
                bytes([len(value)]) + value.encode())
    return out


def request(stream, *more, method="POST", path="/", end=False):
    return frame(HEADERS, END_HEADERS | end, stream, block(
        (":method", method), (":scheme", "http"), (":authority", "h"),
        (":path", path), *more))


def answer(stream, status="200", *more, end=False):
    return frame(HEADERS, END_HEADERS | end, stream,
                 block((":status", status), *more))


S = frame(SETTINGS, 0, 0)
SA = S + frame(SETTINGS, ACK, 0)
SERVER, CLIENT, RUDE, BARE = 0, 1, 2, 4

SEEDS = {
    "get": (SERVER, SA + request(1, method="GET", end=True)),
    "post": (SERVER, SA + request(1, ("content-length", "5")) +
             frame(DATA, END_STREAM, 1, b"hello")),
    "two": (SERVER, SA + request(1) + request(3) + frame(DATA, 0, 3, b"b") +
            frame(DATA, END_STREAM, 1, b"a") + frame(DATA, END_STREAM, 3)),
    "trailers": (SERVER, SA + request(1) + frame(DATA, 0, 1, b"x") +
                 frame(HEADERS, END_HEADERS | END_STREAM, 1,
                       block(("x-sum", "1")))),
    "padded": (SERVER, SA + request(1) +
               frame(DATA, PADDED | END_STREAM, 1, b"\3abc\0\0\0")),
    "continued": (SERVER, SA + frame(HEADERS, END_STREAM, 1, block(
        (":method", "GET"), (":scheme", "http"))) + frame(
            CONT, END_HEADERS, 1, block((":path", "/"),
                                        (":authority", "h")))),
    "reset": (SERVER, SA + request(1) + frame(RST, 0, 1, b"\0\0\0\x08") +
              request(3, end=True)),
    "mismatch": (SERVER, SA + request(1, ("content-length", "9")) +
                 frame(DATA, END_STREAM, 1, b"short")),
    "hosts": (SERVER, SA + request(1, ("host", "other"), end=True)),
    "connection": (SERVER, SA + request(1, ("connection", "close"))),
    "large": (SERVER, SA + request(1, *[("x", "y" * 120)] * 40, end=True)),
    "pings": (SERVER, SA + frame(PING, 0, 0, b"12345678") * 20),
    "goaway": (SERVER, SA + request(1) + frame(GOAWAY, 0, 0, bytes(8))),
    "windows": (SERVER, SA + request(1, end=True) +
                frame(WINDOW, 0, 1, b"\0\0\1\0") +
                frame(WINDOW, 0, 1, bytes(4))),
    "priority": (SERVER, SA + frame(PRIORITY, 0, 5, b"\0\0\0\3\x10") +
                 request(5, end=True) + frame(PRIORITY, 0, 3,
                                              b"\0\0\0\3\x10")),
    "lower": (SERVER, SA + request(5, end=True) + request(3, end=True)),
    "bare": (BARE, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SA +
             request(1, end=True)),
    "garbage": (BARE, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    "rude": (SERVER | RUDE, SA + b"".join(
        request(i) + frame(DATA, 0, i, b"x" * 200) + frame(
            DATA, END_STREAM, i) for i in range(1, 30, 2))),
    "answers": (CLIENT, SA + answer(1) + frame(DATA, END_STREAM, 1, b"ok") +
                answer(3, "204", end=True) + answer(5, "100") +
                answer(5, "200", ("content-length", "3")) +
                frame(DATA, END_STREAM, 5, b"abc")),
    "answer_trailers": (CLIENT, SA + answer(1) + frame(DATA, 0, 1, b"a") +
                        frame(HEADERS, END_HEADERS | END_STREAM, 1,
                              block(("x", "1")))),
    "answer_resets": (CLIENT, SA + frame(RST, 0, 1, b"\0\0\0\x07") +
                      answer(3) + frame(RST, 0, 3, b"\0\0\0\x02") +
                      answer(5, end=True) + frame(RST, 0, 5, bytes(4))),
    "answer_goaway": (CLIENT, SA + frame(
        GOAWAY, 0, 0, b"\0\0\0\1\0\0\0\0bye") + answer(1, end=True)),
    "answer_push": (CLIENT, SA + frame(PUSH, END_HEADERS, 1, b"\0\0\0\2" +
                                       block((":method", "GET")))),
    "answer_status": (CLIENT, SA + answer(1, "000", end=True) +
                      answer(3, "050") + answer(5, "2000")),
    "answer_limits": (CLIENT, frame(SETTINGS, 0, 0,
                                    b"\0\3\0\0\0\1\0\4\0\0\0\0") +
                      answer(1, end=True)),
    "answer_rude": (CLIENT | RUDE, SA + answer(1) + frame(
        DATA, 0, 1, b"x" * 300) * 8 + answer(3, end=True) + answer(5) +
        frame(DATA, END_STREAM, 5, b"y")),
}

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "h2")
os.makedirs(folder, exist_ok=True)
for seed, (name, (how, said)) in enumerate(SEEDS.items()):
    with open(os.path.join(folder, name), "wb") as f:
        f.write(bytes([how, 7 * seed]) + said)
