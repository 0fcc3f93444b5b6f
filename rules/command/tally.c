/* SPDX-License-Identifier: MIT */
#include "rules/command/tally.h"

#include "base/json_text.h"
#include "print/human.h"
#include "print/text.h"

static void add_count(struct buf *out, uint64_t n, const char *one)
{
	char text[HUMAN_SIZE];

	buf_addf(out, "%s %s%s", human_count(n, text), one, n == 1 ? "" : "s");
}

static void sum_line(const struct judge_sum *sum, const char *prefix,
		     struct buf *out)
{
	char a[HUMAN_SIZE], b[HUMAN_SIZE], c[HUMAN_SIZE];

	buf_addf(out, "%sjudged ", prefix);
	add_count(out, sum->exchanges, "exchange");
	buf_addf(out, ", %s of them chats; checks: %s passed, %s failed, ",
		 human_count(sum->chats, c), human_count(sum->passed, a),
		 human_count(sum->failed, b));
	buf_addf(out, "%s unknown\n", human_count(sum->unknown, a));
}

static void finding_line(const struct judge_sum *sum, const char *prefix,
			 struct buf *out)
{
	bool any = false;

	for (int s = SEVERITIES_N - 1; s >= 0; s--) {
		for (int p = 0; p < PARTIES_N; p++) {
			if (!sum->findings[s][p])
				continue;
			buf_addf(out, any ? ", " : "%sfindings: ", prefix);
			add_count(out, sum->findings[s][p],
				  severity_name((enum severity)s));
			buf_addf(out, " (%s)", party_name((enum party)p));
			any = true;
		}
	}
	if (any)
		buf_addc(out, '\n');
	else
		buf_addf(out, "%sno findings\n", prefix);
}

static void add_tame(struct buf *out, struct str s)
{
	text_tame(out, s, TEXT_LINE);
}

/* Rules that failed, a line each; one truncated answer leaves dozens of
 * others unknown, which are counted. */
static void rule_lines(const struct judge_tally *t, size_t n,
		       const char *prefix, struct buf *out)
{
	char a[HUMAN_SIZE], b[HUMAN_SIZE], c[HUMAN_SIZE];
	size_t clean = 0, unclear = 0;

	for (size_t i = 0; i < n; i++) {
		if (!t[i].failed) {
			clean += t[i].passed && !t[i].unknown;
			unclear += t[i].unknown > 0;
			continue;
		}
		buf_addf(out, "%s  ", prefix);
		add_tame(out, t[i].rule->id);
		buf_addf(out, ": %s passed, %s failed, %s unknown\n",
			 human_count(t[i].passed, a),
			 human_count(t[i].failed, b),
			 human_count(t[i].unknown, c));
	}
	if (unclear) {
		buf_addf(out, "%s  ", prefix);
		add_count(out, unclear, "rule");
		buf_adds(out, STR(" never failed, and now and then could not "
				  "tell\n"));
	}
	if (clean) {
		buf_addf(out, "%s  ", prefix);
		add_count(out, clean, "rule");
		buf_adds(out, STR(" passed throughout\n"));
	}
}

static void policy_lines(const struct judge_policy *p, size_t n,
			 const char *prefix, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i].outcome == POLICY_UNTESTED)
			continue;
		buf_addf(out, "%s  parameter ", prefix);
		add_tame(out, p[i].param);
		buf_adds(out, STR(" of "));
		add_tame(out, p[i].model);
		buf_addf(out, " (%s): %s\n", mode_name(p[i].mode),
			 policy_name(p[i].outcome));
	}
}

void tally_lines(struct judge *j, const char *prefix, struct buf *out)
{
	const struct judge_tally *t;
	const struct judge_policy *p;
	struct judge_sum sum;
	size_t n;

	judge_summary(j, &sum);
	sum_line(&sum, prefix, out);
	if (!sum.exchanges)
		return;
	finding_line(&sum, prefix, out);
	n = judge_tallies(j, &t);
	rule_lines(t, n, prefix, out);
	n = judge_policies(j, &p);
	policy_lines(p, n, prefix, out);
}

/* ---- JSON ---- */

static void json_rules(const struct judge_tally *t, size_t n, struct buf *out)
{
	buf_adds(out, STR(",\"rules\":["));
	for (size_t i = 0; i < n; i++) {
		buf_adds(out, i ? STR(",{\"rule\":") : STR("{\"rule\":"));
		json_quote(out, t[i].rule->id);
		buf_addf(out,
			 ",\"passed\":%llu,\"failed\":%llu,\"unknown\":%llu}",
			 (unsigned long long)t[i].passed,
			 (unsigned long long)t[i].failed,
			 (unsigned long long)t[i].unknown);
	}
	buf_addc(out, ']');
}

static void json_policy(const struct judge_policy *p, struct buf *out)
{
	buf_adds(out, STR("{\"route\":"));
	json_quote(out, p->route);
	buf_adds(out, STR(",\"model\":"));
	json_quote(out, p->model);
	buf_adds(out, STR(",\"parameter\":"));
	json_quote(out, p->param);
	buf_adds(out, STR(",\"rule\":"));
	json_quote(out, p->rule->id);
	buf_addf(out,
		 ",\"mode\":\"%s\",\"outcome\":\"%s\",\"breaches\":%llu,"
		 "\"refused\":%llu,\"served\":%llu,\"no_verdict\":%llu,"
		 "\"proper\":%llu,\"proper_refused\":%llu,\"example\":%lld}",
		 mode_name(p->mode), policy_name(p->outcome),
		 (unsigned long long)p->breaches,
		 (unsigned long long)p->refused, (unsigned long long)p->served,
		 (unsigned long long)p->no_verdict,
		 (unsigned long long)p->proper,
		 (unsigned long long)p->proper_refused, (long long)p->example);
}

static void json_findings(const struct judge_sum *sum, struct buf *out)
{
	bool any = false;

	buf_adds(out, STR(",\"findings\":["));
	for (int s = 0; s < SEVERITIES_N; s++) {
		for (int p = 0; p < PARTIES_N; p++) {
			if (!sum->findings[s][p])
				continue;
			buf_addf(out,
				 "%s{\"severity\":\"%s\",\"party\":\"%s\","
				 "\"count\":%llu}",
				 any ? "," : "",
				 severity_name((enum severity)s),
				 party_name((enum party)p),
				 (unsigned long long)sum->findings[s][p]);
			any = true;
		}
	}
	buf_addc(out, ']');
}

void tally_json(struct judge *j, struct buf *out)
{
	const struct judge_tally *t;
	const struct judge_policy *p;
	struct judge_sum sum;
	size_t n;

	judge_summary(j, &sum);
	buf_addf(out,
		 "{\"exchanges\":%llu,\"chats\":%llu,\"passed\":%llu,"
		 "\"failed\":%llu,\"unknown\":%llu",
		 (unsigned long long)sum.exchanges,
		 (unsigned long long)sum.chats, (unsigned long long)sum.passed,
		 (unsigned long long)sum.failed,
		 (unsigned long long)sum.unknown);
	json_findings(&sum, out);
	n = judge_tallies(j, &t);
	json_rules(t, n, out);
	buf_adds(out, STR(",\"parameters\":["));
	n = judge_policies(j, &p);
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_addc(out, ',');
		json_policy(&p[i], out);
	}
	buf_adds(out, STR("]}"));
}
