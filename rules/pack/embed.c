/* SPDX-License-Identifier: MIT */
/*
 * A tool of the build: the packs as C, so that the binary needs no file.
 *
 *	embed OUT.c wire.json kimi.json ...
 */
#include <stdio.h>
#include <string.h>

static int embed_one(FILE *out, const char *path, int number)
{
	FILE *in = fopen(path, "rb");
	unsigned long n = 0;
	int c;

	if (!in)
		return perror(path), -1;
	fprintf(out, "static const unsigned char text_%d[] = {", number);
	while ((c = getc(in)) != EOF)
		fprintf(out, "%s%d,", n++ % 20 ? "" : "\n", c);
	fprintf(out, "\n};\n");
	return fclose(in);
}

int main(int argc, char **argv)
{
	FILE *out = argc > 2 ? fopen(argv[1], "w") : NULL;

	if (!out)
		return perror("embed"), 1;
	fprintf(out, "#include \"rules/pack/pack_impl.h\"\n");
	for (int i = 2; i < argc; i++)
		if (embed_one(out, argv[i], i) != 0)
			return 1;
	fprintf(out, "const struct shipped shipped_packs[] = {\n");
	for (int i = 2; i < argc; i++) {
		const char *slash = strrchr(argv[i], '/');

		fprintf(out, "{\"%s\", text_%d, sizeof text_%d},\n",
			slash ? slash + 1 : argv[i], i, i);
	}
	fprintf(out, "};\nconst unsigned shipped_packs_n = %d;\n", argc - 2);
	return fclose(out) == 0 ? 0 : 1;
}
