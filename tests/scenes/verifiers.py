# SPDX-License-Identifier: MIT
"""Benchmark clients as they are: what they retry, what they take for an
answer and which usage they cannot have read is found, about the client."""
import _lib
import asyncio
import collections
import json
import os
import re
import subprocess
import sys
import threading
import time

import httpx
import openai

from house import House
from mutants import CALL, SAY, THINK, ask, b64, tool
from raw import Script
from scene import Skip, case, check, main, same, slack
from verdicts import brief, by_case

WORDS = f"say={b64(SAY)},think={b64(THINK)}"
RETRY, CUT, USAGE = (f"wire/client_{x}" for x in (
    "retry", "truncation", "usage"))


class Faults:
    """The weather at the vendor: for each item of a data set the knobs of its
    first tries; no word of it is in what a client says. Each try has its own
    number, .tries[item]."""

    def __init__(self, **of):
        self.of, self.n = of, 0
        self.tries = collections.defaultdict(list)

    def hook(self, request):
        item = request.headers.pop("x-item", "none")
        self.n += 1
        knobs = self.of.get(item, [])
        at = len(self.tries[item])
        self.tries[item].append(self.n)
        request.url = request.url.copy_merge_params({"case": str(self.n)})
        request.headers["x-vendor"] = WORDS + (
            "," + knobs[at] if at < len(knobs) else "")

    async def ahook(self, request):
        self.hook(request)


class Verifier:
    """What both verifiers have in common: the async client of openai, a few
    items at once, and a missing finish reason that is called stop."""

    def __init__(self, p, faults, retries, items, same_time=4, **more):
        self.p, self.faults, self.retries = p, faults, retries
        self.items, self.same_time, self.more = items, same_time, more
        self.finishes = {}

    def client(self):
        return openai.AsyncOpenAI(
            base_url=self.p.url + "/v1", api_key="sk-verifier-0123456789",
            max_retries=self.retries, http_client=httpx.AsyncClient(
                trust_env=False, timeout=slack(30),
                event_hooks={"request": [self.faults.ahook]}))

    def request(self, item):
        return ask("c", f"{CALL} (item {item})", "kimi-k2.6",
                   tools=[tool("c")], temperature=1.0, **self.more)

    async def one(self, c, item):
        finish = None
        try:
            stream = await c.chat.completions.create(
                **self.request(item), stream=True,
                extra_headers={"x-item": item})
            async for chunk in stream:
                if chunk.choices and chunk.choices[0].finish_reason:
                    finish = chunk.choices[0].finish_reason
            self.finishes[item] = finish or "stop"
        except (openai.APIError, httpx.HTTPError):
            self.finishes[item] = "failed"

    async def all(self):
        gate = asyncio.Semaphore(self.same_time)

        async def held(c, item):
            async with gate:
                await self.one(c, item)
        async with self.client() as c:
            await asyncio.gather(*[held(c, i) for i in self.items])

    def run(self):
        asyncio.run(self.all())
        return self


def settled(p, faults):
    """{number of a try: its findings}, when all is over."""
    p.settled(faults.n)
    p.stop()
    return by_case(p)


def about_clients(found):
    return {(n, f["rule"], f["severity"]) for n, of_it in found.items()
            for f in of_it if f["party"] == "client"}


def expect(found, *rows):
    """Exactly these findings about the client: (try, rule, severity)."""
    seen, rows = about_clients(found), set(rows)
    lines = [f"    not found: {r}" for r in rows - seen]
    lines += [f"    not expected: {r}" for r in seen - rows]
    for line in lines:
        print(line, flush=True)
    check(not lines, f"{len(lines)} differences, above")


def vendor_rules(found):
    return {f["rule"] for of_it in found.values() for f in of_it
            if f["party"] == "vendor" and f["severity"] != "info"}


ITEMS = [f"i{i}" for i in range(24)]


@case("K2VV: the SDK's retries, and answers that were cut but counted")
def k2vv():
    with House() as h:
        v = h.vendor("--seed", 3)
        p = h.proxy(v.url)
        f = Faults(i2=["status=429"], i5=["status=500", "status=503"],
                   i7=["bug=truncated"], i9=["bug=finish_missing+done_missing"])
        k = Verifier(p, f, retries=3, items=ITEMS).run()
        same(k.finishes["i9"], "stop", "what it made of no finish reason")
        same({k.finishes[i] for i in ITEMS if i not in ("i7", "i9")},
             {"tool_calls"}, "the others")
        found = settled(p, f)
        expect(found, *[(n, RETRY, "info") for i in ("i2", "i5")
                        for n in f.tries[i][1:]],
               (f.tries["i7"][0], CUT, "warning"),
               (f.tries["i9"][0], CUT, "warning"))
        same(vendor_rules(found), {"wire/truncated", "wire/finish_missing",
                                   "wire/done_missing"}, "the vendor's")


@case("an incremental run asks again: nothing was taken for an answer")
def again():
    with House() as h:
        v = h.vendor("--seed", 3)
        p = h.proxy(v.url)
        f = Faults(i1=["bug=truncated"], i3=["bug=finish_missing+done_missing"],
                   i4=["status=500"])
        Verifier(p, f, retries=0, items=ITEMS[:6]).run()
        Verifier(p, f, retries=0, items=["i1", "i3", "i4"]).run()
        expect(settled(p, f), *[(f.tries[i][1], RETRY, "info")
                                for i in ("i1", "i3", "i4")])


@case("KVV: epochs are equal bodies and no retries; its own retries are")
def kvv_epochs():
    with House() as h:
        v = h.vendor("--seed", 3)
        p = h.proxy(v.url)
        f = Faults(i1=["", "status=429"])
        more = dict(stream_options={"include_usage": True})
        for _ in range(4):
            Verifier(p, f, retries=0, items=ITEMS[:5], **more).run()
        # The third epoch of i1 has the body of the one that failed.
        expect(settled(p, f), (f.tries["i1"][2], RETRY, "info"))


def leaver(p, f, item, when, **more):
    """A client that goes away in the middle of a stream."""
    c = openai.OpenAI(
        base_url=p.url + "/v1", api_key="sk-verifier-0123456789",
        max_retries=0, http_client=httpx.Client(
            trust_env=False, timeout=slack(30),
            event_hooks={"request": [f.hook]}))
    with c.chat.completions.create(
            **ask("c", f"Is it so? (item {item})", "practice-1", **more),
            stream=True, extra_headers={"x-item": item}) as stream:
        for i, chunk in enumerate(stream):
            if when(i, chunk):
                break
    c.close()


def chunk(**more):
    said = {"id": "chatcmpl-1", "object": "chat.completion.chunk",
            "created": 1, "model": "practice-1", "choices": [], **more}
    return b"data: " + json.dumps(said).encode() + b"\n\n"


def choice(finish=None, **delta):
    return {"choices": [{"index": 0, "delta": delta,
                         "finish_reason": finish}]}


USED = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}


PIECES = [chunk(**choice(role="assistant", content="Yes,")),
          chunk(**choice(content=" it is so.")), chunk(**choice("stop")),
          chunk(usage=USED) + b"data: [DONE]\n\n"]


class Patient:
    """A vendor that waits for its client to leave behind so many pieces. That
    a connection was closed shows when something is written to it: comments,
    as gateways send them."""

    def __init__(self):
        self.behind, self.gone = 0, threading.Event()

    def answer(self, c):
        head = c.until(b"\r\n\r\n")
        c.exactly(int(re.search(rb"content-length: *(\d+)", head, re.I)[1]))
        c.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
               b"Connection: close\r\n\r\n")
        for i, piece in enumerate(PIECES):
            c.send(piece)
            if i + 1 == self.behind:
                self.gone.wait(slack(10))
                for _ in range(3):
                    c.send(b": counting\n\n")
                    time.sleep(0.1)

    def lose(self, p, f, item, behind, **more):
        self.behind = behind
        self.gone.clear()
        leaver(p, f, item, lambda i, _: i + 1 == behind, **more)
        self.gone.set()


@case("usage that was asked for and cannot have been read")
def usage():
    vendor = Patient()
    with House() as h, Script(vendor.answer) as s:
        p, f = h.proxy(s.url), Faults()
        wants = dict(stream_options={"include_usage": True})
        for item, behind, more in (("early", 3, wants), ("half", 2, wants),
                                   ("whole", 0, wants), ("unasked", 3, {})):
            vendor.lose(p, f, item, behind, **more)
            p.settled(f.n)
        same([x["outcome"] for x in p.ls()], ["reset_by_client"] * 2 +
             ["complete", "reset_by_client"], "outcomes")
        found = settled(p, f)
        expect(found, (f.tries["early"][0], USAGE, "warning"))
        # Who leaves makes nothing of it the vendor's fault.
        loud = [brief(x) for n in ("early", "half", "unasked")
                for x in found[f.tries[n][0]] if x["party"] == "vendor"]
        check(not loud, "the vendor is accused:", loud)


@case("two clients at one proxy are told apart")
def two():
    with House() as h:
        v = h.vendor("--seed", 3)
        p = h.proxy(v.url)
        f = Faults(i1=["bug=truncated"])
        Verifier(p, f, retries=0, items=["i1"]).run()
        # Another key asks the same, and much else: that is not a retry, nor
        # does it show what the first client made of its answer.
        other = Verifier(p, f, retries=0, items=["i1"] + ITEMS[3:9])
        key = "sk-another-0123456789"
        plain = other.client
        other.client = lambda: plain().with_options(api_key=key)
        other.run()
        expect(settled(p, f))


def originals():
    """(name, command) of what the checkout of --kvv can run here."""
    kvv = os.environ.get("KVV", "")
    if not kvv:
        raise Skip("no checkout of the verifier (tests/run.sh --kvv DIR)")
    check(os.path.isdir(kvv), "--kvv is no folder:", kvv)
    own = os.path.join(kvv, ".venv/bin/python")
    python = own if os.path.exists(own) else sys.executable
    script = os.path.join(kvv, "verify_params.py")
    if os.path.exists(script):
        return kvv, [python, script, "--model", "kimi-k2.6", "--all"]
    if os.path.isdir(os.path.join(kvv, "tests/params")):
        return kvv, [python, "-m", "pytest", "-q", "tests/params",
                     "--smoke-model", "kimi/kimi-k2.6", "--think-mode",
                     "kimi"]
    raise Skip(f"{kvv} has neither verify_params.py nor tests/params")


@case("the original's parameter checks, through the proxy")
def original():
    folder, command = originals()
    with House() as h:
        v = h.vendor("--seed", 3)
        p = h.proxy(v.url)
        r = subprocess.run(command, cwd=folder, capture_output=True, text=True,
                           timeout=slack(100), env=dict(
                               os.environ, KIMI_BASE_URL=p.url + "/v1",
                               KIMI_API_KEY="sk-original-0123456789"))
        check(r.returncode == 0, "the verifier failed:", r.stdout[-1500:],
              r.stderr[-1500:])
        p.stop()
        found = p.findings()
        bad = [brief(f) for f in found if f["party"] == "vendor"]
        check(not bad, "an honest vendor is accused:", bad)
        broken = {f["rule"] for f in found if f["party"] == "client"}
        check({"kimi-k2.6/" + x for x in (
            "temperature", "top_p", "n", "presence_penalty",
            "frequency_penalty")} <= broken, "its breaches:", broken)


main()
