/* SPDX-License-Identifier: MIT */
/*
 * The configuration file: one JSON object whose members are options.
 *
 *	{
 *		"upstream": ["https://a.example", "b=https://b.example"],
 *		"record": "strict",
 *		"workers": 2,
 *		"quiet": true
 *	}
 *
 * cJSON forgets where a member stood, so lines for messages are found by a
 * second walk over the text that is only made when there is something wrong.
 */
#include <assert.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/options_impl.h"

#define CONFIG_MOST (1u << 20)

struct config {
	struct options *o;
	const char *path;
	struct buf text;
	unsigned member; /* which one is being read, from 0 */
};

static bool read_all(int fd, struct buf *to, const char *path, struct fail *f)
{
	ssize_t n;

	do {
		n = read(fd, buf_room(to, 65536), 65536);
		if (n > 0)
			to->n += (size_t)n;
	} while ((n > 0 && to->n <= CONFIG_MOST) || (n < 0 && errno == EINTR));
	if (n < 0)
		return fail_set(f, FAIL_USER, "bad_config",
				"--config: cannot read %s: %s", path,
				strerror(errno));
	if (to->n > CONFIG_MOST)
		return fail_set(f, FAIL_USER, "bad_config",
				"--config: %s is larger than 1 MiB", path);
	return true;
}

static bool read_file(const char *path, struct buf *to, struct fail *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	bool ok;

	if (fd < 0)
		return fail_set(f, FAIL_USER, "bad_config",
				"--config: cannot open %s: %s", path,
				strerror(errno));
	ok = read_all(fd, to, path, f);
	close(fd);
	return ok;
}

static unsigned line_at(struct str text, size_t at)
{
	unsigned line = 1;

	for (size_t i = 0; i < at && i < text.n; i++)
		line += text.p[i] == '\n';
	return line;
}

/* Where the string that begins at `i` ends: at its closing quote. */
static size_t skip_string(struct str t, size_t i)
{
	for (i++; i < t.n && t.p[i] != '"'; i++) {
		if (t.p[i] == '\\')
			i++;
	}
	return i;
}

/* The line on which member number `which` of the outer object begins. */
static unsigned line_of_member(struct str t, unsigned which)
{
	unsigned depth = 0, seen = 0;

	for (size_t i = 0; i < t.n; i++) {
		char c = t.p[i];

		if (c == '"') {
			if (depth == 1 && seen == which)
				return line_at(t, i);
			i = skip_string(t, i);
		} else if (c == '{' || c == '[') {
			depth++;
		} else if (c == '}' || c == ']') {
			depth--;
		} else if (c == ',' && depth == 1) {
			seen++;
		}
	}
	return line_at(t, t.n);
}

static bool bad(const struct config *c, struct fail *f, const char *name,
		const char *why)
{
	return fail_set(f, FAIL_USER, "bad_config",
			"%s, line %u: \"%.40s\": %s", c->path,
			line_of_member(buf_str(&c->text), c->member), name,
			why);
}

/* A value as the text that the command line would have had. */
static bool text_of(const cJSON *v, bool flag, char number[32], struct str *out)
{
	if (flag) {
		*out = cJSON_IsTrue(v) ? STR("true") : STR("false");
		return cJSON_IsBool(v);
	}
	if (cJSON_IsString(v)) {
		*out = str_of(v->valuestring);
		return true;
	}
	if (!cJSON_IsNumber(v) || !isfinite(v->valuedouble))
		return false;
	snprintf(number, 32, "%.15g", v->valuedouble);
	*out = str_of(number);
	return true;
}

static bool take_one(const struct config *c, struct option_row *row,
		     const cJSON *v, struct fail *f)
{
	bool flag = row->def->kind == OPTION_FLAG;
	char number[32], why[OPTION_WHY];
	struct str text;

	if (!text_of(v, flag, number, &text))
		return bad(c, f, row->def->name,
			   flag ? "wanted is true or false"
				: "wanted is a string or a number");
	if (!option_check(row->def, text, why))
		return bad(c, f, row->def->name, why);
	options_store(row, &row->file, text);
	return true;
}

static bool take_member(const struct config *c, const cJSON *m, struct fail *f)
{
	struct option_row *row = options_find(c->o, str_of(m->string));
	const cJSON *v;

	if (!row || row->def->flags & OPTION_LINE_ONLY) {
		const char *near =
			row ? NULL : options_nearest(c->o, str_of(m->string));
		char why[OPTION_WHY] = "only the command line can have this";

		if (near)
			snprintf(why, sizeof why,
				 "unknown option: did you mean \"%s\"?", near);
		else if (!row)
			snprintf(why, sizeof why, "unknown option");
		return bad(c, f, m->string, why);
	}
	if (row->file.given)
		return bad(c, f, m->string, "is there twice");
	if (!cJSON_IsArray(m))
		return take_one(c, row, m, f);
	if (!(row->def->flags & OPTION_REPEAT))
		return bad(c, f, m->string, "takes one value, not a list");
	row->file.given = true;
	cJSON_ArrayForEach(v, m)
	{
		if (!take_one(c, row, v, f))
			return false;
	}
	return true;
}

static bool take_object(struct config *c, const cJSON *root, struct fail *f)
{
	const cJSON *m;

	if (!cJSON_IsObject(root))
		return fail_set(f, FAIL_USER, "bad_config",
				"%s, line 1: wanted is one JSON object",
				c->path);
	cJSON_ArrayForEach(m, root)
	{
		if (!take_member(c, m, f))
			return false;
		c->member++;
	}
	return true;
}

bool options_config(struct options *o, const char *path, struct fail *f)
{
	struct config c = {.o = o, .path = path};
	const char *end = NULL;
	cJSON *root;
	bool ok = false;

	assert(o && o->magic == OPTIONS_MAGIC);
	if (!read_file(path, &c.text, f))
		goto out;
	buf_addc(&c.text, '\0');
	c.text.n--;
	root = cJSON_ParseWithLengthOpts(c.text.p, c.text.n + 1, &end, true);
	if (root)
		ok = take_object(&c, root, f);
	else
		fail_set(f, FAIL_USER, "bad_config", "%s, line %u: %s", path,
			 line_at(buf_str(&c.text),
				 end ? (size_t)(end - c.text.p) : 0),
			 "not valid JSON (no comments, no comma at the end)");
	cJSON_Delete(root);
out:
	buf_free(&c.text);
	return ok;
}
