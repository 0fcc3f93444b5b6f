# SPDX-License-Identifier: MIT
"""Texts for honest traffic: questions and answers in many languages, code
with markers in it, tables, poems, lists, formulas. `text(random, kind)` gives
(question, answer)."""

# language: (question, request for more, sentences of an answer)
TONGUES = {
    "english": ("How do tides come about?", "Can you say more about that?", [
        "The moon pulls at the water that faces it a little more than at the "
        "earth below.", "On the far side the water is left behind, and so a "
        "second bulge appears.", "As the earth turns, every coast passes both "
        "bulges in about a day.", "When sun and moon pull along one line, the "
        "tides are higher than usual.", "Narrow bays pile the water up: in "
        "some of them it rises by fifteen metres.", "Friction slows the earth "
        "down, by two milliseconds in a century.", "Sailors have kept tables "
        "of it since the thirteenth century."]),
    "german": ("Warum ist der Himmel blau?", "Und warum ist er abends rot?", [
        "Sonnenlicht enthält alle Farben, und Luft streut die kurzen Wellen "
        "stärker.", "Blaues Licht kommt deshalb aus allen Richtungen zu uns.",
        "Violett würde noch stärker gestreut, doch das Auge sieht es "
        "schlechter.", "Am Abend ist der Weg durch die Luft länger, übrig "
        "bleibt Rot.", "Staub und Feuchtigkeit ändern den Ton, manchmal bis "
        "ins Weiße.", "Auf dem Mond, ganz ohne Luft, ist der Himmel "
        "schwarz."]),
    "french": ("Comment fait-on du pain au levain ?", "Et pour la cuisson ?", [
        "On nourrit le levain la veille avec de la farine et de l'eau tiède.",
        "Le lendemain, on pétrit la pâte jusqu'à ce qu'elle soit souple.",
        "Elle repose ensuite quatre heures, à l'abri des courants d'air.",
        "Une entaille au couteau laisse la vapeur s'échapper pendant la "
        "cuisson.", "Le four doit être très chaud, presque deux cent quarante "
        "degrés.", "Enfin, on laisse refroidir le pain sur une grille, même "
        "si l'odeur invite à le couper."]),
    "spanish": ("¿Por qué migran las aves?", "¿Y cómo encuentran el camino?", [
        "Siguen la comida: en invierno escasean los insectos y las semillas.",
        "Muchas especies viajan de noche y se orientan por las estrellas.",
        "También perciben el campo magnético de la Tierra.", "Los jóvenes "
        "aprenden la ruta volando junto a los mayores.", "El viaje cuesta "
        "mucha energía, así que antes comen casi el doble.", "El clima más "
        "cálido está cambiando las fechas de salida."]),
    "portuguese": ("Como funciona um violão?", "E as cordas?", [
        "A corda vibra e transmite o movimento ao tampo de madeira.",
        "A caixa amplifica o som, sobretudo as frequências graves.",
        "Quanto mais curta a corda, mais aguda é a nota.", "A tensão também "
        "muda a altura, por isso se afina com as cravelhas.", "As mãos "
        "decidem o timbre: perto do cavalete o som é mais seco."]),
    "italian": ("Che cos'è un terremoto?", "Si può prevedere?", [
        "La crosta terrestre è divisa in placche che si muovono lentamente.",
        "Dove si incontrano si accumula tensione per decenni.", "Quando la "
        "roccia cede, l'energia si libera in onde.", "Non è possibile "
        "prevedere il giorno, ma si conoscono le zone a rischio.", "Le case "
        "costruite bene resistono anche alle scosse forti."]),
    "russian": ("Почему море солёное?", "А почему реки пресные?", [
        "Реки веками вымывают соли из горных пород и несут их в море.",
        "Вода испаряется, а соль остаётся.", "Часть солей приходит со дна, "
        "из горячих источников.", "В Мёртвом море испарение так сильно, что "
        "соль оседает на берегу.", "В реках соли тоже есть, но её очень "
        "мало."]),
    "greek": ("Πώς σχηματίζεται το ουράνιο τόξο;", "Και το δεύτερο τόξο;", [
        "Το φως μπαίνει στη σταγόνα και διαθλάται.", "Στο πίσω μέρος της "
        "ανακλάται και βγαίνει ξανά.", "Κάθε χρώμα βγαίνει με λίγο "
        "διαφορετική γωνία.", "Γι' αυτό βλέπουμε τα χρώματα το ένα δίπλα στο "
        "άλλο.", "Ο ήλιος πρέπει να βρίσκεται πίσω μας."]),
    "turkish": ("Kahve nasıl yapılır?", "Peki ya şekeri?", [
        "Cezveye kişi başına bir fincan soğuk su konur.", "Üzerine iki tatlı "
        "kaşığı kahve eklenir ve karıştırılır.", "Kısık ateşte köpürene kadar "
        "beklenir.", "Köpük önce fincanlara paylaştırılır, sonra kahve "
        "dökülür.", "Yanında bir bardak su ikram edilir."]),
    "chinese": ("茶叶为什么有不同的颜色？", "那么白茶呢？", [
        "茶的颜色主要取决于发酵的程度。", "绿茶不发酵，所以保留了叶子的颜色。",
        "红茶完全发酵，汤色红亮，味道更浓。", "乌龙茶介于两者之间，香气变化很多。",
        "水温也有影响，水太热会让绿茶变苦。", "保存的时候要避光，还要防潮。"]),
    "japanese": ("桜はなぜ春に咲くのですか。", "秋に咲く桜もありますか。", [
        "花の芽は前の年の夏にできます。", "冬の寒さを経験すると、芽は眠りから覚めます。",
        "気温が上がると、つぼみが少しずつ大きくなります。", "地域によって開花の日は一か月以上"
        "違います。", "近年は気温が高く、開花が早まっています。"]),
    "korean": ("김치는 어떻게 만드나요?", "얼마나 오래 보관할 수 있나요?", [
        "먼저 배추를 소금에 절여 물기를 뺍니다.", "고춧가루와 마늘, 생강으로 양념을 만듭니다.",
        "배춧잎 사이사이에 양념을 골고루 바릅니다.", "서늘한 곳에서 하루나 이틀 익힙니다.",
        "잘 익으면 신맛과 감칠맛이 함께 납니다."]),
    "arabic": ("كيف تتكون الرمال في الصحراء؟", "وهل تتحرك الكثبان؟", [
        "تتفتت الصخور بسبب الحرارة والبرودة على مدى آلاف السنين.",
        "تحمل الرياح الحبيبات الصغيرة إلى أماكن بعيدة.",
        "تتجمع الرمال حول العوائق فتصبح كثبانا.",
        "يتغير شكل الكثبان مع اتجاه الريح.",
        "بعض الصحارى صخرية ولا رمال فيها تقريبا."]),
    "hebrew": ("למה הירח משנה את צורתו?", "ומה קורה בליקוי?", [
        "הירח לא משנה את צורתו, אנחנו רואים רק את הצד המואר.",
        "הוא מקיף את כדור הארץ בערך בעשרים ותשעה ימים.",
        "בכל לילה השמש מאירה חלק אחר ממנו.",
        "כשהוא מלא, השמש נמצאת מאחורינו."]),
    "hindi": ("बारिश कैसे होती है?", "और ओले कैसे बनते हैं?", [
        "सूरज की गर्मी से पानी भाप बनकर ऊपर उठता है।",
        "ऊपर हवा ठंडी होती है और भाप बूंदों में बदल जाती है।",
        "बूंदें मिलकर बादल बनाती हैं।",
        "जब वे भारी हो जाती हैं, तो नीचे गिरती हैं।"]),
    "thai": ("ทำไมข้าวต้องปลูกในน้ำ", "แล้วข้าวไร่ล่ะ", [
        "น้ำช่วยควบคุมวัชพืชไม่ให้ขึ้นมาแข่งกับต้นข้าว",
        "รากของข้าวทนน้ำขังได้ดีกว่าพืชชนิดอื่น",
        "ชาวนาจะปล่อยน้ำออกก่อนเก็บเกี่ยว",
        "บางพื้นที่ปลูกข้าวไร่บนเขาโดยไม่ต้องขังน้ำ"]),
}


def prose(random):
    language = random.choice(sorted(TONGUES))
    question, more, sentences = TONGUES[language]
    n = random.randint(1, len(sentences))
    sep = "" if language in ("chinese", "japanese") else " "
    answer = sep.join(random.sample(sentences, n))
    if random.random() < 0.3:
        answer = answer.replace(sep or "。", sep + "\n\n" if sep else "。\n\n", 1)
    return question, answer


def essay(random):
    """Long, and it comes back to its own words now and then."""
    language = random.choice(sorted(TONGUES))
    question, _, sentences = TONGUES[language]
    out = []
    for i in range(random.randint(20, 120)):
        end = f" ({random.randint(1, 9999)})" if random.random() < 0.5 else ""
        out.append(random.choice(sentences) + end +
                   ("\n\n" if i % 5 == 4 else " "))
    return question, "".join(out).strip()


def translation(random):
    """Another script in the answer than in the question, as was asked."""
    language = random.choice(["chinese", "russian", "arabic", "greek", "hindi",
                              "japanese", "korean"])
    sentences = TONGUES[language][2]
    return (f"Translate this into {language.title()}: the water is salty, the "
            "tea is green, and it will rain in the evening.",
            " ".join(random.sample(sentences, random.randint(2, 4))))


MARKERS = ["<think>", "</think>", "<|im_end|>", "<|im_start|>", "[DONE]",
           "data: {}", "<tool_call>", "<|channel|>", "<|tool_call_begin|>",
           "<|endoftext|>", "\ufffd", "[EOS]", "<|open|>", "\u0120the"]


def quoted_markers(random):
    """Markers that the question itself holds."""
    marks = random.sample(MARKERS, random.randint(1, 4))
    said = ", ".join(marks)
    return (f"What do these mean in a model's raw output: {said}? Where do "
            "they come from?",
            "They are special: " + "; ".join(
                f"{m} stands at a border of the template" for m in marks) +
            ". A client should never see them unescaped.")


CODES = [
    ("python", "def strip(text):\n    for tag in (\"<think>\", \"</think>\"):\n"
     "        text = text.replace(tag, \"\")\n    return text\n"),
    ("c", "static const char *const ends[] = {\n\t\"<|im_end|>\",\n\t"
     "\"<|endoftext|>\",\n\t\"[DONE]\",\n};\n"),
    ("js", "for await (const line of lines) {\n  if (line === \"data: [DONE]\")"
     " break;\n  if (line.startsWith(\"data: \"))\n    handle(JSON.parse("
     "line.slice(6)));\n}\n"),
    ("html", "<section>\n  <h1>Ein Titel &amp; mehr</h1>\n  <p>caf\u00e9</p>\n"
     "</section>\n"),
    ("jinja", "{% for m in messages %}<|im_start|>{{ m.role }}\n"
     "{{ m.content }}<|im_end|>{% endfor %}\n"),
    ("sh", "curl -sN https://api.example/v1/chat/completions \\\n  -d '{\"stream"
     "\":true}' | sed -n 's/^data: //p' | grep -v '^\\[DONE\\]$'\n"),
    ("json", "{\"a\": [1, 2, 3], \"b\": {\"c\": null, \"d\": \"\\u00e9\"}}\n"),
    ("asm", "".join(f"\tmov [rdi + {8 * i}], rax\n" for i in range(24))),
]


def code(random):
    """Fenced code may hold what prose may not."""
    name, text = random.choice(CODES)
    fence = random.choice(["```", "~~~"])
    return (f"Write me a short piece of {name} for that, please.",
            f"Here it is:\n\n{fence}{name}\n{text}{fence}\n\nCall it once for "
            "each answer, and mind the empty line at the end.")


def table(random):
    rows = random.randint(3, 14)
    lines = ["| town | metres | rain |", "|---|---:|---:|"]
    lines += [f"| {random.choice(['Oslo', 'Łódź', 'Nîmes', '上海', 'Αθήνα'])}"
              f" | {random.randint(1, 3000)} | {random.randint(100, 2000)} |"
              for _ in range(rows)]
    return ("Show the towns with height and rain as a table.",
            "\n".join(lines) + "\n\nHeights are rounded.")


def empty_table(random):
    rows = random.randint(12, 30)
    return ("Give me an empty table that I can fill in.",
            "\n".join(["| day | name | note |", "|---|---|---|"] +
                      ["|   |   |   |"] * rows))


POEM = ["The river keeps no letters,", "the river keeps no name,",
        "it carries ice and feathers", "and leaves the shore the same.",
        "Row on, row on, my brother,", "row on until the day,",
        "one bank is like the other", "and both will fade away."]


def poem(random):
    verses = []
    for _ in range(random.randint(1, 4)):
        verses.append("\n".join(random.sample(POEM[:4], 3) +
                                ["Row on, row on, my brother."]))
    return "Write a song with a refrain.", "\n\n".join(verses)


def counting(random):
    n = random.randint(20, 120)
    return (f"Count from 1 to {n}, one a line.",
            "\n".join(str(i) for i in range(1, n + 1)))


def formula(random):
    a, b = random.randint(2, 99), random.randint(2, 99)
    return (f"What is {a} times {b}? Show the steps in LaTeX.",
            f"$$ {a} \\times {b} = {a * b} $$\n\nBecause $\\sum_{{i=1}}^{{{b}}} "
            f"{a} = {a * b}$, the result is $\\boxed{{{a * b}}}$.")


def asked_to_repeat(random):
    word = random.choice(["la", "tick tock", "row row row your boat", "哈"])
    n = random.randint(20, 60)
    return (f"Write \"{word}\" {n} times.", " ".join([word] * n))


def short(random):
    return ("Is it so? Answer with one word.",
            random.choice(["Yes.", "No", "42", "true", "Ja", "是", "👍", "."]))


def emoji(random):
    return ("Tell it in emoji only.", "".join(random.choices(
        ["🚀", "🙂", "👩‍🔬", "🇳🇴", "❤️", "🏳️‍🌈", "🐢", "☕"],
        k=random.randint(5, 40))))


def data(random):
    """What looks like noise and is none."""
    kind = random.randrange(3)
    if kind == 0:
        said = " ".join(f"{random.getrandbits(64):016x}" for _ in range(20))
    elif kind == 1:
        said = "https://example.org/" + "/".join(
            random.choice(["a", "über", "%E4%BD%A0", "q?x=1&y=2"])
            for _ in range(12))
    else:
        said = "\n".join(f"{i:3d}  {'0.00 ' * 8}" for i in range(12))
    return "Print what the tool would print, nothing else.", said


KINDS = [prose] * 10 + [quoted_markers] * 2 + [code] * 4 + [
    essay, translation, table, empty_table, poem, counting, formula, asked_to_repeat,
    short, emoji, data]


def text(random, kind=None):
    return (kind or random.choice(KINDS))(random)


def follow_up(random, question):
    """Another question, to which the same answer still fits."""
    for first, more, _ in TONGUES.values():
        if question in (first, more):
            return more if question == first else first
    return random.choice(["Thanks. And in one sentence?", "Go on, please.",
                          "Why is that so?"])


STEPS = ["weigh {a} against {b}", "divide {b} by {a}", "look at case {a} again",
         "assume the opposite for {b}", "try {a} first", "drop what {b} adds",
         "compare with the table of {a}", "note that {b} is prime to {a}",
         "swap {a} and {b}", "check the border at {b}", "guess {a}, then prove",
         "sum the rows up to {b}", "leave {a} aside for now"]


def reasoning(random, most=40):
    """Thoughts in English, as long as `most` steps, none twice in a row."""
    out = []
    for _ in range(random.randint(1, most)):
        step = random.choice(STEPS).format(a=random.randint(2, 999),
                                           b=random.randint(2, 999))
        out.append(random.choice(["Let me ", "Now I ", "Hmm, ", "So: ",
                                  "Wait, ", "Then "]) + step + ".")
    return " ".join(out)
