# SPDX-License-Identifier: MIT
"""Input that means harm to who judges it: bytes are relayed as they are, the
verdict is a finding or unknown, and nothing else happens."""
import _lib
import ctypes
import json
import re
import signal
import time
import zlib

from clients import curl
from answers import pack
from house import House, run_assay
from raw import Script, Wire, request
from scene import case, check, main, same, sanitized, slack, until

CHAT = "/v1/chat/completions"
MB = 1 << 20
TIMEOUT = 180
# What the proxy may hold at most, whatever comes: the spool apart, the largest
# body that is looked into (64 MB), what it was decoded from, and its tree.
MOST = 400 * MB

HONEST = json.dumps({
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1,
    "model": "practice-1", "choices": [{
        "index": 0, "message": {"role": "assistant", "content": "Yes, so."},
        "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 4,
              "total_tokens": 13}}).encode()


class Nasty:
    """A vendor that answers what it is told to."""

    def __init__(self):
        self.fields, self.body, self.got = "", HONEST, b""

    def say(self, body, kind="application/json", coding=None):
        self.body = body
        self.fields = f"Content-Type: {kind}\r\n" + (
            f"Content-Encoding: {coding}\r\n" if coding else "")

    def answer(self, c):
        while True:
            head = c.until(b"\r\n\r\n")
            n = int(re.search(rb"content-length: *(\d+)", head, re.I)[1])
            self.got = c.exactly(n)
            c.send(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n" %
                   (self.fields.encode(), len(self.body)))
            c.send(self.body)


def whole(w):
    """A body with a length, however long."""
    head = w.until(b"\r\n\r\n")
    n = int(re.search(rb"content-length: *(\d+)", head, re.I)[1])
    pieces, at = [w.buf], len(w.buf)
    while at < n and (piece := w.s.recv(MB)):
        pieces.append(piece)
        at += len(piece)
    return b"".join(pieces)


class Bench:
    """Nasty behind a proxy, and another vendor whose clients must not notice
    anything."""

    def __init__(self, h, s, nasty, *args):
        self.nasty, self.n = nasty, 0
        self.p = h.proxy([s.url, f"other={h.vendor().url}"], *args)
        curl(self.p.url + "/other/json?n=10")

    def send(self, what, body, *fields):
        """One exchange; the bytes on both sides are exact."""
        with Wire(self.p.port, timeout=60) as w:
            w.send(request("POST", CHAT, body, [
                "Content-Type: application/json", *fields]))
            began = time.monotonic()
            same(whole(w), self.nasty.body, f"the answer, {what}")
            spent = time.monotonic() - began
        same(self.nasty.got, body, f"the request, {what}")
        same(curl(self.p.url + "/other/json?n=10", timeout=10).status, 200,
             f"another client, {what}")
        self.n += 1
        return spent

    def judged(self, what, seconds=20):
        """Waits for the verdicts: (unknown, findings but infos)."""
        until(lambda: self.p.running() and self.totals()["chats"] >= self.n,
              slack(seconds), f"a verdict on {what}")
        t = self.totals()
        return t["unknown"], sum(f["count"] for f in t["findings"]
                                 if f["severity"] != "info")

    def totals(self):
        return self.p.control("audit")["result"]

    def peak(self):
        status = open(f"/proc/{self.p.pid}/status").read()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024

    def bounded(self):
        mb = self.p.rss() / MB
        print(f"    {self.n} exchanges; memory now {mb:.0f} MB, at most "
              f"{self.peak() / MB:.0f} MB with the spool", flush=True)
        check(sanitized() or self.p.rss() < MOST, f"memory: {mb:.0f} MB")
        # The peak counts the spool, which lies in shared memory.
        check(sanitized() or self.peak() < MOST + 256 * MB, "the peak",
              self.peak())


def chat(**more):
    return {"model": "kimi-k2.6",
            "messages": [{"role": "user", "content": "Is it so?"}], **more}


def said(content, raw=False):
    """A chat request with this message, as bytes of JSON."""
    data = json.dumps(chat()).encode()
    return data.replace(b'"Is it so?"', content if raw else
                        json.dumps(content).encode())


def deep(n, opens=b"[", closes=b"]"):
    return opens * n + closes * n


def zeros(n, coding):
    """A bomb: n blanks behind the start of an object."""
    if coding == "gzip":
        z = zlib.compressobj(9, zlib.DEFLATED, 31)
        block = b" " * MB
        return z.compress(b"{") + b"".join(
            z.compress(block) for _ in range(n // MB)) + z.flush()
    if coding == "zstd":
        return pack("zstd", b"{" + b" " * n)
    enc = ctypes.CDLL("libbrotlienc.so.1")
    out = ctypes.create_string_buffer(1 << 20)
    size = ctypes.c_size_t(1 << 20)
    data = b"{" + b" " * n
    check(enc.BrotliEncoderCompress(5, 22, 0, ctypes.c_size_t(len(data)), data,
                                    ctypes.byref(size), out) == 1, "no br")
    return ctypes.string_at(out, size.value)


BODIES = {
    "half an object": b'{"model":"kimi-k2.6","messages":[',
    "a comma too many": b'{"model":"kimi-k2.6","messages":[],}',
    "no JSON at all": b"hello=1&b=2", "nothing": b"", "NUL": b"\0" * 100,
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps(chat()).encode(),
    "two values": json.dumps(chat()).encode() * 2,
    "invalid UTF-8": said(b'"\xff\xc0\xaf\xed\xa0\x80"', raw=True),
    "half a character": said(b'"\\ud800 \\udc00\\ud800"', raw=True),
    "half an escape": b'{"model":"kimi-k2.6","messages":"\\u12',
    "arrays, 1,000 deep": said(deep(1000), raw=True),
    "objects, 1,000 deep": said(deep(1000, b'{"a":', b"}").replace(
        b"}", b"1}", 1), raw=True),
    "arrays, 1,000,000 deep": said(deep(1000000), raw=True),
    "open arrays": b"[" * 2000000,
    "names twice": b'{"model":"kimi-k2.6","model":"gpt-5","messages":[],'
                   b'"messages":[{"role":"user","role":"tool"}],"n":1,"n":2}',
    "names 100,000 times": b'{"model":"m","messages":[]' + b',"a":1' * 100000 +
                           b"}",
    "huge numbers": json.dumps(chat()).encode()[:-1] +
    b',"temperature":1e999999,"n":1' + b"0" * 5000 + b',"max_tokens":-1e-999,'
    b'"top_p":0.' + b"9" * 5000 + b',"seed":99999999999999999999999}',
    "numbers that are none": b'{"model":"kimi-k2.6","n":-,"a":0x1,"b":NaN}',
    "a million messages": b'{"model":"kimi-k2.6","messages":[' +
    b'{"role":"user"},' * 999999 + b'{"role":"user"}]}',
    "other kinds": json.dumps({"model": ["a"], "messages": {"role": 7},
                               "tools": "x", "stream": "yes", "n": [],
                               "tool_choice": 5, "stop": {}}).encode(),
}


@case("requests that are no JSON, too deep, too long or twice the same")
def requests():
    nasty = Nasty()
    with House() as h, Script(nasty.answer) as s:
        nasty.say(HONEST)
        b = Bench(h, s, nasty)
        for what, body in BODIES.items():
            b.send(what, body)
            b.judged(what)
        b.bounded()
        # The answers were honest, and to no known model's request.
        bad = [f for f in b.p.findings() if f["party"] == "vendor" and
               f["severity"] == "error" and not f["rule"].startswith("kimi")]
        check(not bad, "the vendor is accused:", bad[:3])


def tools(schema, choice="auto"):
    return json.dumps(chat(model="practice-1", tool_choice=choice, tools=[
        {"type": "function", "function": {"name": "f", "parameters": schema}}
    ])).encode()


def calls(arguments):
    """An honest answer but for the arguments of its call."""
    tree = json.loads(HONEST)
    tree["choices"][0].update(finish_reason="tool_calls", message={
        "role": "assistant", "content": None, "tool_calls": [{
            "id": "call_0123456789", "type": "function",
            "function": {"name": "f", "arguments": arguments}}]})
    return json.dumps(tree).encode()


def doubling(n, last):
    """2^n ways to the same."""
    defs = {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"},
                                {"$ref": f"#/$defs/d{i + 1}"}]}
            for i in range(n)}
    return {"$ref": "#/$defs/d0", "$defs": {**defs, f"d{n}": last}}


def widening(n):
    """anyOf of anyOf, each of which fails."""
    defs = {f"d{i}": {"anyOf": [{"items": {"$ref": f"#/$defs/d{i + 1}"}},
                                {"items": {"$ref": f"#/$defs/d{i + 1}"}}]}
            for i in range(n)}
    return {"$ref": "#/$defs/d0", "$defs": {**defs, f"d{n}": {"type": "null"}}}


TEXT = json.dumps({"a": "a" * 40 + "!"})
SCHEMAS = {
    "itself": ({"$ref": "#"}, "{}"),
    "a ring": ({"$ref": "#/$defs/a", "$defs": {
        "a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}, "{}"),
    "2^40 ways": (doubling(40, {"type": "object"}), "{}"),
    "2^30 ways to fail": (widening(30), deep(30).decode()),
    "nowhere": ({"$ref": "#/$defs/nowhere"}, "{}"),
    "elsewhere": ({"$ref": "http://127.0.0.1:9/schema.json"}, "{}"),
    "(a+)+$": ({"properties": {"a": {"pattern": "^(a+)+$"}}}, TEXT),
    "(a|a)*$": ({"properties": {"a": {"pattern": "^(a|a)*$"}}}, TEXT),
    "(.*)*\\1": ({"properties": {"a": {"pattern": "^(.*)*\\1$"}}}, TEXT),
    "a{1,1000}{1,1000}": ({"properties": {"a": {
        "pattern": "((a{1,1000}){1,1000}){1,1000}$"}}}, TEXT),
    "no pattern": ({"properties": {"a": {"pattern": "(["}}}, TEXT),
    "1,000 deep": (json.loads(deep(900, b'{"items":', b"}").replace(
        b":}", b":{}}", 1)), deep(900).decode()),
    "no schema": (["type", 7], "{}"),
    "unique of 20,000": ({"properties": {"a": {"uniqueItems": True}}},
                         json.dumps({"a": list(range(20000))})),
}


@case("schemas that refer to themselves, explode, or backtrack")
def schemas():
    nasty = Nasty()
    with House() as h, Script(nasty.answer) as s:
        b = Bench(h, s, nasty, "--enforce", "kimi-k2.6")
        for what, (schema, arguments) in SCHEMAS.items():
            nasty.say(calls(arguments))
            spent = b.send(what, tools(schema))
            check(spent < slack(3), f"{what} held up the relay:", spent)
            b.judged(what, 10)
        b.bounded()


def event(text):
    return b"data: " + text + b"\n\n"


def stream(*texts):
    return b"".join(map(event, texts)) + b"data: [DONE]\n\n"


def delta(raw):
    return (b'{"id":"c","object":"chat.completion.chunk","created":1,"model":'
            b'"practice-1","choices":[{"index":0,"delta":' + raw +
            b',"finish_reason":null}]}')


SSE = "text/event-stream"
# what is said: (bytes, content-type, content-encoding)
ANSWERS = {
    "one event of 64 MB": (stream(delta(
        b'{"content":"' + b"x" * (64 * MB) + b'"}')), SSE, None),
    "one line of 64 MB, never ended": (b"data: " + b"y" * (64 * MB), SSE,
                                       None),
    "a body of 64 MB": (HONEST.replace(b"Yes", b"z" * (64 * MB)),
                        "application/json", None),
    "a million blank lines": (b"\n" * MB, SSE, None),
    "100,000 empty events": (b"data:\n\n" * 100000, SSE, None),
    "invalid UTF-8": (stream(delta(b'{"content":"\xff\xfe\xc0\x80"}')), SSE,
                      None),
    "an event 1,000 deep": (stream(delta(deep(1000))), SSE, None),
    "a body 1,000 deep": (deep(1000), "application/json", None),
    "a body 2,000,000 deep": (deep(2 * MB), "application/json", None),
    "names twice": (stream(delta(b'{"content":"a","content":"b"}')), SSE,
                    None),
    "huge indexes": (stream(delta(
        b'{"tool_calls":[{"index":4294967295},{"index":-1},{"index":1e300},'
        b'{"index":100000000}]}')), SSE, None),
    "100,000 choices": (b'{"object":"chat.completion","choices":[' +
                        b'{"index":1},' * 99999 + b'{"index":2}]}',
                        "application/json", None),
    "huge numbers": (re.sub(rb'"(\w+)_tokens": \d+', b'"\\1_tokens": 1e' +
                            b"9" * 5000, HONEST), "application/json", None),
    "no JSON": (b"<html>502</html>", "application/json", None),
    "nothing": (b"", "application/json", None),
    "lies about gzip": (HONEST, "application/json", "gzip"),
    "half of gzip": (zeros(MB, "gzip")[:500], "application/json", "gzip"),
    "an unknown coding": (HONEST, "application/json", "rot13"),
    "ten codings": (HONEST, "application/json", ", ".join(["gzip"] * 10)),
}


@case("answers: 64 MB in a line, 1,000 deep, huge numbers, lies")
def answers():
    nasty = Nasty()
    with House() as h, Script(nasty.answer) as s:
        b = Bench(h, s, nasty, "--spool-size", "256M")
        body = json.dumps(chat(model="practice-1")).encode()
        streamed = json.dumps(chat(model="practice-1", stream=True)).encode()
        before = b.judged("nothing")
        for what, (text, kind, coding) in ANSWERS.items():
            nasty.say(text, kind, coding)
            b.send(what, streamed if kind == SSE else body)
            after = b.judged(what, 30)
            check(after != before, f"{what} passed for good")
            before = after
        b.bounded()


@case("decompression bombs, in requests and answers")
def bombs():
    nasty = Nasty()
    with House() as h, Script(nasty.answer) as s:
        b = Bench(h, s, nasty, "--enforce", "kimi-k2.6")
        body = json.dumps(chat()).encode()
        for coding, size in (("gzip", 512), ("br", 128), ("zstd", 128)):
            bomb = zeros(size * MB, coding)
            check(len(bomb) < MB, f"{coding}: no bomb", len(bomb))
            nasty.say(HONEST)
            b.send(f"a {coding} bomb", bomb, f"Content-Encoding: {coding}")
            for kind in (SSE, "application/json"):
                before = b.judged(f"a bomb of {coding}")
                nasty.say(bomb, kind, coding)
                b.send(f"an answer of {coding}", body)
                check(b.judged(f"an answer of {coding}") != before,
                      f"a bomb of {coding} passed for good")
        twice = zlib.compressobj(9, zlib.DEFLATED, 31)
        inner = zeros(512 * MB, "gzip")
        bomb = twice.compress(inner) + twice.flush()
        nasty.say(bomb, "application/json", "gzip, gzip")
        b.send("a bomb in a bomb", bomb, "Content-Encoding: gzip, gzip")
        b.judged("a bomb in a bomb")
        b.bounded()
        same(b.p.control("status")["ok"], True, "status")


RULE = {"id": "mine/a", "text": "a text", "src": "here", "cert": "c",
        "since": "2026-01-01", "scope": "response", "severity": "error",
        "party": "vendor",
        "assert": {"check": "quirk", "quirk": "done_missing"}}


def mine(**more):
    return json.dumps({"pack": "mine", "version": "1", "about": "my own",
                       "rules": [{**RULE, **more}]}, indent=1)


# what is wrong: (the pack, the line that is named, a word of the reason)
PACKS = {
    "no JSON": ('{"pack":"mine",\n\n oops', 3, ""),
    "an unknown key": (mine(severty="error"), None, "severty"),
    "an unknown check": (mine(**{"assert": {"check": "quirck"}}), None,
                         "quirck"),
    "a schema that is none": (mine(scope="request", party="client", **{
        "assert": {"schema": {"type": "strin"}}}), None, "type"),
    "too severe": (mine(cert="?"), None, "warning"),
    "too deep": ("[" * 100000, 1, ""),
    "a pattern that is none": (mine(scope="request", party="client", **{
        "assert": {"schema": {"pattern": "(["}}}), None, "pattern"),
    "invalid UTF-8": (mine().replace("a text", "\udcff").encode(
        errors="surrogateescape"), None, ""),
}


def told(said, path, text, line, word):
    """FILE:LINE: reason."""
    found = re.search(re.escape(path) + r":(\d+):(?:\d+:)? (.+)", said)
    check(found, "file, line and reason are not in:", said)
    check(word in found[2], f"{word!r} is not the reason:", found[2])
    if line:
        same(int(found[1]), line, "the line")
    elif word:
        lines = text.splitlines()
        check(1 <= int(found[1]) <= len(lines), "no such line", found[1])


@case("bad packs: the proxy does not start on one, and says why")
def bad_packs():
    with House() as h:
        for what, (text, line, word) in PACKS.items():
            path = h.write("mine.json", text)
            r = run_assay("proxy", "--upstream", "http://127.0.0.1:9",
                          "--listen", "127.0.0.1:0", "--trail",
                          h.path("x.db"), "--rules", path)
            same(r.returncode, 2, f"the status: {what}, {r.stderr}")
            text = text if isinstance(text, str) else text.decode(
                errors="replace")
            told(r.stderr.decode(errors="replace"), path, text, line, word)
            r = run_assay("rules", "lint", path)
            same(r.returncode, 1, f"lint's status: {what}")
            told((r.stdout + r.stderr).decode(errors="replace"), path, text,
                 line, word)


@case("a reload with a bad pack keeps the old rules; with a good one not")
def reload():
    with House() as h:
        v = h.vendor("--seed", 3)
        rules = h.write("mine.json", mine())
        config = h.write("c.json", json.dumps({
            "upstream": v.url, "listen": "127.0.0.1:0",
            "trail": h.path("proxy.db"), "rules": [rules]}))
        p = h.proxy(None, "--config", config)
        p.trail = h.path("proxy.db")
        p.argv += ["--rules", rules]    # for who judges it offline

        def ask(n):
            curl(p.url + CHAT, "-H", "x-vendor: bug=done_missing",
                 data=json.dumps(chat(model="practice-1",
                                      stream=True)).encode())
            rows = p.settled(n)
            return {f["rule"]: f["version"] for f in p.findings()
                    if f["exchange"] == rows[-1]["id"]}
        same(ask(1).get("mine/a"), "1", "the old rule")
        for what, (text, line, word) in PACKS.items():
            h.write("mine.json", text)
            before = len(p.err())
            p.signal(signal.SIGHUP)
            until(lambda: len(p.err()) > before, slack(5), "a word on it")
            text = text if isinstance(text, str) else text.decode(
                errors="replace")
            told(p.err()[before:], rules, text, line, word)
            got = p.control("reload")
            check(not got["ok"] and rules in json.dumps(got), "reload:", got)
        same(ask(2).get("mine/a"), "1", "the old rule still")
        h.write("mine.json", mine(id="mine/b"))
        check(p.control("reload")["ok"], "a good one was refused")
        found = ask(3)
        check("mine/b" in found and "mine/a" not in found, "the new", found)
        p.checked = True                # two sets of rules: no one judge
        p.signal(signal.SIGTERM)
        same(p.wait(20), 0, "exit status")
        p.clean()


main()
