/* SPDX-License-Identifier: MIT */
#include "rules/command/rule_json.h"

const char *rule_cert(const struct rule *r)
{
	static const char *const names[] = {"c", "r", "?"};

	return names[r->cert];
}

static void node_json(struct jsonout *j, const char *key,
		      const struct json *node)
{
	struct buf b = {0};

	if (!node)
		return;
	json_write(&b, node);
	jsonout_key(j, key);
	jsonout_raw(j, buf_str(&b));
	buf_free(&b);
}

void rule_json(struct jsonout *j, const struct rule *r)
{
	jsonout_text(j, "id", r->id);
	jsonout_text(j, "pack", r->pack->name);
	jsonout_text(j, "version", r->pack->version);
	jsonout_text(j, "text", r->text);
	jsonout_text(j, "src", r->src);
	jsonout_text(j, "cert", str_of(rule_cert(r)));
	jsonout_text(j, "since", r->since);
	jsonout_text(j, "scope", str_of(scope_name(r->scope)));
	jsonout_text(j, "severity", str_of(severity_name(r->severity)));
	jsonout_text(j, "party", str_of(party_name(r->party)));
	jsonout_truth(j, "refuse", r->refuse);
	jsonout_text(j, "refusal", r->refusal);
	jsonout_text(j, "param", r->param);
	jsonout_text(j, "at", r->at);
	node_json(j, "match", json_get(r->node, STR("match")));
	node_json(j, "assert", json_get(r->node, STR("assert")));
	node_json(j, "probe", r->probe);
}
