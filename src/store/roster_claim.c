/*
 * roster_claim: one station at a time has a roster open, and the next one is told which.
 */
#include "core/clean.h"
#include "core/day.h"
#include "core/xalloc.h"
#include "store/audit.h"
#include "store/claim.h"
#include "store/roster_impl.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* "/dev/pts/3"; "" for a process without a terminal. */
static void own_terminal(char *ret, size_t size)
{
	ret[0] = 0;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && ret[0] == 0; fd++)
		if (ttyname_r(fd, ret, size) != 0)
			ret[0] = 0;
}

static char *own_login(struct store *s)
{
	audit_find_who(s);
	return s->sudo_user[0] ? xasprintf("%s (as %s)", s->sudo_user, s->login) : xstrdup(s->login);
}

int roster_note_opened(struct store *s, int64_t id, struct err *e)
{
	char terminal[PATH_MAX], *login = own_login(s);
	struct query q = QUERY_INIT;
	int rc = query_open(&q, s, "UPDATE rosters SET opened = ?, pid = ?, login = ?, terminal = ? WHERE id = ?", e);

	if (rc == 0) {
		own_terminal(terminal, sizeof(terminal));
		query_put_int(&q, time(NULL));
		query_put_int(&q, getpid());
		query_put_text(&q, login);
		query_put_text(&q, terminal);
		query_put_int(&q, id);
		rc = query_run(&q, e);
	}
	free(login);
	return rc;
}

/* What the row tells of a process is told only if it is the one that holds the lock. */
static int describe(struct store *s, int64_t id, pid_t pid, char *ret, size_t size, struct err *e)
{
	struct query q = QUERY_INIT;
	char login[200] = "", terminal[128] = "", line[ROSTER_HOLDER_MAX], since[DAY_TIME_SIZE];
	bool row = false;
	int rc = query_open(&q, s, "SELECT login, terminal, opened FROM rosters WHERE id = ? AND pid = ?", e);

	if (rc == 0) {
		query_put_int(&q, id);
		query_put_int(&q, pid);
		rc = query_next(&q, &row, e);
	}
	if (rc == 0 && row) {
		query_text(&q, 0, login, sizeof(login));
		query_text(&q, 1, terminal, sizeof(terminal));
		day_time_format(since, query_int(&q, 2));
		snprintf(line, sizeof(line), "process %ld of %s%s%s, since %s", (long)pid, login,
			 terminal[0] ? " on " : "", terminal, since);
	} else if (pid > 0) {
		snprintf(line, sizeof(line), "process %ld", (long)pid);
	} else {
		snprintf(line, sizeof(line), "a process that cannot be seen from here, as in a container");
	}
	clean_text(ret, size, line);
	query_close(&q);
	return rc;
}

static int refuse(struct store *s, int64_t id, const char *source, pid_t pid, struct err *e)
{
	char who[ROSTER_HOLDER_MAX];

	if (describe(s, id, pid, who, sizeof(who), e) == -1)
		return -1;
	err_set(e, ERR_BUSY, "the roster %s is open at another station: %s", source, who);
	return err_next(e, "Go on at that station, or end it there; then run the same command again.");
}

int roster_claim(struct store *s, int64_t id, const char *source, struct err *e)
{
	pid_t pid = 0;

	if (claim_try(s, CLAIM_ROSTER + (off_t)id, &pid, e) == -1)
		return -1;
	return pid == 0 ? 0 : refuse(s, id, source, pid, e);
}

int store_roster_holder(struct store *s, const char *source, char ret[ROSTER_HOLDER_MAX], struct err *e)
{
	int64_t id = 0;
	pid_t pid = 0;

	ret[0] = 0;
	if (roster_find(s, source, &id, e) == -1)
		return -1;
	if (id != 0)
		pid = claim_holder(s, CLAIM_ROSTER + (off_t)id);
	return pid != 0 ? describe(s, id, pid, ret, ROSTER_HOLDER_MAX, e) : 0;
}
