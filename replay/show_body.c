/* SPDX-License-Identifier: MIT */
/* A body for people: JSON indented, events laid out, text, or a hex dump. */
#include <ctype.h>
#include <stdio.h>

#include "events.h"
#include "pretty.h"
#include "print/human.h"
#include "print/text.h"
#include "show.h"
#include "timeline.h"

enum { DUMP_BYTES = 256, DUMP_LINE = 16, TIME_COLUMNS = 10 };

/* ---- what it is ---- */

static bool type_is(const struct exhibit_body *b, struct str prefix)
{
	struct str type = buf_str(&b->type);

	type.n = type.n < prefix.n ? type.n : prefix.n;
	return str_ieq(type, prefix);
}

static bool is_events(const struct exhibit_body *b)
{
	return type_is(b, STR("text/event-stream"));
}

static bool has_nul(struct str s)
{
	return s.n && memchr(s.p, '\0', s.n);
}

bool show_is_text(const struct exhibit_body *b)
{
	struct str s = b->plain;

	if (b->coded && b->verdict == DECODE_UNKNOWN)
		return false;
	if (has_nul(s))
		return false;
	return type_is(b, STR("text/")) ||
	       type_is(b, STR("application/json")) || text_valid(s);
}

/* ---- events ---- */

static void time_column(struct out *o, uint64_t at, bool repeated)
{
	char text[HUMAN_SIZE + 1];
	size_t n;

	timeline_offset(at, text);
	if (repeated || !at)
		text[0] = '\0';
	n = text_columns(str_of(text));
	out_tone(o, TONE_DIM);
	out_repeat(o, " ", n < TIME_COLUMNS ? TIME_COLUMNS - n : 0);
	out_f(o, "%s", text);
	out_tone(o, TONE_PLAIN);
	out_f(o, "  ");
}

/* Part of a word, or of a character of several bytes? */
static bool in_word(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/*
 * A field's value. What it begins and ends with like the one before it is
 * dim, whole words at a time, so that what is new in a long stream of like
 * events stands out.
 */
static void value_text(struct out *o, struct str v, struct str before)
{
	size_t most = v.n < before.n ? v.n : before.n, head = 0, tail = 0;

	while (head < most && v.p[head] == before.p[head])
		head++;
	while (tail < most - head &&
	       v.p[v.n - 1 - tail] == before.p[before.n - 1 - tail])
		tail++;
	while (head && in_word(v.p[head - 1]))
		head--;
	while (tail && in_word(v.p[v.n - tail]))
		tail--;
	out_tone(o, TONE_DIM);
	out_line(o, (struct str){v.p, head});
	out_tone(o, TONE_PLAIN);
	out_line(o, (struct str){v.p + head, v.n - head - tail});
	out_tone(o, TONE_DIM);
	out_line(o, str_skip(v, v.n - tail));
	out_tone(o, TONE_PLAIN);
}

/* Comments are dim as a whole. */
static void event_line_text(struct out *o, struct str line, struct str before)
{
	struct str value = line, name = str_cut(&value, ':');

	out_tone(o, name.n ? TONE_ACCENT : TONE_DIM);
	out_line(o, name);
	if (value.p)
		out_f(o, ":");
	if (name.n) {
		out_tone(o, TONE_PLAIN);
		str_cut(&before, ':');
		value_text(o, value, before);
	} else {
		out_line(o, value);
		out_tone(o, TONE_PLAIN);
	}
	out_f(o, "\n");
}

/* `before`: the event before, line by line alongside. */
static void event_lines(struct out *o, struct str text, struct str before)
{
	struct str line, like = {0};
	bool first = true;

	while (event_line(&text, &line)) {
		if (!event_line(&before, &like))
			like.n = 0;
		if (!first)
			out_repeat(o, " ", TIME_COLUMNS + 2);
		first = false;
		event_line_text(o, line, like);
	}
}

static void events(struct out *o, const struct exhibit_body *b)
{
	uint64_t last = UINT64_MAX;
	struct event e = {.whole = true};
	size_t at = 0, count = 0;
	struct str before = {0};
	char n[HUMAN_SIZE];

	while (!o->gone && event_next(b->plain, &at, &e)) {
		uint64_t when = exhibit_arrived(b, e.end - 1);

		time_column(o, when, when == last);
		event_lines(o, e.text, before);
		before = e.text;
		last = when;
		count++;
	}
	out_tone(o, TONE_DIM);
	out_f(o, "  %s events", human_count(count, n));
	if (!e.whole)
		out_f(o, "; the last is cut off: no empty line follows it");
	out_tone(o, TONE_PLAIN);
	out_f(o, "\n");
}

/* ---- text and bytes ---- */

static void plain(struct out *o, struct str s)
{
	out_lines(o, s);
	if (s.n && s.p[s.n - 1] != '\n')
		out_f(o, "\n");
}

static void dump_line(struct out *o, struct str s, size_t at)
{
	out_f(o, "  %08zx ", at);
	for (size_t i = 0; i < DUMP_LINE; i++) {
		if (i < s.n)
			out_f(o, " %02x", (unsigned char)s.p[i]);
		else
			out_f(o, "   ");
	}
	out_f(o, "  ");
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		out_bytes(o, c >= 0x20 && c < 0x7f ? (struct str){&c, 1}
						   : STR("."));
	}
	out_f(o, "\n");
}

static void dump(struct out *o, struct str s)
{
	size_t n = s.n < DUMP_BYTES ? s.n : DUMP_BYTES;
	char all[HUMAN_SIZE];

	for (size_t i = 0; i < n; i += DUMP_LINE) {
		size_t part = n - i < DUMP_LINE ? n - i : DUMP_LINE;
		dump_line(o, (struct str){s.p + i, part}, i);
	}
	out_tone(o, TONE_DIM);
	out_f(o, "  binary, %s bytes%s", human_count(s.n, all),
	      s.n > n ? ", of which these are the first" : "");
	out_tone(o, TONE_PLAIN);
	out_f(o, "\n");
}

/* ---- notes ---- */

static void note(struct out *o, const char *text)
{
	out_tone(o, TONE_WARN);
	out_f(o, "  (%s)", text);
	out_tone(o, TONE_PLAIN);
	out_f(o, "\n");
}

static void notes(struct out *o, const struct exhibit_body *b, bool text)
{
	char line[160], n[HUMAN_SIZE];
	size_t wrong = text ? text_broken(b->plain) : 0;

	if (b->coded && b->verdict != DECODE_WHOLE) {
		snprintf(line, sizeof line, "%s", decode_about(b->verdict));
		if (b->verdict == DECODE_LIMIT)
			snprintf(line, sizeof line,
				 "cut after %s decoded bytes: --max-decoded "
				 "allows more",
				 human_count(b->plain.n, n));
		note(o, line);
	}
	if (b->gaps) {
		snprintf(line, sizeof line,
			 "%s bytes are missing in %zu gap%s%s",
			 human_count(b->missing, n), b->gaps,
			 b->gaps == 1 ? "" : "s",
			 b->coded ? "; decoded up to the first" : "");
		note(o, line);
	}
	if (wrong) {
		snprintf(line, sizeof line,
			 "%s places are not UTF-8, shown as \ufffd",
			 human_count(wrong, n));
		note(o, line);
	}
}

void show_body(struct out *o, const struct exhibit_body *b)
{
	bool text = show_is_text(b);

	if (!text)
		dump(o, b->plain);
	else if (is_events(b))
		events(o, b);
	else if (!pretty_json(o, b->plain, 0))
		plain(o, b->plain);
	notes(o, b, text);
}
