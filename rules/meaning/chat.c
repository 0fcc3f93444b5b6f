/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. The driver that all dialects share; chat_impl.h draws it.
 *
 * What a body is, is told by its first bytes, because the Content-Type lies:
 * a field of an event stream or a comment, or a bracket; only where they do
 * not tell, the Content-Type does. Until then, and for as long as a body is
 * one JSON value, it is kept; an event stream never is.
 *
 *	undecided --- "data:", ":" ... ---> events: sse_feed()
 *		  '-- "{", "<" ... -------> body: kept, parsed at the end
 *
 * Everything that is noted depends on the bytes and the ending alone, not on
 * the pieces in which they came. Bytes are checked to be UTF-8 before they are
 * read; in an event that is not, broken places are replaced before it is
 * parsed, as clients do.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "rules/meaning/chat_impl.h"
#include "rules/meaning/decode.h"

#define CHAT_MAGIC 0x63686174u /* "chat" */

enum form { FORM_UNDECIDED, FORM_EVENTS, FORM_BODY };

static const struct json_limits event_limits = {.max_nodes = 1 << 20};

/* ---- what is noticed ---- */

/* Whatever is odd about an answer that is an error anyway is no news. */
static bool is_success(const struct chat *c)
{
	return c->a.status == 0 || c->a.status / 100 == 2;
}

/* Cuts an incomplete character off the end of what snprintf cut. */
static void whole_characters(char *s, size_t n)
{
	size_t good = utf8_check((struct str){s, n});

	if (n - good < 4)
		s[good] = 0;
}

void chat_quirk(struct chat *c, enum quirk q, uint64_t offset, const char *fmt,
		...)
{
	struct quirk_seen *seen = &c->a.quirks[q];
	va_list args;
	int n;

	if (seen->seen || !is_success(c))
		return;
	seen->seen = true;
	seen->offset = offset;
	seen->at = c->at;
	c->a.n_quirks++;
	va_start(args, fmt);
	n = vsnprintf(seen->what, sizeof seen->what, fmt, args);
	va_end(args);
	if (n >= (int)sizeof seen->what)
		whole_characters(seen->what, sizeof seen->what - 1);
}

uint64_t chat_offset(const struct chat *c, const struct json *node)
{
	const char *p = node ? node->raw.p : c->source.p;

	if (!c->source_exact || p < c->source.p ||
	    p > c->source.p + c->source.n)
		return c->source_at;
	return c->source_at + (uint64_t)(p - c->source.p);
}

void chat_blind(struct chat *c, const char *why)
{
	if (!c->a.blind)
		c->a.blind = why;
}

void chat_cut(struct chat *c, const char *why)
{
	c->a.cut = true;
	chat_blind(c, why);
}

/* ---- JSON ---- */

static void look_over(struct chat *c, const struct json *j)
{
	if (j->duplicates)
		chat_quirk(c, QUIRK_event_duplicate_keys, chat_offset(c, j),
			   "%.*s", STR_ARG(j->raw));
	if (j->surrogates)
		chat_quirk(c, QUIRK_lone_surrogate, chat_offset(c, j), "%.*s",
			   STR_ARG(j->raw));
	for (uint32_t i = 0; i < j->n; i++)
		look_over(c, j->v[i]);
}

/* Parses c->source. */
static const struct json *parse(struct chat *c, struct json_error *e)
{
	const struct json *root;

	json_doc_reset(c->doc);
	c->mended = false;
	if (c->broken_utf8 && utf8_check(c->source) != c->source.n)
		chat_mend(c);
	root = json_parse(c->doc, c->source, &event_limits, e);
	if (root)
		look_over(c, root);
	else if (e->limit)
		chat_cut(c, "JSON deeper or larger than the limit");
	return root;
}

/* ---- events ---- */

static bool type_is(const struct chat *c, struct str type)
{
	return str_ieq(c->type, type);
}

static bool type_is_json(const struct chat *c)
{
	static const struct str suffix = STR("+json");

	return type_is(c, STR("application/json")) ||
	       type_is(c, STR("text/json")) ||
	       (c->type.n > suffix.n &&
		str_ieq(str_skip(c->type, c->type.n - suffix.n), suffix));
}

static void check_type(struct chat *c, bool good)
{
	if (c->type.n && !good)
		chat_quirk(c, QUIRK_content_type_wrong, 0, "%.*s",
			   STR_ARG(c->type));
}

static void on_first_event(struct chat *c, const struct sse_event *e)
{
	check_type(c, type_is(c, STR("text/event-stream")));
	if (c->asked.known && !c->asked.stream)
		chat_quirk(c, QUIRK_stream_unasked, e->offset, "%s", "");
}

static void on_done(struct chat *c)
{
	if (!c->ops->done_word)
		chat_quirk(c, QUIRK_done_unexpected, c->source_at, "[DONE]");
	else if (c->a.done)
		chat_quirk(c, QUIRK_chunk_after_done, c->source_at, "[DONE]");
	else
		c->a.done = true;
}

static void not_json(struct chat *c, const struct sse_event *e,
		     const struct json_error *bad)
{
	if (bad->limit)
		return;
	/* The rest of an event that was cut never was, or is not known. */
	if (e->cut && c->how != CHAT_WHOLE)
		return;
	chat_quirk(c, QUIRK_event_not_json, c->source_at, "%.*s",
		   STR_ARG(c->source));
	chat_blind(c, "an event that is not JSON");
}

static void read_event(struct chat *c, const struct sse_event *e)
{
	struct json_error bad;
	const struct json *root;

	if (str_eq(str_trim(e->data), STR("[DONE]"))) {
		on_done(c);
		return;
	}
	root = parse(c, &bad);
	if (!root) {
		not_json(c, e, &bad);
	} else if (root->kind != JSON_OBJECT) {
		chat_quirk(c, QUIRK_event_no_object, c->source_at, "%.*s",
			   STR_ARG(root->raw));
		chat_blind(c, "an event that is no object");
	} else {
		c->ops->event(c, e, root);
	}
}

static void read_in_full(struct chat *c, const struct sse_event *e)
{
	c->repeats = c->once = false;
	templates_begin(c->templates);
	read_event(c, e);
	if (!c->repeats || c->once || c->a.cut)
		templates_clear(c->templates);
	else if (!c->mended && e->n_data == 1)
		templates_learn(c->templates, e->type, e->data);
}

/* The text of a string that a template found. */
static struct str value_text(struct chat *c, const struct fit_value *v)
{
	struct json node = {.kind = JSON_STRING,
			    .escaped = true,
			    .raw = v->raw,
			    .doc = c->doc};

	return v->escaped ? json_text(&node) : v->raw;
}

static bool repeats_one(struct chat *c, const struct sse_event *e)
{
	const struct fit *fit;

	if (c->no_template || c->broken_utf8 || e->cut || e->n_data != 1)
		return false;
	fit = templates_fit(c->templates, e->type, e->data, c->next_sequence);
	if (!fit)
		return false;
	if (fit->counted)
		c->next_sequence++;
	if (fit->escaped)
		json_doc_reset(c->doc);
	c->mended = false;
	for (unsigned i = 0; i < fit->n; i++) {
		const struct fit_value *v = &fit->values[i];
		uint64_t at = (uint64_t)(v->raw.p - c->source.p);

		chat_append(c, v->to, value_text(c, v), c->source_at + at);
	}
	return true;
}

static void on_event(void *arg, const struct sse_event *e)
{
	struct chat *c = arg;
	struct answer *a = &c->a;

	if (a->cut)
		return;
	a->comments += e->comment;
	if (e->too_long)
		chat_cut(c, "an event over the limit");
	if (e->n_data == 0 || a->cut)
		return;
	c->source = e->data;
	c->source_at = e->data_at;
	c->source_exact = e->n_data == 1;
	if (a->events++ == 0)
		on_first_event(c, e);
	c->event_text = 0;
	if (!repeats_one(c, e))
		read_in_full(c, e);
	if (c->event_text == 0)
		return;
	if (a->text_events++ == 0)
		a->first_text_at = c->at;
	a->last_text_at = c->at;
	if (c->event_text > a->largest_text)
		a->largest_text = c->event_text;
}

/* ---- a whole body ---- */

static void read_body(struct chat *c)
{
	struct str bom = STR("\xef\xbb\xbf"), s = buf_str(&c->body);
	struct json_error bad;
	const struct json *root;

	c->source_at = str_starts(s, bom) ? bom.n : 0;
	c->source = str_skip(s, c->source_at);
	c->source_exact = true;
	root = parse(c, &bad);
	if (!root) {
		chat_blind(c, "not JSON");
		if (c->how == CHAT_WHOLE && !bad.limit)
			chat_quirk(c, QUIRK_body_not_json,
				   c->source_at + bad.offset, "%s", bad.why);
		return;
	}
	c->a.json = true;
	/* Google wraps errors: [{"error":{...}}] */
	if (root->kind == JSON_ARRAY && root->n == 1)
		root = root->v[0];
	check_type(c, type_is_json(c));
	if (root->kind != JSON_OBJECT) {
		chat_quirk(c, QUIRK_event_no_object, c->source_at, "%.*s",
			   STR_ARG(root->raw));
		chat_blind(c, "JSON, but no object");
		return;
	}
	c->ops->body(c, root);
	c->a.done = true;
	if (c->asked.known && c->asked.stream && !c->a.error)
		chat_quirk(c, QUIRK_stream_ignored, 0, "%s", "");
}

/* ---- what it is ---- */

/* Does a line that begins so begin an event stream? 0 no, 1 yes, -1 more
 * bytes will tell. */
static int is_field(struct str s)
{
	static const struct str fields[] = {STR(":"), STR("data:"),
					    STR("event:"), STR("id:"),
					    STR("retry:")};

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		if (str_starts(s, fields[i]))
			return 1;
		if (str_starts(fields[i], s))
			return -1;
	}
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What the body so far is; goes on where it left off. */
static enum form form_of(struct chat *c)
{
	static const struct str bom = STR("\xef\xbb\xbf");
	struct str s = buf_str(&c->body);
	int field;

	if (s.n < bom.n && str_starts(bom, s))
		return FORM_UNDECIDED;
	if (c->blank == 0 && str_starts(s, bom))
		c->blank = bom.n;
	while (c->blank < s.n && is_blank(s.p[c->blank]))
		c->blank++;
	s = str_skip(s, c->blank);
	field = is_field(s); /* of nothing: more will tell */
	if (field < 0)
		return FORM_UNDECIDED;
	if (field > 0)
		return FORM_EVENTS;
	if (s.p[0] == '{' || s.p[0] == '[')
		return FORM_BODY;
	return type_is(c, STR("text/event-stream")) ? FORM_EVENTS : FORM_BODY;
}

static void become(struct chat *c, enum form form)
{
	c->form = form;
	if (form != FORM_EVENTS)
		return;
	c->a.streamed = true;
	c->sse = sse_new(on_event, c, c->limits.event);
	sse_feed(c->sse, buf_str(&c->body));
	buf_free(&c->body);
	c->body = (struct buf){0};
}

static void take_body(struct chat *c, struct str s)
{
	if (s.n > c->limits.event - c->body.n) {
		chat_cut(c, "a body over the limit");
		return;
	}
	buf_adds(&c->body, s);
	if (c->form == FORM_UNDECIDED)
		become(c, form_of(c));
}

/* Decoded bytes. */
static void take(struct chat *c, struct str s)
{
	uint64_t left = c->limits.decoded - c->a.bytes;
	bool over = s.n > left;

	if (over)
		s.n = (size_t)left;
	chat_check_utf8(c, s);
	c->a.bytes += s.n;
	if (c->a.cut)
		return;
	if (c->form == FORM_EVENTS)
		sse_feed(c->sse, s);
	else
		take_body(c, s);
	if (over)
		chat_cut(c, "more bytes than the limit");
}

/* ---- from outside ---- */

static const struct chat_ops *const dialect_ops[DIALECTS] = {
	[DIALECT_CHAT] = &chat_openai_ops,
	[DIALECT_COMPLETIONS] = &chat_completions_ops,
	[DIALECT_RESPONSES] = &chat_responses_ops,
	[DIALECT_MESSAGES] = &chat_messages_ops,
};

#define OR(value, preset) ((value) ? (value) : (preset))

struct chat *chat_new(enum dialect d, const struct chat_asked *asked,
		      const struct chat_limits *limits)
{
	struct chat_limits l = limits ? *limits : (struct chat_limits){0};
	struct chat *c = MEM_NEW(struct chat);

	assert((unsigned)d < DIALECTS && dialect_ops[d]);
	c->magic = CHAT_MAGIC;
	c->ops = dialect_ops[d];
	c->own = mem_zero(c->ops->own);
	c->asked = *asked;
	c->asked.n = OR(asked->n, 1);
	c->limits = (struct chat_limits){.decoded = OR(l.decoded, 256 << 20),
					 .event = OR(l.event, 64 << 20),
					 .text = OR(l.text, 32 << 20),
					 .calls = OR(l.calls, 1024),
					 .choices = OR(l.choices, 256)};
	c->a.dialect = d;
	c->a.usage = (struct usage){.prompt = USAGE_NONE,
				    .completion = USAGE_NONE,
				    .total = USAGE_NONE,
				    .cached = USAGE_NONE,
				    .reasoning = USAGE_NONE};
	c->next_sequence = -1;
	c->doc = json_doc_new();
	c->templates = templates_new();
	return c;
}

void chat_free(struct chat *c)
{
	if (!c)
		return;
	assert(c->magic == CHAT_MAGIC);
	c->magic = 0;
	if (c->ops->free)
		c->ops->free(c);
	free(c->own);
	answer_free(&c->a);
	json_doc_free(c->doc);
	templates_free(c->templates);
	free((char *)(uintptr_t)c->type.p);
	decoder_free(c->decoder);
	sse_free(c->sse);
	buf_free(&c->decoded);
	buf_free(&c->body);
	buf_free(&c->mend);
	buf_free(&c->utf8);
	free(c);
}

void chat_head(struct chat *c, unsigned status, struct str type,
	       struct str coding)
{
	struct decode_limits limits = {c->limits.decoded, DECODE_GROWTH};

	assert(c->magic == CHAT_MAGIC && !c->type.p && !c->decoder);
	c->a.status = status;
	type = str_trim(str_cut(&type, ';'));
	c->type = (struct str){str_dup(type), type.n};
	c->decoder = decoder_new(coding, &limits);
	if (!decoder_is_needed(c->decoder)) {
		decoder_free(c->decoder);
		c->decoder = NULL;
	}
}

void chat_feed(struct chat *c, struct str bytes, uint64_t at)
{
	assert(c->magic == CHAT_MAGIC && !c->ended);
	c->at = at;
	if (!c->decoder) {
		take(c, bytes);
		return;
	}
	c->decoded.n = 0;
	decoder_feed(c->decoder, bytes, &c->decoded);
	take(c, buf_str(&c->decoded));
}

/* Is what was sent all in? Notes why not. */
static void end_bytes(struct chat *c)
{
	enum decode_verdict v = DECODE_WHOLE;

	if (c->how == CHAT_UNSEEN)
		chat_blind(c, "the rest was not seen");
	if (c->decoder)
		v = decoder_end(c->decoder);
	if (v != DECODE_WHOLE)
		chat_blind(c, decode_about(v));
	else if (c->how == CHAT_WHOLE && !c->a.cut)
		chat_end_utf8(c);
}

void chat_end(struct chat *c, enum chat_ending how)
{
	struct answer *a = &c->a;

	assert(c->magic == CHAT_MAGIC && !c->ended);
	c->ended = true;
	c->how = how;
	end_bytes(c);
	if (c->form == FORM_UNDECIDED)
		become(c, type_is(c, STR("text/event-stream")) ? FORM_EVENTS
							       : FORM_BODY);
	if (c->form == FORM_EVENTS)
		sse_end(c->sse);
	else if (!a->cut)
		read_body(c);
	chat_check_ids(c);
	if (c->ops->close)
		c->ops->close(c);
	a->whole = !a->blind;
	if (a->whole && is_success(c) && !a->error)
		c->ops->end(c, how);
}

const struct answer *chat_answer(const struct chat *c)
{
	assert(c->magic == CHAT_MAGIC);
	return &c->a;
}
