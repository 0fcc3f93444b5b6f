/* SPDX-License-Identifier: MIT */
#include "endpoints.h"
#include "reply.h"
#include "text.h"

static void add_member(struct buf *b, const char *name, struct str value)
{
	buf_addf(b, "\"%s\":", name);
	if (value.p)
		text_json_latin1(b, value);
	else
		buf_adds(b, STR("null"));
	buf_addc(b, ',');
}

static void add_fields(struct buf *b, const struct request *r)
{
	buf_adds(b, STR("\"fields\":["));
	for (size_t i = 0; i < r->n_fields; i++) {
		buf_adds(b, i ? STR(",[") : STR("["));
		text_json_latin1(b, r->fields[i].name);
		buf_addc(b, ',');
		text_json_latin1(b, r->fields[i].value);
		buf_addc(b, ']');
	}
	buf_addc(b, ']');
}

/* The head is gone when the body is complete, so it is told at once. */
void echo_begin(struct ex *ex, const struct request *r)
{
	struct buf *b = &ex->note;

	if (ex->knobs.body && ex->mode == BODY_DIGEST) {
		ex->mode = BODY_KEEP;
		return;
	}
	buf_addc(b, '{');
	add_member(b, "method", r->method);
	add_member(b, "target", r->target);
	add_member(b, "scheme", r->scheme);
	add_member(b, "authority", r->authority);
	buf_addf(b, "\"version\":\"%s\",\"tls\":%s,",
		 r->version == 20   ? "2"
		 : r->version == 11 ? "1.1"
				    : "1.0",
		 r->tls ? "true" : "false");
	add_fields(b, r);
}

static void add_body_facts(struct ex *ex, struct buf *b)
{
	char hex[64];

	ex_digest(ex, hex);
	buf_adds(b, STR("\"body_length\":"));
	text_add_u64(b, ex->body_n);
	buf_adds(b, STR(",\"body_sha256\":\""));
	buf_add(b, hex, sizeof(hex));
	buf_adds(b, STR("\"}"));
}

void echo_answer(struct ex *ex)
{
	struct buf *b = &ex->reply.body;

	if (ex->mode == BODY_KEEP) {
		reply_start(ex, 200, STR("application/octet-stream"));
		*b = ex->body;
		ex->body = (struct buf){0};
		reply_fixed(ex);
		return;
	}
	reply_start(ex, 200, STR("application/json"));
	*b = ex->note;
	ex->note = (struct buf){0};
	buf_adds(b, STR(",\"trailers\":["));
	buf_adds(b, buf_str(&ex->trailers));
	buf_adds(b, STR("],"));
	add_body_facts(ex, b);
	reply_fixed(ex);
}

void echo_answer_sink(struct ex *ex)
{
	struct buf *b = &ex->reply.body;

	reply_start(ex, 200, STR("application/json"));
	buf_addc(b, '{');
	add_body_facts(ex, b);
	reply_fixed(ex);
}

/* ---- upgrades: h1 takes the bytes over after the 101 ---- */

static void digest_key(struct str key, unsigned char *b64)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	struct buf all = {0};

	buf_adds(&all, key);
	buf_adds(&all, STR("258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
	EVP_Digest(all.p, all.n, md, NULL, EVP_sha1(), NULL);
	EVP_EncodeBlock(b64, md, 20);
	buf_free(&all);
}

void echo_begin_ws(struct ex *ex, const struct request *r)
{
	unsigned char b64[32];

	if (r->version != 11 || !r->ws_key.n ||
	    !text_lists(r->connection, STR("upgrade")) ||
	    !text_lists(r->upgrade, STR("websocket")))
		return;
	digest_key(r->ws_key, b64);
	buf_add(&ex->note, b64, 28);
}

void echo_begin_tunnel(struct ex *ex, const struct request *r)
{
	if (r->version == 11 && text_lists(r->connection, STR("upgrade")) &&
	    text_lists(r->upgrade, STR("echo")))
		buf_adds(&ex->note, STR("echo"));
}

void echo_answer_upgrade(struct ex *ex)
{
	bool ws = str_eq(ex->endpoint->path, STR("/ws"));

	if (!ex->note.n) {
		reply_error(ex, 426, "upgrade_required",
			    "This path wants HTTP/1.1 with Upgrade: %s.",
			    ws ? "websocket" : "echo");
		reply_const(ex, STR("upgrade"),
			    ws ? STR("websocket") : STR("echo"));
		return;
	}
	ex->reply.status = 101;
	ex->reply.length = 0;
	reply_const(ex, STR("Upgrade"), ws ? STR("websocket") : STR("echo"));
	reply_const(ex, STR("Connection"), STR("Upgrade"));
	if (ws)
		reply_field(ex, STR("Sec-WebSocket-Accept"), "%.*s",
			    (int)ex->note.n, ex->note.p);
}
