/* SPDX-License-Identifier: MIT */
/*
 * An answer in a script that nobody asked for. Letters are counted by script,
 * in the answer without its code and in the prompt; then all that may make a
 * foreign script a proper answer is looked for, from cheap to dear.
 */
#include <stdlib.h>

#include "rules/judge/prose_impl.h"

enum { LEAST_LETTERS = 40, PROMPT_MOST = 8 << 20 };

/*
 * Beginnings of words that name a language, a script, a translation, or ask
 * for what is written elsewhere. Sorted by nothing: few, and rarely looked at.
 */
static const char *const naming[] = {
	"translat", "languag",	"transcri", "translit", "multiling", "biling",
	"alphabet", "native",	"original", "foreign",	"quot",	     "recit",
	"lyric",    "scriptur", "image",    "photo",	"screens",   "ocr",
	"subtitl",  "locali",	"i18n",	    "chines",	"chino",     "cines",
	"mandarin", "canton",	"pinyin",   "hanzi",	"japanes",   "japanis",
	"japon",    "giappon",	"romaji",   "kanji",	"hiragana",  "katakana",
	"nihongo",  "korea",	"corea",    "coreen",	"hangul",    "hangeul",
	"russ",	    "ruso",	"cyril",    "kyril",	"ukrain",    "bulgar",
	"serb",	    "belarus",	"macedon",  "mongol",	"kazakh",    "kyrgyz",
	"arab",	    "persian",	"farsi",    "urdu",	"pashto",    "kurd",
	"hebr",	    "yiddish",	"jiddis",   "greek",	"griech",    "grec",
	"grieg",    "hindi",	"sanskrit", "devanag",	"nepal",     "marath",
	"bengal",   "bangla",	"punjab",   "gujarat",	"tamil",     "telugu",
	"kannada",  "malayal",	"sinhal",   "odia",	"oriya",     "thai",
	"lao",	    "khmer",	"burm",	    "myanm",	"tibet",     "armen",
	"georgi",   "amhar",	"ethiop",   "tigrin",	"ubersetz",  "sprach",
	"traduc",   "idioma",	"tradui",   "lengua",	"langue",    "lingua",
	"vertaal",  "tlumacz",	"dich",
};

/* The same where words are not written in ASCII: anywhere in the text. */
static const char *const naming_wide[] = {
	"\u8bd1",
	"\u8b6f",
	"\u8a33",
	"\u8bed",
	"\u8a9e",
	"\u6587",
	"\ubc88\uc5ed",
	"\uc5b4\ub85c",
	"\uad6d\uc5b4",
	"\ubcf8\uc5b4",
	"\uc601\uc5b4",
	"\ub7ec\uc2dc",
	"\u044f\u0437\u044b",
	"\u043f\u0435\u0440\u0435\u0432",
	"\u0442\u0435\u043a\u0441\u0442",
	"\u0430\u043d\u0433\u043b",
	"\u043a\u0438\u0442\u0430\u0439",
	"\u044f\u043f\u043e\u043d",
	"\u043c\u043e\u0432",
	"\u062a\u0631\u062c\u0645",
	"\u0644\u063a",
	"\u05ea\u05e8\u05d2",
	"\u05e9\u05e4\u05d4",
	"\u05d1\u05e8\u05d9\u05ea",
	"\u05dc\u05d9\u05ea",
	"\u0e20\u0e32\u0e29\u0e32",
	"\u0e41\u0e1b\u0e25",
	"\u092d\u093e\u0937\u093e",
	"\u0905\u0928\u0941\u0935\u093e\u0926",
	"\u03b3\u03bb\u03ce\u03c3",
	"\u03bc\u03b5\u03c4\u03ac\u03c6",
	"\u03b9\u03ba\u03ac",
	"\u00fcbersetz",
	"\u00e1rab",
	"h\u00e9br",
	"cor\u00e9",
	"t\u0142umacz",
	"\u00e7evir",
	"d\u1ecbch",
};

/*
 * Words by which a prompt in Latin letters is known to be of a language that
 * is written so. Left out: those that romanised languages share (do, to, me,
 * no, you, are, he, in). In strcmp()'s order.
 */
static const char *const latin_words[] = {
	"about",    "after",	"all",	    "also",	 "always",   "and",
	"another",  "answer",	"any",	    "assistant", "aus",	     "avec",
	"be",	    "because",	"been",	    "before",	 "between",  "bitte",
	"but",	    "by",	"cette",    "che",	 "ciao",     "code",
	"comment",  "como",	"compare",  "con",	 "continue", "could",
	"count",    "create",	"cual",	    "danke",	 "dans",     "das",
	"dass",	    "date",	"dear",	    "deine",	 "della",    "der",
	"describe", "deze",	"did",	    "does",	 "donde",    "each",
	"een",	    "ein",	"eine",	    "el",	 "est",	     "every",
	"explain",  "fait",	"find",	    "first",	 "for",	     "fragen",
	"from",	    "function", "give",	    "good",	 "gracias",  "grazie",
	"great",    "have",	"hay",	    "hello",	 "help",     "helpful",
	"her",	    "here",	"het",	    "hey",	 "hi",	     "his",
	"hoe",	    "hola",	"how",	    "ich",	 "if",	     "instead",
	"into",	    "is",	"ist",	    "it",	 "its",	     "just",
	"know",	    "last",	"les",	    "less",	 "like",     "list",
	"long",	    "los",	"make",	    "many",	 "mit",	     "molto",
	"more",	    "most",	"must",	    "muy",	 "name",     "need",
	"never",    "new",	"next",	    "nicht",	 "niet",     "none",
	"not",	    "now",	"obrigado", "of",	 "old",	     "on",
	"one",	    "only",	"or",	    "other",	 "oui",	     "our",
	"out",	    "over",	"own",	    "para",	 "pas",	     "please",
	"por",	    "pour",	"pourquoi", "qu",	 "que",	     "quel",
	"quelle",   "question", "quoi",	    "read",	 "reply",    "same",
	"say",	    "see",	"should",   "show",	 "sie",	     "some",
	"sono",	    "sont",	"sort",	    "such",	 "sum",	     "take",
	"tell",	    "test",	"than",	    "thank",	 "thanks",   "that",
	"the",	    "their",	"them",	    "then",	 "there",    "these",
	"they",	    "thing",	"think",    "this",	 "time",     "true",
	"two",	    "uma",	"una",	    "und",	 "under",    "une",
	"use",	    "used",	"using",    "very",	 "voor",     "vous",
	"waarom",   "warum",	"was",	    "way",	 "weather",  "well",
	"were",	    "what",	"when",	    "where",	 "which",    "while",
	"who",	    "why",	"wie",	    "will",	 "wird",     "with",
	"word",	    "work",	"would",    "write",	 "year",     "yes",
	"your",
};

/* Words of languages that are written in Latin letters for want of others. */
static const char *const romanised[] = {
	"aap",	       "aapka",	   "aapko",   "acha",	  "annyeong",
	"arigato",     "bahut",	   "batao",   "chto",	  "dela",
	"desu",	       "einai",	   "enta",    "eto",	  "gde",
	"gia",	       "haan",	   "hai",     "hain",	  "hoon",
	"juseyo",      "kaise",	   "kak",     "kalimera", "kalispera",
	"karo",	       "khrap",	   "khun",    "kif",	  "konnichiwa",
	"kudasai",     "kya",	   "kyun",    "marhaba",  "masu",
	"mein",	       "menya",	   "mera",    "moge",	  "mozhno",
	"mujhe",       "mumkin",   "naan",    "nahi",	  "namaskar",
	"namaste",     "neenga",   "nenu",    "nihao",	  "onegai",
	"pozhaluysta", "privet",   "raha",    "rahe",	  "rasskazhi",
	"salam",       "sawasdee", "shalom",  "shenme",	  "shto",
	"shukran",     "spasibo",  "tere",    "theek",	  "toda",
	"tum",	       "vanakkam", "watashi", "yaar",	  "zdravstvuyte",
	"zenme",
};

/* ---- words ---- */

enum { WORD_MOST = 24 };

/* The next word, lower-cased, its ASCII letters alone; longer ones are cut.
 * False: there is none. */
static bool next_word(struct str s, size_t *i, char word[WORD_MOST])
{
	size_t n = 0;

	while (*i < s.n) {
		char c = s.p[(*i)++];
		bool letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');

		if (letter && n + 1 < WORD_MOST)
			word[n++] = (char)(c | 0x20);
		else if (!letter && n)
			break;
	}
	word[n] = '\0';
	return n > 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, *(const char *const *)b);
}

#define AMONG(word, table)                                                     \
	(bsearch(word, table, sizeof(table) / sizeof(table[0]),                \
		 sizeof(table[0]), by_text) != NULL)

static bool names_in_ascii(struct str text)
{
	char word[WORD_MOST];

	for (size_t at = 0; next_word(text, &at, word);)
		for (size_t i = 0; i < sizeof(naming) / sizeof(naming[0]); i++)
			if (word[0] == naming[i][0] &&
			    strncmp(word, naming[i], strlen(naming[i])) == 0)
				return true;
	return false;
}

static bool names_wide(struct str text)
{
	for (size_t i = 0; i < sizeof(naming_wide) / sizeof(naming_wide[0]);
	     i++) {
		struct str name = str_of(naming_wide[i]);

		if (memmem(text.p, text.n, name.p, name.n))
			return true;
	}
	return false;
}

bool prose_names_language(const struct prose_prompt *prompt)
{
	size_t bytes = 0;

	for (size_t i = 0; i < prompt->n; i++) {
		struct str text = prompt->texts[i];

		bytes += text.n;
		if (bytes > PROMPT_MOST)
			return true; /* too much to say that it does not */
		if (text.n && (names_in_ascii(text) || names_wide(text)))
			return true;
	}
	return false;
}

/* Is each text that has words of a language that is written in Latin? */
static bool is_latin_language(const struct prose_prompt *prompt)
{
	char word[WORD_MOST];

	for (size_t i = 0; i < prompt->n; i++) {
		bool any = false, known = false;

		for (size_t at = 0; next_word(prompt->texts[i], &at, word);) {
			if (AMONG(word, romanised))
				return false;
			any = true;
			known = known || AMONG(word, latin_words);
		}
		if (any && !known)
			return false;
	}
	return true;
}

/* ---- counting ---- */

/* A letter of Han, kana or hangul says as much as two of others. */
struct tally {
	size_t of[SCRIPTS], all;
};

static void tally_add(struct tally *t, struct str s)
{
	for (size_t i = 0; i < s.n;) {
		enum script script = prose_script_of(prose_char(s, &i));

		size_t weight = script == SCRIPT_HANGUL || script >= SCRIPT_KANA
					? 2
					: 1;

		t->of[script] += weight;
		t->all += script != SCRIPT_NONE ? weight : 0;
	}
}

/* Of what most letters are. */
static enum script tally_most(const struct tally *t)
{
	enum script most = SCRIPT_NONE;

	for (enum script s = SCRIPT_LATIN; s < SCRIPTS; s++)
		if (t->of[s] > (most ? t->of[most] : 0))
			most = s;
	return most;
}

/* Letters of the answer in scripts that the prompt is written in. */
static size_t own_letters(const struct tally *answer,
			  const struct tally *prompt)
{
	size_t n = 0;

	for (enum script s = SCRIPT_LATIN; s < SCRIPTS; s++)
		if (prompt->of[s] * 10 >= prompt->all)
			n += answer->of[s];
	return n;
}

/* The first letters of that script, to be shown. */
static struct str first_run(struct str text, enum script script)
{
	struct prose_walk walk = {text};
	struct str piece;

	while (prose_next(&walk, &piece)) {
		size_t from = piece.n, end = 0;

		for (size_t i = 0, next = 0; i < piece.n; i = next) {
			if (prose_script_of(prose_char(piece, &next)) != script)
				continue;
			from = from < i ? from : i;
			end = next;
		}
		if (from < end)
			return (struct str){piece.p + from, end - from};
	}
	return (struct str){0};
}

bool prose_drift(struct str text, const struct prose_prompt *prompt,
		 struct prose_hit *hit)
{
	struct prose_walk walk = {text};
	struct tally answer = {0}, asked = {0};
	struct str piece;
	enum script to;

	while (prose_next(&walk, &piece))
		tally_add(&answer, piece);
	to = tally_most(&answer);
	if (answer.all < LEAST_LETTERS || to == SCRIPT_LATIN ||
	    answer.of[to] * 10 < answer.all * 6)
		return false;
	for (size_t i = 0; i < prompt->n && asked.of[to] == 0; i++)
		tally_add(&asked, prompt->texts[i]);
	if (asked.of[to] || asked.all == 0 ||
	    own_letters(&answer, &asked) * 10 > answer.all ||
	    prose_names_language(prompt))
		return false;
	if (tally_most(&asked) == SCRIPT_LATIN && !is_latin_language(prompt))
		return false;
	piece = first_run(text, to);
	*hit = (struct prose_hit){(size_t)(piece.p - text.p), piece.n,
				  answer.of[to], piece};
	return true;
}
