/* SPDX-License-Identifier: MIT */
/*
 * Kimi's looks at tool declarations, global ones and those that system
 * messages bring (dynamic tools), at tool_choice and at response_format.
 */
#include "ask.h"

#include <ctype.h>

#define TOOLS_MOST 128
#define NAME_MOST  256

struct names {
	struct str at[TOOLS_MOST];
	size_t n;
};

static bool is_name(struct str s)
{
	if (s.n == 0 || s.n > NAME_MOST ||
	    (!isalpha((unsigned char)s.p[0]) && s.p[0] != '_'))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '_' &&
		    s.p[i] != '-')
			return false;
	return true;
}

static bool refuses_name(struct names *names, struct str name,
			 struct refusal *r)
{
	if (!is_name(name))
		return refuse(r, "tools", "invalid function name: %.64s",
			      name.p);
	for (size_t i = 0; i < names->n; i++)
		if (str_eq(names->at[i], name))
			return refuse(r, "tools",
				      "duplicate function name: %.64s", name.p);
	if (names->n == TOOLS_MOST)
		return refuse(r, "tools", "at most %d tools are allowed",
			      TOOLS_MOST);
	names->at[names->n++] = name;
	return false;
}

static bool refuses_list(struct names *names, const cJSON *tools,
			 struct refusal *r)
{
	const cJSON *tool;

	if (!cJSON_IsArray(tools))
		return refuse(r, "tools", "tools must be an array");
	cJSON_ArrayForEach(tool, tools)
	{
		const cJSON *type = ask_get(tool, "type");
		const cJSON *function = ask_get(tool, "function");

		if (!ask_says(type, "function") &&
		    !ask_says(type, "builtin_function"))
			return refuse(r, "tools", "invalid tool type");
		if (!cJSON_IsObject(function))
			return refuse(r, "tools", "function is missing");
		if (refuses_name(names, ask_text(ask_get(function, "name")), r))
			return true;
	}
	return false;
}

static bool is_empty(const cJSON *content)
{
	if (cJSON_IsArray(content))
		return cJSON_GetArraySize(content) == 0;
	return ask_text(content).n == 0;
}

static bool refuses_dynamic(struct names *names, const cJSON *message,
			    struct refusal *r)
{
	const cJSON *tools = ask_get(message, "tools");
	const cJSON *role = ask_get(message, "role");

	if (ask_says(role, "tool") &&
	    !cJSON_IsString(ask_get(message, "tool_call_id")))
		return refuse(r, "messages", "tool_call_id is missing");
	if (!tools)
		return false;
	if (!ask_says(role, "system"))
		return refuse(r, "messages",
			      "tools are only allowed in system messages");
	if (!is_empty(ask_get(message, "content")))
		return refuse(r, "messages",
			      "content must be empty beside tools");
	return refuses_list(names, tools, r);
}

static bool refuses_declarations(const struct asked *a, struct names *names,
				 struct refusal *r)
{
	const cJSON *tools = ask_get(a->request, "tools");
	const cJSON *messages = ask_get(a->request, "messages"), *m;

	if (tools && !cJSON_IsNull(tools) && refuses_list(names, tools, r))
		return true;
	cJSON_ArrayForEach(m, messages)
	{
		if (refuses_dynamic(names, m, r))
			return true;
	}
	return false;
}

bool contract_refuses_tools(const struct asked *a, struct refusal *r)
{
	const cJSON *choice = ask_get(a->request, "tool_choice");
	struct names names = {.n = 0};

	if (bugs_has(&a->bugs, BUG_accept_tools))
		return false;
	if (refuses_declarations(a, &names, r))
		return true;
	if (cJSON_IsString(choice) && !ask_says(choice, "auto") &&
	    !ask_says(choice, "none") && !ask_says(choice, "required"))
		return refuse(r, "tool_choice", "invalid tool_choice: %.64s",
			      choice->valuestring);
	if (ask_says(choice, "required") && names.n == 0)
		return refuse(r, "tool_choice",
			      "tool_choice required needs tools");
	return false;
}

/* ---- response_format ---- */

static bool refuses_schema(const cJSON *format, struct refusal *r)
{
	const cJSON *named = ask_get(format, "json_schema");
	const cJSON *strict = ask_get(named, "strict");

	if (!cJSON_IsObject(named))
		return refuse(r, "response_format", "json_schema is missing");
	if (ask_text(ask_get(named, "name")).n == 0)
		return refuse(r, "response_format",
			      "json_schema.name is missing");
	if (!cJSON_IsObject(ask_get(named, "schema")))
		return refuse(r, "response_format",
			      "json_schema.schema must be an object");
	if (strict && !cJSON_IsBool(strict) && !cJSON_IsNull(strict))
		return refuse(r, "response_format",
			      "json_schema.strict must be a boolean");
	return false;
}

bool contract_refuses_format(const struct asked *a, struct refusal *r)
{
	const cJSON *format = ask_get(a->request, "response_format");
	const cJSON *type = ask_get(format, "type");
	const cJSON *last = ask_last(ask_get(a->request, "messages"));

	if (!format || cJSON_IsNull(format) ||
	    bugs_has(&a->bugs, BUG_accept_response_format))
		return false;
	if (ask_says(type, "json_schema"))
		return refuses_schema(format, r);
	if (ask_says(type, "json_object"))
		return cJSON_IsTrue(ask_get(last, "partial")) &&
		       refuse(r, "response_format",
			      "partial mode does not go with json_object");
	return !ask_says(type, "text") &&
	       refuse(r, "response_format", "invalid response_format type");
}
