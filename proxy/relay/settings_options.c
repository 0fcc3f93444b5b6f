/* SPDX-License-Identifier: MIT */
/* The rows of `assay proxy`: parsing, --help, configuration and README. */
#include "relay/settings.h"

static const struct option_def where[] = {
	{"upstream", OPTION_TEXT, "[NAME=]URL", NULL, OPTION_REPEAT,
	 "Where requests go, as in https://api.vendor.example. The first is "
	 "the default; a named one gets what is sent to /NAME/... A path in "
	 "the URL is put before the request's."},
	{"listen", OPTION_TEXT, "ADDR:PORT", "127.0.0.1:8787", OPTION_REPEAT,
	 "Where clients connect; IPv6 in brackets; port 0 takes a free one; "
	 "`none`: nobody connects. Other than loopback needs --allow."},
	{"allow", OPTION_TEXT, "CIDR", NULL, OPTION_REPEAT,
	 "Which networks clients may connect from, besides loopback, as in "
	 "10.0.0.0/8."},
	{"upstream-http", OPTION_CHOICE, "auto|1.1|2", "auto", 0,
	 "HTTP version towards vendors. auto: what TLS agrees on (ALPN), and "
	 "1.1 in clear."},
	{0}};

static const struct option_def tls[] = {
	{"tls-cert", OPTION_PATH, "FILE", NULL, 0,
	 "Serve clients over TLS with this certificate chain (PEM); needs "
	 "--tls-key."},
	{"tls-key", OPTION_PATH, "FILE", NULL, 0,
	 "The certificate's private key (PEM)."},
	{"upstream-ca", OPTION_PATH, "FILE", NULL, 0,
	 "Trust these authorities (PEM) as well as the system's when "
	 "connecting to vendors."},
	{0}};

static const struct option_def recording[] = {
	{"trail", OPTION_PATH, "FILE", "assay.db", 0,
	 "The file to record into; made if it is missing."},
	{"record", OPTION_CHOICE, "besteffort|strict", "besteffort", 0,
	 "When the recorder cannot keep up: besteffort relays on and records "
	 "a counted gap, strict holds the relay."},
	{"spool-size", OPTION_SIZE, "SIZE", NULL, 0,
	 "Size of each worker's ring between relay and trail (64M; less if "
	 "the spool's file system is small, and the start message says so)."},
	{"spool-dir", OPTION_PATH, "DIR", NULL, 0,
	 "Where the rings lie, instead of in shared memory (/dev/shm)."},
	{"redact", OPTION_TEXT, "NAME", NULL, OPTION_REPEAT,
	 "One more header or query field whose value is a secret: recorded "
	 "as a keyed fingerprint, like Authorization always is."},
	{0}};

static const struct option_def limits[] = {
	{"workers", OPTION_COUNT, "N", "1", 0,
	 "Threads that relay, each with its own connections and ring."},
	{"max-head", OPTION_SIZE, "SIZE", "64K", 0,
	 "The largest head of a request or response; a larger request gets "
	 "431."},
	{"connect-timeout", OPTION_DURATION, "TIME", "10s", 0,
	 "How long connecting to a vendor may take, TLS included."},
	{"idle-timeout", OPTION_DURATION, "TIME", NULL, 0,
	 "Give up an exchange on which nothing has moved for so long. None "
	 "by default: models may think for longer than any limit."},
	{"drain", OPTION_DURATION, "TIME", "10s", 0,
	 "How long open exchanges may go on after Ctrl-C or SIGTERM."},
	{0}};

static const struct option_def running[] = {
	{"config", OPTION_PATH, "FILE", NULL, OPTION_LINE_ONLY,
	 "Read options from this JSON object, which has the same names; the "
	 "command line wins. SIGHUP reads it again."},
	{"quiet", OPTION_FLAG, NULL, NULL, 0, "Say nothing but errors."},
	{"verbose", OPTION_FLAG, NULL, NULL, 0, "Log in detail."},
	{0}};

void settings_add_options(struct options *o)
{
	options_add(o, where, "Where from and where to");
	options_add(o, tls, "TLS");
	options_add(o, recording, "Recording");
	options_add(o, limits, "Limits");
	options_add(o, running, "Running");
}
