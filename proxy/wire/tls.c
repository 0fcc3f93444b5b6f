/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. Contexts, and the sessions that a client context keeps:
 *
 *	SSL_CTX --ex--> tls_own { fill, arg	    the identity seam
 *				  lock
 *				  slots: [peer, session] -> [peer, session] }
 *	SSL ----app data----> slot		    where its tickets go
 *
 * One slot a peer (address and name) holds the newest session. The context owns
 * all of it, so that there is nothing global to clean up, and a lock stands
 * before it because workers share contexts.
 */
#include "wire/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/mem.h"
#include "base/str.h"

struct slot {
	SLIST_ENTRY(slot) link;
	char *peer;
	SSL_SESSION *session;
};

struct tls_own {
	pthread_mutex_t lock;
	SLIST_HEAD(, slot) slots;
	tls_identity_fn *fill;
	void *arg;
};

/* ---- what hangs on a context ---- */

static void free_own(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx,
		     long argl, void *argp)
{
	struct tls_own *own = ptr;
	struct slot *s;

	if (!own)
		return;
	while ((s = SLIST_FIRST(&own->slots))) {
		SLIST_REMOVE_HEAD(&own->slots, link);
		SSL_SESSION_free(s->session);
		free(s->peer);
		free(s);
	}
	pthread_mutex_destroy(&own->lock);
	free(own);
}

static int own_index; /* OpenSSL hands out one number a process */

static void make_index(void)
{
	own_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_own);
}

static int own_at(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_index);
	return own_index;
}

static struct tls_own *own_of(const SSL_CTX *ctx)
{
	return SSL_CTX_get_ex_data(ctx, own_at());
}

static struct slot *find_slot(struct tls_own *own, const char *peer)
{
	struct slot *s;

	SLIST_FOREACH(s, &own->slots, link)
	{
		if (strcmp(s->peer, peer) == 0)
			return s;
	}
	s = MEM_NEW(struct slot);
	s->peer = str_dup(str_of(peer));
	SLIST_INSERT_HEAD(&own->slots, s, link);
	return s;
}

/* OpenSSL's callback: the session is ours to keep (1). */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls_own *own = own_of(SSL_get_SSL_CTX(ssl));
	struct slot *s = SSL_get_app_data(ssl);

	if (!own || !s)
		return 0;
	pthread_mutex_lock(&own->lock);
	SSL_SESSION_free(s->session);
	s->session = session;
	pthread_mutex_unlock(&own->lock);
	return 1;
}

void tls_resume(SSL *ssl, const char *peer)
{
	struct tls_own *own = own_of(SSL_get_SSL_CTX(ssl));
	struct slot *s;

	if (!own || !peer)
		return;
	pthread_mutex_lock(&own->lock);
	s = find_slot(own, peer);
	SSL_set_app_data(ssl, s);
	if (s->session && SSL_SESSION_is_resumable(s->session))
		SSL_set_session(ssl, s->session);
	pthread_mutex_unlock(&own->lock);
}

/* ---- contexts ---- */

const char *tls_reason(char *out, unsigned long size)
{
	unsigned long e = ERR_peek_last_error();
	const char *words = e ? ERR_reason_error_string(e) : NULL;

	if (words)
		snprintf(out, size, "%s", words);
	else if (e)
		ERR_error_string_n(e, out, size);
	else
		snprintf(out, size, "the connection was closed");
	ERR_clear_error();
	return out;
}

static SSL_CTX *fail_ctx(SSL_CTX *ctx, struct fail *f, const char *code,
			 const char *what, const char *file)
{
	char why[200];

	fail_set(f, FAIL_USER, code, "%s %s: %s", what, file,
		 tls_reason(why, sizeof why));
	SSL_CTX_free(ctx);
	return NULL;
}

static SSL_CTX *new_ctx(const SSL_METHOD *method, struct fail *f)
{
	SSL_CTX *ctx;
	struct tls_own *own;

	ERR_clear_error();
	ctx = SSL_CTX_new(method);
	if (!ctx)
		return fail_ctx(NULL, f, "tls_setup", "cannot set up", "TLS");
	own = MEM_NEW(struct tls_own);
	pthread_mutex_init(&own->lock, NULL);
	SSL_CTX_set_ex_data(ctx, own_at(), own);
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx,
			    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	return ctx;
}

/* OpenSSL's callback: h2 where the client can, else HTTP/1.1. */
static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *n,
		       const unsigned char *in, unsigned in_n, void *arg)
{
	static const unsigned char ours[] = "\x02h2\x08http/1.1";
	unsigned char *chosen;

	if (SSL_select_next_proto(&chosen, n, ours, sizeof ours - 1, in,
				  in_n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *new_server(struct fail *f)
{
	static const unsigned char id[] = "assay";
	SSL_CTX *ctx = new_ctx(TLS_server_method(), f);

	if (!ctx)
		return NULL;
	SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_session_id_context(ctx, id, sizeof id - 1);
	/* Tickets alone: a client's session costs us no memory. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
	return ctx;
}

SSL_CTX *tls_server(const char *cert_file, const char *key_file, struct fail *f)
{
	SSL_CTX *ctx = new_server(f);

	if (!ctx)
		return NULL;
	if (SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1)
		return fail_ctx(ctx, f, "bad_certificate",
				"cannot use the certificate", cert_file);
	if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(ctx) != 1)
		return fail_ctx(ctx, f, "bad_key", "cannot use the key",
				key_file);
	return ctx;
}

/* OpenSSL's callback: 1 goes on, 0 ends the handshake with an alert. */
static int ask_identity(SSL *ssl, void *arg)
{
	struct tls_own *own = arg;
	const char *sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	return own->fill(own->arg, ssl, sni);
}

SSL_CTX *tls_server_dynamic(tls_identity_fn *fill, void *arg, struct fail *f)
{
	SSL_CTX *ctx = new_server(f);
	struct tls_own *own;

	if (!ctx)
		return NULL;
	own = own_of(ctx);
	own->fill = fill;
	own->arg = arg;
	SSL_CTX_set_cert_cb(ctx, ask_identity, own);
	return ctx;
}

SSL_CTX *tls_client(const char *ca_file, struct fail *f)
{
	SSL_CTX *ctx = new_ctx(TLS_client_method(), f);

	if (!ctx)
		return NULL;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_default_verify_paths(ctx);
	if (ca_file && SSL_CTX_load_verify_file(ctx, ca_file) != 1)
		return fail_ctx(ctx, f, "bad_ca", "cannot use the CA file",
				ca_file);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT |
						    SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, keep_session);
	return ctx;
}
