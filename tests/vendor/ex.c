/* SPDX-License-Identifier: MIT */
#include "ex.h"

#include <assert.h>
#include <stdlib.h>

#include "chat.h"
#include "endpoints.h"
#include "reply.h"
#include "shape.h"
#include "squeeze.h"
#include "text.h"

static void fire(struct timer *t)
{
	struct ex *ex = (struct ex *)((char *)t - offsetof(struct ex, timer));

	assert(ex->magic == EX_MAGIC);
	ex->ready = true;
	ex->wake(ex);
}

static EVP_MD_CTX *sha256_new(void)
{
	EVP_MD_CTX *sha = EVP_MD_CTX_new();
	int rc = sha ? EVP_DigestInit_ex(sha, EVP_sha256(), NULL) : 0;

	assert(rc == 1);
	return sha;
}

/* Texts lie in the head, which is gone later. */
static bool decode_texts(struct ex *ex)
{
	return text_base64url(&ex->say, ex->knobs.say) &&
	       text_base64url(&ex->think, ex->knobs.think);
}

/* Knobs in rising precedence: process, header, query. */
static bool read_knobs(struct ex *ex, const struct request *r, struct str query,
		       struct str *bad)
{
	ex->knobs = ex->w->config->knobs;
	if (r->vendor.p && !knobs_parse(&ex->knobs, r->vendor, ',', true, bad))
		return false;
	if (query.n)
		knobs_parse(&ex->knobs, query, '&', false, NULL);
	*bad = STR("say or think is not base64url");
	return decode_texts(ex);
}

static void choose(struct ex *ex, const struct request *r, struct str query)
{
	struct str bad;

	if (!read_knobs(ex, r, query, &bad)) {
		knobs_init(&ex->knobs);
		ex->endpoint = &endpoint_bad_knob;
		buf_adds(&ex->note, bad);
		return;
	}
	if (ex->knobs.no_notify && ex->knobs.truncate == KNOB_UNSET)
		ex->knobs.close = true;
	if (ex->knobs.status && ex->endpoint->mode != BODY_DROP)
		ex->mode = BODY_DROP;
}

void ex_begin(struct ex *ex, struct worker *w, const struct request *r,
	      void (*wake)(struct ex *ex))
{
	struct str query = r->target;
	struct str path = text_cut(&query, '?');

	*ex = (struct ex){.magic = EX_MAGIC,
			  .w = w,
			  .wake = wake,
			  .version = r->version,
			  .timer.fire = fire};
	w->counters->requests++;
	ex->head_only = str_eq(r->method, STR("HEAD"));
	ex->endpoint = endpoint_find(path, r->method);
	ex->mode = ex->endpoint->mode;
	choose(ex, r, query);
	ex->encoding = squeeze_named(r->encoding);
	if (ex->endpoint->begin)
		ex->endpoint->begin(ex, r);
	if (ex->mode == BODY_DIGEST)
		ex->sha = sha256_new();
	if (ex->knobs.trailers)
		ex->shape.sha = sha256_new();
}

void ex_data(struct ex *ex, const char *p, size_t n)
{
	ex->body_n += n;
	if (ex->mode == BODY_KEEP)
		buf_add(&ex->body, p, n);
	else if (ex->mode == BODY_DIGEST)
		EVP_DigestUpdate(ex->sha, p, n);
}

void ex_trailer(struct ex *ex, struct field f)
{
	buf_adds(&ex->trailers, ex->trailers.n ? STR(",[") : STR("["));
	text_json_latin1(&ex->trailers, f.name);
	buf_addc(&ex->trailers, ',');
	text_json_latin1(&ex->trailers, f.value);
	buf_addc(&ex->trailers, ']');
}

static void get_ready(struct ex *ex)
{
	if (ex->knobs.hang)
		return;
	if (ex->knobs.delay_ms)
		loop_timer_set(ex->w, &ex->timer,
			       loop_clock() + ex->knobs.delay_ms * 1000000u);
	else
		ex->ready = true;
}

void ex_end(struct ex *ex)
{
	assert(ex->magic == EX_MAGIC && !ex->ready);
	if (ex->knobs.status)
		reply_fault_status(ex);
	else
		ex->endpoint->answer(ex);
	shape_init(ex);
	get_ready(ex);
}

void ex_end_early(struct ex *ex)
{
	reply_error(ex, 413, "request_too_large",
		    "The request is too large (answered early).");
	shape_init(ex);
	get_ready(ex);
}

void ex_digest(struct ex *ex, char *hex)
{
	unsigned char md[EVP_MAX_MD_SIZE];

	EVP_DigestFinal_ex(ex->sha, md, NULL);
	text_hex(hex, md, 32);
}

void ex_free(struct ex *ex)
{
	assert(ex->magic == EX_MAGIC);
	loop_timer_stop(ex->w, &ex->timer);
	EVP_MD_CTX_free(ex->sha);
	EVP_MD_CTX_free(ex->shape.sha);
	squeeze_free(ex->shape.squeeze);
	talk_free(ex->source.talk);
	buf_free(&ex->shape.rest);
	buf_free(&ex->body);
	buf_free(&ex->note);
	buf_free(&ex->say);
	buf_free(&ex->think);
	buf_free(&ex->trailers);
	buf_free(&ex->reply.body);
	buf_free(&ex->reply.filler);
	ex->magic = 0;
}
