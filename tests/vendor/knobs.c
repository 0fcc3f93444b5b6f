/* SPDX-License-Identifier: MIT */
#include "knobs.h"

#include "text.h"

enum kind {
	KIND_PART,
	KIND_NUM,
	KIND_FLAG,
	KIND_WORD,
	KIND_LIST,
	KIND_TEXT,
	KIND_SET
};

struct knob {
	enum kind kind;
	struct str name;
	size_t at; /* in struct knobs */
	uint64_t unset;
	const char *words; /* "a|b|c", the values 1, 2, 3 of its enum */
	const char *help;
};

#define ROW(kind, name, unset, words, help)                                    \
	{kind, STR(#name), offsetof(struct knobs, name), unset, words, help},
#define ROW_PART(title)		   {KIND_PART, {NULL, 0}, 0, 0, NULL, title},
#define ROW_NUM(name, unset, help) ROW(KIND_NUM, name, unset, NULL, help)
#define ROW_FLAG(name, help)	   ROW(KIND_FLAG, name, 0, NULL, help)
#define ROW_BAR(knob, word)	   "|" #word
#define ROW_WORD(name, help)                                                   \
	ROW(KIND_WORD, name, 0, WORDS_##name(ROW_BAR), help)
#define ROW_LIST(name, help) ROW(KIND_LIST, name, 0, NULL, help)
#define ROW_TEXT(name, help) ROW(KIND_TEXT, name, 0, NULL, help)
#define ROW_SET(name, help)  ROW(KIND_SET, name, 0, NULL, help)

static const struct knob table[] = {KNOBS(ROW_PART, ROW_NUM, ROW_FLAG, ROW_WORD,
					  ROW_LIST, ROW_TEXT, ROW_SET)};

#define N_KNOBS (sizeof(table) / sizeof(table[0]))

void knobs_init(struct knobs *k)
{
	memset(k, 0, sizeof(*k));
	for (size_t i = 0; i < N_KNOBS; i++)
		if (table[i].kind == KIND_NUM)
			*(uint64_t *)((char *)k + table[i].at) = table[i].unset;
}

static const struct knob *find(struct str name)
{
	for (size_t i = 0; i < N_KNOBS; i++)
		if (table[i].kind != KIND_PART && str_eq(table[i].name, name))
			return &table[i];
	return NULL;
}

static bool set_flag(bool *flag, struct str value)
{
	if (!value.p || str_eq(value, STR("1")))
		*flag = true;
	else if (str_eq(value, STR("0")))
		*flag = false;
	else
		return false;
	return true;
}

static bool set_word(uint8_t *word, struct str value, const char *words)
{
	struct str rest = str_of(words + 1);

	for (uint8_t i = 1; rest.p; i++) {
		if (str_eq(text_cut(&rest, '|'), value)) {
			*word = i;
			return true;
		}
	}
	return false;
}

/* 1xx statuses other than 101, which would end the protocol. */
static bool add_interims(struct knob_list *list, struct str value)
{
	uint64_t v;

	while (value.p) {
		if (!text_u64(text_cut(&value, '+'), &v) || v < 100 ||
		    v > 199 || v == 101 || list->n == KNOB_INTERIMS)
			return false;
		list->v[list->n++] = (uint16_t)v;
	}
	return true;
}

static bool set(struct knobs *k, struct str pair)
{
	struct str value = pair;
	struct str name = text_trim(text_cut(&value, '='));
	const struct knob *knob = find(name);
	char *at = (char *)k + (knob ? knob->at : 0);

	value = value.p ? text_trim(value) : value;
	if (!knob)
		return false;
	switch (knob->kind) {
	case KIND_NUM: return text_u64(value, (uint64_t *)at);
	case KIND_FLAG: return set_flag((bool *)at, value);
	case KIND_WORD: return set_word((uint8_t *)at, value, knob->words);
	case KIND_LIST: return add_interims((struct knob_list *)at, value);
	case KIND_TEXT: *(struct str *)at = value; return value.p != NULL;
	case KIND_SET: return bugs_parse((struct bugs *)at, value);
	case KIND_PART: break;
	}
	return false;
}

bool knobs_parse(struct knobs *k, struct str pairs, char sep, bool strict,
		 struct str *bad)
{
	while (pairs.p) {
		struct str pair = text_cut(&pairs, sep);
		if (text_trim(pair).n == 0 || set(k, pair) || !strict)
			continue;
		*bad = text_trim(pair);
		return false;
	}
	return true;
}

static void help_line(FILE *to, const struct knob *k)
{
	char left[160];

	switch (k->kind) {
	case KIND_PART: fprintf(to, "\n  %s\n", k->help); return;
	case KIND_NUM:
		snprintf(left, sizeof(left), "%.*s=N", STR_ARG(k->name));
		break;
	case KIND_FLAG:
		snprintf(left, sizeof(left), "%.*s=1", STR_ARG(k->name));
		break;
	case KIND_WORD:
		snprintf(left, sizeof(left), "%.*s=%s", STR_ARG(k->name),
			 k->words + 1);
		break;
	case KIND_LIST:
		snprintf(left, sizeof(left), "%.*s=N", STR_ARG(k->name));
		break;
	case KIND_TEXT:
	case KIND_SET:
		snprintf(left, sizeof(left), "%.*s=TEXT", STR_ARG(k->name));
		break;
	}
	if (strlen(left) > 17)
		fprintf(to, "    %s\n%22s", left, "");
	else
		fprintf(to, "    %-18s", left);
	fputs(k->help, to);
	if (k->kind == KIND_NUM && k->unset && k->unset != KNOB_UNSET)
		fprintf(to, " (%llu)", (unsigned long long)k->unset);
	fputc('\n', to);
}

void knobs_help(FILE *to)
{
	for (size_t i = 0; i < N_KNOBS; i++)
		help_line(to, &table[i]);
}
