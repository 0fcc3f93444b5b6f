/* SPDX-License-Identifier: MIT */
/*
 * A request, as far as contracts and plans look at it, and the families of
 * models whose contracts this vendor keeps.
 *
 *	struct asked a = {.dialect = d, .request = tree, .bugs = knobs->bug};
 *	ask_read(&a);
 *	if (contract_refuses(&a, &why)) ...
 *
 * A family is chosen by the model's name, a prefix such as moonshotai/ aside;
 * any other name is a model without a contract.
 */
#ifndef VENDOR_ASK_H
#define VENDOR_ASK_H

#include <cjson/cJSON.h>

#include "bugs.h"

struct dialect;

enum thinks {
	THINKS_ASKED, /* when a parameter asks for it */
	THINKS_ON,    /* unless a parameter says no */
	THINKS_ALWAYS,
	THINKS_SILENT, /* always, but shows nothing of it */
};

/* What a family's contract has beside the common one. */
enum {
	FIXES_SAMPLING = 1 << 0, /* Kimi: temperature, top_p, n, penalties */
	FIXES_DEFAULT = 1 << 1,	 /* gpt-5: only the default temperature */
	ONLY_ENABLED = 1 << 2,	 /* thinking cannot be disabled */
	CHOICE_AUTO = 1 << 3,	 /* tool_choice auto or none in thinking */
	CHOICE_UNNAMED = 1 << 4, /* any tool_choice but a named one */
	STRICT_TOOLS = 1 << 5,	 /* Kimi: declarations are looked at */
	BACK_CALLS = 1 << 6,	 /* calls come back with their reasoning */
	BACK_NEVER = 1 << 7,	 /* R1: reasoning must not come back */
	IN_CONTENT = 1 << 8,	 /* MiniMax: <think> stands in the content */
	SIGNS_CALLS = 1 << 9,	 /* Gemini: thought signatures */
	KIMI = 1 << 10,		 /* ids, usage and headers as Moonshot's */
};

struct family {
	struct str name;
	enum thinks thinks;
	unsigned flags;
	struct str reasoning;		    /* its word in chat */
	double temperature, instant, top_p; /* with FIXES_SAMPLING */
};

enum effort { EFFORT_LOW, EFFORT_MEDIUM, EFFORT_HIGH, EFFORT_MAX };

struct asked {
	const struct dialect *dialect;
	const cJSON *request;
	struct bugs bugs;
	/* by ask_read() */
	const struct family *family;
	bool thinks, streams;
	enum effort effort;
};

/* Fills in the rest, and confines the bugs to what can be. */
void ask_read(struct asked *a);

static inline const cJSON *ask_get(const cJSON *o, const char *key)
{
	return key ? cJSON_GetObjectItemCaseSensitive(o, key) : NULL;
}

static inline bool ask_says(const cJSON *value, const char *text)
{
	return cJSON_IsString(value) && strcmp(value->valuestring, text) == 0;
}

static inline struct str ask_text(const cJSON *value)
{
	return cJSON_IsString(value) ? str_of(value->valuestring) : STR("");
}

/* The last element of an array, or NULL. */
static inline const cJSON *ask_last(const cJSON *list)
{
	return cJSON_GetArrayItem(list, cJSON_GetArraySize(list) - 1);
}

/* Why a request is refused. */
struct refusal {
	char text[320];
	const char *param; /* or NULL */
};

/* contract.c: would the vendor of this model refuse it? */
bool contract_refuses(const struct asked *a, struct refusal *r);

/* contract_tools.c: Kimi's looks at declarations, formats and choices. */
bool contract_refuses_tools(const struct asked *a, struct refusal *r);
bool contract_refuses_format(const struct asked *a, struct refusal *r);

/* contract_back.c: reasoning that must, or must not, come back. */
bool contract_refuses_history(const struct asked *a, struct refusal *r);

/* True, for `return refuse(...)`. */
bool refuse(struct refusal *r, const char *param, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* prompt.c: what the request costs, in tokens. */
size_t prompt_tokens(const struct asked *a);

#endif
