/* SPDX-License-Identifier: MIT */
/*
 * The vendor's certificate and its TLS contexts. Without a certificate of
 * the user's it makes a self-signed one for localhost, 127.0.0.1 and ::1,
 * which a client can trust by the file that --write-ca names.
 *
 *	struct identity *id = identity_new(config);     // says why on stderr
 *	worker->tls = tls_context_new(id, config->h1_only);
 */
#ifndef VENDOR_TLS_H
#define VENDOR_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>

struct config;
struct identity;

/* Loads or makes it; NULL with a message on stderr. */
struct identity *identity_new(const struct config *config);
void identity_free(struct identity *id);

/* One a worker. ALPN: h2 then http/1.1, or the latter alone. */
SSL_CTX *tls_context_new(struct identity *id, bool h1_only);

#endif
