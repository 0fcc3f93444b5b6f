/* SPDX-License-Identifier: MIT */
/*
 * What honest vendors say in their own ways is no finding. JSON is written
 * with single quotes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "judge_rig.h"

#define COMPLETIONS "/v1/completions"
#define RESPONSES   "/v1/responses"
#define MESSAGES    "/v1/messages"

#define ASKS(model, more)                                                      \
	"{'model':'" model "','messages':[{'role':'user','content':"           \
	"'Tell me about the sea.'}]" more "}"
#define CLAUDE		     "claude-sonnet-4-20250514"
#define ASKS_MESSAGES(more)  ASKS(CLAUDE, ",'max_tokens':99" more)
#define ASKS_RESPONSES(more) "{'model':'gpt-5','input':'The sea?'" more "}"
#define TOOL                                                                   \
	"{'type':'function','function':"                                       \
	"{'name':'add','parameters':{}}}"

#define SAYS_AS(model, message, finish, usage)                                 \
	"{'id':'c1','object':'chat.completion','created':1,"                   \
	"'model':'" model "','choices':[{'index':0,'message':"                 \
	"{'role':'assistant'," message "},'finish_reason':'" finish "'}],"     \
	"'usage':" usage "}"
#define USAGE "{'prompt_tokens':9,'completion_tokens':5,'total_tokens':14}"
#define SAYS_RESPONSES(output, status, usage)                                  \
	"{'id':'resp_1','object':'response','created_at':1,'status':"          \
	"'" status "','model':'gpt-5','output':[" output "],"                  \
	"'usage':" usage "}"
#define USAGE_RESPONSES "{'input_tokens':9,'output_tokens':5,'total_tokens':14}"
#define ITEM                                                                   \
	"{'type':'message','id':'m','status':'completed','role':"              \
	"'assistant','content':[{'type':'output_text','text':'Blue.',"         \
	"'annotations':[]}]}"
#define SAYS_MESSAGES(model, content, reason)                                  \
	"{'id':'m','type':'message','role':'assistant','model':'" model "',"   \
	"'content':[" content "],'stop_reason':'" reason "',"                  \
	"'stop_sequence':null,'usage':{'input_tokens':9,'output_tokens':5}}"
#define TEXT "{'type':'text','text':'Blue.'}"
#define SEARCH                                                                 \
	"{'type':'server_tool_use','id':'s','name':'web_search',"              \
	"'input':{}},{'type':'web_search_tool_result','tool_use_id':'s',"      \
	"'content':[]}"

#define CHUNK(model, choices)                                                  \
	"data: {'id':'c1','object':'chat.completion.chunk','created':1,"       \
	"'model':'" model "','choices':[" choices "]}\n\n"
#define KIMI(choices) CHUNK("kimi-k2-0905-preview", choices)
#define DELTA(i, delta, more)                                                  \
	"{'index':" #i ",'delta':{" delta "},'finish_reason':" more "}"
#define TWO(delta) KIMI(DELTA(0, delta, "null")) KIMI(DELTA(1, delta, "null"))
#define ENDS(i, tokens)                                                        \
	KIMI(DELTA(i, "",                                                      \
		   "'stop','usage':{'prompt_tokens':9,"                        \
		   "'completion_tokens':" #tokens "}"))
#define LONG                                                                   \
	"The sea is wide and deep and salt, and nobody who lives by it has "   \
	"ever seen it twice the same; it is grey in the morning, and by noon " \
	"it is blue or green, and at night it is a sound and a smell of weed."

struct trial {
	const char *what, *request, *answer, *path;
	unsigned status;
};

static const struct trial trials[] = {
	{"OpenAI: audio",
	 ASKS("gpt-4o-audio-preview", ",'modalities':['audio']"),
	 SAYS_AS("gpt-4o-audio-preview",
		 "'content':null,'audio':{'id':'a','data':'AAAA'}", "stop",
		 USAGE)},
	{"OpenRouter: images", ASKS("image-1", ""),
	 SAYS_AS("image-1", "'content':'','images':[{'type':'image_url'}]",
		 "stop", USAGE)},
	{"Mistral: a call without a type",
	 ASKS("mistral-large-2411", ",'tools':[" TOOL "]"),
	 SAYS_AS("mistral-large-2411",
		 "'content':'','tool_calls':[{'id':'9JNOzqDMa','index':0,"
		 "'function':{'name':'add','arguments':'{}'}}]",
		 "tool_calls", USAGE)},
	{"Mistral: the window was full", ASKS("mistral-small-2503", ""),
	 SAYS_AS("mistral-small-2503", "'content':'Blue'", "model_length",
		 USAGE)},
	{"Kimi: choices count by themselves",
	 ASKS("kimi-k2-0905-preview", ",'stream':true,'n':2"),
	 TWO("'role':'assistant','content':''") TWO("'content':'Blue.'")
		 ENDS(0, 21) ENDS(1, 8) "data: [DONE]\n\n"},
	{"Moonshot: it chooses a size", ASKS("moonshot-v1-auto", ""),
	 SAYS_AS("moonshot-v1-8k", "'content':'Blue.'", "stop", USAGE)},
	{"Gemini: streams in paragraphs",
	 ASKS("gemini-2.5-flash", ",'stream':true"),
	 CHUNK("gemini-2.5-flash",
	       DELTA(0, "'role':'assistant','content':'" LONG "'",
		     "'stop'")) "data: [DONE]\n\n"},
	{"Together: its words for completions",
	 "{'model':'m-1','prompt':'The sea'}",
	 "{'id':'c','object':'text.completion','created':1,'model':'m-1',"
	 "'choices':[{'index':0,'text':' is blue.','finish_reason':'eos'}],"
	 "'usage':" USAGE "}",
	 COMPLETIONS},
	{"completions: an echo and nothing more",
	 "{'model':'m-1','prompt':'The sea','echo':true,'max_tokens':0}",
	 "{'id':'c','object':'text_completion','created':1,'model':'m-1',"
	 "'choices':[{'index':0,'text':'The sea','finish_reason':'length'}],"
	 "'usage':{'prompt_tokens':2,'completion_tokens':0,'total_tokens':2}}",
	 COMPLETIONS},
	{"put off", ASKS("m-1", ""), "{'request_id':'r'}", NULL, 202},
	{"no content", ASKS("m-1", ""), "", NULL, 204},

	{"responses: a computer is used",
	 ASKS_RESPONSES(",'tools':[{'type':'computer_use_preview'}]"),
	 SAYS_RESPONSES("{'type':'reasoning','id':'r','summary':[{'type':"
			"'summary_text','text':'Click it'}]},{'type':"
			"'computer_call','id':'c','call_id':'d'}",
			"completed", USAGE_RESPONSES),
	 RESPONSES},
	{"responses: approval is asked for",
	 ASKS_RESPONSES(",'tools':[{'type':'mcp','server_label':'x'}]"),
	 SAYS_RESPONSES("{'type':'mcp_approval_request','id':'a'}", "completed",
			USAGE_RESPONSES),
	 RESPONSES},
	{"responses: the required tool is the vendor's",
	 ASKS_RESPONSES(
		 ",'tools':[{'type':'web_search'}],'tool_choice':'required'"),
	 SAYS_RESPONSES("{'type':'web_search_call','id':'w'}," ITEM,
			"completed", USAGE_RESPONSES),
	 RESPONSES},
	{"responses: a tool of a namespace",
	 ASKS_RESPONSES(",'tools':[{'type':'namespace','name':'n','tools':"
			"[{'type':'function','name':'get'}]}]"),
	 SAYS_RESPONSES("{'type':'function_call','id':'f','call_id':'c',"
			"'namespace':'n','name':'get','arguments':'{}'}",
			"completed", USAGE_RESPONSES),
	 RESPONSES},
	{"responses: a tool that was searched for",
	 ASKS_RESPONSES(",'tools':[{'type':'tool_search'}]"),
	 SAYS_RESPONSES("{'type':'function_call','id':'f','call_id':'c',"
			"'name':'get','arguments':'{}'}",
			"completed", USAGE_RESPONSES),
	 RESPONSES},
	{"responses: cancelled", ASKS_RESPONSES(""),
	 SAYS_RESPONSES("", "cancelled", "null"), RESPONSES},
	{"responses: temperature in single precision",
	 "{'model':'m-1','input':'The sea?','temperature':0.3}",
	 "{'id':'resp_1','object':'response','status':'completed','model':"
	 "'m-1','temperature':0.30000001192092896,'output':[" ITEM "],"
	 "'usage':" USAGE_RESPONSES "}",
	 RESPONSES},

	{"messages: an alias of a version",
	 ASKS("claude-sonnet-4-0", ",'max_tokens':99"),
	 SAYS_MESSAGES(CLAUDE, TEXT, "end_turn"), MESSAGES},
	{"Bedrock: a region and a revision",
	 ASKS("us.anthropic.claude-sonnet-4-20250514-v1:0", ",'max_tokens':99"),
	 SAYS_MESSAGES(CLAUDE, TEXT, "end_turn"), MESSAGES},
	{"messages: any tool, and the vendor's is one",
	 ASKS_MESSAGES(",'tools':[{'type':'web_search_20250305','name':"
		       "'web_search'}],'tool_choice':{'type':'any'}"),
	 SAYS_MESSAGES(CLAUDE, SEARCH "," TEXT, "end_turn"), MESSAGES},
	{"messages: a tool's result is the answer", ASKS_MESSAGES(""),
	 SAYS_MESSAGES(CLAUDE, SEARCH, "end_turn"), MESSAGES},
	{"messages: compacted", ASKS_MESSAGES(""),
	 SAYS_MESSAGES(CLAUDE, "{'type':'compaction','content':'x'}",
		       "compaction"),
	 MESSAGES},
};

/* A copy with double quotes; the caller frees it. */
static char *quoted(const char *text)
{
	char *s = strdup(text);

	for (char *p = s; *p; p++)
		if (*p == '\'')
			*p = '"';
	return s;
}

static void nothing_is_found(void **state)
{
	for (size_t i = 0; i < sizeof trials / sizeof trials[0]; i++) {
		const struct trial *t = &trials[i];
		char *request = quoted(t->request), *answer = quoted(t->answer);
		struct rig g;
		int64_t id;

		rig_open(&g, NULL);
		id = rig_say(&g, &(struct said){.request = request,
						.answer = answer,
						.path = t->path,
						.status = t->status});
		if (rig_count(&g, id))
			fail_msg("%s", t->what);
		assert_true(g.last.passed > 0);
		rig_close(&g);
		free(request);
		free(answer);
	}
}

/* What max_tokens cut off in mid-thought is no answer of reasoning alone. */
static void cut_in_thought(void **state)
{
	char *request = quoted(ASKS("minimax-m2", ",'max_tokens':5"));
	char *answer = quoted(SAYS_AS("minimax-m2",
				      "'content':'','reasoning_content':'Hm'",
				      "length", USAGE));
	int64_t id = 0;
	struct rig g;

	rig_open(&g, NULL);
	for (int i = 0; i < 60; i++)
		id = rig_say(&g, &(struct said){.request = request,
						.answer = answer});
	judge_final(g.j);
	assert_null(rig_finding(&g, id, "minimax/not_only_reasoning"));
	rig_close(&g);
	free(request);
	free(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_found),
					   cmocka_unit_test(cut_in_thought)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
