/*
 * store_fixture: a database in a private folder for each test of the store, another program's way to it, and the work
 * that the tests do with it.
 */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include "core/keytype.h"
#include "store/store.h"
#include "store/trail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ftw.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
	char dir[64], path[96];
};

static const struct store_token token_1 = {
    .manufacturer = "SoftHSM project", .model = "SoftHSM v2", .serial = "09faa980baecee43", .label = "alice"};
static const struct store_token token_2 = {
    .manufacturer = "SoftHSM project", .model = "SoftHSM v2", .serial = "1111111111111111", .label = "bob"};

static inline int set_up(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->dir, "/tmp/tokenroll-store-XXXXXX");
	if (!mkdtemp(p->dir)) {
		free(p);
		return -1;
	}
	snprintf(p->path, sizeof(p->path), "%s/lib/t.db", p->dir);
	*state = p;
	return 0;
}

static inline int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static inline int tear_down(void **state)
{
	struct place *p = *state;
	int rc = nftw(p->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);

	free(p);
	return rc;
}

static inline struct store *open_store(const struct place *p)
{
	struct store *s = NULL;
	struct err e = ERR_INIT;

	if (store_open(&s, p->path, &e) == -1)
		fail_msg("store_open: %s (%s)", e.what, e.native);
	return s;
}

/* The message, its advice and the reason together, to look for words in. */
static inline void assert_says(const struct err *e, enum err_code code, const char *words)
{
	char all[2048];

	snprintf(all, sizeof(all), "%s | %s | %s", e->what, e->native, err_advice(e));
	assert_string_equal(err_code_name(e->code), err_code_name(code));
	if (!strstr(all, words))
		fail_msg("\"%s\" does not say \"%s\"", all, words);
	if (!err_advice(e)[0])
		fail_msg("\"%s\" gives no advice", all);
}

/* Another program's way to the database. */
static inline int sql_try(const struct place *p, const char *sql)
{
	sqlite3 *db = NULL;
	int rc;

	assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_close(db);
	return rc;
}

static inline void sql(const struct place *p, const char *text)
{
	assert_int_equal(sql_try(p, text), SQLITE_OK);
}

static inline int64_t sql_int(const struct place *p, const char *text)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *st = NULL;
	int64_t v;

	assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return v;
}

static inline void plan(struct store_credential *c, const char *user, const struct store_token *t)
{
	memset(c, 0, sizeof(*c));
	strcpy(c->user, user);
	c->token = *t;
	c->key_type = KEYTYPE_EC_P384;
	blob_set(&c->cka_id, "\x04\xff\x00", 3);
	memset(c->serial, 0xab, sizeof(c->serial));
	strcpy(c->module, "/usr/lib/softhsm/libsofthsm2.so");
}

/* Goes all the way from planned to delivered; returns how many steps were on disk before one failed. */
static inline int enroll(struct store *s, struct store_credential *c, struct err *e)
{
	if (store_plan(s, c, e) == -1)
		return 0;
	blob_set(&c->spki, "the public key", 14);
	strcpy(c->key_attributes, "sensitive local");
	if (store_advance(s, c, CRED_KEYED, e) == -1)
		return 1;
	blob_set(&c->csr, "the request", 11);
	if (store_advance(s, c, CRED_REQUESTED, e) == -1)
		return 2;
	blob_set(&c->cert, "the certificate", 15);
	strcpy(c->cert_serial, "ABAB");
	c->not_after = 2000000000;
	if (store_advance(s, c, CRED_ISSUED, e) == -1)
		return 3;
	if (store_advance(s, c, CRED_WRITTEN, e) == -1)
		return 4;
	strcpy(c->pkcs11_id, "SoftHSM\\x20project/x");
	strcpy(c->client_module, "/usr/lib/client.so");
	if (store_advance(s, c, CRED_PROVEN, e) == -1)
		return 5;
	return store_advance(s, c, CRED_DELIVERED, e) == -1 ? 6 : 7;
}

static inline void enrolled(struct store *s, struct store_credential *c, const char *user, const struct store_token *t)
{
	struct err e = ERR_INIT;

	plan(c, user, t);
	if (enroll(s, c, &e) != 7)
		fail_msg("%s (%s)", e.what, e.native);
}

/* What is wrong with the trail. */
static inline struct trail_report verified(struct store *s)
{
	struct trail_report report;
	struct err e = ERR_INIT;

	if (trail_verify(s, &report, &e) == -1)
		fail_msg("%s", e.what);
	return report;
}

/* How many there are in a trail that is whole. */
static inline uint64_t records(struct store *s)
{
	struct trail_report report = verified(s);
	char text[TRAIL_TEXT_MAX];

	if (report.n_all != 0) {
		trail_finding_text(text, &report.findings[0]);
		fail_msg("%s", text);
	}
	return report.records;
}

/* A process that claims, says so, and holds on until it is killed. */
static inline pid_t claim_in_child(const struct place *p, const char *user, const struct store_token *t)
{
	int said[2];
	char ok = 0;
	pid_t pid;

	assert_int_equal(pipe(said), 0);
	pid = fork();
	if (pid == 0) {
		struct store *s = NULL;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (store_open(&s, p->path, NULL) == 0 && store_claim_user(s, user, NULL) == 0 &&
		    store_claim_token(s, t, NULL) == 0)
			ok = 1;
		if (write(said[1], &ok, 1) != 1 || !ok)
			_exit(1);
		for (;;)
			pause();
	}
	close(said[1]);
	assert_int_equal(read(said[0], &ok, 1), 1);
	assert_int_equal(ok, 1);
	close(said[0]);
	return pid;
}

static inline void kill_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

#define PROMISE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
