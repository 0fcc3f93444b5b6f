/* SPDX-License-Identifier: MIT */
#include "judge_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

#define STARTED_WALL (1700000000 * NS_PER_S)

static void keep(char *to, size_t n, struct str s)
{
	snprintf(to, n, "%.*s", STR_ARG(s));
}

static void on_finding(void *arg, const struct finding *f)
{
	struct rig *g = arg;
	struct rig_finding *k = &g->found[g->n_found];

	assert_true(g->n_found < RIG_FINDINGS);
	g->n_found++;
	*k = (struct rig_finding){.exchange = f->exchange,
				  .severity = f->severity,
				  .party = f->party,
				  .provisional = f->provisional,
				  .live = g->open == f->exchange,
				  .at = f->at};
	keep(k->rule, sizeof k->rule, f->rule);
	keep(k->observed, sizeof k->observed, f->observed);
	keep(k->expected, sizeof k->expected, f->expected);
	keep(k->route, sizeof k->route, f->route);
	keep(k->model, sizeof k->model, f->model);
	assert_true(f->evidence.excerpt.n <= 200);
	assert_true(f->version.n > 0 && f->pack.n > 0);
}

static void on_judged(void *arg, const struct judged *x)
{
	struct rig *g = arg;

	g->last = *x;
	keep(g->finish, sizeof g->finish, x->finish);
	keep(g->model, sizeof g->model, x->model);
}

static const struct judge_events events = {on_finding, on_judged};

/* ---- packs ---- */

static void write_pack(const char *text, char path[40])
{
	int fd;

	strcpy(path, "/tmp/assay-pack-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

struct packs *rig_packs(const char *pack)
{
	struct packs *p = packs_new();
	struct fail f;
	char path[40];

	packs_add_builtin(p);
	if (!pack)
		return p;
	write_pack(pack, path);
	if (!packs_add_file(p, path, &f))
		fail_msg("%s", f.text);
	unlink(path);
	return p;
}

void rig_open(struct rig *g, const char *pack)
{
	*g = (struct rig){.packs = rig_packs(pack)};
	rig_judge(g, 0);
}

void rig_judge(struct rig *g, size_t memory)
{
	judge_free(g->j);
	g->j = judge_new(&(struct judge_options){.packs = g->packs,
						 .events = &events,
						 .arg = g,
						 .memory = memory});
}

void rig_close(struct rig *g)
{
	judge_free(g->j);
	packs_unref(g->packs);
}

/* ---- exchanges ---- */

static uint64_t started(int64_t id)
{
	return (uint64_t)id * 100 * NS_PER_S;
}

static uint64_t wait_of(const struct said *s)
{
	return s->wait_ns ? s->wait_ns : 5 * NS_PER_MS;
}

static void send_request_head(struct rig *g, int64_t id, const struct said *s)
{
	char head[300];

	snprintf(head, sizeof head,
		 "POST %s HTTP/1.1\r\nHost: v.example\r\n"
		 "Content-Type: application/json\r\n%s\r\n",
		 s->path ? s->path : "/v1/chat/completions",
		 s->asks ? s->asks : "");
	judge_head(g->j, id, EV_REQUEST, EV_HEAD_MAIN, str_of(head),
		   started(id));
}

static void send_body(struct rig *g, int64_t id, const struct said *s)
{
	struct str body = str_of(s->request);

	if (s->request_n)
		body.n = s->request_n;
	if (s->gap[EV_REQUEST])
		judge_gap(g->j, id, EV_REQUEST, s->gap[EV_REQUEST]);
	if (body.n)
		judge_data(g->j, id, EV_REQUEST, body, started(id) + NS_PER_MS);
}

static const char *type_of(const struct said *s)
{
	if (s->type)
		return s->type;
	return s->answer && *s->answer == '{' ? "application/json"
					      : "text/event-stream";
}

static void send_answer_head(struct rig *g, int64_t id, const struct said *s)
{
	char head[600];

	if (!s->answer)
		return;
	snprintf(head, sizeof head,
		 "HTTP/1.1 %u OK\r\nContent-Type: %s\r\n%s\r\n",
		 s->status ? s->status : 200, type_of(s),
		 s->fields ? s->fields : "Transfer-Encoding: chunked\r\n");
	judge_head(g->j, id, EV_RESPONSE, EV_HEAD_MAIN, str_of(head),
		   started(id) + wait_of(s));
}

static uint64_t send_answer(struct rig *g, int64_t id, const struct said *s)
{
	struct str rest = str_of(s->answer);
	uint64_t at = started(id) + wait_of(s);

	while (rest.n) {
		struct str piece = rest;

		if (s->step && piece.n > s->step)
			piece.n = s->step;
		judge_data(g->j, id, EV_RESPONSE, piece, at);
		rest = str_skip(rest, piece.n);
		at += s->step_ns ? s->step_ns : NS_PER_MS;
	}
	if (s->gap[EV_RESPONSE])
		judge_gap(g->j, id, EV_RESPONSE, s->gap[EV_RESPONSE]);
	return at;
}

int64_t rig_begin(struct rig *g, const struct said *s)
{
	int64_t id = ++g->next;
	struct ev_open o = {.route = str_of(s->route ? s->route : "default"),
			    .run = STR(""),
			    .started_wall = STARTED_WALL + started(id),
			    .started_mono = started(id)};

	g->open = id;
	judge_open(g->j, id, &o);
	send_request_head(g, id, s);
	if (s->answer_first)
		send_answer_head(g, id, s);
	send_body(g, id, s);
	if (!s->answer_first)
		send_answer_head(g, id, s);
	return id;
}

void rig_end(struct rig *g, int64_t id, const struct said *s)
{
	uint64_t end;
	struct ev_close c = {.outcome = s->outcome,
			     .status = s->status ? s->status : 200,
			     .answered_by_assay = s->by_assay};

	end = send_answer(g, id, s) - started(id);
	c.mark[EV_MARK_REQUEST_HEAD] = 1000;
	c.mark[EV_MARK_REQUEST_SENT] = 2 * NS_PER_MS;
	c.mark[EV_MARK_REQUEST_END] = s->unfinished ? 0 : NS_PER_MS;
	c.mark[EV_MARK_RESPONSE_END] = end;
	c.mark[EV_MARK_DONE] = end;
	c.bytes[EV_DIGEST_RESPONSE_IN] = s->bytes    ? s->bytes
					 : s->answer ? strlen(s->answer)
						     : 0;
	g->open = 0;
	judge_close(g->j, id, &c, s->conn);
	assert_int_equal(g->last.exchange, id);
}

int64_t rig_say(struct rig *g, const struct said *s)
{
	int64_t id = rig_begin(g, s);

	rig_end(g, id, s);
	return id;
}

/* ---- what was found ---- */

const struct rig_finding *rig_finding(const struct rig *g, int64_t id,
				      const char *rule)
{
	for (size_t i = 0; i < g->n_found; i++)
		if (g->found[i].exchange == id &&
		    strcmp(g->found[i].rule, rule) == 0)
			return &g->found[i];
	return NULL;
}

bool rig_found(const struct rig *g, int64_t id, const char *rule,
	       enum party party)
{
	for (size_t i = 0; i < g->n_found; i++)
		if (g->found[i].exchange == id && g->found[i].party == party &&
		    strcmp(g->found[i].rule, rule) == 0)
			return true;
	return false;
}

size_t rig_count(const struct rig *g, int64_t id)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n_found; i++) {
		const struct rig_finding *f = &g->found[i];

		if (f->exchange != id || f->severity == SEVERITY_INFO)
			continue;
		n++;
		print_message("%s %s %s: %s (%s)\n", f->rule,
			      severity_name(f->severity), party_name(f->party),
			      f->observed, f->expected);
	}
	return n;
}

struct judge_tally rig_tally(struct rig *g, const char *rule)
{
	const struct judge_tally *t;
	size_t n = judge_tallies(g->j, &t);

	for (size_t i = 0; i < n; i++)
		if (str_eq(t[i].rule->id, str_of(rule)))
			return t[i];
	return (struct judge_tally){0};
}
