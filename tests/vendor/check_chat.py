# SPDX-License-Identifier: MIT
"""What the practice vendor says: contracts, manners of engines, bugs."""
import base64
import json
import os
import re
import subprocess
import sys

from speak import chunks, get, head, test

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from mutants import MUTANTS, PATHS, tool  # noqa: E402


def post(v, path, body, knobs=None):
    """(status, head's fields, body, end of the connection)"""
    w = get(v, path, "connection: close", vendor=knobs,
            body=json.dumps(body).encode())
    status, fields = head(w)
    if ("transfer-encoding", "chunked") not in fields:
        return status, fields, w.rest(), w.end
    w.rest()
    if not w.b.endswith(b"0\r\n\r\n"):
        return status, fields, w.b, "cut"
    return status, fields, b"".join(chunks(w)[0]), w.end


def chat(v, knobs=None, status=200, **more):
    body = {"model": "kimi-k2.6", "messages": [
        {"role": "user", "content": "hello"}]}
    body.update(more)
    got, _, data, _ = post(v, PATHS["c"], body, knobs)
    assert got == status, (got, data, more)
    return json.loads(data) if not more.get("stream") else data


def message(answer):
    return answer["choices"][0]["message"]


OFF = {"type": "disabled"}


@test
def fixed_parameters(v):
    for thinking, good in (({"type": "enabled"}, 1.0), (OFF, 0.6)):
        chat(v, thinking=thinking, temperature=good, top_p=0.95, n=1,
             presence_penalty=0, frequency_penalty=0)
        for key, bad in (("temperature", 1.1), ("temperature", -0.1),
                         ("temperature", 2.0), ("top_p", 0.8), ("n", 2),
                         ("presence_penalty", 0.5),
                         ("frequency_penalty", 0.5)):
            e = chat(v, status=400, thinking=thinking, **{key: bad})["error"]
            assert e["message"].startswith(f"invalid {key}: only "), e
            assert e["param"] == key
    chat(v, model="kimi-k2-thinking", temperature=0.3, n=2)
    chat(v, model="gpt-5", status=400, temperature=0.5)
    chat(v, model="kimi-k2.7-code", status=400, thinking=OFF)
    chat(v, status=400, tools=[tool("c")], tool_choice="required")
    chat(v, thinking=OFF, tools=[tool("c")], tool_choice="required")


def named(name):
    return tool("c", name)


@test
def declarations_of_tools(v):
    def ask(status, tools=None, messages=None, **more):
        return chat(v, status=status, model="kimi-k3", messages=[
            *(messages or []), {"role": "user", "content": "hi"}],
            **({"tools": tools} if tools else {}), **more)
    for name in ("1bad_name", "bad@name", "", "x" * 257):
        ask(400, [named(name)])
        ask(400, messages=[{"role": "system", "content": "",
                            "tools": [named(name)]}])
    ask(200, [named("x" * 256)])
    ask(400, [named("a"), named("a")])
    ask(400, [named(f"t{i}") for i in range(129)])
    ask(400, [{"type": "bogus", "function": {"name": "a"}}])
    ask(400, [{"type": "function"}])
    system = {"role": "system", "content": "", "tools": [named("a")]}
    for bad in ({**system, "role": "user"}, {**system, "content": "x"},
                {**system, "tools": {}}, {**system, "tools": [None]},
                {"role": "tool", "content": "x"}):
        ask(400, messages=[bad])
    ask(400, messages=[system, system])
    ask(400, [named("a")], messages=[system])
    for more in ({}, {"tools": [named("b")]}):
        got = ask(200, messages=[system], tool_choice="required", **more)
        assert got["choices"][0]["finish_reason"] == "tool_calls"
    ask(400, tool_choice="required")
    ask(400, [named("a")], tool_choice="bogus")
    assert message(ask(200, tool_choice="none"))["content"]


@test
def formats(v):
    def ask(status, **format):
        return chat(v, status=status, model="kimi-k3", messages=[
            {"role": "user", "content": "JSON with the key \"city\""}],
            response_format=format)
    assert "city" in json.loads(message(ask(200, type="json_object"))
                                ["content"])
    schema = {"type": "object", "properties": {"n": {"type": "integer"}},
              "required": ["n"]}
    got = ask(200, type="json_schema", json_schema={
        "name": "out", "strict": True, "schema": schema})
    assert isinstance(json.loads(message(got)["content"])["n"], int)
    for bad in ({"type": "bogus"}, {"type": "json_schema"},
                {"type": "json_schema", "json_schema": {"schema": schema}},
                {"type": "json_schema", "json_schema": {"name": "out"}},
                {"type": "json_schema", "json_schema": {
                    "name": "out", "strict": "yes", "schema": schema}},
                {"type": "json_schema", "json_schema": {
                    "name": "out", "schema": "x"}}):
        ask(400, **bad)


@test
def reasoning_that_comes_back(v):
    first = chat(v, messages=[{"role": "user", "content": "use the tool"}],
                 tools=[tool("c")])
    said = message(first)
    assert said["tool_calls"][0]["id"] == "functions.read_thermometer:0"
    turns = [{"role": "user", "content": "use the tool"}, said,
             {"role": "tool", "tool_call_id": said["tool_calls"][0]["id"],
              "content": "5"}, {"role": "user", "content": "use the tool"}]
    second = chat(v, messages=turns, tools=[tool("c")])
    assert message(second)["tool_calls"][0]["id"].endswith(":1")
    full = second["usage"]["prompt_tokens"]
    less = chat(v, "bug=reasoning_uncharged", messages=turns,
                tools=[tool("c")])["usage"]["prompt_tokens"]
    assert less < full, (less, full)
    del said["reasoning_content"]
    e = chat(v, status=400, messages=turns, tools=[tool("c")])["error"]
    assert e["message"] == "thinking is enabled but reasoning_content is " \
        "missing in assistant tool call message at index 1"
    chat(v, messages=turns, tools=[tool("c")], thinking=OFF)
    length = [len(message(chat(v, model="kimi-k3", reasoning_effort=e))
                  ["reasoning_content"]) for e in ("low", "high", "max")]
    assert length == sorted(length) and length[0] < length[2], length


@test
def limits_and_stops(v):
    knobs = "say=" + base64.urlsafe_b64encode(
        "Grüße an alle, und ein Ende.".encode()).decode().rstrip("=")
    got = chat(v, knobs, stop=["und"], thinking=OFF)
    assert message(got)["content"] == "Grüße an alle, "
    assert got["choices"][0]["finish_reason"] == "stop"
    got = chat(v, knobs, max_tokens=3, thinking=OFF)
    assert got["choices"][0]["finish_reason"] == "length"
    assert got["usage"]["completion_tokens"] == 3
    got = chat(v, knobs, model="practice-1", n=3)
    assert len(got["choices"]) == 3
    status, _, data, _ = post(v, PATHS["m"], {
        "model": "claude-sonnet-4", "max_tokens": 99, "messages": [
            {"role": "user", "content": "hi"}], "stop_sequences": ["Ende"]},
        knobs)
    told = json.loads(data)
    assert (status, told["stop_reason"], told["stop_sequence"]) == \
        (200, "stop_sequence", "Ende")


@test
def manners(v):
    def ask(speak, **more):
        return chat(v, "tokens=3,speak=" + speak, model="practice-1",
                    stream=True, thinking={"type": "enabled"}, **more)
    assert b"data:{" in ask("moonshot") and b"data: {" in ask("vllm")
    assert ask("sglang").count(b"\r\n\r\n") == ask("sglang").count(b"data:")
    assert ask("openrouter").startswith(b": OPENROUTER PROCESSING\n\n")
    assert b'"reasoning_details"' in ask("openrouter")
    first = json.loads(ask("azure").split(b"\n\n")[0][6:])
    assert first["choices"] == [] and "prompt_filter_results" in first
    last = ask("moonshot").split(b"\n\n")[-3]
    assert "usage" in json.loads(last[5:])["choices"][0]


@test
def each_bug_shows(v):
    told = subprocess.run([sys.argv[1], "--help"], capture_output=True,
                          text=True).stdout.split("Bugs: bug=NAME")[1]
    names = set(re.findall(r"^    (\w+) +[cprm]+ +[sw]+ ", told, re.M))
    assert names == {m.name for m in MUTANTS}, "the tables differ"

    def link(path, body, knobs, tls):
        status, fields, data, end = post(v, path, body, knobs)
        told = {k: x for k, x in fields if k.startswith(("content", "x-msh"))}
        seen.append((status, told, data, end))
        return status, data
    for m in MUTANTS:
        for d, f in m.places():
            if m.tls:
                continue
            seen = []
            m.send(link, d, f, None, "1")
            clean = seen[-1]
            m.send(link, d, f, m.name, "1")
            assert clean[0] == (400 if m.breach else 200), (m.name, clean)
            assert seen[-1] != clean, (m.name, d, f)
