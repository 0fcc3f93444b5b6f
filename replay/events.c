/* SPDX-License-Identifier: MIT */
#include "events.h"

/* A line ends with LF, CR or CRLF; returns what it takes with its end. */
static size_t line_length(struct str s, size_t *without_end)
{
	size_t n = 0;

	while (n < s.n && s.p[n] != '\n' && s.p[n] != '\r')
		n++;
	*without_end = n;
	if (n < s.n && s.p[n] == '\r' && n + 1 < s.n && s.p[n + 1] == '\n')
		return n + 2;
	return n < s.n ? n + 1 : n;
}

bool event_line(struct str *text, struct str *line)
{
	size_t n, all;

	if (text->n == 0)
		return false;
	all = line_length(*text, &n);
	*line = (struct str){text->p, n};
	*text = str_skip(*text, all);
	return true;
}

static size_t skip_empty(struct str body, size_t at)
{
	if (at == 0 && str_starts(body, STR("\xef\xbb\xbf")))
		at = 3;
	while (at < body.n && (body.p[at] == '\n' || body.p[at] == '\r'))
		at++;
	return at;
}

bool event_next(struct str body, size_t *at, struct event *out)
{
	size_t begin = skip_empty(body, *at), end = begin, n, all;

	if (begin >= body.n)
		return false;
	*out = (struct event){{body.p + begin, 0}, begin, false};
	while (end < body.n && !out->whole) {
		all = line_length(str_skip(body, end), &n);
		end += all;
		out->whole = n == 0;
		if (n)
			out->text.n = end - begin;
	}
	out->end = *at = end;
	return true;
}
