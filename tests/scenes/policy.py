# SPDX-License-Identifier: MIT
"""What a vendor does about parameters that the model's contract has fixed:
enforced, accepted, overridden, untested."""
import _lib
import json

import openai

from house import House
from mutants import CALL, SAY, THINK, b64, tool
from raw import Script, vendor_answer
from scene import case, check, main, same, slack

WORDS = f"say={b64(SAY)},think={b64(THINK)}"
MODEL = "kimi-k2.6"
OFF = {"thinking": {"type": "disabled"}}

# (mode, parameter, the rule's name, a breach, a proper value)
FIXED = [
    ("thinking", "temperature", "temperature", 0.5, 1),
    ("instant", "temperature", "temperature_instant", 1, 0.6),
    *((mode, name, name, bad, good) for mode in ("thinking", "instant")
      for name, bad, good in (("top_p", 0.8, 0.95), ("n", 2, 1),
                              ("presence_penalty", 0.5, 0),
                              ("frequency_penalty", 0.5, 0)))]


class Asker:
    """The openai package at a proxy; .last is the answer's status."""

    def __init__(self, p):
        self.p, self.sent = p, 0
        self.client = openai.OpenAI(
            base_url=p.url + "/v1", api_key="sk-policy-0123456789",
            max_retries=0, timeout=slack(30))

    def ask(self, mode="thinking", knobs="", stream=False, **more):
        self.sent += 1
        extra = {} if mode == "thinking" else dict(OFF)
        extra.update(more.pop("extra_body", {}))
        try:
            answer = self.client.chat.completions.create(
                model=MODEL, stream=stream, extra_body=extra, messages=[
                    {"role": "user", "content": f"{CALL} ({self.sent})"}],
                extra_headers={"x-vendor": f"{WORDS}{knobs and ','}{knobs}"},
                **more)
            if stream:
                list(answer)
            self.last = 200
        except openai.APIStatusError as e:
            self.last = e.status_code
        except openai.APIError:
            self.last = 0
        return self.last

    def table(self):
        """{(mode, parameter): its row} when all has ended."""
        self.p.settled(self.sent)
        rows = self.p.control("audit")["result"]["parameters"]
        return {(r["mode"], r["parameter"]): r for r in rows}

    def found(self):
        """[(exchange, rule, party)] but for what is only noted."""
        return [(f["exchange"], f["rule"], f["party"])
                for f in self.p.findings() if f["severity"] != "info"]


def summary(p):
    """{(parameter, mode): outcome} of the lines at drain."""
    out = {}
    for line in (p.out() + p.err()).splitlines():
        words = line.split()
        if words[:2] == ["assay:", "parameter"]:
            out[words[2], words[5].strip("():")] = words[6]
    return out


@case("enforced: every breach is refused, and only the client's")
def enforced():
    with House() as h:
        v = h.vendor("--seed", 3)
        p = h.proxy(v.url)
        a = Asker(p)
        for i, (mode, name, _, bad, good) in enumerate(FIXED):
            same(a.ask(mode, stream=bool(i % 2), **{name: bad}), 400, name)
            same(a.ask(mode, stream=bool(i % 2), **{name: good}), 200, name)
        a.ask(tools=[tool("c")], tool_choice="required")
        a.ask(tools=[tool("c", "1bad@name")])
        a.ask(extra_body={"thinking": {"type": "perhaps", "keep": "some"}})
        table = a.table()
        for mode, name, rule, _, _ in FIXED:
            row = table[mode, name]
            same((row["outcome"], row["breaches"], row["refused"],
                  row["served"], row["proper"], row["proper_refused"]),
                 ("enforced", 1, 1, 0, 1, 0), f"{name}, {mode}")
            same((row["rule"], row["model"]), (f"{MODEL}/{rule}", MODEL), name)
        same(table["thinking", "tool_choice"]["outcome"], "enforced", "choice")
        same({party for _, _, party in a.found()}, {"client"}, "parties")
        same(len({x for x, _, _ in a.found()}), len(FIXED) + 3, "breaches")
        p.stop()
        said = summary(p)
        for mode, name, *_ in FIXED:
            same(said.get((name, mode)), "enforced", f"{name} at drain")


@case("accepted: a breach that is served is two findings on one exchange")
def accepted():
    with House() as h:
        v = h.vendor("--seed", 3)
        p = h.proxy(v.url)
        a, due = Asker(p), []
        for i, (mode, name, rule, bad, _) in enumerate(FIXED):
            same(a.ask(mode, f"bug=accept_{name}", bool(i % 2), **{name: bad}),
                 200, name)
            due += [(a.sent, f"{MODEL}/{rule}", party)
                    for party in ("client", "vendor")]
        table = a.table()
        for mode, name, *_ in FIXED:
            row = table[mode, name]
            same((row["outcome"], row["served"], row["refused"]),
                 ("accepted", 1, 0), f"{name}, {mode}")
        same(sorted(a.found()), sorted(due), "findings")
        # Refused from now on: what was seen once stays the worst.
        same(a.ask(temperature=0.5), 400, "temperature")
        row = a.table()["thinking", "temperature"]
        same((row["outcome"], row["served"], row["refused"], row["example"]),
             ("accepted", 1, 1, 1), "the worst counts")
        p.stop()
        same(set(summary(p).values()), {"accepted"}, "at drain")


@case("untested: proper values, no values, other models")
def untested():
    with House() as h:
        v = h.vendor("--seed", 3)
        p = h.proxy(v.url)
        a = Asker(p)
        same(a.ask(), 200, "no parameters")
        same(a.ask(temperature=1.0, top_p=0.95, n=1, presence_penalty=0,
                   frequency_penalty=0.0), 200, "the defaults")
        for row in a.table().values():
            same((row["outcome"], row["breaches"]), ("untested", 0), row)
        same(a.table()["thinking", "temperature"]["proper"], 1, "proper")
        same(a.found(), [], "findings")
        p.stop()
        same(summary(p), {}, "at drain")


@case("429, 401, 404, 5xx, resets, cuts and errors under 200 are no verdict")
def no_verdict():
    with House() as h:
        v = h.vendor("--seed", 3)
        p = h.proxy(v.url, http="1.1")
        a = Asker(p)
        for knobs in ("status=429", "status=401", "status=403", "status=404",
                      "status=408", "status=409", "status=500", "status=503",
                      "status=529", "no_response=1",
                      "bug=accept_temperature+reset",
                      "bug=accept_temperature+truncated"):
            check(a.ask(knobs=knobs, temperature=0.5) != 200, knobs)
            a.ask(knobs=knobs, temperature=1)
        a.ask(knobs="bug=accept_temperature+error_in_200", temperature=0.5)
        row = a.table()["thinking", "temperature"]
        same((row["outcome"], row["breaches"], row["no_verdict"],
              row["refused"], row["served"], row["proper_refused"]),
             ("untested", 13, 13, 0, 0, 0), "the row")
        wrong = [f for f in a.found() if f[2] == "vendor" and
                 f[1].startswith(MODEL)]
        check(not wrong, "the vendor is accused:", wrong)
        rules = {r for _, r, party in a.found() if party == "client"}
        same(rules, {f"{MODEL}/temperature"}, "the client's")
        p.stop()
        same(summary(p), {}, "at drain")


@case("a proper request refused is the vendor's")
def refused():
    with House() as h:
        v = h.vendor("--seed", 3)
        p = h.proxy(v.url)
        a = Asker(p)
        for stream in (False, True):
            same(a.ask(knobs="bug=refuse_proper", stream=stream,
                       temperature=1), 400, "refuse_proper")
        row = a.table()["thinking", "temperature"]
        same(a.found(), [(1, "wire/refused_proper", "vendor"),
                         (2, "wire/refused_proper", "vendor")], "findings")
        same((row["outcome"], row["proper"], row["proper_refused"]),
             ("untested", 2, 2), "the row")


def error(text, param=None):
    return json.dumps({"error": {"message": text, "param": param, "code": None,
                                 "type": "invalid_request_error"}}).encode()


@case("a refusal is about what it names, and nobody else is accused")
def names():
    for text, param, outcomes in (
            ("invalid temperature: only 1 is allowed for this model", None,
             {"temperature": "enforced", "top_p": "untested"}),
            ("invalid top_p", "top_p",
             {"temperature": "untested", "top_p": "enforced"}),
            ("temperature and top_p are fixed for this model", None,
             {"temperature": "enforced", "top_p": "enforced"})):
        with House() as h, Script(vendor_answer(
                error(text, param), 400,
                b"Content-Type: application/json\r\n")) as s:
            a = Asker(h.proxy(s.url))
            same(a.ask(temperature=0.5, top_p=0.8), 400, "both at once")
            table = a.table()
            same({k: table["thinking", k]["outcome"] for k in outcomes},
                 outcomes, f"of {text!r}, {param}")
            same({party for *_, party in a.found()}, {"client"}, "parties")


@case("a proper request refused for reasons of its own accuses nobody")
def reasons():
    for text, param in (
            ("Invalid request: Your request exceeded model token limit: "
             "262144", None),
            ("This model's maximum context length is 8192 tokens. However, "
             "your messages resulted in 9000 tokens.", "messages"),
            ("Invalid request: the message at position 0 with role 'user' "
             "must not be empty", None),
            ("unsupported image url", "messages"), ("no", "n_predict")):
        with House() as h, Script(vendor_answer(
                error(text, param), 400,
                b"Content-Type: application/json\r\n")) as s:
            a = Asker(h.proxy(s.url))
            same(a.ask(tools=[tool("c")], n=1), 400, text)
            a.p.settled(1)
            same(a.found(), [], f"findings about {text!r}")


RESPONSE = {
    "id": "resp_1", "object": "response", "created_at": 1,
    "status": "completed", "model": "gpt-5", "temperature": 1.0, "top_p": 1.0,
    "output": [{"id": "msg_1", "type": "message", "role": "assistant",
                "status": "completed", "content": [
                    {"type": "output_text", "text": "Yes, it is so.",
                     "annotations": []}]}],
    "usage": {"input_tokens": 9, "output_tokens": 6, "total_tokens": 15,
              "input_tokens_details": {"cached_tokens": 0},
              "output_tokens_details": {"reasoning_tokens": 0}}}


@case("overridden: served, and the answer says another value")
def overridden():
    with House() as h, Script(vendor_answer(
            json.dumps(RESPONSE).encode(),
            extra=b"Content-Type: application/json\r\n")) as s:
        p = h.proxy(s.url)
        a = Asker(p)
        a.sent += 1
        a.client.responses.create(model="gpt-5", input="Is it so?",
                                  temperature=0.5)
        rows = list(a.table().values())
        same([(r["parameter"], r["outcome"]) for r in rows
              if r["breaches"]], [("temperature", "overridden")], "the rows")
        parties = {(r, party) for _, r, party in a.found()}
        check(("openai/temperature", "client") in parties, parties)
        check(("wire/override_temperature", "vendor") in parties, parties)
        p.stop()
        check("parameter temperature of gpt-5" in p.out() + p.err() and
              "overridden" in p.out() + p.err(), "at drain:", p.tail())


main()
