/* SPDX-License-Identifier: MIT */
/* What the files of the HTTP/1 codec share. Nobody else includes it. */
#ifndef WIRE_H1_IMPL_H
#define WIRE_H1_IMPL_H

#include "wire/h1.h"
#include "wire/h1_strict.h"

/* What the next byte that comes in belongs to. */
enum h1_in {
	IN_IDLE,      /* a head's first byte; nothing has come */
	IN_HEAD,      /* a head that is not whole */
	IN_LENGTH,    /* a body, in_left more */
	IN_CLOSE,     /* a body until the end of the connection */
	IN_SIZE,      /* a chunk's size line: digits */
	IN_EXTENSION, /* ... what follows the digits */
	IN_SIZE_LF,
	IN_CHUNK, /* a chunk's data, in_left more */
	IN_CHUNK_CR,
	IN_CHUNK_LF,
	IN_TRAILERS,
	IN_UPGRADING, /* the request is whole, the answer decides */
	IN_TUNNEL,
	IN_DONE, /* the message is whole: the next one's turn has not come */
};

/* What may be sent next. */
enum h1_out {
	OUT_HEAD, /* nothing but interim heads was sent */
	OUT_NONE, /* no body goes out, whatever is sent */
	OUT_LENGTH,
	OUT_CHUNKED,
	OUT_TRAILED, /* the last chunk and trailers are out */
	OUT_CLOSE,
	OUT_TUNNEL,
	OUT_DONE,
};

/* How the connection ends, once its stream is through. */
enum h1_fate {
	FATE_NONE,
	FATE_GENTLE, /* FIN after what is queued, and a while of patience */
	FATE_CURT,   /* FIN where the message is not complete */
	FATE_RUDE,   /* RST, likewise */
	FATE_NOW,    /* close; nothing of value is queued */
	FATE_ABORT,  /* RST at once */
};

struct h1 {
	struct http_conn base;
	struct http_stream stream; /* one at a time */
	unsigned magic;
	uint8_t in, out, fate; /* the enums above */
	bool active : 1;       /* the stream is the owner's */
	bool keep : 1;	       /* the connection outlives this exchange */
	bool closing : 1;      /* http_close(): no further exchange */
	bool cutting : 1;      /* http_cut(): gone once drained */
	bool ended : 1;	       /* the peer will send no more: end_how */
	bool old : 1;	       /* the peer speaks HTTP/1.0 */
	bool is_head : 1;      /* the request's method is HEAD */
	bool upgrade : 1;      /* the request asks for one */
	bool expects : 1;      /* 100-continue is asked for, not given */
	bool misfit : 1;       /* the owner's body belied its head */
	bool cut_rst : 1;      /* with cutting */
	bool slot_due : 1;     /* on_slot() is to be called */
	bool closed : 1;       /* on_closed() was */
	bool hung_up : 1;      /* on_hangup() was */
	uint8_t end_how;       /* enum wire_end */
	uint16_t extra;	       /* bytes of this chunk's extensions */
	uint16_t interims;     /* 1xx that came for this request */
	uint8_t size_digits;
	uint32_t scanned; /* of the head that is being collected */
	uint64_t in_left, out_left;
	uint64_t first_at;  /* of the head that is being collected */
	uint64_t stash_at;  /* of the stash's last bytes */
	uint64_t sent_mark; /* wire_sent() beyond it: the request left */
	struct buf stash;   /* arrived, not yet read */
	struct loop_dirty dirty;
	struct loop_deadline deadline; /* of a head, or of idling */
};

#define H1_MAGIC 0x00480131u

/* What may wait unread before the wire is paused. */
#define H1_STASH      (64 * 1024)
#define H1_EXTENSIONS 1024 /* a chunk's extensions */
#define H1_INTERIMS   1000 /* 1xx before an answer: some vendors beat so */
#define H1_LINGER     (2 * 1000000000ull)

static inline bool h1_is_server(const struct h1 *c)
{
	return c->base.server != NULL;
}

/* Does the stream's owner still want to hear of it? */
static inline bool h1_hears(const struct h1 *c)
{
	return c->active && !c->cutting && !c->fate;
}

static inline struct wire *h1_wire(const struct h1 *c)
{
	return c->base.wire;
}

/* h1.c */
void h1_touch(struct h1 *c); /* h1 will look at itself at turn's end */
void h1_end(struct h1 *c, enum h1_fate fate);
void h1_in_done(struct h1 *c); /* the peer's message is whole */
void h1_update_pause(struct h1 *c);
bool h1_is_reusable(const struct h1 *c);

/* h1_end.c */
/* The stream's last event; then the connection ends as `fate` says. From a
 * callback of the loop alone. */
void h1_gone(struct h1 *c, enum http_gone how, const char *why,
	     enum h1_fate fate);
void h1_reach_end(struct h1 *c);	/* all that came before it was read */
bool h1_is_rude(const struct h1 *c);	/* the end was a reset or worse */
bool h1_is_touched(const struct h1 *c); /* part of the request has left */

/* h1_head.c: each reads what it can of the bytes and returns how many. */
size_t h1_read_head(struct h1 *c, const char *p, size_t n, uint64_t at);
size_t h1_read_trailers(struct h1 *c, const char *p, size_t n, uint64_t at);

/* h1_body.c */
size_t h1_read_body(struct h1 *c, const char *p, size_t n, uint64_t at);

/* h1_refuse.c */
/* The peer broke the rules: answered where possible, told, and closed. */
void h1_refuse(struct h1 *c, const struct h1_refusal *no);
void h1_breach(struct h1 *c, const char *why); /* in mid-body: 400 */

/* h1_control.c */
extern const struct http_codec h1_codec;

/* h1_send.c, h1_fields.c */
void h1_send_interim(struct http_stream *s, const struct head *h);
void h1_send_head(struct http_stream *s, const struct head *h,
		  const struct http_route *route);
void h1_send_data(struct http_stream *s, const char *p, size_t n);
void h1_send_trailers(struct http_stream *s, const struct head *h);
void h1_send_end(struct http_stream *s);

/* How hop-by-hop fields are made anew. */
struct h1_hop {
	bool close, keep, upgrade, te; /* tokens of Connection */
	bool chunked;
	bool length;	    /* a Content-Length is to be added... */
	uint64_t length_is; /* ...of this */
	struct str host;    /* p != NULL: Host's new value */
};
void h1_write_fields(struct wire *w, const struct head *h,
		     const struct h1_hop *hop);

#endif
