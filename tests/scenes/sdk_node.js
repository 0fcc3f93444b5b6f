// SPDX-License-Identifier: MIT
// The openai npm package against BASE_URL; prints one JSON line a call.
const OpenAI = require("openai");

const client = new OpenAI({
    apiKey: "sk-test-0123456789abc", maxRetries: 0, timeout: 30000,
});
const messages = [{ role: "user", content: "Grüße! What is 2+2? 🙂" }];

async function all(stream) {
    const out = [];
    for await (const x of stream) out.push(x);
    return out;
}

const calls = {
    chat: () => client.chat.completions.create(
        { model: "practice-1", messages }),
    "chat, streamed": async () => all(await client.chat.completions.create(
        { model: "practice-1", messages, stream: true })),
    responses: () => client.responses.create(
        { model: "practice-1", input: "Say hello" }),
    "responses, streamed": async () => all(await client.responses.create(
        { model: "practice-1", input: "Say hello", stream: true })),
    completions: () => client.completions.create(
        { model: "practice-1", prompt: "Once upon" }),
    error: async () => {
        try {
            await client.chat.completions.create(
                { model: "practice-1", messages },
                { headers: { "x-vendor": "status=429" } });
            return "no error";
        } catch (e) {
            return [e.constructor.name, e.status];
        }
    },
    "forty at once": () => Promise.all(
        Array.from({ length: 40 }, async (_, i) => all(
            await client.chat.completions.create({
                model: "practice-1", stream: true,
                messages: [{ role: "user", content: `question ${i}` }],
            })))),
};

(async () => {
    for (const [name, call] of Object.entries(calls))
        console.log(JSON.stringify([name, await call()]));
})();
