/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdlib.h>

#include "text.h"

/* NAME(option, argument or NULL, help) in the order of --help. */
/* clang-format off */
#define OPTIONS(O)							\
O(listen, "ADDR:PORT", "clear HTTP/1.1 and HTTP/2; port 0 is any")	\
O(tls_listen, "ADDR:PORT", "the same over TLS; both may be repeated")	\
O(cert, "FILE", "certificate chain, PEM; else one is made")		\
O(key, "FILE", "its key, PEM")						\
O(write_ca, "FILE", "write the certificate, for clients to trust")	\
O(h1_only, NULL, "no HTTP/2, neither by ALPN nor by its preface")	\
O(h2_streams, "N", "SETTINGS_MAX_CONCURRENT_STREAMS (1000)")		\
O(seed, "N", "the same requests get the same answers, ids and times")	\
O(pace, "N", "chunks a second (0: flat out); the knob's default")	\
O(tokens, "N", "length of a chat answer; the knob's default")		\
O(fault, "KNOB=VALUE,...", "knobs for every request; see below")	\
O(threads, "N", "worker threads (1)")					\
O(port_file, "FILE", "write {\"clear\":P,\"tls\":P} once ready")	\
O(quiet, NULL, "print nothing on start")				\
O(help, NULL, "this text")
/* clang-format on */

#define OPTION_ENUM(name, argument, help) OPT_##name,
#define OPTION_ROW(name, argument, help)  {#name, argument, help},

enum option { OPTIONS(OPTION_ENUM) N_OPTIONS };

static const struct {
	const char *name, *argument, *help;
} options[] = {OPTIONS(OPTION_ROW)};

static const char intro[] =
	"vendor: a practice LLM vendor for tests and benchmarks of proxies\n"
	"\n"
	"It speaks HTTP/1.1 and HTTP/2, in clear and over TLS, answers chat\n"
	"requests in four dialects with pseudo-text from a seed, and commits\n"
	"faults on request.\n"
	"\n"
	"  vendor --listen 127.0.0.1:8000 --seed 1\n"
	"  curl 'http://127.0.0.1:8000/stream?n=3&pace=2'\n"
	"  curl -H 'x-vendor: truncate=300' -d "
	"'{\"model\":\"m\",\"stream\":true,"
	"\n"
	"    \"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}' \\\n"
	"    http://127.0.0.1:8000/v1/chat/completions\n"
	"\n"
	"Options\n";

static const char endpoints[] =
	"\n"
	"Endpoints\n"
	"  POST /v1/chat/completions  /v1/completions  /v1/responses  "
	"/v1/messages\n"
	"       streamed with \"stream\":true. A last user message that says\n"
	"       \"use the tool\" is answered by a call of the first tool "
	"given.\n"
	"  GET  /v1/models, /healthz  (with counts of connections, requests)\n"
	"  /bytes?n=N[&seed=S]        N pseudo-random bytes\n"
	"  /stream?n=N&size=B         N events of B bytes each\n"
	"  /json?n=N                  a JSON answer of N bytes\n"
	"  /echo[?body=1]             the request as JSON (bytes above 0x7e "
	"of\n"
	"                             field values as \\u00xx), or its body\n"
	"  /sink                      length and sha256 of the request's body\n"
	"  /ws                        WebSocket echo (HTTP/1.1)\n"
	"  /tunnel                    Upgrade: echo, then raw bytes come back\n"
	"\n"
	"Knobs: query parameters of a request, or x-vendor: k=v,k=v (the "
	"query\n"
	"wins), or --fault k=v,k=v for all. Unknown ones in the header and in\n"
	"--fault are errors; in the query they are passed over.\n";

static const char bugs_intro[] =
	"\n"
	"Bugs: bug=NAME, each under the name of the rule that must find it.\n"
	"Behind the name: dialects (chat, p completions, responses, messages)\n"
	"and forms (streamed, whole) that can have it; others ignore it.\n";

static void print_help(void)
{
	char left[64];

	fputs(intro, stdout);
	for (size_t i = 0; i < N_OPTIONS; i++) {
		snprintf(left, sizeof(left), "--%s %s", options[i].name,
			 options[i].argument ? options[i].argument : "");
		for (char *p = left; *p && *p != ' '; p++)
			*p = *p == '_' ? '-' : *p;
		printf("  %-24s %s\n", left, options[i].help);
	}
	fputs(endpoints, stdout);
	knobs_help(stdout);
	fputs(bugs_intro, stdout);
	bugs_help(stdout);
}

static enum option find(const char *arg)
{
	char name[32];
	size_t i = 0;

	if (strncmp(arg, "--", 2) != 0)
		return N_OPTIONS;
	for (arg += 2; *arg && *arg != '=' && i < sizeof(name) - 1; arg++)
		name[i++] = *arg == '-' ? '_' : *arg;
	name[i] = '\0';
	for (i = 0; i < N_OPTIONS; i++)
		if (strcmp(options[i].name, name) == 0)
			break;
	return (enum option)i;
}

static bool bad(const char *option, const char *value, const char *why)
{
	fprintf(stderr, "vendor: --%s %s: %s (--help tells all)\n", option,
		value, why);
	return false;
}

static bool add_listen(struct config *c, const char *value, bool tls)
{
	if (c->n_at == CONFIG_LISTENS)
		return bad("listen", value, "too many listeners");
	c->at[c->n_at++] = (struct listen_at){.text = value, .tls = tls};
	return true;
}

static bool set_number(const char *option, uint64_t *to, const char *value,
		       uint64_t low, uint64_t high)
{
	uint64_t v;

	if (!text_u64(str_of(value), &v) || v < low || v > high)
		return bad(option, value, "not a number in its range");
	*to = v;
	return true;
}

static bool set_fault(struct config *c, const char *value)
{
	struct str what;

	if (knobs_parse(&c->knobs, str_of(value), ',', true, &what))
		return true;
	fprintf(stderr, "vendor: --fault: unknown or bad: %.*s\n",
		STR_ARG(what));
	return false;
}

static bool set_option(struct config *c, enum option o, const char *v)
{
	switch (o) {
	case OPT_listen: return add_listen(c, v, false);
	case OPT_tls_listen: return add_listen(c, v, true);
	case OPT_cert: c->cert = v; return true;
	case OPT_key: c->key = v; return true;
	case OPT_write_ca: c->write_ca = v; return true;
	case OPT_port_file: c->port_file = v; return true;
	case OPT_h1_only: c->h1_only = true; return true;
	case OPT_quiet: c->quiet = true; return true;
	case OPT_fault: return set_fault(c, v);
	case OPT_seed:
		c->seeded = true;
		return set_number("seed", &c->seed, v, 0, UINT64_MAX);
	case OPT_pace:
		return set_number("pace", &c->knobs.pace, v, 0, 1000000000);
	case OPT_tokens:
		return set_number("tokens", &c->knobs.tokens, v, 0, 100000000);
	case OPT_threads: return set_number("threads", &c->threads, v, 1, 64);
	case OPT_h2_streams:
		return set_number("h2-streams", &c->h2_streams, v, 1, 100000);
	case OPT_help:
	case N_OPTIONS: break;
	}
	return false;
}

static bool check(const struct config *c)
{
	if (!c->n_at) {
		fputs("vendor: where to listen? --listen 127.0.0.1:8000 or "
		      "--tls-listen (--help tells all)\n",
		      stderr);
		return false;
	}
	if (!c->cert != !c->key) {
		fputs("vendor: --cert and --key go together\n", stderr);
		return false;
	}
	return true;
}

/* The argument of options[o], from --name=value or the next word. */
static const char *take_value(enum option o, char **argv, int argc, int *i)
{
	const char *equals = strchr(argv[*i], '=');

	if (!options[o].argument)
		return "";
	if (equals)
		return equals + 1;
	return *i + 1 < argc ? argv[++*i] : NULL;
}

bool config_parse(struct config *c, int argc, char **argv, int *code)
{
	knobs_init(&c->knobs);
	c->threads = 1;
	c->h2_streams = 1000;
	*code = 2;
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];
		enum option o = find(arg);
		const char *value;

		if (o == OPT_help) {
			print_help();
			*code = 0;
			return false;
		}
		if (o == N_OPTIONS) {
			fprintf(stderr,
				"vendor: unknown: %s (--help tells all)\n",
				arg);
			return false;
		}
		value = take_value(o, argv, argc, &i);
		if (!value) {
			fprintf(stderr, "vendor: %s needs %s\n", arg,
				options[o].argument);
			return false;
		}
		if (!set_option(c, o, value))
			return false;
	}
	return check(c);
}
