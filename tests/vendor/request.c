/* SPDX-License-Identifier: MIT */
#include "request.h"

#include "text.h"

void request_note(struct request *r, struct field f)
{
	switch (f.name.n) {
	case 4:
		if (str_ieq(f.name, STR("host"))) {
			r->authority = f.value;
			r->n_host++;
		}
		break;
	case 6:
		if (str_ieq(f.name, STR("expect")))
			r->expects = str_ieq(f.value, STR("100-continue"));
		break;
	case 7:
		if (str_ieq(f.name, STR("upgrade")))
			r->upgrade = f.value;
		break;
	case 8:
		if (str_ieq(f.name, STR("x-vendor")))
			r->vendor = f.value;
		break;
	case 10:
		if (str_ieq(f.name, STR("connection")))
			r->connection = f.value;
		break;
	case 14:
		if (str_ieq(f.name, STR("content-length"))) {
			r->length = f.value;
			r->n_length++;
		}
		break;
	case 16:
		if (str_ieq(f.name, STR("content-encoding")))
			r->encoding = f.value;
		break;
	case 17:
		if (str_ieq(f.name, STR("transfer-encoding"))) {
			r->te = f.value;
			r->n_te++;
		} else if (str_ieq(f.name, STR("sec-websocket-key"))) {
			r->ws_key = f.value;
		}
		break;
	default: break;
	}
}

/* One bit a byte: those that a token may hold. */
static const uint64_t token_bits[4] = {0x03ff6cfa00000000u, 0x57ffffffc7fffffeu,
				       0, 0};

bool request_is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (!(token_bits[c >> 6] >> (c & 63) & 1))
			return false;
	}
	return s.n > 0;
}

bool request_is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}
