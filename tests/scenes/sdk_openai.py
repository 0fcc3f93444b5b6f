# SPDX-License-Identifier: MIT
"""The openai Python package, as an app uses it: each call through the proxy
gives what the same call to the vendor gives, and the trail has it."""
import _lib
import asyncio
import json

import openai

from house import House
from scene import case, check, main, same

MESSAGES = [{"role": "system", "content": "You are brief."},
            {"role": "user", "content": "Grüße! What is 2+2? 🙂"}]
CALL = [{"role": "user", "content": "Please use the tool."}]
TOOLS = [{"type": "function", "function": {
    "name": "add", "description": "Adds.", "parameters": {
        "type": "object", "properties": {"a": {"type": "number"},
                                         "b": {"type": "number"}},
        "required": ["a", "b"]}}}]


def plain(x):
    return x.model_dump(mode="json") if hasattr(x, "model_dump") else x


# Each gives a list of what the SDK made of the answer.
CALLS = {
    "chat": lambda c: [c.chat.completions.create(
        model="practice-1", messages=MESSAGES)],
    "chat, streamed": lambda c: list(c.chat.completions.create(
        model="practice-1", messages=MESSAGES, stream=True,
        stream_options={"include_usage": True})),
    "chat with tools": lambda c: [c.chat.completions.create(
        model="practice-1", messages=CALL, tools=TOOLS)],
    "chat with tools, streamed": lambda c: list(c.chat.completions.create(
        model="practice-1", messages=CALL, tools=TOOLS, stream=True)),
    "chat, thinking": lambda c: list(c.chat.completions.create(
        model="practice-1-thinking", messages=MESSAGES, stream=True)),
    "completions": lambda c: [c.completions.create(
        model="practice-1", prompt="Once upon")],
    "completions, streamed": lambda c: list(c.completions.create(
        model="practice-1", prompt="Once upon", stream=True)),
    "responses": lambda c: [c.responses.create(
        model="practice-1", input="Say hello")],
    "responses, streamed": lambda c: list(c.responses.create(
        model="practice-1", input="Say hello", stream=True)),
    "models": lambda c: list(c.models.list()),
}


def client(base, **more):
    return openai.OpenAI(base_url=base + "/v1", api_key="sk-test-0123456789abc",
                         max_retries=0, timeout=30, **more)


@case("chat, completions, responses and models, streamed and not")
def sync():
    with House() as h:
        v = h.vendor("--seed", 5)
        direct = {n: [plain(x) for x in f(client(v.url))]
                  for n, f in CALLS.items()}
        check(len(direct["chat, streamed"]) > 10, "too few chunks:",
              len(direct["chat, streamed"]))
        for http in ("1.1", "2"):
            p = h.proxy(v.url, http=http)
            c = client(p.url)
            for name, call in CALLS.items():
                got = [plain(x) for x in call(c)]
                same(got, direct[name], f"{name}, HTTP/{http} vendor")
            rows = p.settled(len(CALLS))
            same({x["outcome"] for x in rows}, {"complete"}, "outcomes")
            for x, name in zip(rows, CALLS):
                recorded(p, x, name, direct[name])
            p.stop()


def recorded(p, x, name, direct):
    """The recorded bytes make the same objects."""
    body = p.body(x, "response").decode()
    if "streamed" in name or "thinking" in name:
        events = [json.loads(line[6:]) for line in body.splitlines()
                  if line.startswith("data: {")]
        same(len(events), len(direct), f"{name}: events in the trail")
    elif name != "models":
        same(json.loads(body)["id"], direct[0]["id"], f"{name}: recorded id")
    if name != "models":
        sent = json.loads(p.body(x, "request"))
        check("model" in sent, f"{name}: the recorded request", sent)


@case("async, fifty at once")
def at_once():
    async def run(base):
        async with openai.AsyncOpenAI(
                base_url=base + "/v1", api_key="sk-test-0123456789abc",
                max_retries=0, timeout=60) as c:
            async def one(i):
                stream = await c.chat.completions.create(
                    model="practice-1", stream=True,
                    messages=[{"role": "user", "content": f"question {i}"}])
                return [plain(x) async for x in stream]
            return await asyncio.gather(*[one(i) for i in range(50)])
    with House() as h:
        v = h.vendor("--seed", 5)
        p = h.proxy(v.url)
        same(asyncio.run(run(p.url)), asyncio.run(run(v.url)), "50 streams")
        same({x["outcome"] for x in p.settled(50)}, {"complete"}, "outcomes")


@case("errors keep their class, code and Retry-After; retries are recorded")
def errors():
    with House() as h:
        v = h.vendor("--seed", 5)
        p = h.proxy(v.url)
        c = client(p.url)
        for status, kind in ((400, openai.BadRequestError),
                             (401, openai.AuthenticationError),
                             (404, openai.NotFoundError),
                             (429, openai.RateLimitError),
                             (500, openai.InternalServerError)):
            try:
                c.chat.completions.create(
                    model="practice-1", messages=MESSAGES,
                    extra_headers={"x-vendor": f"status={status},"
                                               "retry_after=1"})
                check(False, f"{status} raised nothing")
            except kind as e:
                same(e.status_code, status, "status")
        n = len(p.settled(5))
        impatient = openai.OpenAI(base_url=p.url + "/v1", api_key="sk-x" * 5,
                                  max_retries=2, timeout=30)
        try:
            impatient.chat.completions.create(
                model="practice-1", messages=MESSAGES,
                extra_headers={"x-vendor": "status=503,retry_after=0"})
            check(False, "503 raised nothing")
        except openai.InternalServerError:
            pass
        rows = p.settled(n + 3)[n:]
        same([x["status"] for x in rows], [503] * 3, "each try is an exchange")


@case("assay's own errors are errors of the SDK")
def own_errors():
    from house import free_port
    with House() as h:
        p = h.proxy(f"http://127.0.0.1:{free_port()}")
        try:
            client(p.url).chat.completions.create(model="m", messages=MESSAGES)
            check(False, "502 raised nothing")
        except openai.InternalServerError as e:
            same(e.status_code, 502, "status")
            check(e.code, "no code:", e)
            check("refused" in str(e).lower(), "no reason in words:", e)


@case("a stream that the app leaves in the middle")
def leave():
    with House() as h:
        v = h.vendor("--seed", 5, )
        p = h.proxy(v.url)
        with client(p.url).chat.completions.create(
                model="practice-1", messages=MESSAGES, stream=True,
                extra_headers={"x-vendor": "pace=20,tokens=200"}) as stream:
            for i, _ in enumerate(stream):
                if i == 5:
                    break
        same(p.settled(1)[0]["outcome"], "reset_by_client", "outcome")


@case("a truncated stream is an error for the app, not an end")
def truncated():
    with House() as h:
        v = h.vendor("--seed", 5)
        p = h.proxy(v.url)
        try:
            list(client(p.url).chat.completions.create(
                model="practice-1", messages=MESSAGES, stream=True,
                extra_headers={"x-vendor": "truncate=2000"}))
            check(False, "the stream seemed to end well")
        except Exception as e:
            check("incomplete" in str(e).lower() or "closed" in str(e).lower()
                  or isinstance(e, openai.APIError), "the error:", repr(e))
        same(p.settled(1)[0]["outcome"], "truncated", "outcome")


main()
