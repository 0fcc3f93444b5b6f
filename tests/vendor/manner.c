/* SPDX-License-Identifier: MIT */
#include "manner.h"

#include "knobs.h"
#include "text.h"

bool manner_any(const struct talk *t)
{
	return t->speak != speak_none || bugs_any(&t->bugs);
}

void frame_put(cJSON *o, const char *key, cJSON *value)
{
	if (frame_get(o, key))
		cJSON_ReplaceItemInObjectCaseSensitive(o, key, value);
	else
		cJSON_AddItemToObject(o, key, value);
}

static struct str newline(const struct talk *t)
{
	return t->speak == speak_sglang ? STR("\r\n") : STR("\n");
}

void frame_print_bare(const struct talk *t, struct str data, struct buf *out)
{
	buf_adds(out,
		 t->speak == speak_moonshot ? STR("data:") : STR("data: "));
	buf_adds(out, data);
	buf_adds(out, newline(t));
	buf_adds(out, newline(t));
}

/* The private U+E000 stands for half of a character, escaped. */
static void add_halves(struct str text, struct buf *out)
{
	static const char mark[] = "\xee\x80\x80";
	const char *at;

	while ((at = memmem(text.p, text.n, mark, 3))) {
		size_t n = (size_t)(at - text.p);
		buf_add(out, text.p, n);
		buf_adds(out, STR("\\ud83d"));
		text = str_skip(text, n + 3);
	}
	buf_adds(out, text);
}

/* {"a":1,...} becomes {"a":1,"a":1,...}; the first value is no container. */
static void add_doubled(struct str text, struct buf *out)
{
	const char *comma = memchr(text.p, ',', text.n);
	size_t n = comma ? (size_t)(comma - text.p) + 1 : 0;

	buf_add(out, text.p, n);
	buf_adds(out, str_skip(text, n ? 1 : 0));
}

static void add_json(const struct frame *f, struct buf *out)
{
	char *json = cJSON_PrintUnformatted(f->data);
	struct str text = str_of(json);
	struct buf whole = {0};

	if (f->halved)
		text.n -= text.n / 3;
	add_halves(text, &whole);
	if (f->doubled)
		add_doubled(buf_str(&whole), out);
	else
		buf_adds(out, buf_str(&whole));
	buf_free(&whole);
	cJSON_free(json);
}

void frame_print(const struct talk *t, const struct frame *f, struct buf *out)
{
	struct buf data = {0};

	if (f->type.n) {
		buf_adds(out, STR("event: "));
		buf_adds(out, f->type);
		buf_adds(out, newline(t));
	}
	if (f->data)
		add_json(f, &data);
	else
		buf_adds(&data, STR("[DONE]"));
	frame_print_bare(t, buf_str(&data), out);
	buf_free(&data);
}

/* ---- a frame's way ---- */

static void read_draft(struct talk *t, struct frame *f)
{
	struct str text = buf_str(&t->draft), data;

	if (str_starts(text, STR("event: "))) {
		f->type = text_cut(&text, '\n');
		f->type = str_skip(f->type, strlen("event: "));
	}
	data = str_skip(text, strlen("data: "));
	f->data = cJSON_ParseWithLength(data.p, data.n);
	f->copies = 1;
}

static void frame_free(struct frame *f)
{
	cJSON_Delete(f->data);
	buf_free(&f->before);
	buf_free(&f->behind);
}

bool manner_next(struct talk *t, struct buf *out)
{
	struct frame f = {0};
	bool more;

	t->draft.n = 0;
	more = talk_next(t, &t->draft);
	read_draft(t, &f);
	f.last = !more;
	speak_bend(t, &f);
	bug_bend(t, &f);
	buf_adds(out, buf_str(&f.before));
	for (unsigned i = 0; i < f.copies && !f.dropped; i++)
		frame_print(t, &f, out);
	buf_adds(out, buf_str(&f.behind));
	more = more && !f.ends;
	t->frame++;
	frame_free(&f);
	return more;
}

void manner_whole(struct talk *t, struct buf *out)
{
	struct frame f = {.whole = true};
	struct buf body = {0};

	t->dialect->whole(t, &body);
	f.data = cJSON_ParseWithLength(body.p, body.n);
	speak_bend(t, &f);
	bug_bend(t, &f);
	add_json(&f, out);
	frame_free(&f);
	buf_free(&body);
}
