/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. Lines are cut first, events put together from lines. A line that
 * lies whole in what was fed is looked at where it lies; only what crosses
 * two feeds is copied.
 *
 *	feed ...data: {"a":1}\n | \ndata: {"b" | :2}\n\n
 *					 line ---'
 * An event of one data: line, fed whole, is told from the very bytes; its
 * value is kept in `data` only when the feed ends, or a second data: line
 * comes, before its empty line does.
 */
#include "rules/meaning/sse.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"

struct sse {
	sse_fn *on_event;
	void *arg;
	size_t most;
	uint64_t pos;	    /* bytes of the stream before the line at hand */
	struct buf line;    /* the beginning of a line that crosses feeds */
	uint64_t line_n;    /* its bytes, kept or not */
	bool after_cr;	    /* a LF that follows belongs to the CR before */
	bool begun;	    /* the first line has been seen (BOM) */
	bool open;	    /* the event at hand has a line */
	struct sse_event e; /* the event at hand */
	struct str only;    /* its one data: value, within the bytes fed */
	struct buf data, type, id;
};

struct sse *sse_new(sse_fn *on_event, void *arg, size_t most)
{
	struct sse *s = MEM_NEW(struct sse);

	s->on_event = on_event;
	s->arg = arg;
	s->most = most;
	return s;
}

void sse_free(struct sse *s)
{
	if (!s)
		return;
	buf_free(&s->line);
	buf_free(&s->data);
	buf_free(&s->type);
	buf_free(&s->id);
	free(s);
}

/* ---- events ---- */

static void tell(struct sse *s, uint64_t end)
{
	s->e.data = s->only.p ? s->only : buf_str(&s->data);
	s->e.type = buf_str(&s->type);
	s->e.id = buf_str(&s->id);
	s->e.end = end;
	s->on_event(s->arg, &s->e);
	s->e = (struct sse_event){0};
	s->only = (struct str){0};
	s->data.n = s->type.n = s->id.n = 0;
	s->open = false;
}

/* Bytes of an event are kept up to the limit. */
static void keep(struct sse *s, struct str piece)
{
	size_t room = s->most > s->data.n ? s->most - s->data.n : 0;

	if (piece.n > room) {
		s->e.too_long = true;
		piece.n = room;
	}
	buf_adds(&s->data, piece);
}

/* What lies in the feed must be kept before the feed is gone. */
static void keep_only(struct sse *s)
{
	struct str only = s->only;

	s->only = (struct str){0};
	if (only.p)
		keep(s, only);
}

static void add_data(struct sse *s, struct str value, uint64_t at, bool lent)
{
	if (s->e.n_data++ == 0) {
		s->e.data_at = at;
		if (lent && value.n <= s->most) {
			s->only = value.n ? value : STR("");
			return;
		}
	} else {
		keep_only(s);
		keep(s, STR("\n"));
	}
	keep(s, value);
}

static void set_text(struct sse *s, struct buf *to, struct str value)
{
	to->n = 0;
	if (value.n > s->most)
		value.n = s->most;
	buf_adds(to, value);
}

/* ---- lines ---- */

/* `lent`: the bytes live as long as the feed. `end`: behind the line's end. */
static void take_line(struct sse *s, struct str line, bool lent, uint64_t end)
{
	struct str name = line, value = {"", 0};
	uint64_t at = s->pos;
	const char *colon;

	if (!s->begun && str_starts(line, STR("\xef\xbb\xbf"))) {
		line = name = str_skip(line, 3);
		at += 3;
	}
	s->begun = true;
	if (line.n == 0) {
		if (s->open)
			tell(s, end);
		return;
	}
	if (!s->open)
		s->e.offset = at;
	s->open = true;
	colon = memchr(line.p, ':', line.n);
	if (colon) {
		name.n = (size_t)(colon - line.p);
		value = str_skip(line, name.n + 1);
		if (value.n && value.p[0] == ' ')
			value = str_skip(value, 1);
		at += (uint64_t)(value.p - line.p);
	} else {
		at += line.n;
	}
	if (name.n == 0)
		s->e.comment = true;
	else if (str_eq(name, STR("data")))
		add_data(s, value, at, lent);
	else if (str_eq(name, STR("event")))
		set_text(s, &s->type, value);
	else if (str_eq(name, STR("id")))
		set_text(s, &s->id, value);
}

/* Room for the field's name beside the longest value. */
static size_t line_most(const struct sse *s)
{
	return s->most + 64;
}

/* A line that began in an earlier feed goes on with `piece`. */
static void add_piece(struct sse *s, struct str piece)
{
	size_t most = line_most(s);
	size_t room = most > s->line.n ? most - s->line.n : 0;

	s->line_n += piece.n;
	if (piece.n > room)
		piece.n = room;
	buf_adds(&s->line, piece);
}

/* The end of a line has come; `n` bytes of it (CR, LF) were read with it. */
static void end_line(struct sse *s, struct str piece, size_t n)
{
	uint64_t all = s->line_n + piece.n;
	bool lent = s->line_n == 0;

	if (!lent) {
		add_piece(s, piece);
		piece = buf_str(&s->line);
	}
	take_line(s, piece, lent, s->pos + all + n);
	if (s->open && all > line_most(s))
		s->e.too_long = true;
	s->pos += all + n;
	s->line.n = 0;
	s->line_n = 0;
}

/* A LF behind the CR that ended the last line. */
static struct str skip_lf(struct sse *s, struct str bytes)
{
	if (s->after_cr && bytes.p[0] == '\n') {
		bytes = str_skip(bytes, 1);
		s->pos++;
	}
	s->after_cr = false;
	return bytes;
}

void sse_feed(struct sse *s, struct str bytes)
{
	const char *stop = bytes.p + bytes.n, *lf = bytes.p;

	while (bytes.n && (bytes = skip_lf(s, bytes)).n) {
		struct str piece = {bytes.p, 0};
		const char *cr;

		/* CRs are rare: they are looked for up to the next LF, which
		 * is looked for but once. */
		if (lf <= bytes.p) {
			lf = memchr(bytes.p, '\n', bytes.n);
			lf = lf ? lf : stop;
		}
		cr = memchr(bytes.p, '\r', (size_t)(lf - bytes.p));
		piece.n = (size_t)((cr ? cr : lf) - bytes.p);
		if (piece.n == bytes.n) {
			add_piece(s, bytes);
			break;
		}
		s->after_cr = cr;
		bytes = str_skip(bytes, piece.n + 1);
		end_line(s, piece, 1);
	}
	keep_only(s);
}

void sse_end(struct sse *s)
{
	if (s->line_n)
		end_line(s, (struct str){"", 0}, 0);
	if (!s->open)
		return;
	s->e.cut = true;
	tell(s, s->pos);
}
