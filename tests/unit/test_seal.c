/* SPDX-License-Identifier: MIT */
/* Hashes, trees, chains, and the signing key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record/seal.h"

static char folder[64];

static int make_folder(void **state)
{
	strcpy(folder, "/tmp/assay-seal-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	return setenv("XDG_DATA_HOME", folder, 1);
}

static int remove_folder(void **state)
{
	char command[100];

	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

static void sha256(struct seal_hash *h, const void *p, size_t n,
		   unsigned char out[SEAL_HASH])
{
	seal_hash_add(h, p, n);
	seal_hash_end(h, out);
}

static void hashes(void **state)
{
	static const unsigned char abc[] = {
		0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
		0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
		0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
		0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
	struct seal_hash *h = seal_hash_new();
	unsigned char out[SEAL_HASH];

	for (int i = 0; i < 3; i++) {
		seal_hash_add(h, "a", 1);
		seal_hash_add(h, NULL, 0);
		sha256(h, "bc", 2, out);
		assert_memory_equal(out, abc, sizeof abc);
	}
	seal_hash_end(h, out); /* of nothing */
	assert_int_equal(out[0], 0xe3);
	seal_hash_free(h);
}

/* ---- trees ---- */

static void leaf(struct seal_hash *h, const unsigned char salt[SEAL_SALT],
		 unsigned char k, const char *name, const char *value,
		 unsigned char out[SEAL_HASH])
{
	unsigned char salts[SEAL_HASH], pair = k / 2;

	seal_hash_add(h, salt, SEAL_SALT);
	sha256(h, &pair, 1, salts);
	seal_hash_add(h, "\0", 1);
	seal_hash_add(h, salts + k % 2 * SEAL_SALT, SEAL_SALT);
	seal_hash_add(h, name, strlen(name) + 1);
	sha256(h, value, strlen(value), out);
}

static void node(struct seal_hash *h, const unsigned char *l,
		 const unsigned char *r, unsigned char out[SEAL_HASH])
{
	seal_hash_add(h, "\1", 1);
	seal_hash_add(h, l, SEAL_HASH);
	sha256(h, r, SEAL_HASH, out);
}

/* The root as seal.h describes it, and a field shown without the others. */
static void a_tree_of_three(void **state)
{
	unsigned char salt[SEAL_SALT] = {9}, l[3][SEAL_HASH], n[SEAL_HASH];
	unsigned char want[SEAL_HASH], root[SEAL_HASH];
	struct seal_hash *h = seal_hash_new();
	struct seal_fields f;

	leaf(h, salt, 0, "a", "1", l[0]);
	leaf(h, salt, 1, "b", "22", l[1]);
	leaf(h, salt, 2, "c", "", l[2]);
	node(h, l[0], l[1], n);
	node(h, n, l[2], want);
	seal_fields_begin(&f, h, salt);
	seal_field(&f, "a", "1", 1);
	seal_field(&f, "b", "22", 2);
	seal_field(&f, "c", NULL, 0);
	seal_fields_root(&f, root);
	assert_memory_equal(root, want, SEAL_HASH);
	seal_hash_free(h);
}

/* Each of name, value, place and salt matters, for any number of fields. */
static void trees_differ(void **state)
{
	unsigned char salt[SEAL_SALT] = {0}, root[4][SEAL_HASH];
	struct seal_hash *h = seal_hash_new();

	for (unsigned n = 1; n <= SEAL_FIELDS; n++) {
		for (int way = 0; way < 4; way++) {
			struct seal_fields f;

			salt[3] = way == 1;
			seal_fields_begin(&f, h, salt);
			for (unsigned i = 0; i < n; i++)
				seal_field(
					&f, way == 2 && i == n - 1 ? "x" : "f",
					way == 3 && i == n / 2 ? "1" : "0", 1);
			seal_fields_root(&f, root[way]);
			for (int k = 0; k < way; k++)
				assert_memory_not_equal(root[k], root[way],
							SEAL_HASH);
		}
	}
	seal_hash_free(h);
}

static void chains(void **state)
{
	unsigned char chain[SEAL_HASH] = {1}, root[SEAL_HASH] = {2};
	unsigned char want[SEAL_HASH], both[2 * SEAL_HASH];
	struct seal_hash *h = seal_hash_new();

	memcpy(both, chain, SEAL_HASH);
	memcpy(both + SEAL_HASH, root, SEAL_HASH);
	sha256(h, both, sizeof both, want);
	seal_next(h, chain, root);
	assert_memory_equal(chain, want, SEAL_HASH);
	seal_hash_free(h);
}

/* ---- keys ---- */

static struct seal_key *open_key(void)
{
	struct seal_key *k;
	struct fail f;

	k = seal_key_open(&f);
	if (!k)
		fail_msg("%s", f.text);
	return k;
}

static void signs(void **state)
{
	unsigned char pub[SEAL_KEY], again[SEAL_KEY], sig[SEAL_SIGNATURE];
	struct seal_key *k = open_key();
	struct stat st;
	char path[100];

	seal_key_public(k, pub);
	seal_sign(k, STR("message"), sig);
	assert_true(seal_signed(pub, STR("message"), sig));
	assert_false(seal_signed(pub, STR("massage"), sig));
	sig[5] ^= 1;
	assert_false(seal_signed(pub, STR("message"), sig));
	sig[5] ^= 1;
	pub[0] ^= 1;
	assert_false(seal_signed(pub, STR("message"), sig));
	pub[0] ^= 1;
	seal_key_free(k);
	k = open_key();
	seal_key_public(k, again);
	assert_memory_equal(pub, again, SEAL_KEY);
	seal_key_free(k);
	snprintf(path, sizeof path, "%s/assay/seal.key", folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(path, sizeof path, "%s/assay", folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

/* Of many that start at once, all have the same key. */
static void first_use_is_a_race(void **state)
{
	enum { RACERS = 12 };
	unsigned char pub[RACERS][SEAL_KEY];
	int out[2];

	assert_int_equal(pipe(out), 0);
	for (int i = 0; i < RACERS; i++)
		if (fork() == 0) {
			struct seal_key *k = open_key();

			seal_key_public(k, pub[0]);
			_exit(write(out[1], pub[0], SEAL_KEY) != SEAL_KEY);
		}
	for (int i = 0; i < RACERS; i++) {
		int status;

		assert_int_equal(read(out[0], pub[i], SEAL_KEY), SEAL_KEY);
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
		assert_memory_equal(pub[0], pub[i], SEAL_KEY);
	}
	close(out[0]);
	close(out[1]);
}

static void bad_key_files(void **state)
{
	char path[120], aim[120];
	struct seal_key *k = open_key();
	struct fail f;
	FILE *out;

	seal_key_free(k);
	snprintf(path, sizeof path, "%s/assay/seal.key", folder);
	snprintf(aim, sizeof aim, "%s/elsewhere", folder);
	assert_int_equal(rename(path, aim), 0);
	assert_int_equal(symlink(aim, path), 0);
	assert_null(seal_key_open(&f)); /* not through a link */
	assert_string_equal(f.code, "seal_key");
	unlink(path);
	out = fopen(path, "w");
	fputs("garbage\n", out);
	fclose(out);
	assert_null(seal_key_open(&f));
	assert_non_null(strstr(f.text, path));
	unlink(path);
	setenv("XDG_DATA_HOME", "/proc/none", 1);
	assert_null(seal_key_open(&f));
	assert_string_equal(f.code, "seal_key");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes),
		cmocka_unit_test(a_tree_of_three),
		cmocka_unit_test(trees_differ),
		cmocka_unit_test(chains),
		cmocka_unit_test_setup_teardown(signs, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(first_use_is_a_race,
						make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(bad_key_files, make_folder,
						remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
