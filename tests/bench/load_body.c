/* SPDX-License-Identifier: MIT */
/*
 * Request bodies: none, one fixed JSON text, random bytes that never repeat, a
 * question whose answer is streamed, or agents' conversations, whose every
 * turn sends the whole history again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

enum { CONVERSATIONS = 16, TURNS = 60 };

/* One conversation: `text` grows by a turn's messages. */
struct talk {
	char *text;
	size_t n, cap;
	unsigned turn;
};

struct history {
	struct talk talk[CONVERSATIONS];
	unsigned next;
	char *out;
	size_t cap;
};

static uint64_t next_random(struct load *l)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return l->random;
}

/* Pronounceable words with a skewed frequency, as prose has. */
static size_t add_word(struct load *l, char *at)
{
	static const char cons[] = "bcdfghklmnprstvw", vow[] = "aeiou";
	uint64_t r = next_random(l);
	unsigned rank = 1u << (r % 13);
	uint64_t word = (r >> 8) % rank + rank;
	size_t n = 0;

	for (int i = 0; i < 2 + (int)(word & 1); i++) {
		at[n++] = cons[word % 16];
		word = word / 2 * 2654435761u % 65521;
		at[n++] = vow[word % 5];
	}
	at[n++] = ' ';
	return n;
}

static void add_message(struct load *l, struct talk *t, const char *role,
			size_t size)
{
	size_t stop = t->n + size;

	if (t->cap < stop + 256) {
		t->cap = (stop + 256) * 2;
		t->text = realloc(t->text, t->cap);
	}
	t->n += (size_t)sprintf(t->text + t->n,
				"%s{\"role\":\"%s\",\"content\":\"",
				t->n ? "," : "", role);
	while (t->n < stop)
		t->n += add_word(l, t->text + t->n);
	t->n += (size_t)sprintf(t->text + t->n, "\"}");
}

static const char *history_body(struct load *l, size_t *n)
{
	struct history *h = l->history;
	struct talk *t = &h->talk[h->next++ % CONVERSATIONS];
	size_t need;

	if (t->turn++ % TURNS == 0) {
		t->n = 0;
		add_message(l, t, "system", l->body_size / 2);
	}
	add_message(l, t, "user", l->body_size / TURNS / 2);
	add_message(l, t, "assistant", l->body_size / TURNS / 2);
	need = t->n + 256;
	if (h->cap < need) {
		h->cap = need * 2;
		h->out = realloc(h->out, h->cap);
	}
	*n = (size_t)sprintf(h->out,
			     "{\"model\":\"bench\",\"stream\":false,"
			     "\"messages\":[%.*s],\"temperature\":1}",
			     (int)t->n, t->text);
	return h->out;
}

static const char *plain_body(struct load *l, size_t *n)
{
	struct history *h = l->history;

	if (!h->out) {
		h->out = malloc(l->body_size + 8);
		memset(h->out, 'x', l->body_size);
		memcpy(h->out, "{\"p\":\"", 6);
		memcpy(h->out + l->body_size - 2, "\"}", 2);
	}
	if (l->body == BODY_RANDOM) {
		for (size_t i = 0; i < l->body_size; i += 8) {
			uint64_t r = next_random(l);
			memcpy(h->out + i, &r, 8);
		}
	}
	*n = l->body_size;
	return h->out;
}

const char *load_body(struct load *l, size_t *n)
{
	static const char chat[] =
		"{\"model\":\"practice-1\",\"messages\":[{\"role\":\"user\","
		"\"content\":\"Say what you see.\"}],\"stream\":true,"
		"\"stream_options\":{\"include_usage\":true}}";

	*n = 0;
	if (l->body == BODY_CHAT) {
		*n = sizeof chat - 1;
		return chat;
	}
	if (l->body == BODY_NONE)
		return "";
	if (!l->history)
		l->history = calloc(1, sizeof *l->history);
	return l->body == BODY_HISTORY ? history_body(l, n) : plain_body(l, n);
}
