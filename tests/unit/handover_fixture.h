/*
 * What the tests of src/handover share: a private folder with templates, a
 * configuration that points into it, and the facts of one enrollment.
 */
#ifndef TESTS_HANDOVER_FIXTURE_H
#define TESTS_HANDOVER_FIXTURE_H

#include "core/config.h"
#include "core/file.h"
#include "core/xalloc.h"
#include "handover/handover.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define FIXTURE_CA "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
#define FIXTURE_ID "SoftHSM\\x20project/SoftHSM\\x20v2/09faa980baecee43/alice/04FF00"
#define FIXTURE_PROFILE "client\nremote {{remote}}\npkcs11-id '{{pkcs11_id}}'\n"
#define FIXTURE_STATIC_KEY \
	"-----BEGIN OpenVPN Static key V1-----\n7a56a9acdb5437e098692f9df5bf052a\n-----END OpenVPN Static key V1-----"

struct fixture {
	char dir[64];
	struct config cfg;
	struct config_name names[8];
	struct handover_facts facts;
	struct handover_result result;
	struct err e;
};

static inline int fixture_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* A path in the fixture's folder; the text stays valid for eight more calls. */
static inline const char *fixture_path(const struct fixture *f, const char *name)
{
	static char ring[8][512];
	static unsigned next;
	char *ret = ring[next++ % 8];
	snprintf(ret, sizeof ring[0], "%s/%s", f->dir, name);
	return ret;
}

static inline void fixture_write(const struct fixture *f, const char *name, const char *text)
{
	struct err e = ERR_INIT;
	assert_int_equal(file_write(fixture_path(f, name), text, strlen(text), 0600, &e), 0);
}

static inline void fixture_template(const struct fixture *f, const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof path, "templates/%s", name);
	fixture_write(f, path, text);
}

/* The text of a file below the bundle's folder; the caller frees it. */
static inline char *fixture_read(const struct fixture *f, const char *name)
{
	struct blob text = BLOB_INIT;
	struct err e = ERR_INIT;
	if (file_read(fixture_path(f, name), FILE_MAX_DEFAULT, &text, &e) != 0)
		fail_msg("%s: %s (%s)", name, e.what, e.native);
	return (char *)text.data;
}

static inline void fixture_name(struct fixture *f, const char *name, const char *value)
{
	struct config_name *n = &f->names[f->cfg.n_names];
	assert_true(f->cfg.n_names < sizeof f->names / sizeof *f->names);
	n->name = xstrdup(name);
	n->value = xstrdup(value);
	n->line = 10 + (int)f->cfg.n_names++;
}

static inline void fixture_facts(struct handover_facts *f)
{
	static const struct handover_facts facts = {
	    .user = "alice",
	    .token_manufacturer = "SoftHSM project",
	    .token_model = "SoftHSM v2",
	    .token_serial = "09faa980baecee43",
	    .token_label = "alice",
	    .key_type = "ec:P-256",
	    .cert_serial = "0A1B2C3D4E5F60718293A4B5C6D7E8F9",
	    .issued = 1769934245,    /* 2026-02-01T08:24:05Z */
	    .not_after = 1833006245, /* 2028-02-01T08:24:05Z */
	    .ca_pem = FIXTURE_CA,
	    .clients =
		{
		    [PLATFORM_LINUX] = {"/usr/lib/softhsm/libsofthsm2.so", FIXTURE_ID},
		    [PLATFORM_WINDOWS] = {"C:\\Program Files\\OpenSC\\opensc-pkcs11.dll", FIXTURE_ID},
		    [PLATFORM_MACOS] = {"/Library/OpenSC/lib/opensc-pkcs11.so", FIXTURE_ID},
		},
	};
	*f = facts;
}

static inline int fixture_setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);
	const char *tmp = getenv("TMPDIR");
	snprintf(f->dir, sizeof f->dir, "%.40s/handover-XXXXXX", tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(mkdir(fixture_path(f, "templates"), 0700), 0);
	f->cfg.path = xstrdup(fixture_path(f, "tokenroll.conf"));
	f->cfg.vpn.templates = xstrdup(fixture_path(f, "templates"));
	f->cfg.bundle.dir = xstrdup(fixture_path(f, "bundles"));
	f->cfg.bundle.legacy_placeholder = xstrdup("change_me");
	f->cfg.names = f->names;
	fixture_name(f, "remote", "vpn.example.com 1194 udp");
	fixture_facts(&f->facts);
	*state = f;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	nftw(f->dir, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	handover_result_free(&f->result);
	for (size_t i = 0; i < f->cfg.n_names; i++) {
		free(f->names[i].name);
		free(f->names[i].value);
	}
	free(f->cfg.path);
	free(f->cfg.vpn.templates);
	free(f->cfg.bundle.dir);
	free(f->cfg.bundle.legacy_placeholder);
	free(f);
	return 0;
}

static inline void fixture_make(struct fixture *f)
{
	handover_result_free(&f->result);
	if (handover_make(&f->cfg, &f->facts, &f->result, &f->e) != 0)
		fail_msg("%s (%s)", f->e.what, f->e.native);
}

/* Expects that both the check and the making refuse, with this code and these words, and that nothing is made. */
static inline void fixture_refused(struct fixture *f, enum err_code code, const char *words)
{
	struct handover_result r = {.folder = NULL};
	assert_int_equal(handover_make(&f->cfg, &f->facts, &r, &f->e), -1);
	if (f->e.code != code || strstr(f->e.what, words) == NULL)
		fail_msg("%s: %s, but expected \"%s\"", err_code_name(f->e.code), f->e.what, words);
	if (err_advice(&f->e)[0] == '\0')
		fail_msg("%s: no advice", f->e.what);
	assert_int_not_equal(access(fixture_path(f, "bundles/alice"), F_OK), 0);
}

static inline void fixture_refused_early(struct fixture *f, enum err_code code, const char *words)
{
	struct err early = ERR_INIT;
	fixture_refused(f, code, words);
	assert_int_equal(handover_check(&f->cfg, "alice", NULL, &early), -1);
	if (early.code != code || strstr(early.what, words) == NULL)
		fail_msg("%s: %s, but expected \"%s\"", err_code_name(early.code), early.what, words);
}

#define PROMISE(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

#endif
