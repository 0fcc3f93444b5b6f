/* SPDX-License-Identifier: MIT */
/*
 * The TLS half of a wire: an ops table over SSL_read and SSL_write.
 *
 * Records are read ahead (one system call a batch, not two a record), so bytes
 * may wait inside the SSL where epoll does not see them: pending() says so. A
 * FIN without close_notify is told apart from a clean end; it is evidence of
 * a cut.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "wire/tls.h"
#include "wire/wire_impl.h"

/* The most that one record holds. */
#define TLS_RECORD 16384

/* ---- handshake ---- */

static bool expect_peer(SSL *ssl, const char *host)
{
	struct in6_addr ip;
	bool numeric = inet_pton(AF_INET, host, &ip) == 1 ||
		       inet_pton(AF_INET6, host, &ip) == 1;

	/* An address is no server name (RFC 6066), but certificates have it. */
	if (numeric)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
	return SSL_set1_host(ssl, host) && SSL_set_tlsext_host_name(ssl, host);
}

/* A session vouches for the name it was made with, and for no other. */
static void resume(SSL *ssl, const struct wire_target *to)
{
	char peer[600];

	snprintf(peer, sizeof peer, "%s %s", to->shown, to->sni ? to->sni : "");
	tls_resume(ssl, peer);
}

bool wire_tls_start(struct wire *w, SSL_CTX *ctx, bool server,
		    const struct wire_target *to, struct fail *f)
{
	char why[160];

	w->ssl = SSL_new(ctx);
	if (!w->ssl || (w->fd >= 0 && !SSL_set_fd(w->ssl, w->fd)))
		goto failed;
	SSL_set_read_ahead(w->ssl, 1);
	if (server) {
		SSL_set_accept_state(w->ssl);
		return true;
	}
	SSL_set_connect_state(w->ssl);
	if (to->sni && !expect_peer(w->ssl, to->sni))
		goto failed;
	if (to->alpn &&
	    SSL_set_alpn_protos(w->ssl, (const unsigned char *)to->alpn,
				(unsigned)strlen(to->alpn)))
		goto failed;
	resume(w->ssl, to);
	return true;
failed:
	return fail_set(f, FAIL_SYSTEM, "tls_failed", "cannot set up TLS: %s",
			tls_reason(why, sizeof why));
}

/* Would the user's own CA make a difference? */
static bool is_unknown_issuer(long verdict)
{
	return verdict == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
	       verdict == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
	       verdict == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
	       verdict == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
	       verdict == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

static int explain(struct wire *w, int saved, int kind, struct fail *f)
{
	long verdict = SSL_get_verify_result(w->ssl);
	const char *shown = w->phase->shown;
	char why[160];

	if (!w->accepted && verdict != X509_V_OK) {
		fail_set(f, FAIL_VENDOR, "tls_untrusted",
			 "the certificate of %s is not trusted: %s%s", shown,
			 X509_verify_cert_error_string(verdict),
			 is_unknown_issuer(verdict)
				 ? " (add its CA with --upstream-ca FILE)"
				 : "");
		ERR_clear_error();
		return -1;
	}
	tls_reason(why, sizeof why);
	if (kind == SSL_ERROR_SYSCALL && saved)
		snprintf(why, sizeof why, "%s", strerror(saved));
	fail_set(f, w->accepted ? FAIL_CLIENT : FAIL_VENDOR, "tls_failed",
		 "the TLS handshake with %s failed: %s", shown, why);
	return -1;
}

int wire_tls_shake(struct wire *w, struct fail *f)
{
	int r, kind, saved;

	ERR_clear_error();
	errno = 0;
	r = SSL_do_handshake(w->ssl);
	saved = errno;
	if (r == 1)
		return 1;
	kind = SSL_get_error(w->ssl, r);
	if (kind == SSL_ERROR_WANT_READ)
		return 0;
	if (kind == SSL_ERROR_WANT_WRITE) {
		wire_arm_write(w, true);
		return 0;
	}
	return explain(w, saved, kind, f);
}

/* ---- bytes ---- */

static ssize_t over(struct wire *w, enum wire_end how)
{
	w->how = how;
	return WIRE_IO_OVER;
}

/* What SSL_read's failure means. */
static ssize_t read_failed(struct wire *w, int r, int saved)
{
	unsigned long e;

	switch (SSL_get_error(w->ssl, r)) {
	case SSL_ERROR_WANT_READ: return WIRE_IO_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		w->read_wants_write = true;
		wire_arm_write(w, true);
		return WIRE_IO_AGAIN;
	case SSL_ERROR_ZERO_RETURN: return over(w, WIRE_END_CLEAN);
	case SSL_ERROR_SYSCALL:
		return over(w, saved ? WIRE_END_RESET : WIRE_END_NO_NOTIFY);
	default:
		e = ERR_peek_error();
		ERR_clear_error();
		return over(w, ERR_GET_REASON(
				       e) == SSL_R_UNEXPECTED_EOF_WHILE_READING
				       ? WIRE_END_NO_NOTIFY
				       : WIRE_END_TLS_ERROR);
	}
}

/*
 * Records that came together are handed up together. An end that follows them
 * is kept for the next call: an SSL that was asked twice may forget the why.
 */
static ssize_t tls_read(struct wire *w, char *p, size_t n, bool *more)
{
	size_t got = 0;

	if (w->end_kept)
		return WIRE_IO_OVER;
	while (n - got >= TLS_RECORD) {
		int r;

		ERR_clear_error();
		errno = 0;
		r = SSL_read(w->ssl, p + got, (int)(n - got));
		if (r > 0) {
			got += (size_t)r;
			*more = SSL_has_pending(w->ssl);
			if (!*more)
				break;
			continue;
		}
		if (!got)
			return read_failed(w, r, errno);
		*more = w->end_kept = read_failed(w, r, errno) == WIRE_IO_OVER;
		break;
	}
	return (ssize_t)got;
}

static bool tls_pending(const struct wire *w)
{
	return w->end_kept || SSL_has_pending(w->ssl);
}

static ssize_t tls_write(struct wire *w)
{
	const struct loop_block *b = w->first;
	int r;

	while (b->done == b->end)
		b = b->next; /* a block that was reserved and not used */
	ERR_clear_error();
	errno = 0;
	r = SSL_write(w->ssl, b->data + b->done, (int)(b->end - b->done));
	if (r > 0)
		return r;
	switch (SSL_get_error(w->ssl, r)) {
	case SSL_ERROR_WANT_WRITE: wire_arm_write(w, true); break;
	case SSL_ERROR_WANT_READ: w->write_wants_read = true; break;
	default: ERR_clear_error(); return WIRE_IO_OVER;
	}
	return WIRE_IO_AGAIN;
}

static void tls_bye(struct wire *w)
{
	ERR_clear_error();
	if (SSL_is_init_finished(w->ssl))
		SSL_shutdown(w->ssl);
	ERR_clear_error();
}

const struct wire_ops wire_tls_ops = {tls_read, tls_write, tls_pending,
				      tls_bye};

void wire_tls_free(struct wire *w)
{
	/* An abrupt end must not spoil the session for the next connection. */
	SSL_set_shutdown(w->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(w->ssl);
	w->ssl = NULL;
}

/* ---- facts ---- */

static bool hash_chain(SSL *ssl, unsigned char out[32])
{
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
	EVP_MD_CTX *md;

	if (!chain || sk_X509_num(chain) == 0)
		return false;
	md = EVP_MD_CTX_new();
	assert(md && EVP_DigestInit_ex(md, EVP_sha256(), NULL));
	for (int i = 0; i < sk_X509_num(chain); i++) {
		unsigned char *der = NULL;
		int n = i2d_X509(sk_X509_value(chain, i), &der);

		if (n > 0)
			EVP_DigestUpdate(md, der, (size_t)n);
		OPENSSL_free(der);
	}
	EVP_DigestFinal_ex(md, out, NULL);
	EVP_MD_CTX_free(md);
	return true;
}

void wire_tls_facts(const struct wire *w, struct wire_facts *out)
{
	const unsigned char *alpn = NULL;
	const char *sni, *cipher;
	unsigned n = 0;

	out->tls = true;
	sni = SSL_get_servername(w->ssl, TLSEXT_NAMETYPE_host_name);
	cipher = SSL_get_cipher_name(w->ssl);
	SSL_get0_alpn_selected(w->ssl, &alpn, &n);
	snprintf(out->tls_version, sizeof out->tls_version, "%s",
		 SSL_get_version(w->ssl));
	snprintf(out->cipher, sizeof out->cipher, "%s", cipher ? cipher : "");
	snprintf(out->alpn, sizeof out->alpn, "%.*s", (int)n,
		 alpn ? (const char *)alpn : "");
	snprintf(out->sni, sizeof out->sni, "%s", sni ? sni : "");
	out->has_chain = hash_chain(w->ssl, out->chain_sha256);
}
