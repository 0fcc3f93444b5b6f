/* SPDX-License-Identifier: MIT */
#include "storage_load.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

enum { WORDS = 6000, TOOLS = 14 };

struct load {
	uint64_t state;
	char words[WORDS][16];
	double cumulative[WORDS];
	uint64_t now; /* ns */
};

/* ---- chance ---- */

uint64_t load_random(struct load *l)
{
	uint64_t z = l->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static unsigned below(struct load *l, unsigned n)
{
	return (unsigned)(load_random(l) % n);
}

static double uniform(struct load *l)
{
	return ((double)(load_random(l) >> 11) + 0.5) / 9007199254740992.0;
}

/* Log-normal, by Box and Muller. */
static double skewed(struct load *l, double median, double sigma)
{
	double z = sqrt(-2 * log(uniform(l))) *
		   cos(6.283185307179586 * uniform(l));

	return median * exp(sigma * z);
}

static void make_words(struct load *l)
{
	static const char *const on[] = {
		"b", "br", "c", "ch", "d", "f", "fl", "g",  "gr",
		"h", "j",  "k", "l",  "m", "n", "p",  "pr", "r",
		"s", "st", "t", "tr", "v", "w", "",   "th"};
	static const char *const mid[] = {"a",	"e",  "i",  "o",  "u",
					  "ea", "io", "ou", "ai", "y"};
	static const char *const off[] = {"",  "",  "n", "r",  "s",  "t",
					  "l", "d", "m", "ng", "ck", "st"};
	double sum = 0;

	for (int i = 0; i < WORDS; i++) {
		unsigned syllables = 1 + (i > 60) + (i > 900 && below(l, 2));
		size_t n = 0;

		for (unsigned k = 0; k < syllables; k++)
			n += (size_t)snprintf(
				l->words[i] + n, sizeof l->words[i] - n,
				"%s%s%s", on[below(l, 26)], mid[below(l, 10)],
				off[below(l, 12)]);
		sum += 1.0 / (i + 2.7);
		l->cumulative[i] = sum;
	}
}

struct load *load_new(uint64_t seed)
{
	struct load *l = MEM_NEW(struct load);

	l->state = seed;
	l->now = 1000 * NS_PER_S;
	make_words(l);
	return l;
}

void load_free(struct load *l)
{
	free(l);
}

static const char *word(struct load *l)
{
	double x = uniform(l) * l->cumulative[WORDS - 1];
	int lo = 0, hi = WORDS - 1;

	while (lo < hi) {
		int m = (lo + hi) / 2;

		if (l->cumulative[m] < x)
			lo = m + 1;
		else
			hi = m;
	}
	return l->words[lo];
}

static void add_noise(struct load *l, struct buf *b, unsigned n)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq"
				  "rstuvwxyz0123456789";

	for (unsigned i = 0; i < n; i++)
		buf_addc(b, set[below(l, 62)]);
}

static void add_hex(struct load *l, struct buf *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		buf_addc(b, "0123456789abcdef"[below(l, 16)]);
}

/* ---- text ---- */

/* The next token of running text, JSON-escaped. */
static void add_token(struct load *l, struct buf *b)
{
	unsigned dice = below(l, 100);
	const char *w = word(l);
	size_t n = strlen(w);

	if (dice < 9)
		buf_addc(b, ",.:;-()?!"[below(l, 9)]);
	else if (dice < 11)
		buf_adds(b, STR("\\n\\n"));
	else if (dice < 13)
		buf_addf(b, " %u", below(l, 1000));
	else if (dice < 27 && n > 4)
		buf_add(b, w + n / 2, n - n / 2); /* the rest of a word */
	else if (dice < 29)
		buf_addf(b, " \\\"%s", w);
	else
		buf_addf(b, " %s", w);
}

static void add_text(struct load *l, struct buf *b, unsigned tokens)
{
	for (unsigned i = 0; i < tokens; i++)
		add_token(l, b);
}

/* What a tool gives back: a listing of lines of source, say. */
static void add_result(struct load *l, struct buf *b, unsigned lines)
{
	for (unsigned i = 0; i < lines; i++) {
		buf_addf(b, "%*s%s_%s(%s, %u)", 4 * (int)below(l, 4), "",
			 word(l), word(l), word(l), below(l, 4096));
		if (below(l, 3) == 0) {
			buf_adds(b, STR(" # "));
			add_text(l, b, 3 + below(l, 9));
		}
		buf_adds(b, STR("\\n"));
	}
}

/* ---- heads ---- */

static void request_head(struct load *l, struct buf *h, size_t length)
{
	h->n = 0;
	buf_addf(h,
		 "POST /v1/chat/completions HTTP/1.1\r\n"
		 "Host: api.vendor.example\r\n"
		 "Accept-Encoding: gzip, deflate, br, zstd\r\n"
		 "Connection: keep-alive\r\n"
		 "Accept: application/json\r\n"
		 "Content-Type: application/json\r\n"
		 "User-Agent: OpenAI/Python 2.8.1\r\n"
		 "X-Stainless-Lang: python\r\n"
		 "X-Stainless-Package-Version: 2.8.1\r\n"
		 "X-Stainless-OS: Linux\r\n"
		 "X-Stainless-Arch: x64\r\n"
		 "X-Stainless-Runtime: CPython\r\n"
		 "X-Stainless-Runtime-Version: 3.12.3\r\n"
		 "Authorization: Bearer [masked:8f3a5d0c77e1b2a4]\r\n"
		 "X-Stainless-Async: false\r\n"
		 "x-stainless-retry-count: 0\r\n"
		 "x-stainless-read-timeout: 600\r\n"
		 "Content-Length: %zu\r\n\r\n",
		 length);
}

static void response_head(struct load *l, struct buf *h, bool stream)
{
	unsigned s = (unsigned)(l->now / NS_PER_S % 86400);

	h->n = 0;
	buf_addf(h,
		 "HTTP/1.1 200 OK\r\n"
		 "Date: Sat, 22 Nov 2025 %02u:%02u:%02u GMT\r\n"
		 "Content-Type: %s\r\n"
		 "Transfer-Encoding: chunked\r\n"
		 "Connection: keep-alive\r\n"
		 "access-control-expose-headers: X-Request-ID\r\n"
		 "openai-organization: example-org\r\n"
		 "openai-processing-ms: %u\r\n"
		 "openai-project: proj_8dJ3kq0ZxLmN4bVtYw7RaPcS\r\n"
		 "openai-version: 2020-10-01\r\n"
		 "x-envoy-upstream-service-time: %u\r\n"
		 "x-ratelimit-limit-requests: 10000\r\n"
		 "x-ratelimit-limit-tokens: 30000000\r\n"
		 "x-ratelimit-remaining-requests: %u\r\n"
		 "x-ratelimit-remaining-tokens: %u\r\n"
		 "x-ratelimit-reset-requests: 6ms\r\n"
		 "x-ratelimit-reset-tokens: %ums\r\n"
		 "x-request-id: req_",
		 s / 3600, s / 60 % 60, s % 60,
		 stream ? "text/event-stream; charset=utf-8"
			: "application/json",
		 200 + below(l, 900), 210 + below(l, 900), 9990 + below(l, 10),
		 29900000 + below(l, 99999), below(l, 60));
	add_hex(l, h, 32);
	buf_adds(h, STR("\r\nStrict-Transport-Security: max-age=31536000; "
			"includeSubDomains; preload\r\n"
			"cf-cache-status: DYNAMIC\r\n"
			"Set-Cookie: [masked:"));
	add_hex(l, h, 16);
	buf_adds(h, STR("]\r\nX-Content-Type-Options: nosniff\r\n"
			"Server: cloudflare\r\nCF-RAY: "));
	add_hex(l, h, 16);
	buf_adds(h, STR("-FRA\r\nalt-svc: h3=\":443\"; ma=86400\r\n\r\n"));
}

/* ---- streams ---- */

static void arrive(struct wire_exchange *w, enum ev_side side, uint64_t at,
		   size_t n)
{
	struct trail_arrival a = {at, (uint32_t)n};

	buf_add(&w->arrivals[side], &a, sizeof a);
}

/* The request comes in pieces of 16 KB. */
static void begin(struct load *l, struct wire_exchange *w)
{
	size_t left = w->body[EV_REQUEST].n;
	uint64_t at;

	l->now += (uint64_t)(skewed(l, 50, 1) * NS_PER_MS);
	w->started = at = l->now;
	w->arrivals[EV_REQUEST].n = w->arrivals[EV_RESPONSE].n = 0;
	w->body[EV_RESPONSE].n = 0;
	request_head(l, &w->head[EV_REQUEST], left);
	while (left) {
		size_t n = left < 16384 ? left : 16384;

		at += 20000 + below(l, 40000);
		arrive(w, EV_REQUEST, at, n);
		left -= n;
	}
	l->now = at + (uint64_t)(skewed(l, 350, .4) * NS_PER_MS);
}

struct stream {
	struct load *l;
	struct wire_exchange *w;
	struct buf open, close; /* of every event */
	bool obfuscation;
};

static void stream_open(struct stream *s, struct load *l,
			struct wire_exchange *w, bool obfuscation)
{
	*s = (struct stream){.l = l, .w = w, .obfuscation = obfuscation};
	response_head(l, &w->head[EV_RESPONSE], true);
	buf_adds(&s->open, STR("data: {\"id\":\"chatcmpl-"));
	add_noise(l, &s->open, 29);
	buf_addf(&s->open,
		 "\",\"object\":\"chat.completion.chunk\",\"created\":%u,"
		 "\"model\":\"gpt-4.1-2025-04-14\",\"service_tier\":"
		 "\"default\",\"system_fingerprint\":\"fp_3f58d112f7\","
		 "\"choices\":[{\"index\":0,\"delta\":{",
		 (unsigned)(1763780000 + l->now / NS_PER_S));
	buf_adds(&s->close,
		 STR("},\"logprobs\":null,\"finish_reason\":null}]"));
}

/* One event with this delta, at the next token's time. */
static void stream_event(struct stream *s, struct str delta, struct str close)
{
	struct buf *b = &s->w->body[EV_RESPONSE];
	size_t from = b->n;

	buf_adds(b, buf_str(&s->open));
	buf_adds(b, delta);
	buf_adds(b, close);
	if (s->obfuscation) {
		buf_adds(b, STR(",\"obfuscation\":\""));
		add_noise(s->l, b, 1 + (unsigned)(30 - delta.n % 16) % 16);
		buf_addc(b, '"');
	}
	buf_adds(b, STR("}\n\n"));
	s->l->now += below(s->l, 8) == 0
			     ? (uint64_t)(40e3 + uniform(s->l) * 200e3)
			     : (uint64_t)(skewed(s->l, 15e6, .45));
	arrive(s->w, EV_RESPONSE, s->l->now, b->n - from);
}

static void stream_token(struct stream *s, struct str before, struct str token)
{
	struct buf d = {0};

	buf_adds(&d, before);
	buf_adds(&d, token);
	buf_addc(&d, '"');
	if (before.p[before.n - 1] == '"' && before.n > 20)
		buf_adds(&d, STR("}}]"));
	stream_event(s, buf_str(&d), buf_str(&s->close));
	buf_free(&d);
}

static void stream_end(struct stream *s, const char *reason, unsigned in,
		       unsigned out)
{
	struct buf *b = &s->w->body[EV_RESPONSE];
	char close[120];
	size_t from;
	int n = snprintf(close, sizeof close,
			 "},\"logprobs\":null,\"finish_reason\":\"%s\"}]",
			 reason);

	stream_event(s, (struct str){"", 0}, (struct str){close, (size_t)n});
	from = b->n;
	buf_add(b, s->open.p, s->open.n - 31);
	buf_addf(b,
		 "\"choices\":[],\"usage\":{\"prompt_tokens\":%u,"
		 "\"completion_tokens\":%u,\"total_tokens\":%u,"
		 "\"prompt_tokens_details\":{\"cached_tokens\":%u,"
		 "\"audio_tokens\":0},\"completion_tokens_details\":{"
		 "\"reasoning_tokens\":0,\"audio_tokens\":0,"
		 "\"accepted_prediction_tokens\":0,"
		 "\"rejected_prediction_tokens\":0}}}\n\ndata: [DONE]\n\n",
		 in, out, in + out, in / 128 * 128);
	arrive(s->w, EV_RESPONSE, s->l->now + 90000, b->n - from);
	buf_free(&s->open);
	buf_free(&s->close);
}

/* Streams `tokens` of text; keeps what was said in `said`. */
static void stream_text(struct stream *s, unsigned tokens, struct buf *said)
{
	struct buf t = {0};

	stream_event(s,
		     STR("\"role\":\"assistant\",\"content\":\"\","
			 "\"refusal\":null"),
		     buf_str(&s->close));
	for (unsigned i = 0; i < tokens; i++) {
		t.n = 0;
		add_token(s->l, &t);
		stream_token(s, STR("\"content\":\""), buf_str(&t));
		if (said)
			buf_adds(said, buf_str(&t));
	}
	buf_free(&t);
}

/* ---- conversations ---- */

struct dialogue {
	struct load *l;
	bool obfuscation;
	struct buf messages, tail;
	unsigned turn;
};

struct dialogue *dialogue_new(struct load *l, bool obfuscation)
{
	struct dialogue *c = MEM_NEW(struct dialogue);

	c->l = l;
	c->obfuscation = obfuscation;
	buf_adds(&c->messages, STR("{\"messages\":[{\"role\":\"system\","
				   "\"content\":\"You are"));
	add_text(l, &c->messages, 900);
	buf_adds(&c->messages, STR("\"},{\"role\":\"user\",\"content\":\""));
	add_text(l, &c->messages, 120);
	buf_adds(&c->messages, STR("\"}"));
	buf_adds(&c->tail, STR("],\"model\":\"gpt-4.1\",\"stream\":true,"
			       "\"stream_options\":{\"include_usage\":true},"
			       "\"tools\":["));
	for (int i = 0; i < TOOLS; i++) {
		buf_addf(&c->tail,
			 "%s{\"type\":\"function\",\"function\":{\"name\":"
			 "\"%s_%s\",\"description\":\"",
			 i ? "," : "", word(l), word(l));
		add_text(l, &c->tail, 40);
		buf_addf(&c->tail,
			 "\",\"parameters\":{\"type\":\"object\","
			 "\"properties\":{\"%s\":{\"type\":\"string\","
			 "\"description\":\"",
			 word(l));
		add_text(l, &c->tail, 15);
		buf_adds(&c->tail, STR("\"}},\"required\":[],"
				       "\"additionalProperties\":false}}}"));
	}
	buf_adds(&c->tail, STR("]}"));
	return c;
}

void dialogue_free(struct dialogue *c)
{
	buf_free(&c->messages);
	buf_free(&c->tail);
	free(c);
}

/* A token in a string of JSON in a string of JSON: escaped twice. */
static void add_inner_token(struct load *l, struct buf *b)
{
	struct buf t = {0};

	add_token(l, &t);
	for (size_t i = 0; i < t.n; i++)
		buf_addf(b, strchr("\\\"", t.p[i]) ? "\\%c" : "%c", t.p[i]);
	buf_free(&t);
}

/* The call of a tool, streamed piece by piece. */
static void stream_call(struct stream *s, const char *id, struct buf *args)
{
	struct buf d = {0}, t = {0};

	buf_addf(&d,
		 "\"tool_calls\":[{\"index\":0,\"id\":\"call_%s\",\"type\":"
		 "\"function\",\"function\":{\"name\":\"%s_%s\","
		 "\"arguments\":\"\"}}]",
		 id, word(s->l), word(s->l));
	stream_event(s, buf_str(&d), buf_str(&s->close));
	for (unsigned i = 0; i < 24; i++) {
		t.n = 0;
		if (i == 0)
			buf_addf(&t, "{\\\"%s\\\":\\\"", word(s->l));
		else if (i == 23)
			buf_adds(&t, STR("\\\"}"));
		else
			add_inner_token(s->l, &t);
		stream_token(s,
			     STR("\"tool_calls\":[{\"index\":0,\"function\":{"
				 "\"arguments\":\""),
			     buf_str(&t));
		buf_adds(args, buf_str(&t));
	}
	buf_free(&d);
	buf_free(&t);
}

void dialogue_turn(struct dialogue *c, struct wire_exchange *w)
{
	struct buf *m = &c->messages, said = {0}, args = {0}, id = {0};
	struct stream s;
	unsigned tokens;

	w->body[EV_REQUEST].n = 0;
	buf_adds(&w->body[EV_REQUEST], buf_str(m));
	buf_adds(&w->body[EV_REQUEST], buf_str(&c->tail));
	begin(c->l, w);
	stream_open(&s, c->l, w, c->obfuscation);
	tokens = 60 + below(c->l, 120);
	stream_text(&s, tokens, &said);
	add_noise(c->l, &id, 24);
	buf_addc(&id, 0);
	stream_call(&s, id.p, &args);
	stream_end(&s, "tool_calls", (unsigned)(m->n / 4), tokens + 24);

	buf_adds(m, STR(",{\"role\":\"assistant\",\"content\":\""));
	buf_adds(m, buf_str(&said));
	buf_addf(m,
		 "\",\"tool_calls\":[{\"id\":\"call_%s\",\"type\":\"function\","
		 "\"function\":{\"name\":\"%s\",\"arguments\":\"%.*s\"}}]},"
		 "{\"role\":\"tool\",\"tool_call_id\":\"call_%s\","
		 "\"content\":\"",
		 id.p, word(c->l), STR_ARG(buf_str(&args)), id.p);
	add_result(c->l, m, 20 + below(c->l, 140));
	buf_adds(m, STR("\"}"));
	c->turn++;
	buf_free(&said);
	buf_free(&args);
	buf_free(&id);
}

/* ---- others ---- */

void load_single(struct load *l, bool obfuscation, struct wire_exchange *w)
{
	struct buf *b = &w->body[EV_REQUEST];
	unsigned tokens = 150 + below(l, 340);
	struct stream s;

	b->n = 0;
	buf_adds(b, STR("{\"messages\":[{\"role\":\"system\",\"content\":"
			"\"You are a helpful assistant.\"},{\"role\":\"user\","
			"\"content\":\""));
	add_text(l, b, 30 + below(l, 150));
	buf_adds(b, STR("\"}],\"model\":\"gpt-4.1\",\"stream\":true,\"stream_"
			"options\":{"
			"\"include_usage\":true},"
			"\"stream_options\":{\"include_usage\":true}}"));
	begin(l, w);
	stream_open(&s, l, w, obfuscation);
	stream_text(&s, tokens, NULL);
	stream_end(&s, "stop", (unsigned)(b->n / 4), tokens);
}

static void answer_json(struct load *l, struct wire_exchange *w)
{
	struct buf *b = &w->body[EV_RESPONSE];

	response_head(l, &w->head[EV_RESPONSE], false);
	buf_adds(b, STR("{\"id\":\"chatcmpl-"));
	add_noise(l, b, 29);
	buf_adds(b, STR("\",\"object\":\"chat.completion\",\"choices\":[{"
			"\"index\":0,\"message\":{\"role\":\"assistant\","
			"\"content\":\""));
	add_text(l, b, 140);
	buf_adds(b, STR("\"},\"finish_reason\":\"stop\"}]}\n"));
	l->now += 3 * NS_PER_MS;
	arrive(w, EV_RESPONSE, l->now, b->n);
}

void load_small(struct load *l, struct wire_exchange *w)
{
	struct buf *b = &w->body[EV_REQUEST];

	b->n = 0;
	buf_adds(b, STR("{\"model\":\"gpt-4.1\",\"messages\":[{\"role\":"
			"\"user\",\"content\":\""));
	while (b->n < 4000)
		add_token(l, b);
	buf_adds(b, STR("\"}]}"));
	begin(l, w);
	answer_json(l, w);
}

void load_stream(struct load *l, unsigned n, struct wire_exchange *w)
{
	struct stream s;

	w->body[EV_REQUEST].n = 0;
	buf_adds(&w->body[EV_REQUEST],
		 STR("{\"model\":\"gpt-4.1\",\"messages\":[],\"stream\":true,"
		     "\"stream_options\":{\"include_usage\":true}}"));
	begin(l, w);
	stream_open(&s, l, w, false);
	stream_text(&s, n - 3, NULL);
	stream_end(&s, "stop", 7, n);
}

void load_noise(struct load *l, size_t n, bool base64, struct wire_exchange *w)
{
	struct buf *b = &w->body[EV_REQUEST];

	b->n = 0;
	buf_adds(b, STR("{\"data\":\""));
	while (b->n < n) {
		uint64_t r = load_random(l);

		if (base64)
			for (int i = 0; i < 10; i++, r >>= 6)
				buf_addc(b,
					 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefgh"
					 "ijklmnopqrstuvwxyz0123456789+/"[r &
									  63]);
		else
			buf_add(b, &r, sizeof r);
	}
	buf_adds(b, STR("\"}"));
	begin(l, w);
	answer_json(l, w);
}

void wire_exchange_free(struct wire_exchange *w)
{
	for (int i = 0; i < EV_SIDES; i++) {
		buf_free(&w->head[i]);
		buf_free(&w->body[i]);
		buf_free(&w->arrivals[i]);
	}
}

size_t wire_exchange_bytes(const struct wire_exchange *w)
{
	size_t n = 0;

	for (int i = 0; i < EV_SIDES; i++)
		n += w->head[i].n + w->body[i].n;
	return n;
}
