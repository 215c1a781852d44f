/* What the process that packs and mails can reach, tried from inside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/landlock.h"
#include "core/xalloc.h"
#include "handover/confine.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NO_LANDLOCK 77

struct place {
	char dir[PATH_MAX];
	char pki[PATH_MAX + 16], key[PATH_MAX + 16], store[PATH_MAX + 16], bundles[PATH_MAX + 16];
	struct config cfg;
};

static bool opens(const struct place *p, const char *name, int flags)
{
	char path[PATH_MAX + 64];
	snprintf(path, sizeof path, "%s/%s", p->dir, name);
	int fd = open(path, flags | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool reads(const struct place *p, const char *name)
{
	return opens(p, name, O_RDONLY);
}

static bool writes(const struct place *p, const char *name)
{
	return opens(p, name, O_WRONLY | O_CREAT);
}

#define OF_COURIER (HIDDEN_ALL & ~HIDDEN_BIT(HIDDEN_BUNDLES) & ~HIDDEN_BIT(HIDDEN_MAIL))

static void add_file(struct place *p, enum hidden_kind kind, const char *name)
{
	char path[PATH_MAX + 64];
	snprintf(path, sizeof path, "%s/%s", p->dir, name);
	hidden_add(&p->cfg.hidden, kind, path);
}

static int set_up(void **state)
{
	struct place *p = xcalloc(1, sizeof *p);
	char made[] = "/tmp/tokenroll-confine.XXXXXX", command[2 * PATH_MAX];
	if (mkdtemp(made) == NULL || realpath(made, p->dir) == NULL)
		return -1;
	snprintf(p->pki, sizeof p->pki, "%s/pki", p->dir);
	snprintf(p->key, sizeof p->key, "%s/keys/ca.pem", p->dir);
	snprintf(p->store, sizeof p->store, "%s/db", p->dir);
	snprintf(p->bundles, sizeof p->bundles, "%s/bundles", p->dir);
	p->cfg.ca.pki = p->pki;
	p->cfg.ca.key = p->key;
	p->cfg.bundle.dir = p->bundles;
	snprintf(command, sizeof command,
		 "cd '%s' && mkdir -p pki/private keys bundles templates && touch pki/ca.crt pki/private/ca.key "
		 "pki/private/easyrsa-tls.key keys/ca.pem keys/other db db-wal templates/t bundles/old "
		 "pin ca.pass mail.pass",
		 p->dir);
	*state = p;
	if (system(command) != 0)
		return -1;
	hidden_add(&p->cfg.hidden, HIDDEN_STORE, p->store);
	hidden_add(&p->cfg.hidden, HIDDEN_BUNDLES, p->bundles);
	add_file(p, HIDDEN_SECRET, "pin");
	add_file(p, HIDDEN_CA_SECRET, "ca.pass");
	add_file(p, HIDDEN_MAIL, "mail.pass");
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;
	char command[PATH_MAX + 16];
	snprintf(command, sizeof command, "rm -rf '%s'", p->dir);
	int ret = system(command);
	hidden_free(&p->cfg.hidden);
	free(p);
	return ret == 0 ? 0 : -1;
}

/* Runs body in a process of its own, as what it does to itself cannot be undone. It returns 0, or what went wrong. */
static void apart(const struct place *p, int (*body)(const struct place *p))
{
	int status;
	pid_t pid = fork();
	if (pid == 0)
		_exit(body(p));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_LANDLOCK)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int hide_body(const struct place *p)
{
	if (!handover_hide(&p->cfg, OF_COURIER))
		return NO_LANDLOCK;
	if (reads(p, "pki/private/ca.key") || reads(p, "keys/ca.pem") || reads(p, "db") || reads(p, "db-wal"))
		return 1;
	if (reads(p, "pin") || reads(p, "ca.pass"))
		return 3;
	/* what goes into the bundle stays within reach */
	return reads(p, "pki/private/easyrsa-tls.key") && reads(p, "pki/ca.crt") && reads(p, "keys/other") &&
		       reads(p, "templates/t") && reads(p, "bundles/old") && writes(p, "bundles/new") &&
		       reads(p, "bundles/new") && reads(p, "mail.pass")
		   ? 0
		   : 2;
}

static void the_ca_key_the_database_and_secrets_cannot_be_read(void **state)
{
	apart(*state, hide_body);
}

static int shared_body(const struct place *p)
{
	if (!handover_hide(&p->cfg, OF_COURIER))
		return NO_LANDLOCK;
	return !reads(p, "pin") && writes(p, "bundles/new") && writes(p, "bundles/old") ? 0 : 1;
}

static void bundles_are_made_also_where_somebody_keeps_a_secret_beside_them(void **state)
{
	add_file(*state, HIDDEN_SECRET, "bundles/old");
	apart(*state, shared_body);
}

static int confine_body(const struct place *p)
{
	if (!handover_confine(p->bundles))
		return NO_LANDLOCK;
	if (writes(p, "pki/ca.crt") || writes(p, "templates/new") || writes(p, "new") || writes(p, "db"))
		return 1;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	return null >= 0 && writes(p, "bundles/new") && writes(p, "bundles/old") && reads(p, "pki/ca.crt") ? 0 : 2;
}

static void nothing_can_be_written_but_the_bundles(void **state)
{
	apart(*state, confine_body);
}

static int child_body(const struct place *p)
{
	char command[PATH_MAX + 64];
	if (!handover_hide(&p->cfg, OF_COURIER) || !handover_confine(p->bundles))
		return NO_LANDLOCK;
	snprintf(command, sizeof command, "cat '%s' >/dev/null 2>&1 || echo x 2>/dev/null >'%s/x'", p->key, p->dir);
	return system(command) != 0 ? 0 : 1;
}

static void what_it_starts_is_bound_as_well(void **state)
{
	apart(*state, child_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(the_ca_key_the_database_and_secrets_cannot_be_read, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(bundles_are_made_also_where_somebody_keeps_a_secret_beside_them, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(nothing_can_be_written_but_the_bundles, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_it_starts_is_bound_as_well, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
