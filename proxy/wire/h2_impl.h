/* SPDX-License-Identifier: MIT */
/*
 * What the h2_*.c files share. Nobody else includes it.
 *
 *	h2.c		the codec's table and a connection's birth
 *	h2_conn.c	its turns: bytes in, frames out, how it ends
 *	h2_scan.c	frame headers, before nghttp2 sees them
 *	h2_recv.c	what nghttp2 tells of frames that came
 *	h2_head.c	heads, from fields and to fields
 *	h2_stream.c	a stream's life and its events
 *	h2_send.c	what owners send, and nghttp2 fetching it
 */
#ifndef WIRE_H2_IMPL_H
#define WIRE_H2_IMPL_H

#include <nghttp2/nghttp2.h>

#include "base/clock.h"
#include "wire/fifo.h"
#include "wire/h2.h"

extern const struct http_codec h2_codec;

#define H2_CONN_MAGIC	0x48324343u
#define H2_STREAM_MAGIC 0x48325353u

/* Output queued on a stream: stop above FULL, go on below ROOM. */
#define H2_FULL (64u * 1024)
#define H2_ROOM (16u * 1024)

/*
 * Windows that we grant. A stream's is what may wait here for a slow reader;
 * the connection's is credited at once and only bounds what is in flight.
 */
#define H2_STREAM_WINDOW (512 * 1024)
#define H2_CONN_WINDOW	 (16 * 1024 * 1024)

/* Streams on a vendor's connection, whatever more the vendor would allow. */
#define H2_MAX_OUTGOING 1000u

/* What is to be told to a stream's owner in the loop's own time. */
enum h2_news {
	H2_NEWS_DATA = 1 << 0, /* input waits and the stream is not paused */
	H2_NEWS_ROOM = 1 << 1,
	H2_NEWS_GONE = 1 << 2,
};

TAILQ_HEAD(h2_list, h2_stream);

struct h2_stream {
	struct http_stream base;
	unsigned magic;
	int32_t id; /* 0: its head was not sent yet */
	TAILQ_ENTRY(h2_stream) link, news_link, ending_link;
	struct fifo out, in;
	struct head *in_trailers;  /* wait behind `in` */
	struct head *out_trailers; /* wait behind `out` */
	uint64_t begin_at;	   /* wire position of our head, once sent */
	uint64_t end_at; /* of our END_STREAM or RST_STREAM, once sent */
	const char *why;
	uint32_t code, cut_code;
	uint8_t news; /* enum h2_news bits */
	uint8_t how;  /* enum http_gone */

	/* in */
	bool head_in : 1;    /* on_head() was called */
	bool peer_ended : 1; /* END_STREAM came */
	bool end_told : 1;   /* on_end() was called */
	bool reset_in : 1;   /* RST_STREAM came */
	/* out */
	bool head_out : 1; /* submitted */
	bool begun : 1;	   /* our head is with the wire: begin_at holds */
	bool frames : 1;   /* keep the frames of what is sent */
	bool asleep : 1;   /* the data provider waits to be resumed */
	bool ended : 1;	   /* http_send_end(), or cut */
	bool cut : 1;
	bool ending : 1;  /* its last frame was sent; on c->ending */
	bool stamped : 1; /* end_at holds */
	bool flushed : 1; /* and the kernel has it */
	bool full : 1;
	/* life */
	bool closed : 1;  /* nghttp2 has forgotten it */
	bool decided : 1; /* `how` holds */
	bool counted : 1; /* it takes a slot */
	bool deaf : 1;	  /* abandoned, or an answer of the codec's own */
	bool freed : 1;	  /* waits for the end of the turn */
	bool connect : 1; /* client role: the request was a CONNECT */
};

/* The head that is coming in; one at a time on a connection. */
struct h2_inhead {
	struct head_maker maker;
	struct head_span host;
	unsigned status;
	uint64_t length, first_at;
	size_t size;
	int32_t id;
	bool open, too_big, has_status, has_length, expect_continue;
};

/* A head may go on in so many CONTINUATION frames (of up to 16 KB each). */
#define H2_MAX_CONTINUATIONS 16

#define H2_FRAME_HEAD 9

/* So many closed streams are remembered. */
#define H2_CLOSED 64

/* Frames that cost us and carry nothing: so many at once, so many a second. */
#define H2_IDLE_FRAMES_BURST 2000.0
#define H2_IDLE_FRAMES_RATE  200.0

struct h2_conn {
	struct http_conn base;
	unsigned magic;
	nghttp2_session *session;
	struct loop *loop;
	struct loop_dirty dirty;
	struct loop_deadline deadline;
	struct h2_list streams, news, ending;
	unsigned n_open; /* streams that take a slot */
	/* h2_scan.c */
	unsigned char header[H2_FRAME_HEAD]; /* of the frame that comes in */
	unsigned header_n;		     /* bytes of it that are here */
	size_t skip; /* bytes up to the next frame's header */
	unsigned continuations;
	int32_t last_id;	   /* of the requests that came */
	int32_t closed[H2_CLOSED]; /* ids: ended by the peer; < 0: by us */
	unsigned closed_at;
	uint64_t wrote; /* bytes given to the wire */
	uint64_t now;	/* clock_mono() of the bytes that are coming in */
	uint64_t born, idle_since; /* for the deadline */
	uint64_t patience;	   /* the deadline of a step in closing, or 0 */
	struct h2_inhead in;
	struct buf path;     /* of the request that goes out */
	nghttp2_nv *nv;	     /* fields that go out; */
	size_t nv_n, nv_cap; /* reused */
	double idle_frames;  /* tokens left */
	uint64_t idle_frames_at;
	const char *suspect;	/* static: the last thing that was wrong */
	const char *code, *why; /* static: what the peer broke, or NULL */
	uint32_t error;		/* with `kill` */
	enum wire_end wire_end;
	bool kill : 1;	  /* GOAWAY(error) and the end, at the next flush */
	bool over : 1;	  /* the wire has ended; nothing can be written */
	bool done : 1;	  /* it ends: owners hear their last */
	bool settled : 1; /* the peer's SETTINGS came */
	bool goaway_in : 1;
	bool closing : 1;   /* no new streams */
	bool final_out : 1; /* the GOAWAY with the real last id was sent */
	bool slot_news : 1;
};

static inline bool h2_is_server(const struct h2_conn *c)
{
	return c->base.server != NULL;
}

/* ---- h2_conn.c ---- */

extern const struct wire_events h2_wire_events;
void h2_flush(struct loop_dirty *d);
void h2_due(struct loop_deadline *d);
void h2_wake(struct h2_conn *c); /* something is to be sent or told */
/* The peer broke the protocol, or floods us: GOAWAY and out, soon. */
void h2_kill(struct h2_conn *c, uint32_t error, const char *code,
	     const char *why);
void h2_close(struct http_conn *hc, bool now);
/* A frame of little use came: false if there were too many. */
bool h2_afford(struct h2_conn *c);
void h2_set_deadline(struct h2_conn *c);
/* The GOAWAY that names the last stream there will be. */
void h2_final_goaway(struct h2_conn *c);

/* ---- h2_scan.c ---- */

/* Gives bytes to nghttp2; its error code, or >= 0. */
ssize_t h2_recv(struct h2_conn *c, const char *p, size_t n);
/* nghttp2 has closed a stream: the peer had ended its side, or we reset it. */
void h2_closed(struct h2_conn *c, int32_t id, bool by_peer);

/* ---- h2_recv.c ---- */

void h2_set_callbacks(nghttp2_session_callbacks *cb);

/* ---- h2_head.c ---- */

void h2_head_begin(struct h2_conn *c, int32_t id);
/* False: the head is so large that the connection should end. */
bool h2_head_field(struct h2_conn *c, struct str name, struct str value);
struct head *h2_head_done(struct h2_conn *c, enum head_kind kind, bool ended);
void h2_head_free(struct h2_conn *c);
/* Fill c->nv; strs are borrowed until it is submitted. */
void h2_nv_request(struct h2_conn *c, const struct head *h,
		   const struct http_route *route);
void h2_nv_response(struct h2_conn *c, const struct head *h);
void h2_nv_trailers(struct h2_conn *c, const struct head *h);

/* ---- h2_stream.c ---- */

struct h2_stream *h2_stream_new(struct h2_conn *c, int32_t id);
struct h2_stream *h2_stream_of(struct http_stream *s);
struct h2_conn *h2_conn_of(struct h2_stream *s);
void h2_stream_data(struct h2_stream *s, const char *p, size_t n);
void h2_stream_trailers(struct h2_stream *s, struct head *take_head);
void h2_stream_ended(struct h2_stream *s); /* the peer's END_STREAM */
void h2_stream_closed(struct h2_stream *s, uint32_t code); /* nghttp2's end */
void h2_stream_ending(struct h2_stream *s); /* our last frame was sent */
/* It has gone like that; h2_tell() says so. */
void h2_stream_decide(struct h2_stream *s, enum http_gone how);
/* Sees whether it has gone, and lets that be told. */
void h2_stream_check(struct h2_stream *s);
void h2_stream_cut_off(struct h2_stream *s); /* the connection has ended */
void h2_stream_free(struct h2_stream *s);
void h2_news(struct h2_stream *s, enum h2_news what);
void h2_tell(struct h2_conn *c);   /* tells all news */
void h2_settle(struct h2_conn *c); /* stamps and flushed marks */
void h2_paused(struct http_stream *hs);
void h2_abandon(struct http_stream *hs, uint32_t code);

/* ---- h2_send.c ---- */

void h2_send_interim(struct http_stream *hs, const struct head *h);
void h2_send_head(struct http_stream *hs, const struct head *h,
		  const struct http_route *route);
void h2_send_data(struct http_stream *hs, const char *p, size_t n);
void h2_send_trailers(struct http_stream *hs, const struct head *h);
void h2_send_end(struct http_stream *hs);
void h2_cut(struct http_stream *hs, uint32_t code, bool rst);
/* Answers a request by itself, which never becomes a stream to the owner. */
void h2_refuse(struct h2_conn *c, int32_t id, unsigned status, const char *code,
	       const char *why);
int h2_on_send_data(nghttp2_session *session, nghttp2_frame *frame,
		    const uint8_t *framehd, size_t length,
		    nghttp2_data_source *source, void *user_data);

#endif
