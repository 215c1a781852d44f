/*
 * recovery_fixture: recovery keys and certificates in a private folder, made by openssl as the manual tells, or wrong
 * in one way.
 */
#ifndef RECOVERY_FIXTURE_H
#define RECOVERY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/file.h"
#include "store/recovery.h"

#include <unistd.h>

static char dir[] = "/tmp/tokenroll-recovery-XXXXXX";

static inline int shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Runs a command line in the folder. */
static inline int shell(const char *fmt, ...)
{
	char command[2048], whole[2200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	snprintf(whole, sizeof(whole), "cd %s && { %s; } >>log 2>&1", dir, command);
	return system(whole);
}

#define RSA_2048 "rsa:2048"
#define EC_P256 "ec -pkeyopt ec_paramgen_curve:P-256"
#define GOOD_RSA "-days 30 -addext basicConstraints=critical,CA:FALSE -addext keyUsage=critical,keyEncipherment"
#define GOOD_EC "-days 30 -addext basicConstraints=critical,CA:FALSE -addext keyUsage=critical,keyAgreement"

/* NAME.key and NAME.pem with CN=NAME. */
static inline void make_recovery(const char *name, const char *key, const char *options)
{
	if (shell("openssl req -x509 -newkey %s -nodes -keyout %s.key -out %s.pem -subj '/CN=%s' %s", key, name, name,
		  name, options) != 0)
		fail_msg("openssl req failed for %s, see %s/log", name, dir);
}

/* Of files in the folder, with blanks between. */
static inline int load(struct recipients **ret, const char *names, struct err *e)
{
	char *files[8], copy[256], *save = NULL;
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", names);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		files[n] = malloc(sizeof(dir) + strlen(w) + 2);
		sprintf(files[n++], "%s/%s", dir, w);
	}
	int rc = recovery_load(ret, files, n, e);
	while (n > 0)
		free(files[--n]);
	return rc;
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

static inline int make_folder(void)
{
	return mkdtemp(dir) ? 0 : -1;
}

static inline int remove_folder(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

#endif
