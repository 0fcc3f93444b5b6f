/* SPDX-License-Identifier: MIT */
/*
 * The walk over a request's text: the grammar of the outermost object and of
 * the history's array. What stands below is parsed, or taken from a request
 * that was read before.
 */
#include <assert.h>
#include <stdlib.h>

#include "rules/meaning/request_impl.h"

/* Where a dialect keeps what was said. */
static const struct place {
	struct str elements; /* an array of them */
	struct str text;     /* or one value, of the user */
	struct str top;	     /* one value, before all others */
} places[DIALECTS] = {
	[DIALECT_CHAT] = {STR("messages"), STR(""), STR("")},
	[DIALECT_COMPLETIONS] = {STR(""), STR("prompt"), STR("")},
	[DIALECT_RESPONSES] = {STR("input"), STR("input"), STR("instructions")},
	[DIALECT_MESSAGES] = {STR("messages"), STR(""), STR("system")},
};

struct walk {
	struct request *q;
	struct request_parts *parts;
	const struct place *place;
	struct str s;
	size_t at;
	const struct message_list *earlier; /* or NULL */
	size_t next;			    /* of them to be tried */
	struct request_memory *memory;	    /* or NULL */
	/* what was found */
	struct json **members;
	size_t n_members;
	bool duplicates;
	struct message **said;
	size_t *said_at;
	size_t n_said, n_shared;
	struct message *top;
	size_t top_at;
	bool top_shared;
	size_t cost;
	uint64_t bytes;	   /* hash of the value just read, as written */
	uint64_t hash;	   /* of all so far */
	const char *limit; /* why it was given up, or NULL */
};

static bool give_up(struct walk *w, const char *why)
{
	w->limit = why;
	return false;
}

static bool take(struct walk *w, char c)
{
	w->at = skim_space(w->s, w->at);
	if (w->at >= w->s.n || w->s.p[w->at] != c)
		return false;
	w->at++;
	return true;
}

/* Parses the value here into a document, where its bytes go too. */
static struct json *parse_here(struct walk *w, size_t end, unsigned above,
			       struct json_doc *doc, bool copy)
{
	struct json_limits limits = {REQUEST_MOST_DEPTH - above,
				     REQUEST_MOST_NODES};
	struct str text = {w->s.p + w->at, end - w->at};
	const struct json *node;
	struct json_error e;

	if (end == 0)
		return NULL;
	if (copy) {
		char *kept = json_doc_alloc(doc, text.n);
		memcpy(kept, text.p, text.n);
		text.p = kept;
	}
	node = json_parse(doc, text, &limits, &e);
	if (!node) {
		if (e.limit)
			give_up(w, "over a limit of depth or size");
		return NULL;
	}
	w->q->bytes_unseen += text.n;
	w->at = end;
	/* Nobody else has it yet: its key will be set. */
	return (struct json *)(uintptr_t)node;
}

static bool add_cost(struct walk *w, size_t cost)
{
	w->cost += cost;
	return w->cost <= REQUEST_MOST_COST ||
	       give_up(w, "over a limit of size");
}

/* ---- messages ---- */

static bool push(struct walk *w, struct message *m, size_t at, bool shared)
{
	if (w->n_said == REQUEST_MOST_MESSAGES) {
		message_unref(m);
		return give_up(w, "more messages than are looked at");
	}
	w->said = room_for_one(w->said, w->n_said, sizeof(*w->said));
	w->said_at = room_for_one(w->said_at, w->n_said, sizeof(*w->said_at));
	w->said_at[w->n_said] = at;
	if (shared && w->n_shared == w->n_said)
		w->n_shared++;
	w->said[w->n_said++] = m;
	w->next++;
	return true;
}

/* The end of all elements of m, if they stand here one after another. */
static size_t stands_here(const struct walk *w, const struct message *m)
{
	size_t at = w->at;

	for (size_t i = 0; i < m->n_nodes && at; i++) {
		if (i) {
			at = skim_space(w->s, at);
			if (at == w->s.n || w->s.p[at] != ',')
				return 0;
			at = skim_space(w->s, at + 1);
		}
		if (at == w->s.n)
			return 0;
		at = skim_same(w->s, at, m->nodes[i]);
	}
	return at;
}

static bool joins(const struct walk *w, enum role role)
{
	return w->q->dialect == DIALECT_RESPONSES && role == ROLE_ASSISTANT &&
	       w->n_said > 0 && w->said[w->n_said - 1]->role == ROLE_ASSISTANT;
}

/*
 * Is this message the same here as it was there? What an assistant said can
 * depend on its neighbours: items join to one message (the next element must
 * be the one that did not join there), and a last message is to be completed.
 */
static bool same_turn(struct walk *w, const struct message *m, size_t end)
{
	size_t at = skim_space(w->s, end);
	const struct message *follower;

	if (m->role != ROLE_ASSISTANT)
		return true;
	if (joins(w, m->role) || at == w->s.n)
		return false;
	if (w->q->dialect == DIALECT_MESSAGES)
		return w->s.p[at] == ',' && !m->partial;
	if (w->q->dialect != DIALECT_RESPONSES || w->s.p[at] == ']')
		return true;
	if (w->s.p[at] != ',' || w->next + 1 >= w->earlier->n)
		return false;
	follower = w->earlier->v[w->next + 1];
	at = skim_space(w->s, at + 1);
	return at < w->s.n && skim_same(w->s, at, follower->node);
}

static bool share(struct walk *w)
{
	struct message *m;
	size_t end;

	if (!w->earlier || w->next >= w->earlier->n)
		return false;
	m = w->earlier->v[w->next];
	end = stands_here(w, m);
	if (!end || !same_turn(w, m, end) || w->n_said == REQUEST_MOST_MESSAGES)
		return false;
	push(w, message_ref(m), w->at, true);
	w->at = end;
	return true;
}

static bool element(struct walk *w)
{
	size_t at = w->at;
	struct json_doc *doc;
	struct message *m;
	struct json *node;
	enum role role;

	if (share(w))
		return add_cost(w, message_cost(w->said[w->n_said - 1]));
	doc = json_doc_new();
	node = parse_here(w, skim_value(w->s, w->at), 2, doc, true);
	if (!node) {
		json_doc_free(doc);
		return false;
	}
	role = message_role(w->q->dialect, node);
	if (joins(w, role)) {
		m = w->said[w->n_said - 1];
		assert(m->refs == 1); /* see same_turn() */
		message_add(m, doc, node);
		return add_cost(w, json_doc_size(doc));
	}
	m = message_new();
	m->role = role;
	message_add(m, doc, node);
	return push(w, m, at, false) && add_cost(w, message_cost(m));
}

/* ---- members ---- */

static bool elements(struct walk *w)
{
	take(w, '['); /* it is there: see value() */
	if (take(w, ']'))
		return true;
	do {
		w->at = skim_space(w->s, w->at);
		if (!element(w))
			return false;
	} while (take(w, ','));
	return take(w, ']');
}

/* Once all elements are there. */
static uint64_t bytes_of(struct message *m)
{
	for (size_t i = 0; i < m->n_nodes && m->refs == 1; i++)
		m->bytes = chain_next(m->bytes, bytes_hash(m->nodes[i]));
	return m->bytes;
}

static struct json *history(struct walk *w, struct str name)
{
	size_t from = w->at;
	struct json *array, **to;
	uint32_t n = 0;

	w->next = w->earlier && w->earlier->top;
	if (!elements(w))
		return NULL;
	w->bytes = 0;
	for (size_t i = 0; i < w->n_said; i++) {
		n += (uint32_t)w->said[i]->n_nodes;
		w->bytes = chain_next(w->bytes, bytes_of(w->said[i]));
	}
	array = json_make(w->parts->doc, JSON_ARRAY, n,
			  (struct str){w->s.p + from, w->at - from});
	array->key = name;
	to = array->v;
	for (size_t i = 0; i < w->n_said; i++) {
		const struct message *m = w->said[i];
		memcpy(to, m->nodes, m->n_nodes * sizeof(*to));
		to += m->n_nodes;
	}
	return array;
}

/* A value that is a message of its own: a system prompt, a prompt. */
static struct message *lone(struct walk *w, enum role role, struct str name,
			    bool *shared)
{
	const struct message_list *e = w->earlier;
	struct message *m = e && e->n ? e->v[0] : NULL;
	struct json_doc *doc;
	struct json *node;
	size_t end = m && m->role == role ? stands_here(w, m) : 0;

	*shared = end != 0;
	if (*shared) {
		w->at = end;
		w->bytes = m->bytes;
		return message_ref(m);
	}
	doc = json_doc_new();
	node = parse_here(w, skim_value(w->s, w->at), 1, doc, true);
	if (!node) {
		json_doc_free(doc);
		return NULL;
	}
	node->key = name;
	m = message_new();
	m->role = role;
	message_add(m, doc, node);
	w->bytes = bytes_of(m);
	return m;
}

static struct json *lone_top(struct walk *w)
{
	w->top_at = w->at;
	w->top = lone(w, ROLE_SYSTEM, w->place->top, &w->top_shared);
	return w->top && add_cost(w, message_cost(w->top)) ? w->top->nodes[0]
							   : NULL;
}

static struct json *lone_text(struct walk *w)
{
	size_t at = w->at;
	bool shared;
	struct message *m = lone(w, ROLE_USER, w->place->text, &shared);

	return m && push(w, m, at, shared) && add_cost(w, message_cost(m))
		       ? m->nodes[0]
		       : NULL;
}

static struct member *member_new(struct walk *w, struct str name, size_t end)
{
	struct member *m = MEM_NEW(struct member);
	char *key;

	m->refs = 1;
	m->head = member_head(w->s, w->at);
	m->doc = json_doc_new();
	m->node = parse_here(w, end, 1, m->doc, true);
	if (!m->node) {
		member_unref(m);
		return NULL;
	}
	key = json_doc_alloc(m->doc, name.n + 1);
	memcpy(key, name.p, name.n);
	m->node->key = (struct str){key, name.n};
	m->bytes = bytes_hash(m->node);
	m->cost = json_doc_size(m->doc);
	if (w->memory)
		memory_keep_member(w->memory, m);
	return m;
}

static struct json *keep_member(struct walk *w, struct member *m)
{
	struct request_parts *parts = w->parts;

	parts->members = room_for_one(parts->members, parts->n_members,
				      sizeof(struct member *));
	parts->members[parts->n_members++] = m;
	w->bytes = m->bytes;
	return add_cost(w, m->cost) ? m->node : NULL;
}

static struct json *member(struct walk *w, struct str name)
{
	struct member *m = NULL;
	struct json *node;
	size_t end;

	if (w->memory)
		m = memory_member(w->memory, name, w->s, w->at);
	if (m) {
		w->at = skim_same(w->s, w->at, m->node);
		return keep_member(w, m);
	}
	end = skim_value(w->s, w->at);
	if (end && end - w->at >= MEMBER_LEAST) {
		m = member_new(w, name, end);
		return m ? keep_member(w, m) : NULL;
	}
	node = parse_here(w, end, 1, w->parts->doc, false);
	if (!node)
		return NULL;
	node->key = name;
	w->bytes = bytes_hash(node);
	return node;
}

static struct json *value(struct walk *w, struct str name)
{
	const struct place *p = w->place;
	char c = w->at < w->s.n ? w->s.p[w->at] : 0;
	bool list = c == '[', text = c == '"';

	if (list && p->elements.n && str_eq(name, p->elements))
		return history(w, p->elements);
	if ((text || list) && p->text.n && str_eq(name, p->text))
		return lone_text(w);
	if ((text || list) && p->top.n && str_eq(name, p->top))
		return lone_top(w);
	return member(w, name);
}

/* Vendors differ in which of two histories they read. */
static bool note_name(struct walk *w, struct str name)
{
	const struct place *p = w->place;

	if (w->n_members == REQUEST_MOST_MEMBERS)
		return give_up(w, "more members than are looked at");
	for (size_t i = 0; i < w->n_members; i++) {
		if (!str_eq(w->members[i]->key, name))
			continue;
		w->duplicates = true;
		if (name.n && (str_eq(name, p->elements) ||
			       str_eq(name, p->text) || str_eq(name, p->top)))
			return give_up(w, "says its history twice");
	}
	return true;
}

static bool named_value(struct walk *w)
{
	struct json *node;
	struct str name;

	w->at = skim_space(w->s, w->at);
	node = parse_here(w, skim_value(w->s, w->at), 1, w->parts->doc, false);
	if (!node || node->kind != JSON_STRING)
		return false;
	name = json_text(node);
	if (!take(w, ':') || !note_name(w, name))
		return false;
	w->at = skim_space(w->s, w->at);
	node = value(w, name);
	if (!node)
		return false;
	w->members =
		room_for_one(w->members, w->n_members, sizeof(struct json *));
	w->members[w->n_members++] = node;
	w->hash = chain_next(chain_next(w->hash, text_hash(name)), w->bytes);
	return true;
}

static bool object(struct walk *w)
{
	if (!take(w, '{'))
		return false;
	if (!take(w, '}')) {
		do {
			if (!named_value(w))
				return false;
		} while (take(w, ','));
		if (!take(w, '}'))
			return false;
	}
	return skim_space(w->s, w->at) == w->s.n;
}

/* ---- what becomes of it ---- */

static void read_fresh(struct message *m, enum dialect d,
		       struct json_doc *scratch)
{
	if (m->refs == 1) /* else it was read when it was made */
		message_read(m, d, m->role, scratch);
}

static void deliver_messages(struct walk *w)
{
	struct request *q = w->q;
	struct json_doc *scratch = json_doc_new();
	size_t top = w->top != NULL;

	q->n_messages = top + w->n_said;
	q->messages = mem_alloc((q->n_messages + 1) * sizeof(*q->messages));
	q->at = mem_alloc((q->n_messages + 1) * sizeof(*q->at));
	if (top) {
		q->messages[0] = w->top;
		q->at[0] = w->top_at;
	}
	if (w->n_said) {
		memcpy(q->messages + top, w->said,
		       w->n_said * sizeof(*w->said));
		memcpy(q->at + top, w->said_at, w->n_said * sizeof(size_t));
	}
	q->n_shared = top && !w->top_shared ? 0 : top + w->n_shared;
	for (size_t i = 0; i < q->n_messages; i++)
		read_fresh(q->messages[i], q->dialect, scratch);
	/* It was not shared: see same_turn(). */
	if (q->dialect == DIALECT_MESSAGES && w->n_said &&
	    w->said[w->n_said - 1]->role == ROLE_ASSISTANT)
		w->said[w->n_said - 1]->partial = true;
	json_doc_free(scratch);
}

static void deliver_root(struct walk *w)
{
	struct json *root = json_make(w->parts->doc, JSON_OBJECT,
				      (uint32_t)w->n_members, w->s);

	if (w->n_members)
		memcpy(root->v, w->members, w->n_members * sizeof(*root->v));
	root->duplicates = w->duplicates;
	w->q->root = root;
	w->q->body_hash = w->hash;
}

static void drop_messages(struct walk *w)
{
	for (size_t i = 0; i < w->n_said; i++)
		message_unref(w->said[i]);
	if (w->top)
		message_unref(w->top);
}

/* Not an object of JSON, or too much of it: parsed as a whole, to say why. */
static void explain(struct walk *w)
{
	struct request *q = w->q;
	struct json_limits limits = {REQUEST_MOST_DEPTH, REQUEST_MOST_NODES};

	json_doc_reset(w->parts->doc);
	q->body_hash = text_hash(q->body);
	if (!w->limit)
		q->root = json_parse(w->parts->doc, w->s, &limits, &q->bad);
	if (w->limit || q->bad.limit || json_is(q->root, JSON_OBJECT)) {
		q->unknown = true;
		q->root = NULL;
		q->why = w->limit ? w->limit : "over a limit of size";
	} else {
		q->why = q->root ? "not an object" : "not JSON";
	}
}

bool request_walk(struct request *q, const struct message_list *earlier,
		  struct request_memory *memory)
{
	struct walk w = {.q = q,
			 .parts = q->impl,
			 .place = &places[q->dialect],
			 .s = q->body,
			 .earlier = earlier,
			 .memory = memory};

	if (object(&w)) {
		deliver_messages(&w);
		deliver_root(&w);
	} else {
		drop_messages(&w);
		explain(&w);
	}
	free(w.members);
	free(w.said);
	free(w.said_at);
	return w.top != NULL;
}
