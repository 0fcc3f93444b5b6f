/* SPDX-License-Identifier: MIT */
/*
 * After a 101: raw bytes that come back, or WebSocket frames that do.
 *
 *	| fin opcode | mask len | ext len 0/2/8 | key 4 | payload, masked |
 */
#include "h1.h"
#include "text.h"

#define FRAME_MOST (64 * 1024 * 1024)

enum { OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

struct frame {
	unsigned char first, opcode;
	const unsigned char *key;
	struct str payload;
	size_t size; /* of all of it */
};

static void send_back(struct h1 *h, struct str s)
{
	struct iovec iov = {(char *)(uintptr_t)s.p, s.n};

	conn_send(h->c, &iov, 1);
}

static void send_frame(struct h1 *h, unsigned char first, struct str s)
{
	unsigned char head[10] = {first};
	struct iovec iov[2] = {{head, 2}, {(char *)(uintptr_t)s.p, s.n}};
	int bytes = s.n < 126 ? 0 : s.n < 65536 ? 2 : 8;

	head[1] = (unsigned char)(bytes == 0 ? s.n : bytes == 2 ? 126 : 127);
	for (int i = 0; i < bytes; i++)
		head[2 + i] = (unsigned char)(s.n >> 8 * (bytes - 1 - i));
	iov[0].iov_len = 2 + (size_t)bytes;
	conn_send(h->c, iov, s.n ? 2 : 1);
}

static void refuse(struct h1 *h, unsigned code)
{
	char why[2] = {(char)(code >> 8), (char)code};

	send_frame(h, 0x80 | OP_CLOSE, (struct str){why, 2});
	h->state = H1_OVER;
	conn_close(h->c, CONN_FIN);
}

/* False while it is not all there; size 0 says that it is broken. */
static bool parse_frame(struct str in, struct frame *f)
{
	const unsigned char *p = (const unsigned char *)in.p;
	size_t len, ext, head;

	*f = (struct frame){0};
	if (in.n < 2)
		return false;
	len = p[1] & 127;
	ext = len == 126 ? 2 : len == 127 ? 8 : 0;
	head = 2 + ext + 4;
	if (!(p[1] & 128))
		return true;
	if (in.n < head)
		return false;
	for (size_t i = 0; ext && i < ext; i++)
		len = (i ? len << 8 : 0) | p[2 + i];
	if (len > FRAME_MOST)
		return true;
	if (in.n < head + len)
		return false;
	f->first = p[0];
	f->opcode = p[0] & 15;
	f->key = p + 2 + ext;
	f->payload = (struct str){in.p + head, len};
	f->size = head + len;
	return true;
}

static struct str unmask(struct h1 *h, const struct frame *f)
{
	struct buf *b = &h->c->w->piece;
	char *to;

	b->n = 0;
	to = buf_room(b, f->payload.n + 1);
	for (size_t i = 0; i < f->payload.n; i++)
		to[i] = (char)((unsigned char)f->payload.p[i] ^ f->key[i & 3]);
	b->n = f->payload.n;
	return buf_str(b);
}

static size_t ws_eat(struct h1 *h, struct str in)
{
	struct frame f;

	if (!parse_frame(in, &f))
		return 0;
	if (f.size == 0) {
		refuse(h, 1002);
		return in.n;
	}
	switch (f.opcode) {
	case OP_PING: send_frame(h, 0x80 | OP_PONG, unmask(h, &f)); break;
	case OP_PONG: break;
	case OP_CLOSE:
		send_frame(h, 0x80 | OP_CLOSE, unmask(h, &f));
		h->state = H1_OVER;
		conn_close(h->c, CONN_FIN);
		break;
	default: send_frame(h, f.first, unmask(h, &f));
	}
	return f.size;
}

size_t tunnel_eat(struct h1 *h, struct str in)
{
	size_t used = in.n;

	if (h->is_ws)
		used = ws_eat(h, in);
	else
		send_back(h, in);
	return used;
}
