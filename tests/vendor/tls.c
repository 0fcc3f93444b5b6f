/* SPDX-License-Identifier: MIT */
#include "tls.h"

#include <assert.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config.h"

struct identity {
	X509 *leaf;
	STACK_OF(X509) * chain;
	EVP_PKEY *key;
};

static bool complain(const char *what, const char *file)
{
	char why[160];

	ERR_error_string_n(ERR_peek_last_error(), why, sizeof(why));
	fprintf(stderr, "vendor: cannot %s %s: %s\n", what, file, why);
	ERR_clear_error();
	return false;
}

static bool load_chain(struct identity *id, const char *file)
{
	BIO *in = BIO_new_file(file, "r");
	X509 *more;

	id->leaf = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
	id->chain = sk_X509_new_null();
	while (id->leaf && (more = PEM_read_bio_X509(in, NULL, NULL, NULL)))
		sk_X509_push(id->chain, more);
	BIO_free(in);
	if (!id->leaf)
		return complain("read the certificate", file);
	ERR_clear_error();
	return true;
}

static bool load_key(struct identity *id, const char *file)
{
	BIO *in = BIO_new_file(file, "r");

	id->key = in ? PEM_read_bio_PrivateKey(in, NULL, NULL, NULL) : NULL;
	BIO_free(in);
	return id->key || complain("read the key", file);
}

static void add_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert(ext);
	X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
}

static void set_name(X509 *x)
{
	X509_NAME *name = X509_get_subject_name(x);

	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
				   (const unsigned char *)"practice vendor", -1,
				   -1, 0);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				   (const unsigned char *)"localhost", -1, -1,
				   0);
	X509_set_issuer_name(x, name);
}

static void set_serial(X509 *x)
{
	unsigned char bytes[8];
	uint64_t serial;
	int rc = RAND_bytes(bytes, sizeof(bytes));

	assert(rc == 1);
	memcpy(&serial, bytes, sizeof(serial));
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1);
}

/* Signed by itself, so that the leaf is its own trust anchor. */
static void make(struct identity *id)
{
	X509 *x = X509_new();

	id->key = EVP_EC_gen("P-256");
	assert(x && id->key);
	X509_set_version(x, X509_VERSION_3);
	set_serial(x);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600L * 24 * 30);
	X509_set_pubkey(x, id->key);
	set_name(x);
	add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(x, NID_key_usage,
		      "critical,digitalSignature,keyCertSign");
	add_extension(x, NID_ext_key_usage, "serverAuth");
	add_extension(x, NID_subject_alt_name,
		      "DNS:localhost,IP:127.0.0.1,IP:::1");
	add_extension(x, NID_subject_key_identifier, "hash");
	X509_sign(x, id->key, EVP_sha256());
	id->leaf = x;
	id->chain = sk_X509_new_null();
}

static bool write_leaf(struct identity *id, const char *file)
{
	BIO *out = BIO_new_file(file, "w");
	bool ok = out && PEM_write_bio_X509(out, id->leaf) == 1;

	BIO_free(out);
	return ok || complain("write the certificate to", file);
}

struct identity *identity_new(const struct config *config)
{
	struct identity *id = MEM_NEW(struct identity);
	bool ok = true;

	if (config->cert)
		ok = load_chain(id, config->cert) && load_key(id, config->key);
	else
		make(id);
	if (ok && config->write_ca)
		ok = write_leaf(id, config->write_ca);
	if (ok)
		return id;
	identity_free(id);
	return NULL;
}

void identity_free(struct identity *id)
{
	if (!id)
		return;
	X509_free(id->leaf);
	sk_X509_pop_free(id->chain, X509_free);
	EVP_PKEY_free(id->key);
	free(id);
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *len,
		       const unsigned char *in, unsigned n, void *h1_only)
{
	static const unsigned char ours[] = "\x02h2\x08http/1.1";
	const unsigned char *list = h1_only ? ours + 3 : ours;
	unsigned size = (unsigned)(sizeof(ours) - 1) - (h1_only ? 3 : 0);

	if (SSL_select_next_proto((unsigned char **)out, len, list, size, in,
				  n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	return SSL_TLSEXT_ERR_OK;
}

SSL_CTX *tls_context_new(struct identity *id, bool h1_only)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int ok = ctx && SSL_CTX_use_cert_and_key(ctx, id->leaf, id->key,
						 id->chain, 1) == 1;

	if (!ok) {
		complain("use", "the certificate with its key");
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, h1_only ? ctx : NULL);
	return ctx;
}
