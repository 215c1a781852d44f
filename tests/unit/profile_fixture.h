/*
 * What the tests of profiles share: two folders for files of profiles, the shipped ones, and a profile from text.
 */
#ifndef TESTS_PROFILE_FIXTURE_H
#define TESTS_PROFILE_FIXTURE_H

#include "pkcs11/profile.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SHIPPED "pkcs11/profiles"
#define COUNT(a) (sizeof(a) / sizeof *(a))

/* The least that each has; its four lines. */
#define TOKEN(name, match) "[token]\nname = " name "\n[match]\n" match "\n"

struct fixture {
	char dir[64], first[80], second[80];
	struct profiles *set;
	struct profile *one;
	struct secret *secret, *out;
	struct err e;
};

static inline int fixture_set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	strcpy(f->dir, "/tmp/tokenroll-profile-XXXXXX");
	*state = f;
	if (mkdtemp(f->dir) == NULL)
		return -1;
	snprintf(f->first, sizeof f->first, "%s/a", f->dir);
	snprintf(f->second, sizeof f->second, "%s/b", f->dir);
	mkdir(f->first, 0700);
	mkdir(f->second, 0700);
	f->secret = secret_new();
	f->out = secret_new();
	return 0;
}

static inline int fixture_remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static inline int fixture_tear_down(void **state)
{
	struct fixture *f = *state;
	nftw(f->dir, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	profiles_free(&f->set);
	profile_free(&f->one);
	secret_free(&f->secret);
	secret_free(&f->out);
	free(f);
	return 0;
}

static inline void fixture_write(const char *folder, const char *name, const char *text)
{
	char path[160];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static inline void load(struct fixture *f, const char *first, const char *second)
{
	const char *folders[] = {first, second};
	profiles_free(&f->set);
	if (profiles_load(&f->set, folders, second != NULL ? 2 : 1, &f->e) != 0)
		fail_msg("%s", f->e.what);
}

static inline const struct profile *shipped(struct fixture *f, const char *id)
{
	const struct profile *p;
	if (f->set == NULL)
		load(f, SHIPPED, NULL);
	for (size_t i = 0; (p = profiles_at(f->set, i)) != NULL; i++) {
		if (strcmp(p->id, id) == 0)
			return p;
	}
	fail_msg("there is no profile %s", id);
	return NULL;
}

/* A profile from text, after the least that each needs. */
static inline const struct profile *parse(struct fixture *f, const char *text)
{
	char whole[4096];
	snprintf(whole, sizeof whole, "[token]\nname = x\n[match]\nmodel = x\n%s", text);
	profile_free(&f->one);
	if (profile_parse(&f->one, "/x/x.conf", whole, strlen(whole), &f->e) != 0)
		fail_msg("%s", f->e.what);
	return f->one;
}

static inline void fixture_expect_error(struct fixture *f, enum err_code code, const char *words)
{
	assert_int_equal(f->e.code, code);
	if (strstr(f->e.what, words) == NULL)
		fail_msg("%s, but expected \"%s\"", f->e.what, words);
	assert_true(err_advice(&f->e)[0] != '\0');
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

#endif
