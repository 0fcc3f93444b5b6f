/* SPDX-License-Identifier: MIT */
#include "chat_rig.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- samples ---- */

static void ask(struct chat_sample *s, struct str word)
{
	uint64_t n;

	if (str_eq(word, STR("stream")))
		s->asked.stream = true;
	else if (str_eq(word, STR("usage")))
		s->asked.include_usage = true;
	else if (str_eq(word, STR("logprobs")))
		s->asked.logprobs = true;
	else if (str_eq(word, STR("unknown")))
		s->asked.known = false;
	else if (str_eq(word, STR("cut")))
		s->ending = CHAT_CUT;
	else if (str_eq(word, STR("unseen")))
		s->ending = CHAT_UNSEEN;
	else if (str_starts(word, STR("n=")) && str_u64(str_skip(word, 2), &n))
		s->asked.n = (unsigned)n;
}

struct chat_sample chat_sample_read(struct str file)
{
	struct chat_sample s = {.dialect = DIALECT_CHAT,
				.asked = {.known = true},
				.status = 200,
				.type = STR("text/event-stream"),
				.body = file};
	struct str rest = file, line = str_cut(&rest, '\n'), part, word;
	uint64_t status;
	int d;

	part = str_cut(&line, '|');
	d = dialect_named(str_cut(&part, ' '));
	if (d <= DIALECT_NONE) {
		s.asked.stream = true;
		return s;
	}
	s.dialect = (enum dialect)d;
	s.body = rest;
	while (part.p)
		ask(&s, str_cut(&part, ' '));
	part = str_trim(str_cut(&line, '|'));
	word = str_cut(&part, ' ');
	if (str_u64(word, &status))
		s.status = (unsigned)status;
	s.type = str_trim(part);
	s.quirks = str_trim(line);
	return s;
}

static struct chat *begin(const struct chat_sample *s)
{
	struct chat *c = chat_new(s->dialect, &s->asked, NULL);

	chat_head(c, s->status, s->type, STR(""));
	return c;
}

struct chat *chat_sample_run(const struct chat_sample *s, size_t step)
{
	struct chat *c = begin(s);
	struct str rest = s->body;

	while (rest.n) {
		size_t n = step && step < rest.n ? step : rest.n;

		chat_feed(c, (struct str){rest.p, n}, 1);
		rest = str_skip(rest, n);
	}
	chat_end(c, s->ending);
	return c;
}

struct chat *chat_sample_cut(const struct chat_sample *s, size_t at)
{
	struct chat *c = begin(s);

	chat_feed(c, (struct str){s->body.p, at}, 1);
	chat_feed(c, str_skip(s->body, at), 2);
	chat_end(c, s->ending);
	return c;
}

struct chat *chat_sample_full(const struct chat_sample *s)
{
	struct chat *c = begin(s);

	c->no_template = true;
	chat_feed(c, s->body, 1);
	chat_end(c, s->ending);
	return c;
}

/* ---- what an answer says ---- */

static void show(struct buf *to, const char *name, const struct buf *b)
{
	if (b->n == 0)
		return;
	buf_addf(to, "%s=", name);
	buf_adds(to, buf_str(b));
	buf_addc(to, '\n');
}

static void number(struct buf *to, const char *name, uint64_t n)
{
	if (n)
		buf_addf(to, "%s=%" PRIu64 "\n", name, n);
}

static void dump_choice(const struct choice *h, struct buf *to)
{
	buf_addf(to, "choice %" PRIu32 " null=%d\n", h->index, h->content_null);
	show(to, " role", &h->role);
	show(to, " content", &h->content);
	show(to, " refusal", &h->refusal);
	show(to, " reasoning", &h->reasoning);
	show(to, " finish", &h->finish);
	show(to, " finish_detail", &h->finish_detail);
	number(to, " finishes", h->finishes);
	number(to, " logprobs", h->logprobs);
	number(to, " content_at", h->content_at);
	number(to, " reasoning_at", h->reasoning_at);
	number(to, " finish_at", h->finish_at);
	for (size_t i = 0; i < h->n_pieces; i++) {
		buf_addf(to, " piece %s\n", reasoning_name(h->pieces[i].name));
		show(to, "  text", &h->pieces[i].text);
		show(to, "  signature", &h->pieces[i].signature);
		show(to, "  id", &h->pieces[i].id);
		show(to, "  raw", &h->pieces[i].raw);
	}
	for (size_t i = 0; i < h->n_calls; i++) {
		const struct tool_call *t = &h->calls[i];

		buf_addf(to, " call %" PRIu32 " at %" PRIu64 "%s\n", t->index,
			 t->offset, t->object ? " object" : "");
		show(to, "  id", &t->id);
		show(to, "  type", &t->type);
		show(to, "  name", &t->name);
		show(to, "  arguments", &t->arguments);
		show(to, "  signature", &t->signature);
	}
}

static void dump_usage(const struct usage *u, struct buf *to)
{
	if (u->have)
		buf_addf(to,
			 "usage place=%d prompt=%" PRId64 " completion=%" PRId64
			 " total=%" PRId64 " cached=%" PRId64
			 " reasoning=%" PRId64 " at=%" PRIu64 "\n",
			 u->place, u->prompt, u->completion, u->total,
			 u->cached, u->reasoning, u->offset);
}

static void dump_quirks(const struct answer *a, struct buf *to)
{
	number(to, "n_quirks", a->n_quirks);
	for (int q = 0; q < QUIRKS; q++) {
		const struct quirk_seen *s = &a->quirks[q];

		if (s->seen)
			buf_addf(to, "%s at %" PRIu64 " %s\n",
				 quirk_rows[q].name, s->offset, s->what);
	}
}

void chat_dump(const struct chat *c, struct buf *to)
{
	const struct answer *a = chat_answer(c);

	buf_addf(to, "%s %u streamed=%d json=%d whole=%d cut=%d done=%d %s\n",
		 dialect_name(a->dialect), a->status, a->streamed, a->json,
		 a->whole, a->cut, a->done, a->blind ? a->blind : "");
	show(to, "id", &a->id);
	show(to, "model", &a->model);
	show(to, "fingerprint", &a->system_fingerprint);
	show(to, "tier", &a->service_tier);
	for (size_t i = 0; i < a->n_choices; i++)
		dump_choice(&a->choices[i], to);
	dump_usage(&a->usage, to);
	number(to, "error", a->error);
	show(to, "error_type", &a->error_type);
	show(to, "error_code", &a->error_code);
	show(to, "error_message", &a->error_message);
	show(to, "error_param", &a->error_param);
	dump_quirks(a, to);
	number(to, "events", a->events);
	number(to, "comments", a->comments);
	number(to, "text_events", a->text_events);
	number(to, "largest_text", a->largest_text);
	number(to, "bytes", a->bytes);
	number(to, "echo_n", a->echo_n);
	show(to, "echo", &a->echo);
	answer_to_json(a, to);
	buf_addc(to, '\n');
}

void chat_quirks(const struct chat *c, struct buf *to)
{
	const struct answer *a = chat_answer(c);

	for (int q = 0; q < QUIRKS; q++) {
		if (a->quirks[q].seen)
			buf_addf(to, "%s%s", to->n ? " " : "",
				 quirk_rows[q].name);
	}
}

struct buf chat_file(const char *path)
{
	struct buf b = {0};
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f) {
		perror(path);
		abort();
	}
	do {
		n = fread(buf_room(&b, 65536), 1, 65536, f);
		b.n += n;
	} while (n);
	fclose(f);
	return b;
}
