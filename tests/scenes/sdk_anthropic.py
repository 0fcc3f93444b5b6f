# SPDX-License-Identifier: MIT
"""The anthropic Python package, streamed and not, through the proxy."""
import _lib
import anthropic

from house import House
from scene import case, check, main, same

MESSAGES = [{"role": "user", "content": "Grüße! What is 2+2?"}]
CALL = [{"role": "user", "content": "Please use the tool."}]
TOOLS = [{"name": "add", "description": "Adds.", "input_schema": {
    "type": "object", "properties": {"a": {"type": "number"},
                                     "b": {"type": "number"}}}}]


def client(base):
    return anthropic.Anthropic(base_url=base, api_key="sk-ant-0123456789abcde",
                               max_retries=0, timeout=30)


def plain(x):
    return x.model_dump(mode="json")


def stream(c, messages=MESSAGES, **more):
    with c.messages.stream(model="practice-1", max_tokens=100,
                           messages=messages, **more) as s:
        events = [plain(e) for e in s]
        return events + [plain(s.get_final_message())]


CALLS = {
    "messages": lambda c: [plain(c.messages.create(
        model="practice-1", max_tokens=100, messages=MESSAGES))],
    "messages, streamed": stream,
    "messages with tools": lambda c: [plain(c.messages.create(
        model="practice-1", max_tokens=100, messages=CALL, tools=TOOLS))],
    "messages with tools, streamed": lambda c: stream(
        c, messages=CALL, tools=TOOLS),
}


@case("messages, streamed and not, with tools and without")
def messages():
    with House() as h:
        v = h.vendor("--seed", 5)
        direct = {n: f(client(v.url)) for n, f in CALLS.items()}
        check(len(direct["messages, streamed"]) > 10, "too few events")
        for http in ("1.1", "2"):
            p = h.proxy(v.url, http=http)
            for name, call in CALLS.items():
                same(call(client(p.url)), direct[name],
                     f"{name}, HTTP/{http} vendor")
            rows = p.settled(len(CALLS))
            same({(x["path"], x["outcome"]) for x in rows},
                 {("/v1/messages", "complete")}, "in the trail")
            p.stop()


@case("errors keep their class")
def errors():
    with House() as h:
        v = h.vendor("--seed", 5)
        p = h.proxy(v.url)
        for status, kind in ((400, anthropic.BadRequestError),
                             (429, anthropic.RateLimitError),
                             (529, anthropic.APIStatusError)):
            try:
                client(p.url).messages.create(
                    model="practice-1", max_tokens=9, messages=MESSAGES,
                    extra_headers={"x-vendor": f"status={status}"})
                check(False, f"{status} raised nothing")
            except kind as e:
                same(e.status_code, status, "status")
        p.settled(3)


main()
