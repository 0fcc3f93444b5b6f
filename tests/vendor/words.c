/* SPDX-License-Identifier: MIT */
#include "talk.h"
#include "text.h"

/* Most tokens: plain English, as it is split by real tokenisers. */
static const char *const common[] = {
	" the",	    " of",	" and",	     " to",	 " in",	     " a",
	" is",	    " that",	" for",	     " it",	 " as",	     " with",
	" on",	    " by",	" this",     " are",	 " be",	     " or",
	" from",    " an",	" not",	     " which",	 " can",     " have",
	" at",	    " was",	" but",	     " we",	 " they",    " one",
	" all",	    " you",	" when",     " more",	 " if",	     " there",
	" time",    " each",	" so",	     " their",	 " how",     " then",
	" first",   " two",	" way",	     " many",	 " would",   " these",
	" model",   " answer",	" question", " number",	 " result",  " example",
	" because", " between", " water",    " light",	 " city",    " river",
	" measure", " signal",	" value",    " simple",	 " careful", " small",
	" step",    " list",	" order",    " point",	 " line",    " word",
	" follow",  " explain", " consider", " compute", " return",  " begin",
	",",	    ",",	",",	     ".",	 ".",	     ".",
	":",	    ";",	"?",	     "!",	 " (",	     ")",
	" -",	    "s",	"ing",	     "ed",	 "ly",	     "er",
	"tion",	    "ment",	"\n",	     "\n\n",	 " 1",	     " 2",
	" 3",	    " 42",	" 2026",     " 0.5",
};

/* The rest: other languages, code, and whatever JSON must escape. */
static const char *const rare[] = {
	" über",      " Straße",     " größer",	    " schön",	  " élève",
	" déjà",      " naïve",	     " garçon",	    " mañana",	  " corazón",
	" ação",      " não",	     " žluťoučký",  " kůň",	  " łódź",
	" żółw",      " İstanbul",   " θάλασσα",    " λόγος",	  " мир",
	" вода",      " слово",	     " ответ",	    "你好",	  "世界",
	"模型",	      "回答",	     "水",	    "こんにちは", "東京",
	"です",	      "질문",	     "안녕하세요",  " سلام",	  " ماء",
	" שלום",      " नमस्ते",	     " पानी",	    " ภาษา",	  " 🚀",
	" 🙂",      "👩‍🔬", " \"quoted\"", " \\path\\",  "\t",
	" {\"a\":1}", " <b>",	     " &amp;",	    " `code`",	  " f(x)",
	" x²",	      " ≈",	     " €5",	    " → ",	  "\r\n",
	" /* */",     " $HOME",	     " 100%",	    " a_b",	  " “so”",
};

struct str words_pick(uint64_t hash)
{
	size_t n = sizeof(common) / sizeof(common[0]);
	const char *const *table = common;

	if ((hash >> 56) < 36) {
		table = rare;
		n = sizeof(rare) / sizeof(rare[0]);
	}
	return str_of(table[(hash & 0xffffffff) * n >> 32]);
}
