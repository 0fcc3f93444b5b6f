/* SPDX-License-Identifier: MIT */
#include "ask.h"

#include "talk.h"

#define CONTENT	   STR("reasoning_content")
#define KIMI_FIXED (KIMI | STRICT_TOOLS | FIXES_SAMPLING | BACK_CALLS)

static const struct family families[] = {
	{STR("kimi-k2-thinking"), THINKS_ALWAYS, KIMI | STRICT_TOOLS, CONTENT,
	 0, 0, 0},
	{STR("kimi-k2.5"), THINKS_ON, KIMI_FIXED | CHOICE_AUTO, CONTENT, 1.0,
	 0.6, 0.95},
	{STR("kimi-k2.6"), THINKS_ON, KIMI_FIXED | CHOICE_AUTO, CONTENT, 1.0,
	 0.6, 0.95},
	{STR("kimi-k2.7"), THINKS_ALWAYS,
	 KIMI_FIXED | CHOICE_AUTO | ONLY_ENABLED, CONTENT, 1.0, 1.0, 0.95},
	{STR("kimi-k3"), THINKS_ON, KIMI_FIXED | CHOICE_UNNAMED, CONTENT, 1.0,
	 1.0, 0.95},
	{STR("deepseek-reasoner"), THINKS_ALWAYS, BACK_CALLS | CHOICE_AUTO,
	 CONTENT, 0, 0, 0},
	{STR("deepseek-r1"), THINKS_ALWAYS, BACK_NEVER, CONTENT, 0, 0, 0},
	{STR("deepseek-"), THINKS_ASKED, BACK_CALLS | CHOICE_AUTO, CONTENT, 0,
	 0, 0},
	{STR("qwen3"), THINKS_ON, CHOICE_AUTO, CONTENT, 0, 0, 0},
	{STR("glm-4"), THINKS_ON, 0, CONTENT, 0, 0, 0},
	{STR("minimax-m2"), THINKS_ALWAYS, IN_CONTENT, CONTENT, 0, 0, 0},
	{STR("gpt-oss"), THINKS_ALWAYS, 0, STR("reasoning"), 0, 0, 0},
	{STR("gpt-5"), THINKS_SILENT, FIXES_DEFAULT, STR("reasoning"), 0, 0, 0},
	{STR("gemini-3"), THINKS_SILENT, SIGNS_CALLS, STR("reasoning"), 0, 0,
	 0},
	{STR(""), THINKS_ASKED, 0, CONTENT, 0, 0, 0},
};

static const struct family *family_of(struct str model)
{
	const char *slash = memrchr(model.p, '/', model.n);
	size_t i = 0;

	if (slash)
		model = str_skip(model, (size_t)(slash - model.p) + 1);
	while (model.n < families[i].name.n ||
	       strncasecmp(model.p, families[i].name.p, families[i].name.n))
		i++;
	return &families[i];
}

/* What a parameter says: 1 on, 0 off, -1 nothing. */
static int asks_to_think(const cJSON *q)
{
	const cJSON *thinking = ask_get(q, "thinking");
	const cJSON *kwargs = ask_get(q, "chat_template_kwargs");
	const cJSON *flag = ask_get(q, "enable_thinking");
	const cJSON *kind = ask_get(thinking, "type");

	if (cJSON_IsObject(thinking) && kind)
		return ask_says(kind, "enabled") || ask_says(kind, "adaptive");
	if (cJSON_IsBool(thinking))
		return cJSON_IsTrue(thinking);
	if (!flag)
		flag = ask_get(kwargs, "thinking");
	if (!flag)
		flag = ask_get(kwargs, "enable_thinking");
	if (flag)
		return cJSON_IsTrue(flag);
	if (ask_says(ask_get(q, "reasoning_effort"), "none"))
		return 0;
	return cJSON_IsString(ask_get(ask_get(q, "reasoning"), "summary")) ? 1
									   : -1;
}

static bool thinks(const struct family *f, const cJSON *q)
{
	int asked = asks_to_think(q);

	switch (f->thinks) {
	case THINKS_ASKED: return asked == 1;
	case THINKS_ON: return asked != 0;
	case THINKS_ALWAYS:
	case THINKS_SILENT: break;
	}
	return true;
}

static enum effort effort_of(const cJSON *q)
{
	static const char *const names[] = {"low", "medium", "high", "max"};
	const cJSON *said = ask_get(q, "reasoning_effort");

	if (!said)
		said = ask_get(ask_get(q, "thinking"), "effort");
	if (!said)
		said = ask_get(ask_get(q, "reasoning"), "effort");
	if (!said)
		said = ask_get(ask_get(q, "chat_template_kwargs"),
			       "thinking_effort");
	for (unsigned i = 0; i < 4; i++)
		if (ask_says(said, names[i]))
			return (enum effort)i;
	return EFFORT_MEDIUM;
}

void ask_read(struct asked *a)
{
	const cJSON *q = a->request;

	a->family = family_of(ask_text(ask_get(q, "model")));
	a->thinks = thinks(a->family, q);
	a->streams = cJSON_IsTrue(ask_get(q, "stream"));
	a->effort = effort_of(q);
	bugs_confine(&a->bugs, a->dialect->letter, a->streams);
}
