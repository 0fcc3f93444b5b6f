# SPDX-License-Identifier: MIT
"""Reasoning that comes back, or does not: conversations with tools by the
openai and anthropic packages, in three dialects, and whom assay names."""
import _lib
import copy
import itertools
import random

import anthropic
import openai

import tongues
from answers import add_delta
from house import House
from mutants import CALL, QUESTION, SAY, THINK, b64, tool
from scene import case, check, main, same, slack
from verdicts import brief, by_case

WORDS = f"say={b64(SAY)},think={b64(THINK)}"
# Arguments so long that no other conversation has them by chance.
LONG = {"type": "object", "properties": {
    "place": {"type": "string", "minLength": 160, "maxLength": 200}},
    "required": ["place"]}


class Talk:
    """A conversation. After send(), .n is the number of the exchange, and
    .served says whether there was an answer; it is in .turns then, as the
    package gave it."""
    count, sent = itertools.count(1), 0

    def __init__(self, proxy, bug="", stream=False, key="one", schema=None,
                 words=WORDS, **more):
        self.knobs = words + (f",bug={bug}" if bug else "")
        self.stream, self.more = stream, more
        self.tools = [tool(self.dialect, schema=schema)]
        self.turns = []
        self.point(proxy, key)

    def point(self, proxy, key="one"):
        """Another client: its own connections, and a key."""
        self.client = self.package(proxy.url, f"sk-{key}-0123456789abcdef")

    def send(self):
        self.n, self.served = next(Talk.count), True
        Talk.sent += 1
        try:
            self.keep(self.create(
                model=self.model, tools=self.tools, **self.more,
                extra_query={"case": self.n},
                extra_headers={"x-vendor": self.knobs}))
        except (openai.BadRequestError, anthropic.BadRequestError):
            self.served = False
        return self

    def ask(self, text):
        self.turns.append({"role": "user", "content": text})
        return self.send()

    def call(self):
        """A question that makes the model use the tool."""
        return self.ask(f"{CALL} (conversation {next(Talk.count)})")

    def result(self, edit=None):
        """The tool's result, behind a history that the client edits."""
        if edit:
            edit(self)
        self.answer_calls()
        return self.send()

    def branch(self):
        """Another conversation that begins as this one does."""
        twin = copy.copy(self)
        twin.turns = copy.deepcopy(self.turns)
        return twin

    def instruct(self):
        """Puts other words before the conversation."""
        self.more = {**self.more, self.system: "You are brief."}
        return self

    def alter(self):
        holder, key = self.thoughts()[-1]
        said = holder[key]
        at = len(said) // 2
        holder[key] = said[:at] + ("x" if said[at] != "x" else "y") + \
            said[at + 1:]

    def empty(self):
        holder, key = self.thoughts()[-1]
        holder[key] = ""


class Kimi(Talk):
    dialect, model = "c", "kimi-k2.6"

    def package(self, base, key):
        return openai.OpenAI(base_url=base + "/v1", api_key=key,
                             max_retries=0, timeout=slack(30))

    def create(self, **more):
        answer = self.client.chat.completions.create(
            messages=self.turns, stream=self.stream, **more)
        if not self.stream:
            return answer.choices[0].message.model_dump(exclude_unset=True)
        said = {"role": "assistant", "content": None}
        for chunk in answer:
            for choice in chunk.choices:
                add_delta(said, choice.delta.model_dump(exclude_unset=True))
        return said

    def keep(self, said):
        self.turns.append({k: v for k, v in said.items()
                           if v is not None or k == "content"})

    def answer_calls(self):
        calls = self.turns[-1].get("tool_calls", [])
        check(calls, "the model called no tool:", self.turns[-1])
        self.turns += [{"role": "tool", "tool_call_id": c["id"],
                        "content": "11 degrees"} for c in calls]

    def instruct(self):
        self.turns.insert(0, {"role": "system", "content": "You are brief."})
        return self

    def thoughts(self):
        return [(t, "reasoning_content") for t in self.turns
                if "reasoning_content" in t]

    def drop(self):
        for holder, key in self.thoughts():
            del holder[key]

    def rename(self):
        for holder, key in self.thoughts():
            holder["reasoning"] = holder.pop(key)

    def rename_details(self):
        for holder, key in self.thoughts():
            holder["reasoning_details"] = [
                {"type": "reasoning.text", "text": holder.pop(key)}]


class Claude(Talk):
    dialect, model, system = "m", "claude-opus-4-1", "system"

    def __init__(self, proxy, **more):
        super().__init__(proxy, max_tokens=8000, thinking={
            "type": "enabled", "budget_tokens": 2048}, **more)

    def package(self, base, key):
        return anthropic.Anthropic(base_url=base, api_key=key, max_retries=0,
                                   timeout=slack(30))

    def create(self, **more):
        if not self.stream:
            return self.client.messages.create(messages=self.turns, **more)
        with self.client.messages.stream(messages=self.turns, **more) as s:
            return s.get_final_message()

    def keep(self, answer):
        self.turns.append({"role": "assistant", "content": [
            b.model_dump(exclude_none=True, include={
                "type", "text", "thinking", "signature", "data", "id", "name",
                "input"}) for b in answer.content]})

    def answer_calls(self):
        calls = [b["id"] for b in self.turns[-1]["content"]
                 if b["type"] == "tool_use"]
        check(calls, "the model called no tool:", self.turns[-1])
        self.turns.append({"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": i, "content": "11 degrees"}
            for i in calls]})

    def thoughts(self):
        return [(b, "thinking") for t in self.turns
                if t["role"] == "assistant" for b in t["content"]
                if b["type"] == "thinking"]

    def drop(self):
        for t in self.turns:
            if t["role"] == "assistant":
                t["content"] = [b for b in t["content"]
                                if b["type"] != "thinking"]

    def unsign(self):
        for holder, _ in self.thoughts():
            holder["signature"] = holder["signature"][::-1]


class Gpt(Talk):
    dialect, model, system = "r", "gpt-5", "instructions"

    def __init__(self, proxy, **more):
        super().__init__(proxy, store=False, reasoning={
            "effort": "medium", "summary": "auto"},
            include=["reasoning.encrypted_content"], **more)

    package = Kimi.package

    def create(self, **more):
        answer = self.client.responses.create(input=self.turns,
                                              stream=self.stream, **more)
        if not self.stream:
            return answer
        for event in answer:
            pass
        same(event.type, "response.completed", "the stream's last event")
        return event.response

    def keep(self, answer):
        self.turns += [i.model_dump(exclude_none=True) for i in answer.output]

    def answer_calls(self):
        done = {t["call_id"] for t in self.turns
                if t.get("type") == "function_call_output"}
        calls = [t["call_id"] for t in self.turns
                 if t.get("type") == "function_call" and
                 t["call_id"] not in done]
        check(calls, "the model called no tool:", self.turns[-1])
        self.turns += [{"type": "function_call_output", "call_id": i,
                        "output": "11 degrees"} for i in calls]

    def thoughts(self):
        return [(t, "encrypted_content") for t in self.turns
                if t.get("type") == "reasoning"]

    def drop(self):
        """Calls rebuilt by hand: without their reasoning, and their ids."""
        self.turns = [{k: v for k, v in t.items() if k != "id"}
                      for t in self.turns if t.get("type") != "reasoning"]

    def drop_alone(self):
        self.turns = [t for t in self.turns if t.get("type") != "reasoning"]


PASSBACK = {Kimi: "kimi-k2.6/passback", Claude: "anthropic/passback",
            Gpt: "openai/passback"}
BOTH = [(kind, stream) for kind in (Kimi, Claude, Gpt)
        for stream in (False, True)]


class Verdicts:
    """What is expected of exchanges, compared once all have ended."""

    def __init__(self):
        self.rows, self.since = [], Talk.sent

    def add(self, talk, what, *parties, rule=None, served=None):
        """These parties are named, and nobody else; `rule` among what the
        first one is told."""
        if served is not None:
            same(talk.served, served, f"{type(talk).__name__}, {what}: served")
        self.rows.append((talk.n, f"{type(talk).__name__}, "
                          f"{'streamed' if talk.stream else 'whole'}, {what}",
                          parties, rule))

    def compare(self, p):
        p.settled(Talk.sent - self.since)
        found = by_case(p)
        bad = []
        for n, what, parties, rule in self.rows:
            loud = [f for f in found[n] if f["severity"] != "info"]
            named = {f["party"] for f in loud}
            rules = {f["rule"] for f in loud if f["party"] == parties[0]} \
                if parties else set()
            if named != set(parties) or (rule and rule not in rules):
                bad.append(f"{what}: {list(map(brief, loud))}, expected "
                           f"{parties} {rule or ''}")
        for line in bad:
            print("    " + line, flush=True)
        check(not bad, f"{len(bad)} of {len(self.rows)} verdicts, above")


def tallied(p, rule):
    """(passed, failed, unknown) of a rule so far."""
    for r in p.control("audit")["result"]["rules"]:
        if r["rule"] == rule:
            return r["passed"], r["failed"], r["unknown"]
    return 0, 0, 0




@case("one client passes reasoning back, one drops it, in three dialects")
def droppers():
    with House() as h:
        v = h.vendor("--seed", 3)
        p, e = h.proxy(v.url), Verdicts()
        for kind, stream in BOTH:
            good = kind(p, stream=stream).call()
            e.add(good, "the first turn", served=True)
            e.add(good.result(), "passed back", served=True)
            e.add(good.ask(QUESTION), "the turn behind it", served=True)
            bad = kind(p, stream=stream).call()
            # Only what OpenAI has numbered must have its reasoning.
            e.add(bad.result(kind.drop), "dropped", "client",
                  rule=PASSBACK[kind], served=kind is Gpt)
        e.add(Gpt(p).call().result(Gpt.drop_alone), "dropped, ids kept",
              "client", rule=PASSBACK[Gpt], served=False)
        e.compare(p)
        for rule in PASSBACK.values():
            passed, failed, unknown = tallied(p, rule)
            check(passed >= 2 and failed >= 2 and not unknown, rule,
                  (passed, failed, unknown))


@case("a vendor that takes a history without it is named, too")
def lenient():
    with House() as h:
        v = h.vendor("--seed", 3)
        p, e = h.proxy(v.url), Verdicts()
        for kind, stream in BOTH[:4]:
            bug = "accept_missing_reasoning"
            t = kind(p, stream=stream, bug=bug).call()
            e.add(t.result(kind.drop), "dropped and served", "client",
                  "vendor", rule=PASSBACK[kind], served=True)
            t = kind(p, stream=stream, bug=bug).call()
            e.add(t.result(), "passed back, lenient vendor", served=True)
        for stream in (False, True):
            t = Claude(p, stream=stream, bug="accept_changed_thinking").call()
            e.add(t.result(Claude.alter), "altered and served", "client",
                  "vendor", rule=PASSBACK[Claude], served=True)
            t = Kimi(p, stream=stream, bug="refuse_with_reasoning").call()
            e.add(t.result(), "refused although it came back", "vendor",
                  rule="wire/refused_proper", served=False)
        e.compare(p)


# What a client does to reasoning, and whether the vendor serves it then:
# Kimi asks for its word alone, Anthropic reads its signatures.
EDITS = [(Kimi, Kimi.alter, True), (Kimi, Kimi.empty, True),
         (Kimi, Kimi.rename, False), (Kimi, Kimi.rename_details, False),
         (Claude, Claude.alter, False), (Claude, Claude.unsign, False),
         (Gpt, Gpt.alter, True)]


@case("another byte, another name, nothing in it")
def altered():
    with House() as h:
        v = h.vendor("--seed", 3)
        p, e = h.proxy(v.url), Verdicts()
        for kind, edit, served in EDITS:
            for stream in (False, True):
                e.add(kind(p, stream=stream).call().result(edit),
                      edit.__name__, "client", rule=PASSBACK[kind],
                      served=served)
        e.compare(p)


@case("two keys, new connections, another order")
def keys():
    with House() as h:
        v = h.vendor("--seed", 3)
        p, e = h.proxy(v.url), Verdicts()
        for kind, stream in BOTH:
            good = kind(p, stream=stream, key="one").call()
            bad = kind(p, stream=stream, key="one").call()
            for t in (bad, good):
                t.point(p, "two")
            e.add(bad.result(kind.drop), "dropped under another key",
                  "client", rule=PASSBACK[kind])
            e.add(good.result(), "passed back under another key", served=True)
        e.compare(p)


@case("a restart between the turns: SIGTERM, and kill -9")
def restart():
    with House() as h:
        v, e = h.vendor("--seed", 3), Verdicts()
        p = h.proxy(v.url)
        for end in (p.stop, None):
            talks = [(kind, [kind(p, stream=stream).call() for _ in "gb"])
                     for kind, stream in BOTH]
            p.settled(Talk.sent - e.since)
            (end or p.kill)()
            p = h.again(p)
            for kind, (good, bad) in talks:
                for t in (good, bad):
                    t.point(p)
                e.add(good.result(), "passed back after a restart",
                      served=True)
                e.add(bad.result(kind.drop), "dropped after a restart",
                      "client", rule=PASSBACK[kind])
        e.compare(p)


@case("branches of a conversation")
def branches():
    with House() as h:
        v = h.vendor("--seed", 3)
        p, e = h.proxy(v.url), Verdicts()
        for kind, stream in BOTH:
            t = kind(p, stream=stream).call()
            good, bad = t.branch(), t.branch()
            e.add(t.result(), "the first branch", served=True)
            e.add(good.result(), "the second one", served=True)
            e.add(good.branch().ask(QUESTION), "the second one, on",
                  served=True)
            e.add(bad.result(kind.drop), "dropped in the third", "client",
                  rule=PASSBACK[kind])
        e.compare(p)


@case("an edited system prompt: the answer itself is known, or unknown")
def edited():
    with House() as h:
        v = h.vendor("--seed", 3)
        p, e = h.proxy(v.url), Verdicts()
        for kind, stream in BOTH:
            t = kind(p, stream=stream, schema=LONG).call().instruct()
            e.add(t.branch().result(), "passed back", served=True)
            e.add(t.result(kind.drop), "dropped", "client",
                  rule=PASSBACK[kind])
        e.compare(p)
        # functions.read_thermometer:0 and few words could be anyone's.
        before = tallied(p, PASSBACK[Kimi])[2]
        e.add(Kimi(p).call().instruct().result(Kimi.alter), "like many others")
        e.compare(p)
        same(tallied(p, PASSBACK[Kimi])[2], before + 1, "unknown")


@case("a history that was never recorded is unknown")
def unrecorded():
    with House() as h:
        v = h.vendor("--seed", 3)
        p, e = h.proxy(v.url), Verdicts()
        for kind, stream in BOTH:
            for edit in (None, kind.alter):
                t = kind(v, stream=stream).call()
                e.since += 1        # not through the proxy
                t.point(p)
                e.add(t.result(edit), f"unrecorded, {edit}")
        e.compare(p)
        for rule in PASSBACK.values():
            same(tallied(p, rule), (0, 0, 4), rule)


KEEP = {"extra_body": {"thinking": {"type": "enabled", "keep": "all"}}}


@case("with keep all each answer's reasoning comes back, and is charged")
def kept():
    with House() as h:
        v = h.vendor("--seed", 3)
        p, e = h.proxy(v.url), Verdicts()
        thought = tongues.reasoning(random.Random(4), 90)
        check(len(thought) > 500, "too short to be seen in the prompt")
        words = f"say={b64(SAY)},think={b64(thought)}"
        for stream in (False, True):
            def kimi(bug="", **more):
                return Kimi(p, stream=stream, words=words, bug=bug, **more,
                            stream_options={"include_usage": True}
                            if stream else openai.omit)
            t = kimi(**KEEP).ask(f"{QUESTION} ({next(Talk.count)})")
            e.add(t.branch().ask("And in winter?"), "kept", served=True)
            t.drop()
            e.add(t.ask("And in winter?"), "dropped", "client",
                  rule="kimi-k2.6/passback_kept", served=True)
            t = kimi().ask(f"{QUESTION} ({next(Talk.count)})")
            t.drop()
            e.add(t.ask("And in winter?"), "nothing to keep", served=True)
            e.add(kimi(**KEEP).call().result(), "charged", served=True)
            e.add(kimi("reasoning_uncharged", **KEEP).call().result(),
                  "not charged", "vendor", rule="kimi-k2.6/passback_charged",
                  served=True)
        e.compare(p)


main()
