/* SPDX-License-Identifier: MIT */
#include "reply.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "shape.h"
#include "text.h"

void reply_const(struct ex *ex, struct str name, struct str value)
{
	struct reply *r = &ex->reply;

	assert(r->n_fields < REPLY_FIELDS);
	r->fields[r->n_fields++] = (struct field){name, value};
}

void reply_start(struct ex *ex, unsigned status, struct str type)
{
	ex->reply.status = status;
	ex->reply.length = KNOB_UNSET;
	reply_const(ex, STR("content-type"), type);
}

void reply_field(struct ex *ex, struct str name, const char *fmt, ...)
{
	struct reply *r = &ex->reply;
	char *at = r->text + r->n_text;
	size_t room = REPLY_TEXT - r->n_text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(at, room, fmt, ap);
	va_end(ap);
	assert(n >= 0 && (size_t)n < room);
	r->n_text += (size_t)n;
	reply_const(ex, name, (struct str){at, (size_t)n});
}

/* As reply_field with a number, without printf's price. */
static void number_field(struct ex *ex, struct str name, uint64_t v)
{
	struct reply *r = &ex->reply;
	char *at = r->text + r->n_text;
	size_t n;

	assert(REPLY_TEXT - r->n_text >= 20);
	n = text_digits(at, v);
	r->n_text += n;
	reply_const(ex, name, (struct str){at, n});
}

static bool next_fixed(struct ex *ex, size_t hint, struct buf *out)
{
	struct str all = buf_str(&ex->reply.body);
	struct str rest = str_skip(all, ex->source.at);

	rest.n = rest.n < hint ? rest.n : hint;
	buf_adds(out, rest);
	ex->source.at += rest.n;
	return ex->source.at < all.n;
}

void reply_fixed(struct ex *ex)
{
	ex->reply.length = ex->reply.body.n;
	ex->source.next = next_fixed;
}

static const char *error_type(unsigned status)
{
	switch (status) {
	case 400: return "invalid_request_error";
	case 401: return "authentication_error";
	case 403: return "permission_error";
	case 404: return "not_found_error";
	case 413: return "request_too_large";
	case 429: return "rate_limit_error";
	case 529: return "overloaded_error";
	default: return status < 500 ? "invalid_request_error" : "api_error";
	}
}

static void error_body(struct ex *ex, unsigned status, const char *code,
		       const char *param, struct str message)
{
	struct buf *b = &ex->reply.body;
	bool messages = str_eq(ex->endpoint->path, STR("/v1/messages"));

	b->n = 0;
	if (messages) {
		buf_addf(b, "{\"type\":\"error\",\"error\":{\"type\":\"%s\"",
			 error_type(status));
		buf_adds(b, STR(",\"message\":"));
		text_json(b, message);
		buf_adds(b, STR("},\"request_id\":\"req_practice\"}"));
		return;
	}
	buf_adds(b, STR("{\"error\":{\"message\":"));
	text_json(b, message);
	buf_addf(b, ",\"type\":\"%s\",\"param\":", error_type(status));
	if (param)
		text_json(b, str_of(param));
	else
		buf_adds(b, STR("null"));
	buf_addf(b, ",\"code\":\"%s\"}}", code);
}

static void start_error(struct ex *ex, unsigned status)
{
	ex->source = (struct source){.talk = ex->source.talk};
	ex->reply.n_fields = 0;
	reply_start(ex, status, STR("application/json"));
	if (ex->knobs.retry_after != KNOB_UNSET)
		number_field(ex, STR("retry-after"), ex->knobs.retry_after);
}

void reply_error(struct ex *ex, unsigned status, const char *code,
		 const char *fmt, ...)
{
	char message[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	start_error(ex, status);
	error_body(ex, status, code, NULL, str_of(message));
	reply_fixed(ex);
}

void reply_refuse(struct ex *ex, const char *param, const char *why)
{
	start_error(ex, 400);
	error_body(ex, 400, "invalid_request_error", param, str_of(why));
	reply_fixed(ex);
}

void reply_fault_status(struct ex *ex)
{
	unsigned status = (unsigned)ex->knobs.status;

	if (status < 200 || status > 999)
		reply_error(ex, 400, "bad_knob", "status=%u is no status",
			    status);
	else
		reply_error(ex, status, "practice_fault",
			    "The practice vendor was asked for status %u.",
			    status);
}

static void add_duplicates(struct ex *ex)
{
	reply_const(ex, STR("X-Dup"), STR("one"));
	reply_const(ex, STR("x-DUP"), STR("two"));
	reply_const(ex, STR("Set-Cookie"), STR("a=1; Path=/"));
	reply_const(ex, STR("vIA-oDD-cASE"), STR("Kept, As-Is"));
	reply_const(ex, STR("set-cookie"), STR("b=2"));
	reply_const(ex, STR("x-dup"), STR("three"));
	reply_const(ex, STR("X-Empty"), STR(""));
}

static void add_filler(struct ex *ex)
{
	struct buf *b = &ex->reply.filler;

	memset(buf_room(b, ex->knobs.big_head), 'f', ex->knobs.big_head);
	b->n = ex->knobs.big_head;
	reply_const(ex, STR("x-filler"), buf_str(b));
}

/* Unknown lengths are lied about too: too large or too small for any. */
static uint64_t told_length(const struct ex *ex)
{
	uint64_t n = ex->reply.length;

	switch (ex->knobs.bad_length) {
	case bad_length_more: return n == KNOB_UNSET ? 1u << 30 : n + 10;
	case bad_length_less: return n == KNOB_UNSET ? 10 : n - n / 2;
	default: return n;
	}
}

static bool bodiless(unsigned status)
{
	return status == 204 || status == 304;
}

static enum framing choose_framing(const struct ex *ex)
{
	const struct knobs *k = &ex->knobs;

	if (bodiless(ex->reply.status))
		return FRAMING_NONE;
	if (k->close)
		return FRAMING_CLOSE;
	if (k->bad_length || k->smuggle == smuggle_dup_cl)
		return FRAMING_LENGTH;
	if (ex->reply.length == KNOB_UNSET || k->encoding || k->trailers ||
	    k->onebyte || k->chunk_ext || k->smuggle == smuggle_cl_te ||
	    k->garbage == garbage_chunk || k->garbage == garbage_frame)
		return ex->version == 10 ? FRAMING_CLOSE : FRAMING_CHUNKED;
	return FRAMING_LENGTH;
}

/* The h2 forms of what h1 writes as crooked text. */
static void add_smuggle_h2(struct ex *ex)
{
	switch (ex->knobs.smuggle) {
	case smuggle_cl_te:
		reply_const(ex, STR("transfer-encoding"), STR("chunked"));
		break;
	case smuggle_bare_lf:
		reply_const(ex, STR("x-odd"), STR("a\nx-smuggled: b"));
		break;
	case smuggle_obs_fold:
		reply_const(ex, STR("x-odd"), STR("a\r\n b"));
		break;
	case smuggle_space_colon:
		reply_const(ex, STR("x-odd "), STR("a"));
		break;
	default: break;
	}
}

static void add_fault_fields(struct ex *ex)
{
	static const struct str names[] = {[encoding_gzip] = {"gzip", 4},
					   [encoding_br] = {"br", 2},
					   [encoding_zstd] = {"zstd", 4},
					   [encoding_deflate] = {"deflate", 7}};
	const struct knobs *k = &ex->knobs;

	if (k->encoding && !bodiless(ex->reply.status))
		reply_const(ex, STR("content-encoding"), names[k->encoding]);
	if (k->trailers)
		reply_const(ex, STR("trailer"),
			    STR("x-body-sha256, x-trailer"));
	if (k->dup_headers)
		add_duplicates(ex);
	if (k->big_head)
		add_filler(ex);
	if (k->smuggle && ex->version == 20)
		add_smuggle_h2(ex);
}

enum framing reply_seal(struct ex *ex)
{
	enum framing framing = choose_framing(ex);
	uint64_t length = told_length(ex);

	add_fault_fields(ex);
	if (framing == FRAMING_LENGTH && length != KNOB_UNSET)
		number_field(ex, STR("content-length"), length);
	if (ex->knobs.smuggle == smuggle_dup_cl ||
	    ex->knobs.smuggle == smuggle_cl_te)
		number_field(ex, STR("content-length"),
			     length == KNOB_UNSET ? 7 : length + 7);
	if (framing == FRAMING_LENGTH && ex->knobs.bad_length)
		ex->closes = true;
	return framing;
}

size_t reply_trailers(struct ex *ex, struct field *two)
{
	struct reply *r = &ex->reply;
	unsigned char md[EVP_MAX_MD_SIZE];
	char *hex = r->text + r->n_text;

	if (!ex->knobs.trailers || REPLY_TEXT - r->n_text < 64)
		return 0;
	EVP_DigestFinal_ex(ex->shape.sha, md, NULL);
	text_hex(hex, md, 32);
	two[0] = (struct field){STR("x-body-sha256"), {hex, 64}};
	two[1] = (struct field){STR("x-trailer"), STR("practice")};
	return 2;
}

const char *reply_reason(unsigned status)
{
	switch (status) {
	case 100: return "Continue";
	case 101: return "Switching Protocols";
	case 102: return "Processing";
	case 103: return "Early Hints";
	case 200: return "OK";
	case 204: return "No Content";
	case 304: return "Not Modified";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 408: return "Request Timeout";
	case 409: return "Conflict";
	case 413: return "Content Too Large";
	case 422: return "Unprocessable Content";
	case 426: return "Upgrade Required";
	case 429: return "Too Many Requests";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 502: return "Bad Gateway";
	case 503: return "Service Unavailable";
	case 504: return "Gateway Timeout";
	case 529: return "Overloaded";
	default: return "Practice";
	}
}
