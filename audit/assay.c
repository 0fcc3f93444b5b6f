/* SPDX-License-Identifier: MIT */
/* The front door: the table of commands, and the one place where the rooms
 * are tied together. */
#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "base/fail.h"
#include "base/nearest.h"
#include "proxy.h"
#include "replay/replay.h"
#include "rules/command/rules.h"

static int run_proxy(int argc, char **argv)
{
	const struct room rooms[] = {audit_room};

	return proxy_main(argc - 1, argv + 1, rooms,
			  sizeof rooms / sizeof *rooms);
}

static const struct command {
	const char *name, *about;
	int (*run)(int argc, char **argv); /* argv[0] is the command's name */
} commands[] = {
	{"proxy", "relay an app's LLM traffic unchanged, and record it",
	 run_proxy},
	{"rules", "what both sides are held to: ls, show, explain, lint, check",
	 rules_main},
	{"replay", "read recordings: ls, show, verify", replay_main},
	{"audit", "what a vendor does differently: findings, probe",
	 audit_main},
};

#define N_COMMANDS (sizeof commands / sizeof commands[0])

static int show_help(void)
{
	printf("usage: assay COMMAND [OPTION]...\n"
	       "\n"
	       "assay stands between an app and its LLM vendor. It relays "
	       "every byte as it is,\n"
	       "keeps exact evidence of what was said and when, and shows "
	       "it.\n"
	       "\n"
	       "Commands (each has its own --help):\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		printf("  %-10s%s\n", commands[i].name, commands[i].about);
	printf("\n"
	       "To begin:\n"
	       "  assay proxy --upstream https://api.openai.com\n"
	       "    and in another terminal, where the app is started:\n"
	       "  export OPENAI_BASE_URL=http://127.0.0.1:8787/v1\n"
	       "  assay replay ls\n"
	       "\n"
	       "assay --version prints the version.\n");
	return 0;
}

static int unknown(const char *word)
{
	const char *names[N_COMMANDS], *near;
	struct fail f;

	for (size_t i = 0; i < N_COMMANDS; i++)
		names[i] = commands[i].name;
	near = nearest_name(str_of(word), names, N_COMMANDS);
	fail_set(&f, FAIL_USER, "bad_command", "unknown command %.60s: %s%s%s",
		 word, near ? "did you mean " : "assay --help lists them all",
		 near ? near : "", near ? "?" : "");
	return fail_print(&f);
}

static bool is_any(const char *word, const char *a, const char *b,
		   const char *c)
{
	return strcmp(word, a) == 0 || strcmp(word, b) == 0 ||
	       strcmp(word, c) == 0;
}

int main(int argc, char **argv)
{
	if (argc < 2 || is_any(argv[1], "--help", "-h", "help")) {
		show_help();
		return argc < 2 ? 2 : 0;
	}
	if (is_any(argv[1], "--version", "-V", "version")) {
		printf("assay " ASSAY_VERSION "\n");
		return 0;
	}
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	}
	return unknown(argv[1]);
}
