/* SPDX-License-Identifier: MIT */
/*
 * What wire.c, wire_out.c, wire_open.c and wire_tls.c share. Nobody else
 * includes it, but for loop.c, which owns the lists of wires.
 */
#ifndef WIRE_WIRE_IMPL_H
#define WIRE_WIRE_IMPL_H

#include <event2/event_struct.h>
#include <openssl/types.h>
#include <sys/types.h>

#include "wire/wire.h"

/* Every wire of a loop is in one of these. */
LIST_HEAD(wire_list, wire);
struct wire_hub {
	struct wire_list hearing; /* the read event is armed */
	struct wire_list deaf;	  /* it is not: held, ended, or not yet open */
};
struct wire_hub *loop_wires(struct loop *l);

/*
 * Once a second: deaf wires hear nothing from epoll, so they are asked
 * whether their peer has reset them.
 */
void wire_check_deaf(struct wire_hub *h);
void wire_hold_all(struct wire_hub *h, bool on);

/* What an op answers other than a count of bytes. */
enum {
	WIRE_IO_AGAIN = -1, /* the events that it needs are armed */
	WIRE_IO_OVER = -2,  /* the direction is over; w->how says how (read) */
};

/* Clear or TLS. */
struct wire_ops {
	/* Reads up to n bytes; *more: there are likely others. */
	ssize_t (*read)(struct wire *w, char *p, size_t n, bool *more);
	/* Writes from the queue's front; the count that left. */
	ssize_t (*write)(struct wire *w);
	/* Bytes are buffered where epoll does not see them. */
	bool (*pending)(const struct wire *w);
	/* Says goodbye before FIN (close_notify). */
	void (*bye)(struct wire *w);
};
extern const struct wire_ops wire_clear_ops, wire_tls_ops;

enum wire_state {
	WIRE_CONNECTING,
	WIRE_SHAKING,  /* TLS handshake */
	WIRE_ACCEPTED, /* clear: ready() is due at the end of the turn */
	WIRE_OPEN,
	WIRE_LINGERING, /* closed by its owner, output still leaving */
	WIRE_DEAD,	/* waits for its burial */
};

/* How it is closed once the queue is empty. */
enum wire_manner {
	WIRE_GENTLE, /* close_notify, FIN, then what comes is thrown away */
	WIRE_CURT,   /* FIN without close_notify */
	WIRE_RUDE,   /* RST */
};

/* Only while a wire opens or lingers, so that an open one is small. */
struct wire_phase {
	struct loop_deadline deadline;
	struct wire *wire;
	wire_ready_fn *ready;
	void *who;
	char *shown;
	int error;	/* errno of a connect that could not begin */
	uint64_t until; /* the end of lingering */
	enum wire_manner manner;
	bool fin_sent;
};

struct wire {
	unsigned magic;
	int fd;
	struct loop *loop;
	const struct wire_ops *ops;
	const struct wire_events *ev;
	void *who;
	SSL *ssl;
	struct wire_phase *phase;
	LIST_ENTRY(wire) link;
	struct loop_dirty dirty;
	struct loop_block *first, *last;
	size_t queued;
	uint64_t in, sent;
	uint8_t state;	/* enum wire_state */
	uint8_t paused; /* enum wire_pause bits */
	uint8_t how;	/* enum wire_end, once `over` */
	bool accepted : 1;
	bool hearing : 1;   /* the read event is armed */
	bool over : 1;	    /* the peer's direction has ended */
	bool over_told : 1; /* on_end() said so */
	bool failed : 1;    /* output is impossible: it is thrown away */
	bool failed_told : 1;
	bool full : 1;	    /* above WIRE_FULL, not yet below WIRE_ROOM */
	bool room_due : 1;  /* on_room() is to be called */
	bool drain_due : 1; /* on_drained() is, once the queue is empty */
	bool fin_asked : 1; /* wire_shutdown() */
	bool fin_sent : 1;
	bool write_armed : 1;
	bool read_wants_write : 1; /* TLS */
	bool write_wants_read : 1; /* TLS */
	bool end_kept : 1;	   /* TLS: read past, see tls_read() */
	struct event *write_ev;	   /* made when first needed */
	struct event read_ev;
};

#define WIRE_MAGIC 0x0031773eu

/* wire.c */
struct wire *wire_new(struct loop *l, int fd, const struct wire_ops *ops);
void wire_listen(struct wire *w, bool on); /* arms the read event */
void wire_destroy(struct wire *w);
void wire_readable(struct wire *w);
void wire_writable(struct wire *w);

/* wire_out.c */
void wire_push(struct wire *w);	  /* writes what it can, calls nobody */
void wire_notify(struct wire *w); /* calls whom the pushing concerns */
void wire_arm_write(struct wire *w, bool on);
void wire_spare_write(struct wire *w);	 /* frees the event, disarmed */
void wire_pop(struct wire *w, size_t n); /* n bytes of the queue have left */
void wire_drop_queue(struct wire *w);
void wire_fail_output(struct wire *w);
void wire_linger(struct wire *w);  /* the next step of lingering */
void wire_discard(struct wire *w); /* reads and throws away */

/* wire_open.c */
void wire_opening(struct wire *w, bool writable); /* events of those states */
void wire_open_now(struct wire *w); /* what the turn's flush is to do */
void wire_phase_end(struct wire *w);

/* wire_tls.c */
bool wire_tls_start(struct wire *w, SSL_CTX *ctx, bool server,
		    const struct wire_target *to, struct fail *f) MUST_USE;
/* 1: done; 0: events are armed; -1: failed, *f says why. */
int wire_tls_shake(struct wire *w, struct fail *f);
void wire_tls_facts(const struct wire *w, struct wire_facts *out);
void wire_tls_free(struct wire *w);

#endif
