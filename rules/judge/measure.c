/* SPDX-License-Identifier: MIT */
#include <xxhash.h>

#include "rules/judge/check_impl.h"
#include "rules/judge/meter.h"

/* ---- text ---- */

/* Which letters a text is mostly of: they cost tokens differently. */
enum letters { LETTERS_LATIN, LETTERS_WIDE, LETTERS_OTHER };

struct weight {
	uint64_t chars;
	/* Without white space, and of a run of one character four at most:
	 * such runs are single tokens, however long. */
	uint64_t solid;
	uint64_t wide;	/* from U+3000 on */
	uint64_t other; /* from U+0340 on */
};

static struct weight weigh(struct str s)
{
	struct weight w = {0};
	unsigned run = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char ch = (unsigned char)s.p[i];

		if ((ch & 0xc0) == 0x80)
			continue;
		run = i && s.p[i] == s.p[i - 1] ? run + 1 : 0;
		w.chars++;
		w.solid += ch > ' ' && run < 4;
		w.wide += ch >= 0xe3;
		w.other += ch >= 0xcd && ch < 0xe3;
	}
	return w;
}

static enum letters letters_of(const struct weight *w)
{
	if (w->wide * 4 > w->chars)
		return LETTERS_WIDE;
	return w->other * 4 > w->chars ? LETTERS_OTHER : LETTERS_LATIN;
}

/* ---- what the tokens are for ---- */

/* Reasoning that is charged for, and not shown or shown as a summary. */
static bool hides_reasoning(const struct answer *a)
{
	for (size_t i = 0; i < a->n_choices; i++) {
		const struct choice *ch = &a->choices[i];

		for (size_t k = 0; k < ch->n_pieces; k++) {
			const struct reasoning *p = &ch->pieces[k];
			bool plain = p->name == REASONING_REASONING_CONTENT ||
				     p->name == REASONING_REASONING;

			if (p->name != REASONING_SIGNATURE &&
			    !(plain && p->text.n))
				return true;
		}
	}
	return false;
}

static bool has_any(const struct json *root, const char *const *names)
{
	for (; *names; names++) {
		const struct json *v = json_get(root, str_of(*names));

		if (v && v->kind != JSON_NULL && v->kind != JSON_FALSE)
			return true;
	}
	return false;
}

/* Tools that the vendor runs itself cost tokens that nobody sees. */
static bool has_vendor_tools(const struct request *q)
{
	const struct json *tools = json_get(q->root, STR("tools"));

	for (uint32_t i = 0; json_is(tools, JSON_ARRAY) && i < tools->n; i++) {
		const struct json *type = json_get(tools->v[i], STR("type"));

		if (type && !json_says(type, STR("function")) &&
		    !json_says(type, STR("custom")))
			return true;
	}
	return false;
}

/* Asked for in a way that is charged for more than the text. */
static bool charges_more(const struct request *q)
{
	static const char *const names[] = {"best_of",	  "prediction", "audio",
					    "modalities", "plugins",	NULL};

	return has_any(q->root, names) || has_vendor_tools(q);
}

bool meter_is_closed(const struct request *q)
{
	static const char *const names[] = {"conversation",
					    "plugins",
					    "web_search_options",
					    "mcp_servers",
					    "context_management",
					    "container",
					    "truncation",
					    "transforms",
					    "models",
					    "route",
					    "provider",
					    NULL};

	for (size_t i = 0; i < q->n_messages; i++)
		if (q->messages[i]->images)
			return false;
	return !q->previous_response.n && !has_any(q->root, names) &&
	       !has_vendor_tools(q) &&
	       !(q->dialect == DIALECT_RESPONSES &&
		 json_get(q->root, STR("prompt")));
}

/* ---- the measure ---- */

struct sums {
	uint64_t answer, reasoning; /* characters */
	enum letters letters;	    /* of the first text */
};

static void add_calls(const struct choice *ch, struct measure *m,
		      struct sums *s)
{
	m->calls += ch->n_calls;
	for (size_t i = 0; i < ch->n_calls; i++) {
		const struct tool_call *call = &ch->calls[i];

		m->bytes += call->arguments.n + call->name.n;
		s->answer += check_characters(buf_str(&call->arguments));
	}
}

static struct sums add_up(const struct answer *a, struct measure *m)
{
	struct sums s = {0};

	for (size_t i = 0; i < a->n_choices; i++) {
		const struct choice *ch = &a->choices[i];
		struct weight content = weigh(buf_str(&ch->content));
		struct weight reasoning = weigh(buf_str(&ch->reasoning));

		m->bytes += ch->content.n + ch->refusal.n + ch->reasoning.n;
		m->solid += content.solid;
		s.answer +=
			content.chars + check_characters(buf_str(&ch->refusal));
		s.reasoning += reasoning.chars;
		add_calls(ch, m, &s);
		if (i == 0)
			s.letters = letters_of(content.chars ? &content
							     : &reasoning);
	}
	return s;
}

static uint64_t range_key(const struct check_case *c, unsigned basis,
			  enum letters letters)
{
	uint64_t h = XXH64(c->route.p, c->route.n, basis * 8 + letters);

	return XXH64(c->q->model.p, c->q->model.n, h);
}

/* Completions with `echo`: the text is more than was completed. */
static bool repeats_prompt(const struct request *q)
{
	bool echo = false;

	return json_bool(json_get(q->root, STR("echo")), &echo) && echo;
}

bool measure(const struct check_case *c, struct measure *m)
{
	const struct request *q = check_asked(c);
	const struct usage *u;
	bool said, apart;
	struct sums s;

	*m = (struct measure){0};
	if (!q || !check_served(c) || !check_whole(c) || !c->a->usage.have ||
	    c->a->usage.completion < 0 || repeats_prompt(q))
		return false;
	u = &c->a->usage;
	s = add_up(c->a, m);
	said = u->reasoning > 0 && u->reasoning <= u->completion;
	apart = said || !s.reasoning;
	m->tokens = u->completion - (said ? u->reasoning : 0);
	m->chars = s.answer + (apart ? 0 : s.reasoning);
	m->hidden = charges_more(q) ||
		    (!said && (hides_reasoning(c->a) ||
			       (c->mode == MODE_THINKING && !s.reasoning)));
	m->sample = !m->hidden && m->chars >= METER_CHARS && m->tokens > 0;
	if (m->sample)
		m->ratio = (double)m->tokens / (double)m->chars;
	m->key = range_key(c, apart, s.letters);
	return m->bytes > 0;
}
