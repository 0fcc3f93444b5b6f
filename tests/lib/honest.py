# SPDX-License-Identifier: MIT
"""Honest traffic: conversations of clients that keep every contract with
vendors that do, as varied as real ones. Shares no code with the judge.

    for c in conversations(seed):       # without end
        n += c.run(link)                # link(Request) -> (status, bytes)

A conversation is a few turns; each answer goes into the next request as a
good client sends it back, reasoning included where the model wants that.
"""
import base64
import copy
import json
import random as random_module

import tongues
from answers import pack, read_chat, read_messages, read_responses

PATHS = {"c": "/v1/chat/completions", "p": "/v1/completions",
         "r": "/v1/responses", "m": "/v1/messages"}
NAMES = {"c": "chat", "p": "completions", "r": "responses", "m": "messages"}

MODELS = {
    "c": ["practice-1", "llama-3.3-70b-instruct", "gpt-4o-mini", "kimi-k2.6",
          "moonshotai/kimi-k2.6", "kimi-k2.5", "kimi-k2-thinking",
          "kimi-k2.7-code", "kimi-k3", "deepseek-reasoner", "deepseek-r1",
          "deepseek-v3.2",
          "qwen/qwen3-235b-a22b", "glm-4.7", "minimax-m2",
          "openai/gpt-oss-120b", "gpt-5", "gemini-3-pro-preview"],
    "p": ["practice-1", "gpt-3.5-turbo-instruct", "qwen2.5-coder-32b"],
    "r": ["practice-1", "gpt-4.1", "gpt-5", "gpt-5-mini"],
    "m": ["practice-1", "claude-sonnet-4-20250514", "claude-opus-4-1-20250805"],
}
FIXED = ("kimi-k2.5", "kimi-k2.6", "kimi-k2.7-code", "kimi-k3")
# Of these no pack says how reasoning is named, so a gateway may choose.
FREE = ("practice-1", "llama-3.3-70b-instruct", "gpt-4o-mini",
        "qwen2.5-coder-32b")
PIXEL = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwAD"
         "hgGAWjR9awAAAABJRU5ErkJggg==")

# Schemas of tools and of structured output; MFJS all of them.
SCHEMAS = [
    {"type": "object", "properties": {}},
    {"type": "object", "properties": {"city": {
        "type": "string", "description": "Where, in plain words"}},
     "required": ["city"]},
    {"type": "object", "properties": {
        "a": {"type": "number"}, "b": {"type": "number", "minimum": -5,
                                       "maximum": 5}},
     "required": ["a", "b"], "additionalProperties": False},
    {"type": "object", "properties": {
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 1, "maximum": 14},
        "exact": {"type": "boolean"}}, "required": ["unit"]},
    {"type": "object", "properties": {
        "rows": {"type": "array", "minItems": 1, "maxItems": 4, "items": {
            "type": "object", "properties": {
                "name": {"type": "string", "minLength": 2, "maxLength": 40},
                "tags": {"type": "array", "items": {"type": "string"}}},
            "required": ["name"]}}}, "required": ["rows"]},
    {"type": "object", "$defs": {
        "node": {"type": "object", "properties": {
            "value": {"type": "integer"},
            "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
            "required": ["value", "next"]}},
     "properties": {"head": {"$ref": "#/$defs/node"}}, "required": ["head"]},
    {"type": "object", "properties": {
        "when": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "größe": {"type": "number"}, "名前": {"type": "string"}},
     "required": ["when", "größe", "名前"], "additionalProperties": False},
]
NAMES_OF_TOOLS = ["get_weather", "add", "set_thermostat", "insert_rows",
                  "make_list", "plan", "search-web", "read_file"]
RULE = "You answer in the language of the question."
SPEAKS = [None] * 4 + ["vllm", "sglang", "moonshot", "openrouter", "azure"]


def b64(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def bare(model):
    return model.rsplit("/", 1)[-1]


class Request:
    """One request, ready to be sent."""

    def __init__(self, dialect, body, knobs, headers, stream):
        self.path, self.knobs, self.stream = PATHS[dialect], knobs, stream
        self.headers = {"content-type": "application/json", **headers}
        if knobs:
            self.headers["x-vendor"] = ",".join(knobs)
        self.body = json.dumps(body, ensure_ascii=False).encode()
        self.dialect, self.tree = dialect, body

    def wrap(self, random):
        """The same JSON as another client writes it: spacing, escapes,
        compression."""
        style = random.random()
        if style < 0.2:
            self.body = json.dumps(self.tree).encode()
        elif style < 0.4:
            self.body = json.dumps(self.tree, separators=(",", ":"),
                                   ensure_ascii=False).encode()
        elif style < 0.5:
            self.body = json.dumps(self.tree, indent=2).encode()
        coding = random.choice([None] * 8 + ["gzip", "zstd"])
        if coding:
            self.headers["content-encoding"] = coding
            self.body = pack(coding, self.body)

    def refused_once(self, status):
        """The same, to a vendor that is busy."""
        q = copy.copy(self)
        q.headers = {**self.headers, "x-vendor": f"status={status},"
                                                 "retry_after=1"}
        return q


def said(q):
    """The text that a request's knobs asked for."""
    coded = q.knobs[0].partition("=")[2]
    return base64.urlsafe_b64decode(coded + "==").decode()


# ---- conversations ----

class Conversation:
    def __init__(self, random):
        self.random = r = random
        self.dialect = r.choice("cccccppprrrmmm")
        self.model = r.choice(MODELS[self.dialect])
        self.name = bare(self.model)
        self.turns = [] if self.dialect == "p" else self.opening()
        self.tools = self.pick_tools()
        self.thinking = r.random() < 0.5
        self.speak = self.pick_speak()
        self.dynamic = self.name == "kimi-k3" and r.random() < 0.5
        self.system = None
        if self.dialect == "m" and r.random() < 0.4:
            self.system = RULE if r.random() < 0.5 else [
                {"type": "text", "text": RULE,
                 "cache_control": {"type": "ephemeral"}}]

    def pick_speak(self):
        speak = self.random.choice(SPEAKS)
        if self.dialect != "c" or self.name in FREE:
            return speak
        return speak if speak in (None, "azure", "moonshot") else None

    def opening(self):
        if self.dialect == "m" or self.random.random() < 0.5:
            return []
        role = "system" if self.name.startswith("kimi") else \
            self.random.choice(["system", "developer"])
        return [{"role": role, "content": RULE}]

    def pick_tools(self):
        if self.dialect == "p" or self.random.random() < 0.6:
            return []
        names = self.random.sample(NAMES_OF_TOOLS, self.random.randint(1, 4))
        return [self.tool(n, self.random.choice(SCHEMAS)) for n in names]

    def tool(self, name, schema):
        if self.dialect == "m":
            return {"name": name, "description": "Does it.",
                    "input_schema": schema}
        inner = {"name": name, "description": "Does it.",
                 "parameters": schema}
        if self.dialect == "r":
            return {"type": "function", **inner}
        return {"type": "function", "function": inner}

    # ---- one request ----

    def user(self, text):
        if self.dialect == "p":
            return text
        if self.random.random() < 0.9 or self.name.startswith("deepseek"):
            return {"role": "user", "content": text}
        url = f"data:image/png;base64,{PIXEL}"
        if self.dialect == "m":
            parts = [{"type": "image", "source": {
                "type": "base64", "media_type": "image/png", "data": PIXEL}},
                {"type": "text", "text": text}]
        elif self.dialect == "r":
            parts = [{"type": "input_text", "text": text},
                     {"type": "input_image", "image_url": url}]
        else:
            parts = [{"type": "text", "text": text},
                     {"type": "image_url", "image_url": {"url": url}}]
        return {"role": "user", "content": parts}

    def body(self, stream):
        body = {"model": self.model}
        if self.dialect == "p":
            body["prompt"] = self.turns[-1]
        elif self.dialect == "r":
            body["input"] = copy.deepcopy(self.turns)
            if len(self.turns) == 1 and isinstance(
                    self.turns[0].get("content"), str):
                body["input"] = self.turns[0]["content"]
        else:
            body["messages"] = copy.deepcopy(self.turns)
        if self.dialect == "m":
            body["max_tokens"] = 32000
        if self.system:
            body["system"] = self.system
        if self.tools and self.dynamic:
            body["messages"].insert(0, {"role": "system", "content": "",
                                        "tools": self.tools})
        elif self.tools:
            body["tools"] = self.tools
        if stream:
            body["stream"] = True
        if stream and self.dialect in "cp" and self.random.random() < 0.7:
            body["stream_options"] = {"include_usage": True}
        self.modes(body)
        self.sampling(body)
        return body

    def modes(self, body):
        """Thinking on or off, as each family is told."""
        on = self.thinking
        if self.dialect == "m" and self.name.startswith("claude") and on:
            body["thinking"] = {"type": "enabled", "budget_tokens": 2048}
        if self.dialect == "r" and self.name.startswith("gpt-5"):
            body["store"] = False
            body["include"] = ["reasoning.encrypted_content"]
            if on:
                body["reasoning"] = {"effort": "medium", "summary": "auto"}
        if self.dialect != "c":
            return
        if self.name in ("kimi-k2.5", "kimi-k2.6"):
            body["thinking"] = {"type": "enabled" if on else "disabled"}
        elif self.name == "kimi-k3":
            body["reasoning_effort"] = self.random.choice(["low", "high"])
        elif self.name.startswith("deepseek-v3"):
            body["thinking"] = {"type": "enabled" if on else "disabled"}
        elif self.name.startswith("qwen3"):
            body["chat_template_kwargs"] = {"enable_thinking": on}
        elif self.name.startswith("glm"):
            body["thinking"] = {"type": "enabled" if on else "disabled"}
        elif self.name.startswith("minimax"):
            body["reasoning_split"] = True

    def choices(self, body, call):
        """tool_choice and its kin, where the contract leaves them free."""
        r = self.random
        if not self.tools or self.dialect == "p" or r.random() < 0.5:
            return
        if self.dialect == "m":
            body["tool_choice"] = {"type": "auto" if call else "none"}
            if call and "thinking" not in body and r.random() < 0.5:
                body["tool_choice"] = {"type": "any"}
            return
        body["tool_choice"] = "auto" if call else "none"
        if r.random() < 0.3 and not self.name.startswith("kimi"):
            body["parallel_tool_calls"] = True
        if not call or self.name not in FREE or r.random() < 0.5:
            return
        body["tool_choice"] = "required"
        if r.random() < 0.5:
            name = self.tools[-1].get("function", self.tools[-1])["name"]
            body["tool_choice"] = {"type": "function", "name": name} \
                if self.dialect == "r" else \
                {"type": "function", "function": {"name": name}}

    def sampling(self, body):
        r = self.random
        if self.name in FIXED or self.name.startswith("deepseek-r"):
            return
        if self.name.startswith("gpt-5"):
            if r.random() < 0.2:
                body["temperature"] = 1
            return
        if r.random() < 0.4 and "thinking" not in body:
            body["temperature"] = r.choice([0, 0.2, 0.7, 1, 1.0])
        if r.random() < 0.2 and self.dialect != "m":
            body["top_p"] = r.choice([0.95, 1])
        if r.random() < 0.1 and self.dialect in "cp":
            body["seed"] = r.randint(1, 99)

    def extras(self, body, answer):
        """What only some requests have; it may change the answer."""
        r, d = self.random, self.dialect
        what = r.random()
        free = self.name in FREE
        if what < 0.06 and d in "cpm" and len(answer) > 20 and free:
            at = r.randint(5, len(answer) - 5)
            key = "stop_sequences" if d == "m" else "stop"
            body[key] = [answer[at:at + 3], "\u0003"]
            if not body[key][0].strip() or not answer[:at].strip():
                del body[key]
        elif what < 0.12 and free:
            key = {"r": "max_output_tokens", "c": r.choice(
                ["max_tokens", "max_completion_tokens"])}.get(d, "max_tokens")
            body[key] = r.randint(1, 40)
        elif what < 0.16 and d in "cp" and free:
            body["n"] = r.randint(2, 3)
        elif what < 0.20 and d in "cp" and free:
            body["logprobs"] = True if d == "c" else 1
            if d == "c" and r.random() < 0.5:
                body["top_logprobs"] = 2
        elif what < 0.26 and d in "cr" and not self.tools:
            self.structured(body)

    def structured(self, body):
        schema = self.random.choice(SCHEMAS[1:])
        if self.dialect == "r":
            body["text"] = {"format": {"type": "json_schema", "name": "out",
                                       "schema": schema}}
        elif self.name in ("minimax-m2", "gemini-3-pro-preview"):
            return
        elif self.random.random() < 0.3:
            body["response_format"] = {"type": "json_object"}
            self.mention_json(body)
        else:
            body["response_format"] = {"type": "json_schema", "json_schema": {
                "name": "out", "schema": schema}}

    @staticmethod
    def mention_json(body):
        last = body["messages"][-1]
        if isinstance(last["content"], str):
            last["content"] += " Answer as JSON with the key \"answer\"."

    def headers(self, knobs):
        r, headers = self.random, {}
        coding = r.choice([None] * 6 + ["gzip", "br", "zstd"])
        if coding:
            knobs.append(f"encoding={coding}")
            headers["accept-encoding"] = coding
        return headers

    def ask(self, text, call):
        """Puts a question; gives the request and what is to be said."""
        r = self.random
        stream = r.random() < 0.6
        question, answer = text
        if call:
            question += " Please use the tool."
        self.turns.append(self.user(question))
        body = self.body(stream)
        self.choices(body, call)
        if not call:
            self.extras(body, answer)
            answer = self.partial(body, answer)
        return self.request(body, answer, stream)

    def partial(self, body, answer):
        """Kimi's partial mode: the client begins the answer itself."""
        if self.name not in ("kimi-k2.5", "kimi-k2.6") or self.thinking or \
                "response_format" in body or len(answer) < 30 or \
                self.random.random() < 0.8:
            return answer
        at = self.random.randint(3, 20)
        body["messages"].append({"role": "assistant", "partial": True,
                                 "content": answer[:at]})
        return answer[at:]

    def request(self, body, answer, stream):
        r = self.random
        knobs = [f"say={b64(answer)}",
                 f"think={b64(tongues.reasoning(r, r.choice([3, 20, 200])))}"]
        if self.name == "minimax-m2":
            knobs[1] = f"think={b64(tongues.reasoning(r, 3))}"
        if self.speak:
            knobs.append(f"speak={self.speak}")
        if stream:
            knobs.append("pace=4000")
        if body.get("tools") and r.random() < 0.2:
            knobs.append("calls=2")
        if r.random() < 0.1:
            knobs.append("obfuscation=1")
        headers = self.headers(knobs)
        headers["authorization"] = f"Bearer sk-honest-{r.randint(0, 3):024d}"
        q = Request(self.dialect, body, knobs, headers, stream)
        q.wrap(r)
        return q

    # ---- the answer goes back ----

    def learn(self, q, data):
        """Keeps the answer; true when it called tools."""
        if self.dialect == "p":
            return False
        if self.dialect == "c":
            return self.learn_chat(read_chat(data, q.stream))
        if self.dialect == "m":
            return self.learn_messages(read_messages(data, q.stream))
        return self.learn_responses(read_responses(data, q.stream))

    def learn_chat(self, said):
        calls = said.get("tool_calls") or []
        for key in ("refusal", "annotations"):
            said.pop(key, None)
        said = {k: v for k, v in said.items() if v is not None or
                k == "content"}
        if not calls:
            said["content"] = said.get("content") or ""
        if self.name == "deepseek-r1":
            said.pop("reasoning_content", None)
        self.turns.append(said)
        for call in calls:
            self.turns.append({"role": "tool", "tool_call_id": call["id"],
                               "content": self.result()})
        return bool(calls)

    def learn_messages(self, blocks):
        calls = [b["id"] for b in blocks if b["type"] == "tool_use"]
        blocks = [b for b in blocks if b["type"] != "text" or b["text"]]
        if blocks:
            self.turns.append({"role": "assistant", "content": blocks})
        if calls:
            self.turns.append({"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": i,
                 "content": self.result()} for i in calls]})
        return bool(calls)

    def learn_responses(self, items):
        self.turns += items
        calls = [i["call_id"] for i in items if i["type"] == "function_call"]
        self.turns += [{"type": "function_call_output", "call_id": i,
                        "output": self.result()} for i in calls]
        return bool(calls)

    def result(self):
        return self.random.choice(["11", "{\"ok\":true}", "nothing found",
                                   "12 °C, Wind aus Nord", ""]) or "(empty)"

    def deliver(self, link, q):
        """Once, or a few times: busy vendors, benchmarks' epochs."""
        r, n = self.random, 1
        if r.random() < 0.03 and self.name != "minimax-m2":
            wanted = r.choice([429, 500, 503])
            assert link(q.refused_once(wanted))[0] == wanted
            q.headers["x-stainless-retry-count"] = "1"
            n += 1
        status, data = link(q)
        assert status == 200, (status, data[:500], q.tree, q.headers)
        if r.random() < 0.03:
            q.headers.pop("x-stainless-retry-count", None)
            assert link(q)[0] == 200
            n += 1
        return n, data

    def branch(self):
        """The user goes back and asks the last question again, otherwise."""
        while len(self.turns) > 1 and \
                self.turns[-1].get("role") != "user":
            self.turns.pop()
        if self.dialect != "p" and self.turns:
            self.turns.pop()

    def ends(self, q):
        """Half an answer is not built upon."""
        return any(k in q.tree for k in (
            "max_output_tokens", "max_completion_tokens")) or (
            "max_tokens" in q.tree and q.tree["max_tokens"] < 100)

    def run(self, link):
        """All of its turns; gives how many exchanges."""
        n, text = 0, tongues.text(self.random)
        for _ in range(self.random.choice([1, 1, 1, 2, 3, 5])):
            call = bool(self.tools) and self.random.random() < 0.7
            q = self.ask(text, call)
            more, data = self.deliver(link, q)
            n += more
            while self.learn(q, data):
                stream = self.random.random() < 0.6
                q = self.request(self.body(stream), text[1], stream)
                more, data = self.deliver(link, q)
                n += more
            if self.ends(q):
                break
            if self.dialect in "cr" and self.random.random() < 0.1:
                self.branch()
                text = (text[0] + " (Once more, please.)", text[1])
            else:
                text = self.next_text(text)
        return n

    def next_text(self, text):
        """What is asked next; a completion's prompt has no history."""
        if self.dialect == "p":
            return tongues.text(self.random)
        return tongues.follow_up(self.random, text[0]), text[1]


def conversations(seed):
    """Without end; the same for the same seed."""
    random = random_module.Random(seed)
    while True:
        yield Conversation(random_module.Random(random.getrandbits(64)))
