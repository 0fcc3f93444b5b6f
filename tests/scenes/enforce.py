# SPDX-License-Identifier: MIT
"""--enforce: what the pack forbids is answered 400 and never sent; everything
else is not touched."""
import _lib
import gzip
import json
import re
import signal
import threading

import anthropic
import openai

from clients import curl
from answers import pack
from house import House, run_assay
from mutants import ask, tool
from raw import Script, Wire, request, vendor_answer
from scene import case, check, main, same, slack

CHAT = "/v1/chat/completions"
JSON = "Content-Type: application/json"
ANSWER = (b'{"id":"chatcmpl-1","object":"chat.completion","created":1,'
          b'"model":"kimi-k2.6","choices":[{"index":0,"message":{"role":'
          b'"assistant","content":"Yes.","reasoning_content":"Hm."},'
          b'"finish_reason":"stop"}],"usage":{"prompt_tokens":9,'
          b'"completion_tokens":4,"total_tokens":13}}')


def kimi(text="Is it so?", **more):
    return ask("c", text, "kimi-k2.6", **more)


def body(text="Is it so?", **more):
    return json.dumps(kimi(text, **more)).encode()


def script():
    """A vendor that keeps what it is sent."""
    return Script(vendor_answer(ANSWER, extra=b"Content-Type: "
                                              b"application/json\r\n"))


def post(data, *fields, path=CHAT):
    return request("POST", path, data, [JSON, *fields])


def enforced(p):
    """(refused, passed, unjudged) of the summary at drain."""
    found = re.search(r"enforced \S+: (\d+) requests refused, (\d+) passed, "
                      r"(\d+) passed unjudged", p.out() + p.err())
    check(found, "no summary:", p.tail())
    return tuple(int(n) for n in found.groups())


def refused(answer, param):
    """As OpenAI says it."""
    same(answer.status, 400, "status")
    error = json.loads(answer.body)["error"]
    same((error["type"], error["param"], error["code"]),
         ("invalid_request_error", param, None), "the error")
    return error["message"]


BREACHES = {
    "temperature": dict(temperature=0.5), "top_p": dict(top_p=0.8),
    "n": dict(n=2), "presence_penalty": dict(presence_penalty=0.5),
    "frequency_penalty": dict(frequency_penalty=-1),
    "thinking": dict(thinking={"type": "enabled", "keep": "some"}),
    "tools": dict(tools=[tool("c", "1bad@name")]),
}


@case("a breach is answered in OpenAI's words, and the vendor hears nothing")
def breaches():
    with House() as h, script() as s:
        p = h.proxy(s.url, "--enforce", "kimi-k2.6")
        c = openai.OpenAI(base_url=p.url + "/v1", api_key="sk-" + "x" * 20,
                          max_retries=0, timeout=slack(30))
        for param, breach in BREACHES.items():
            for stream in (False, True):
                try:
                    asked = kimi(**breach)
                    thinking = asked.pop("thinking", None)
                    c.chat.completions.create(
                        **asked, stream=stream,
                        extra_body={"thinking": thinking} if thinking else None)
                    check(False, f"{param} was sent")
                except openai.BadRequestError as e:
                    same((e.status_code, e.param, e.type),
                         (400, param, "invalid_request_error"), param)
        same(s.seen(), b"", "what the vendor saw")
        rows = p.settled(2 * len(BREACHES))
        same({(x["outcome"], x["status"]) for x in rows}, {("blocked", 400)},
             "in the trail")
        p.stop()
        same(enforced(p), (len(rows), 0, 0), "the summary")
        found = p.findings()
        same({f["party"] for f in found}, {"client"}, "parties")
        same({f["exchange"] for f in found}, {x["id"] for x in rows},
             "each has its finding")


@case("and in Anthropic's")
def messages():
    with House() as h, script() as s:
        p = h.proxy(s.url, "--enforce", "anthropic")
        c = anthropic.Anthropic(base_url=p.url, api_key="sk-ant-0123456789abc",
                                max_retries=0, timeout=slack(30))
        for stream in (False, True):
            try:
                c.messages.create(
                    model="claude-opus-4-1", max_tokens=4000, stream=stream,
                    messages=[{"role": "user", "content": "Is it so?"}],
                    tools=[tool("m")], tool_choice={"type": "any"},
                    thinking={"type": "enabled", "budget_tokens": 2048})
                check(False, "a forced tool was sent")
            except anthropic.BadRequestError as e:
                same((e.body["type"], e.body["error"]["type"]),
                     ("error", "invalid_request_error"), "the error")
                check(e.body["error"]["message"], "no message", e.body)
        same(s.seen(), b"", "what the vendor saw")
        p.settled(2)


# Odd, but proper: not one byte of these may change.
PROPER = [
    body(), body(temperature=1), body(temperature=1.0, top_p=0.95, n=1),
    b' {\n "model" : "kimi-k2.6",\r\n\t"messages":[ {"role":"user",'
    b'"content":"\\u0047r\xc3\xbc\xc3\x9fe \\ud83d\\ude00"} ],'
    b'"temperature":1.000e0 , "top_p":95e-2}\n\n',
    body(temperature=0.6, thinking={"type": "disabled"}),
    json.dumps(kimi("Is it so?", temperature=0.5) |
               {"model": "practice-1"}).encode(),
    b"{", b"", b"\xff\xfe", b"[1,2]", b'{"model":7}', b"hello",
]


@case("proper requests, other models and what is no JSON pass byte for byte")
def proper():
    with House() as h, script() as s:
        p = h.proxy(s.url, "--enforce", "kimi-k2.6", http="1.1")
        for data in PROPER:
            with Wire(p.port) as w:
                w.send(post(data, "X-Odd:  two  blanks ", "x-ODD: again"))
                same(w.response().body, ANSWER, "the answer")
        with Wire(p.port) as w:
            half = len(PROPER[3]) // 2
            w.send(b"POST %b HTTP/1.1\r\nHost: a\r\n%b\r\nTransfer-Encoding: "
                   b"chunked\r\n\r\n%x\r\n%b\r\n" %
                   (CHAT.encode(), JSON.encode(), half, PROPER[3][:half]))
            w.send(b"%x\r\n%b\r\n0\r\n\r\n" %
                   (len(PROPER[3]) - half, PROPER[3][half:]))
            same(w.response().body, ANSWER, "the answer to a chunked request")
        for data in PROPER:
            check(data in s.seen(), "not as it was sent:", data)
        seen = bytes(s.logs[0])
        check(b"X-Odd:  two  blanks \r\nx-ODD: again\r\n" in seen,
              "the fields:", seen)
        w = Wire(p.port)
        w.send(request("GET", "/v1/models") +
               post(body(temperature=0.5), path="/v1/other"))
        same([w.response().status for _ in "ab"], [200, 200], "other paths")
        rows = p.settled(len(PROPER) + 3)
        for x, data in zip(rows, PROPER):
            same(p.body(x, "request"), data, "the recorded request")
        p.stop()
        same(enforced(p), (0, 7, 6), "the summary")


def padded(size, /, **more):
    return body("x" * size, **more)


@case("large bodies are judged, larger than --gate-limit are not")
def large():
    with House() as h, script() as s:
        p = h.proxy(s.url, "--enforce", "kimi-k2.6", "--gate-limit", "300K")
        for size, status in ((60000, 400), (70000, 400), (290000, 400),
                          (400000, 200), (2000000, 200)):
            a = curl(p.url + CHAT, "-H", JSON, "-H", "Expect:",
                     data=padded(size, temperature=0.5))
            same(a.status, status, f"a breach of {size} bytes")
            same(curl(p.url + CHAT, "-H", JSON, data=padded(size)).status, 200,
                 f"a proper request of {size} bytes")
        check(padded(2000000) in s.seen(), "the largest changed")
        p.settled(10)
        p.stop()
        same(enforced(p), (3, 3, 4), "the summary")


@case("Expect: 100-continue is answered by assay, once")
def expect():
    with House() as h, script() as s:
        p = h.proxy(s.url, "--enforce", "kimi-k2.6")
        for data, status in ((body(temperature=0.5), 400), (body(), 200),
                             (padded(200000, n=2), 400),
                             (padded(200000), 200)):
            a = curl(p.url + CHAT, "-H", JSON, "-H", "Expect: 100-continue",
                     "--expect100-timeout", "30", data=data)
            same(a.status, status, "curl's status")
            same(a.heads.count(b"100 Continue"), 1, "interim answers")
        w = Wire(p.port)
        w.send(post(body(top_p=0.1), "Expect: 100-continue"))
        same(w.response().status, 400, "one that does not wait")
        p.settled(5)


@case("HTTP/2 clients")
def h2():
    with House() as h:
        v = h.vendor("--seed", 3)
        p = h.proxy(v.url, "--enforce", "kimi-k2.6", tls=True)
        for data, status in ((body(temperature=0.5), 400), (body(), 200),
                             (padded(200000, n=2), 400),
                             (padded(200000), 200)):
            a = curl(f"https://localhost:{p.port}{CHAT}", "--http2", "-H",
                     JSON, cert=p.cert[0], data=data)
            same((a.version, a.status), ("HTTP/2", status), "the answer")
            if status == 400:
                refused(a, "n" if len(data) > 1000 else "temperature")
        p.settled(4)


@case("compressed requests are looked into, and pass as they were packed")
def compressed():
    with House() as h, script() as s:
        p = h.proxy(s.url, "--enforce", "kimi-k2.6")
        for coding, data in (("gzip", gzip.compress(body())),
                             ("zstd", pack("zstd", body())),
                             ("zstd", pack("zstd", padded(500000)))):
            w = Wire(p.port)
            w.send(post(data, f"Content-Encoding: {coding}"))
            same(w.response().status, 200, coding)
            check(data in s.seen(), "packed otherwise", coding)
        for coding, data in (
                ("gzip", gzip.compress(body(temperature=0.1))),
                ("zstd", pack("zstd", body(temperature=0.1))),
                ("zstd", pack("zstd", padded(500000, temperature=0.1)))):
            w = Wire(p.port)
            w.send(post(data, f"Content-Encoding: {coding}"))
            refused(w.response(), "temperature")
        for coding, data in (("gzip", b"no gzip"), ("rot13", body(n=2))):
            w = Wire(p.port)
            w.send(post(data, f"Content-Encoding: {coding}"))
            same(w.response().status, 200, f"{coding}, which nobody can read")
        p.settled(8)
        p.stop()
        same(enforced(p), (3, 3, 2), "the summary")


@case("many at once, small and large")
def many():
    with House() as h:
        v = h.vendor("--seed", 3)
        p = h.proxy(v.url, "--enforce", "kimi-k2.6", "--workers", "2")
        wrong, lock = [], threading.Lock()

        def work(i):
            with Wire(p.port) as w:
                for k in range(8):
                    large, bad = (i + k) % 3 == 0, (i + k) % 2
                    w.send(post((padded if large else body)(
                        100000 if large else "Is it so?",
                        **(dict(n=2) if bad else {}))))
                    got = w.response().status
                    if got != (400 if bad else 200):
                        with lock:
                            wrong.append((i, k, got))
        threads = [threading.Thread(target=work, args=(i,)) for i in range(40)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        check(not wrong, "wrong answers:", wrong)
        p.settled(320, 30)
        p.stop()
        got = enforced(p)
        same(sum(got), 320, "the summary")
        same(got[0], 160, "refused")


@case("a drain, and clients that leave, while requests are held")
def held():
    with House() as h, script() as s:
        p = h.proxy(s.url, "--enforce", "kimi-k2.6")
        heavy = pack("zstd", body(" ".join(map(str, range(300000))), n=2))
        wires = [Wire(p.port) for _ in range(24)]
        for w in wires:
            w.send(post(heavy, "Content-Encoding: zstd"))
        for w in wires[::3]:
            w.abort()
        p.signal(signal.SIGTERM)
        for i, w in enumerate(wires):
            if i % 3:
                refused(w.response(), "n")
        p.stop(30)
        same(s.seen(), b"", "what the vendor saw")


@case("a pack that does not exist, or is a building block, is refused")
def no_pack():
    with House() as h:
        for name in ("nosuch", "kimi-fixed"):
            r = run_assay("proxy", "--upstream", "http://127.0.0.1:9",
                          "--listen", "127.0.0.1:0", "--trail",
                          h.path("x.db"), "--enforce", name)
            same(r.returncode, 2, f"the status with {name}")
            check(b"no_such_pack" in r.stderr and name.encode() in r.stderr,
                  "the message:", r.stderr)


main()
