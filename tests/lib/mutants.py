# SPDX-License-Identifier: MIT
"""The mutants: for each bug of the practice vendor a request that shows it,
and the rule that must find it.

    for m in MUTANTS:
        for dialect, form in m.places():
            status, body = m.send(link, dialect, form, "bug", "a nonce")

A request is the same with and without the bug but for its nonce, so that no
history and no equal body links the two.
"""
import base64
import copy
import json

PATHS = {"c": "/v1/chat/completions", "p": "/v1/completions",
         "r": "/v1/responses", "m": "/v1/messages"}
NAMES = {"c": "chat", "p": "completions", "r": "responses", "m": "messages"}

SAY = ("Water boils when its vapour pushes as hard as the air around it. On a "
       "mountain the air is thin, so less heat is needed; at three thousand "
       "metres ninety degrees will do. That is why potatoes take longer "
       "there, and why cooks bring a pressure pot. The lid keeps the vapour "
       "in, the pressure rises, and with it the boiling point.")
THINK = ("The question is about boiling on a mountain. Pressure falls with "
         "height, so the boiling point falls too. I should give one figure "
         "and one consequence for cooking.")
QUESTION = "How does water boil on a mountain? Please explain it briefly."
CALL = "How warm is it up there? Please use the tool for that."


def b64(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


WEATHER = {"type": "object", "properties": {
    "place": {"type": "string", "minLength": 24, "maxLength": 200},
    "metres": {"type": "integer", "minimum": 0, "maximum": 8000}},
    "required": ["place", "metres"], "additionalProperties": False}


def tool(dialect, name="read_thermometer", schema=None):
    about = "Reads the thermometer of a place."
    schema = schema or WEATHER
    if dialect == "m":
        return {"name": name, "description": about, "input_schema": schema}
    inner = {"name": name, "description": about, "parameters": schema}
    if dialect == "r":
        return {"type": "function", **inner}
    return {"type": "function", "function": inner}


def ask(dialect, text, model="practice-1", /, **more):
    """A request of one turn; keys of `more` that are None are left out."""
    body = {"model": model}
    if dialect == "p":
        body["prompt"] = text
    elif dialect == "r":
        body["input"] = [{"role": "user", "content": text}]
    else:
        body["messages"] = [{"role": "user", "content": text}]
    if dialect == "m":
        body["max_tokens"] = 4096
    body.update(more)
    return {k: v for k, v in body.items() if v is not None}


def history(body, dialect):
    return body["input" if dialect == "r" else "messages"]


def add_turn(body, dialect, answer, result, drop=False):
    """Puts the answer (not streamed) and a tool's result, or a question,
    behind; `drop`: without the reasoning."""
    turns = history(body, dialect)
    if dialect == "c":
        said = dict(answer["choices"][0]["message"])
        said.pop("refusal", None)
        said.pop("annotations", None)
        if drop:
            said.pop("reasoning_content", None)
        turns.append(said)
        calls = [c["id"] for c in said.get("tool_calls") or []]
        turns += [{"role": "tool", "tool_call_id": i, "content": result}
                  for i in calls]
    elif dialect == "m":
        content = [b for b in answer["content"]
                   if not (drop and b["type"] == "thinking")]
        turns.append({"role": "assistant", "content": content})
        calls = [b["id"] for b in content if b["type"] == "tool_use"]
        if calls:
            turns.append({"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": i, "content": result}
                for i in calls]})
    else:
        items = [i for i in answer["output"]
                 if not (drop and i["type"] == "reasoning")]
        turns += items
        calls = [i["call_id"] for i in items if i["type"] == "function_call"]
        turns += [{"type": "function_call_output", "call_id": i,
                   "output": result} for i in calls]
    if not calls:
        turns.append({"role": "user", "content": result})


class Mutant:
    """`request(dialect, text)` gives a body; or, for what needs a history,
    `request(dialect, text, first)`, where first(body) is an earlier exchange,
    honest and whole. `breach`: the client itself breaks the contract, which
    the twin's vendor refuses. `rule`: one id, or one a dialect."""

    def __init__(self, name, dialects, forms, request=None, rule=None,
                 text=QUESTION, knobs="", breach=False, first=False, tls=False,
                 usage=True, **more):
        self.name, self.dialects, self.forms = name, dialects, forms
        self.rule, self.text, self.breach = rule, text, breach
        self.knobs, self.first, self.tls = knobs, first, tls
        self.usage, self.more = usage, more
        self.request = request or self.plain

    def plain(self, dialect, text):
        more = {k: v[dialect] if isinstance(v, dict) and dialect in v else v
                for k, v in self.more.items()}
        return ask(dialect, text, **more)

    def places(self):
        return [(d, f) for d in self.dialects for f in self.forms]

    def rule_of(self, dialect):
        if isinstance(self.rule, dict):
            return self.rule[dialect]
        return self.rule or "wire/" + self.name

    def body(self, link, dialect, form, nonce):
        text = f"{self.text} (question {nonce})"
        knobs = self.say(dialect)

        def first(body):
            return json.loads(link(PATHS[dialect], body, knobs, self.tls)[1])
        body = (self.request(dialect, text, first) if self.first
                else self.request(dialect, text))
        if form == "s":
            body["stream"] = True
            if self.usage and dialect in "cp":
                body["stream_options"] = {"include_usage": True}
        return body

    def say(self, dialect):
        knobs = [f"say={b64(SAY)}", f"think={b64(THINK)}"]
        return ",".join(knobs + [self.knobs] if self.knobs else knobs)

    def send(self, link, dialect, form, bug, nonce):
        """Once; link(path, body, x-vendor, tls) -> (status, bytes)."""
        body = self.body(link, dialect, form, nonce)
        knobs = self.say(dialect) + (f",bug={bug}" if bug else "")
        return link(PATHS[dialect], body, knobs, self.tls)


# ---- requests that take more than a line ----

def calls(dialect, text, model="practice-1", /, **more):
    return ask(dialect, text, model, tools=[tool(dialect)], **more)


def choice(kind):
    """tool_choice none or required, as each dialect says it."""
    def request(dialect, text):
        said = kind
        if dialect == "m":
            said = {"type": "any" if kind == "required" else kind}
        return calls(dialect, text, tool_choice=said)
    return request


def short(dialect, text):
    key = {"r": "max_output_tokens"}.get(dialect, "max_tokens")
    return ask(dialect, text, **{key: 12})


def short_call(dialect, text):
    return calls(dialect, text, max_tokens=9)


def stops(dialect, text):
    key = "stop_sequences" if dialect == "m" else "stop"
    return ask(dialect, text, **{key: ["potatoes take"]})


SCHEMA = {"type": "object", "properties": {
    "answer": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["answer", "degrees"], "additionalProperties": False}


def formatted(dialect, text):
    if dialect == "r":
        return ask(dialect, text, text={"format": {
            "type": "json_schema", "name": "answer", "strict": True,
            "schema": SCHEMA}})
    return ask(dialect, text, response_format={
        "type": "json_schema", "json_schema": {
            "name": "answer", "strict": True, "schema": SCHEMA}})


THINKS = {"type": "enabled", "budget_tokens": 2048}
OFF = {"type": "disabled"}
CLAUDE = "claude-sonnet-4-20250514"
KIMI = "kimi-k2.6"
THINKER = {"c": KIMI, "m": CLAUDE}


def thinker(dialect, text, **more):
    if dialect == "m":
        more = {"thinking": THINKS, **more}
    return ask(dialect, text, THINKER[dialect], **more)


def ponders(dialect, text):
    """A model without a contract, told to think."""
    if dialect == "r":
        return ask(dialect, text, reasoning={"summary": "auto"})
    return ask(dialect, text, thinking=THINKS)


def unthinking(dialect, text):
    return ask(dialect, text, THINKER[dialect],
               thinking=OFF if dialect == "c" else None)


def partial(dialect, text):
    body = ask(dialect, text, KIMI, thinking=OFF)
    body["messages"].append({"role": "assistant", "partial": True,
                             "content": "Up there it is colder, so "})
    return body


def turns(drop=False, change=False, asks=thinker):
    """A call, its result, and then the request that is judged."""
    def request(dialect, text, first):
        body = asks(dialect, text, tools=[tool(dialect)])
        add_turn(body, dialect, first(copy.deepcopy(body)), "11 degrees", drop)
        if change:
            block = body["messages"][1]["content"][0]
            block["thinking"] = "Something else. " + block["thinking"]
        return body
    return request


def reused(dialect, text, first):
    body = calls(dialect, text)
    add_turn(body, dialect, first(copy.deepcopy(body)), "11 degrees")
    history(body, dialect).append(
        {"role": "user", "content": "And now? Please use the tool again: "
         "use the tool."})
    return body


def keeper(dialect, text, **more):
    return ask(dialect, text, KIMI, thinking={"type": "enabled",
                                              "keep": "all"}, **more)


def other(model, **fixed_to):
    """Another model of the chat dialect."""
    def asks(dialect, text, **more):
        return ask(dialect, text, model, **fixed_to, **more)
    return asks


def r1(dialect, text, first):
    body = ask(dialect, text, "deepseek-r1")
    add_turn(body, dialect, first(copy.deepcopy(body)), "And in winter?")
    return body


def fixed(**more):
    """A fixed parameter at another value, for the model of the dialect."""
    def request(dialect, text):
        return thinker(dialect, text, **more)
    return request


def forced(dialect, text):
    said = {"type": "any"} if dialect == "m" else "required"
    return thinker(dialect, text, tools=[tool(dialect)], tool_choice=said)


def misnamed(dialect, text):
    return ask(dialect, text, KIMI, tools=[tool(dialect, "1bad@name")])


def lost_result(dialect, text):
    body = ask(dialect, text, "kimi-k3")
    body["messages"].append({"role": "tool", "content": "11 degrees"})
    return body


def dynamic(dialect, text):
    body = ask(dialect, text, "kimi-k3")
    body["messages"][0]["tools"] = [tool(dialect)]
    return body


def no_thought(dialect, text):
    if dialect == "m":
        return thinker(dialect, text, thinking={"type": "enabled",
                                                "budget_tokens": 512})
    return ask(dialect, text, "kimi-k2.7-code", thinking=OFF)


def kimi(rule):
    return f"{KIMI}/{rule}"


def pack(rule):
    """The rule of that name in each dialect's model pack."""
    return {"c": kimi(rule), "m": "anthropic/" + rule}


TWO = dict(request=calls, text=CALL, knobs="calls=2")
ONE = dict(request=calls, text=CALL)

MUTANTS = [
    # The ends of an answer.
    Mutant("finish_missing", "cprm", "sw"),
    Mutant("finish_twice", "cpm", "s"),
    Mutant("finish_empty", "cpm", "sw"),
    Mutant("finish_unknown", "cprm", "sw"),
    Mutant("done_missing", "cprm", "s"),
    Mutant("done_unexpected", "rm", "s"),
    Mutant("chunk_after_done", "cprm", "s"),
    Mutant("truncated", "cprm", "sw"),
    Mutant("reset", "cprm", "sw"),
    Mutant("no_close_notify", "cprm", "sw", tls=True),
    Mutant("length_mismatch", "cprm", "w"),
    Mutant("error_in_200", "cprm", "sw"),
    # The form of events and bodies.
    Mutant("event_not_json", "cprm", "s"),
    Mutant("event_no_object", "cprm", "s"),
    Mutant("event_duplicate_keys", "cprm", "sw"),
    Mutant("event_name_differs", "rm", "s"),
    Mutant("body_not_json", "cprm", "w"),
    Mutant("invalid_utf8", "cprm", "sw"),
    Mutant("lone_surrogate", "cprm", "sw"),
    Mutant("id_changes", "cp", "s"),
    Mutant("model_changes", "cp", "s"),
    Mutant("created_changes", "cp", "s"),
    Mutant("object_wrong", "cprm", "sw"),
    Mutant("choices_empty", "cp", "s"),
    Mutant("choice_index_wrong", "cp", "sw"),
    Mutant("role_missing", "c", "sw"),
    Mutant("content_type_wrong", "cprm", "sw"),
    Mutant("stream_ignored", "cprm", "s"),
    Mutant("stream_unasked", "cprm", "w"),
    Mutant("fake_streaming", "cprm", "s"),
    Mutant("block_order", "m", "s"),
    Mutant("message_start_missing", "rm", "s"),
    Mutant("sequence_wrong", "r", "s"),
    Mutant("parts_differ", "r", "s"),
    Mutant("logprobs_missing", "cp", "sw", logprobs={"c": True, "p": 1}),
    # Tool calls.
    Mutant("tool_index_missing", "c", "s", **ONE),
    Mutant("tool_index_zero", "c", "s", **TWO),
    Mutant("tool_index_jump", "c", "s", **TWO),
    Mutant("tool_first_incomplete", "c", "sw", **ONE),
    Mutant("tool_id_changes", "c", "s", **ONE),
    Mutant("tool_id_duplicate", "crm", "sw", **TWO),
    Mutant("tool_id_reused", "crm", "sw", reused, text=CALL, first=True),
    Mutant("arguments_object", "cr", "sw", **ONE),
    Mutant("arguments_not_json", "cr", "sw", **ONE),
    Mutant("arguments_schema", "crm", "sw", **ONE),
    Mutant("tool_unknown", "crm", "sw", **ONE),
    Mutant("call_although_none", "crm", "sw", choice("none"), text=CALL),
    Mutant("call_missing", "crm", "sw", choice("required"), text=CALL),
    Mutant("finish_stop_with_calls", "cm", "sw", **ONE),
    Mutant("finish_length_masked", "c", "sw", short_call, text=CALL),
    Mutant("finish_length_masked", "m", "s", short_call, text=CALL),
    # What is said.
    Mutant("replacement_char", "cprm", "sw"),
    Mutant("tool_markup_leak", "crm", "sw"),
    Mutant("think_tag_leak", "crm", "sw"),
    Mutant("harmony_leak", "crm", "sw"),
    Mutant("tokenizer_artefact", "cprm", "sw"),
    Mutant("special_token_leak", "crm", "sw"),
    Mutant("kimi_markers", "c", "sw", model=KIMI, rule=kimi("kimi_markers")),
    Mutant("script", "c", "sw", model="minimax-m2", reasoning_split=True,
           rule="minimax/script"),
    Mutant("ngram", "c", "sw", model="minimax-m2", reasoning_split=True,
           rule="minimax/ngram"),
    Mutant("repetition_loop", "cprm", "sw"),
    Mutant("language_drift", "cprm", "sw"),
    Mutant("answer_in_reasoning", "crm", "sw", ponders),
    Mutant("reasoning_missing", "cm", "sw", thinker,
           rule=pack("reasoning_missing")),
    Mutant("reasoning_unasked", "cm", "sw", unthinking,
           rule=pack("reasoning_unasked")),
    Mutant("reasoning_name", "c", "sw", model=KIMI,
           rule=kimi("reasoning_name")),
    Mutant("reasoning_name", "c", "sw", model="gpt-oss-120b",
           rule="gpt-oss/reasoning_name"),
    Mutant("reasoning_names", "c", "sw", thinking=THINKS),
    Mutant("content_empty", "cprm", "sw"),
    Mutant("response_format", "cr", "sw", formatted),
    Mutant("partial_prefix", "c", "sw", partial, rule=kimi("partial_prefix")),
    Mutant("max_tokens_exceeded", "cprm", "sw", short),
    Mutant("stop_included", "cpm", "sw", stops),
    Mutant("stop_ignored", "cpm", "sw", stops),
    Mutant("n_ignored", "cp", "sw", n=3),
    Mutant("model_differs", "cprm", "sw"),
    # Figures.
    Mutant("usage_missing", "cprm", "sw"),
    Mutant("usage_unasked", "cp", "s", usage=False),
    Mutant("usage_changes", "cprm", "s"),
    Mutant("usage_zero", "cprm", "sw"),
    Mutant("usage_total", "cpr", "sw"),
    Mutant("usage_cached", "cr", "sw"),
    Mutant("usage_length", "cprm", "sw"),
    Mutant("usage_prompt", "cprm", "sw"),
    Mutant("usage_headers", "c", "sw", model=KIMI),
    Mutant("usage_place", "c", "s", model=KIMI, rule=kimi("usage_place")),
    Mutant("reasoning_uncharged", "c", "sw", turns(asks=keeper), text=CALL,
           first=True, rule=kimi("passback_charged"),
           knobs="think=" + b64(THINK * 20)),
    # Parameters that the contract has fixed.
    Mutant("accept_temperature", "cm", "sw", fixed(temperature=0.5),
           rule=pack("temperature"), breach=True),
    Mutant("accept_temperature", "c", "sw", breach=True, model=KIMI,
           thinking=OFF, temperature=1.0, rule=kimi("temperature_instant")),
    *(Mutant("accept_temperature", "c", "sw", breach=True, model=model,
             temperature=0.5, rule=pack_of + "/temperature")
      for model, pack_of in (("kimi-k2.5", "kimi-k2.5"), ("kimi-k3", "kimi-k3"),
                             ("kimi-k2.7-code", "kimi-k2.7"))),
    Mutant("accept_top_p", "cm", "sw", fixed(top_p=0.8), rule=pack("top_p"),
           breach=True),
    Mutant("accept_n", "c", "sw", fixed(n=2), rule=kimi("n"), breach=True),
    Mutant("accept_presence_penalty", "c", "sw", fixed(presence_penalty=0.5),
           rule=kimi("presence_penalty"), breach=True),
    Mutant("accept_frequency_penalty", "c", "sw", fixed(frequency_penalty=0.5),
           rule=kimi("frequency_penalty"), breach=True),
    Mutant("accept_tool_choice", "cm", "sw", forced, text=CALL, breach=True,
           rule=pack("tool_choice")),
    *(Mutant("accept_tool_choice", "c", "sw", text=CALL, breach=True,
             model=model, tools=[tool("c")], tool_choice="required",
             thinking=THINKS, rule=pack_of + "/tool_choice")
      for model, pack_of in (("kimi-k2.5", "kimi-k2.5"),
                             ("deepseek-v3.2", "deepseek"))),
    Mutant("accept_tool_choice", "c", "sw", text=CALL, breach=True,
           model="qwen3-235b", tools=[tool("c")], tool_choice="required",
           chat_template_kwargs={"enable_thinking": True},
           rule="qwen/tool_choice"),
    Mutant("accept_tools", "c", "sw", misnamed, breach=True,
           rule=kimi("tool_name")),
    Mutant("accept_tools", "c", "sw", lost_result, breach=True,
           rule="kimi-k3/tool_message_id"),
    Mutant("accept_tools", "c", "sw", dynamic, breach=True,
           rule="kimi-k3/dynamic_tools_role"),
    Mutant("accept_tools", "c", "sw", breach=True, model="kimi-k3",
           tools=[tool("c")], tool_choice="bogus",
           rule="kimi-k3/tool_choice_word"),
    Mutant("accept_tools", "c", "sw", breach=True, model="kimi-k3",
           tool_choice="required", rule="kimi-k3/tool_choice_tools"),
    Mutant("accept_tools", "c", "sw", breach=True, model="kimi-k3",
           tools=[tool("c"), tool("c")], rule="kimi-k3/tool_name_twice"),
    Mutant("accept_response_format", "c", "sw", breach=True, model="kimi-k3",
           response_format={"type": "bogus"}, rule="kimi-k3/response_format"),
    Mutant("accept_thinking", "cm", "sw", no_thought, breach=True,
           rule={"c": "kimi-k2.7/thinking", "m": "anthropic/budget_tokens"}),
    Mutant("override_temperature", "r", "sw", temperature=0.7),
    Mutant("override_top_p", "r", "sw", top_p=0.7),
    Mutant("refuse_proper", "c", "sw", fixed(temperature=1),
           rule="wire/refused_proper"),
    # Reasoning that comes back.
    Mutant("accept_missing_reasoning", "cm", "sw", turns(drop=True), text=CALL,
           first=True, breach=True, rule={"c": kimi("reasoning_content"),
                                          "m": "anthropic/passback"}),
    *(Mutant("accept_missing_reasoning", "c", "sw", first=True, breach=True,
             text=CALL, request=turns(drop=True, asks=asks),
             rule=pack_of + "/reasoning_content")
      for asks, pack_of in ((other("kimi-k2.5"), "kimi-k2.5"),
                            (other("kimi-k2.7-code"), "kimi-k2.7"),
                            (other("deepseek-v3.2", thinking=THINKS),
                             "deepseek"))),
    Mutant("accept_changed_thinking", "m", "sw", turns(change=True), text=CALL,
           first=True, breach=True, rule="anthropic/passback"),
    Mutant("accept_reasoning", "c", "sw", r1, first=True, breach=True,
           rule="deepseek/r1_reasoning_sent"),
    Mutant("refuse_with_reasoning", "c", "sw", turns(), text=CALL, first=True,
           rule="wire/refused_proper"),
]
