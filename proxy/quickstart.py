# SPDX-License-Identifier: MIT
"""The quickstart's app: a few conversations by the openai package. It knows
nothing of assay; OPENAI_BASE_URL alone leads it through the proxy."""
import os

import openai

client = openai.OpenAI(max_retries=0)
model = os.environ.get("MODEL", "practice-1")


def say(question, **more):
    return client.chat.completions.create(
        model=model, max_tokens=40, messages=[
            {"role": "user", "content": question}], **more)


print("not streamed:", say("Name a colour.").choices[0].message.content)
print("streamed:     ", end="")
for chunk in say("Tell me a story.", stream=True):
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
if model == "practice-1":
    answer = client.responses.create(model=model, input="And a response?")
    print("responses API:", answer.output_text)
    try:
        say("Too fast.", extra_headers={"x-vendor": "status=429"})
    except openai.RateLimitError as e:
        print("an error, too:", e.status_code, e.code)
