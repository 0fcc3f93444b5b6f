/* SPDX-License-Identifier: MIT */
/*
 * TLS contexts: how assay presents itself to clients and what it demands of
 * vendors. TLS 1.2 and up. Contexts are read-only once made and may be shared
 * by threads; the caller frees them with SSL_CTX_free().
 */
#ifndef WIRE_TLS_H
#define WIRE_TLS_H

#include <openssl/types.h>

#include "base/fail.h"

/* A server with one certificate chain and key (PEM). ALPN: h2, http/1.1. */
SSL_CTX *tls_server(const char *cert_file, const char *key_file,
		    struct fail *f) MUST_USE;

/*
 * The identity seam: chooses the certificate by the SNI of a handshake that
 * comes in. `fill(arg, ssl, sni)` sets certificate and key on ssl and returns
 * false to refuse; it runs on a worker's thread and must not block.
 */
typedef bool tls_identity_fn(void *arg, SSL *ssl, const char *sni);
SSL_CTX *tls_server_dynamic(tls_identity_fn *fill, void *arg,
			    struct fail *f) MUST_USE;

/*
 * A client that verifies against the system's trust store, and against
 * `ca_file` (PEM) as well if it is not NULL.
 */
SSL_CTX *tls_client(const char *ca_file, struct fail *f) MUST_USE;

/*
 * Before a client's handshake: offers the session that this context keeps for
 * `peer` (address and expected name), and keeps the new ones under that name.
 */
void tls_resume(SSL *ssl, const char *peer);

/* The newest queued OpenSSL error as words; clears the queue. */
const char *tls_reason(char *out, unsigned long size);

#endif
