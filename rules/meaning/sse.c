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

/* A line that began in an earlier feed goes on with `piece`. */
static void add_piece(struct sse *s, struct str piece)
{
	/* room for the field's name beside the longest value */
	size_t most = s->most + 64;
	size_t room = most > s->line.n ? most - s->line.n : 0;

	s->line_n += piece.n;
	if (piece.n > room)
		piece.n = room;
	buf_adds(&s->line, piece);
}

/* The end of a line has come; `n` bytes of it (CR, LF) were read with it. */
static void end_line(struct sse *s, struct str piece, size_t n)
{
	if (s->line_n == 0) {
		take_line(s, piece, true, s->pos + piece.n + n);
		s->pos += piece.n + n;
		return;
	}
	add_piece(s, piece);
	take_line(s, buf_str(&s->line), false, s->pos + s->line_n + n);
	if (s->open && s->line_n > s->line.n)
		s->e.too_long = true;
	s->pos += s->line_n + n;
	s->line.n = 0;
	s->line_n = 0;
}

/* The first CR or LF, or NULL. CRs are rare: a search for each would read
 * everything twice, so the one for CR ends where the LF is. */
static const char *find_end(struct str s)
{
	const char *lf = memchr(s.p, '\n', s.n);
	const char *cr = memchr(s.p, '\r', lf ? (size_t)(lf - s.p) : s.n);

	return cr ? cr : lf;
}

void sse_feed(struct sse *s, struct str bytes)
{
	while (bytes.n) {
		const char *end;
		struct str piece;

		if (s->after_cr) {
			s->after_cr = false;
			if (bytes.p[0] == '\n') {
				bytes = str_skip(bytes, 1);
				s->pos++;
				continue;
			}
		}
		end = find_end(bytes);
		if (!end) {
			add_piece(s, bytes);
			break;
		}
		piece = (struct str){bytes.p, (size_t)(end - bytes.p)};
		s->after_cr = *end == '\r';
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
