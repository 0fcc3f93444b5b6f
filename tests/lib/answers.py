# SPDX-License-Identifier: MIT
"""Answers read as a client reads them, and bodies packed as it packs them.
Shares no code with the judge.

    message = read_chat(undo(coding, body), stream)
"""
import ctypes
import gzip
import json

MOST = 4 << 20


def undo(coding, data):
    """Decodes a body; br and zstd by the system's libraries."""
    if not coding or coding == "identity":
        return data
    if coding == "gzip":
        return gzip.decompress(data)
    out = ctypes.create_string_buffer(MOST)
    size = ctypes.c_size_t(MOST)
    if coding == "br":
        lib = ctypes.CDLL("libbrotlidec.so.1")
        good = lib.BrotliDecoderDecompress(ctypes.c_size_t(len(data)), data,
                                           ctypes.byref(size), out)
        assert good == 1, "broken br"
        return ctypes.string_at(out, size.value)
    lib = ctypes.CDLL("libzstd.so.1")
    lib.ZSTD_decompress.restype = ctypes.c_size_t
    n = lib.ZSTD_decompress(out, size, data, ctypes.c_size_t(len(data)))
    assert n <= MOST, "broken zstd"
    return ctypes.string_at(out, n)


def events(data):
    text = data.decode().replace("\r\n", "\n")
    for event in text.split("\n\n"):
        for line in event.split("\n"):
            if line.startswith("data:") and line[5:].strip() != "[DONE]":
                yield json.loads(line[5:])


def read_chat(data, stream):
    """The assistant's message, to be sent back."""
    if not stream:
        return json.loads(data)["choices"][0]["message"]
    said = {"role": "assistant", "content": None}
    for chunk in events(data):
        for choice in chunk.get("choices", []):
            if choice["index"] == 0:
                add_delta(said, choice["delta"])
    return said


def add_delta(said, delta):
    for key in ("content", "reasoning_content", "reasoning"):
        if delta.get(key):
            said[key] = (said.get(key) or "") + delta[key]
    for detail in delta.get("reasoning_details") or []:
        all_of_it = said.setdefault("reasoning_details", [])
        if all_of_it:
            all_of_it[0]["text"] += detail["text"]
        else:
            all_of_it.append(dict(detail))
    for call in delta.get("tool_calls") or []:
        calls = said.setdefault("tool_calls", [])
        while len(calls) <= call["index"]:
            calls.append({"function": {"arguments": ""}})
        mine = calls[call["index"]]
        for key in ("id", "type", "extra_content"):
            if call.get(key):
                mine[key] = call[key]
        inner = call.get("function", {})
        if inner.get("name"):
            mine["function"]["name"] = inner["name"]
        mine["function"]["arguments"] += inner.get("arguments") or ""


def read_messages(data, stream):
    if not stream:
        return json.loads(data)["content"]
    blocks, partial = [], ""
    for event in events(data):
        kind = event["type"]
        if kind == "content_block_start":
            blocks.append(dict(event["content_block"]))
            partial = ""
        elif kind == "content_block_delta":
            for key, value in event["delta"].items():
                if key == "partial_json":
                    partial += value
                elif key != "type":
                    blocks[-1][key] = blocks[-1].get(key, "") + value
        elif kind == "content_block_stop" and partial:
            blocks[-1]["input"] = json.loads(partial)
    return blocks


def read_responses(data, stream):
    if not stream:
        return json.loads(data)["output"]
    return list(events(data))[-1]["response"]["output"]


def pack(coding, data):
    if coding == "gzip":
        return gzip.compress(data)
    lib = ctypes.CDLL("libzstd.so.1")
    lib.ZSTD_compress.restype = ctypes.c_size_t
    room = len(data) + (len(data) >> 7) + 512
    out = ctypes.create_string_buffer(room)
    n = lib.ZSTD_compress(out, ctypes.c_size_t(room), data,
                          ctypes.c_size_t(len(data)), 3)
    assert n <= room, "zstd failed"
    return ctypes.string_at(out, n)
