/*
 * roster: the people who are to get tokens, and how far each of them is. A
 * file names them (station/roster.h reads it); from the first time that a
 * station opens it on they live in the database, where a later run with the
 * same file finds who is left. Only the parent process calls this.
 *
 * Times are seconds since 1970, durations milliseconds. Serial numbers of
 * tokens are compared without regard to case, as everywhere.
 */
#ifndef STORE_ROSTER_H
#define STORE_ROSTER_H

#include "core/err.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Where a person's names have room for, in bytes without the NUL; a longer one is none that a file may have. */
#define ROSTER_NAME_MAX 200
#define ROSTER_EMAIL_MAX 254
#define ROSTER_EXTRA_MAX 1000 /* of one further column */

enum roster_state {
	ROSTER_WAITING,
	ROSTER_RUNNING, /* a token is being enrolled */
	ROSTER_HELD,    /* put back until the operator says otherwise, also over several runs */
	ROSTER_SKIPPED, /* not in this run */
	ROSTER_FAILED,
	ROSTER_DONE,
	ROSTER_STATE_COUNT
};

/* "waiting" … "done". */
const char *roster_state_name(enum roster_state st);

/* One person as the file says it; no text is NULL, what is not said is "". */
struct roster_entry {
	long line;
	const char *user;
	const char *name, *email, *department;
	const char *language;     /* "en", "de", "ru" */
	const char *token_serial; /* the token that is meant for this person */
	unsigned key_type;        /* enum keytype; KEYTYPE_NONE where the file says nothing */
	const char *extra; /* the further columns that are not empty: a JSON object of texts, sorted by name; "" */
};

struct roster_counts {
	int64_t states[ROSTER_STATE_COUNT]; /* of those who are on the roster; done also of those who were */
	int64_t withdrawn;                  /* not done, and the file does not name them any more */
	int64_t left;                       /* on the roster and not done */
};

/* What opening a roster has changed. */
struct roster_merged {
	int64_t people; /* whom the file names */
	int64_t added;  /* for the first time, or again after they were withdrawn */
	int64_t changed,
	    changed_done;  /* whose line says something else; of those who are done only the token is taken */
	int64_t withdrawn; /* whom it does not name any more */
	int64_t resumed;   /* whom a crash has left running */
	struct roster_counts now;
};

/*
 * Takes the roster with this source (the file's absolute path, or "-") for this process, until the store is closed, and
 * puts the entries into it, all or nothing: people who are done stay so; new ones are added; what has changed is taken
 * over; those who are gone are marked as withdrawn. Who was running when a station crashed waits again, before the
 * others and for the token it was; who failed or was skipped waits in its place. One audit record tells all that.
 * ERR_BUSY tells the station that has it open, by process, login, terminal and since when.
 */
int store_roster_open(struct store *s, const char *source, const struct roster_entry *list, size_t n, int64_t *ret_id,
		      struct roster_merged *ret, struct err *e);

/* What store_roster_open would do. Changes nothing, and does not ask whether a station has it open. */
int store_roster_preview(struct store *s, const char *source, const struct roster_entry *list, size_t n,
			 struct roster_merged *ret, struct err *e);

/* Whether a station has opened it before. */
int store_roster_known(struct store *s, const char *source, bool *ret, struct err *e);

/* Whoever has this roster open now, as ERR_BUSY tells it; "" if nobody. */
#define ROSTER_HOLDER_MAX 400
int store_roster_holder(struct store *s, const char *source, char ret[ROSTER_HOLDER_MAX], struct err *e);

/* ---- rosters */

struct roster_source {
	int64_t id;
	char *source;
	time_t opened; /* last */
};

/* All rosters, the one that was opened last first. To be freed with roster_sources_free. */
int store_rosters(struct store *s, struct roster_source **ret, size_t *ret_n, struct err *e);
void roster_sources_free(struct roster_source **list, size_t n);

int store_roster_count(struct store *s, int64_t roster, struct roster_counts *ret, struct err *e);

/* ---- people */

struct roster_person {
	int64_t id, roster;
	long line;
	char user[65], name[ROSTER_NAME_MAX + 1], email[ROSTER_EMAIL_MAX + 1], department[ROSTER_NAME_MAX + 1];
	char language[3];
	char wanted[50]; /* the file's token_serial */
	unsigned key_type;
	char *extra; /* as in roster_entry */
	enum roster_state state;
	bool withdrawn;
	bool front;               /* before the others in line */
	char reserved[50];        /* the token this person waits for; "" if any will do */
	char code[32], why[769];  /* of the last failure: err_code_name, and what happened; or why it is held */
	struct store_token token; /* the last one tried, or got: serial, model and label; "" if none yet */
	char cert_serial[41];     /* uppercase hex, of who is done, or is being taken back */
	char reader[129];
	time_t began, ended; /* of the last attempt; 0 */
	int64_t took;        /* how long it was, of who is done */
	int64_t attempts;
};

/* Whether what was made is being taken back: nobody else has a certificate who is not done. */
static inline bool roster_is_undoing(const struct roster_person *p)
{
	return p->cert_serial[0] != '\0' && p->state != ROSTER_DONE && p->state != ROSTER_RUNNING;
}

/* Frees what is in it, and leaves it empty. */
void roster_person_free(struct roster_person *p);

/* All of these overwrite *ret and do not free it; on failure and where nobody is found it stays untouched. */

/* Who is next in line: waits, and for no token in particular. Those who were retried come first, then all by their
 * place in the file. */
int store_roster_next(struct store *s, int64_t roster, bool *ret_found, struct roster_person *ret, struct err *e);

/* The first n of that line. */
int store_roster_in_line(struct store *s, int64_t roster, struct roster_person *ret, size_t n, size_t *ret_n,
			 struct err *e);

/* Who is known with this token on this roster: who runs with it; else whom the file names it for, done or not; else
 * whom it is reserved for; else who is done with it; else who tried it last. Those on the roster come before those who
 * are withdrawn. Whether it is still theirs the inventory says. */
int store_roster_by_token(struct store *s, int64_t roster, const char *serial, bool *ret_found,
			  struct roster_person *ret, struct err *e);

int store_roster_person(struct store *s, int64_t id, bool *ret_found, struct roster_person *ret, struct err *e);

/*
 * Whom an operator means by what was typed or scanned: the one with exactly this user name or e-mail address, else
 * with exactly this name, else all whose user name, name or last word of the name begins so. Case does not matter, nor
 * do blanks around it. The first n are put into ret; *ret_all says how many there are, and no more than 1000.
 * Withdrawn people are not found.
 */
int store_roster_search(struct store *s, int64_t roster, const char *typed, struct roster_person *ret, size_t n,
			size_t *ret_n, size_t *ret_all, struct err *e);

/* The people in one state, withdrawn ones too, by their place in the file: the first n behind *after (NULL: from the
 * beginning). The last one returned is what the next page begins after. */
int store_roster_page(struct store *s, int64_t roster, enum roster_state st, const struct roster_person *after,
		      struct roster_person *ret, size_t n, size_t *ret_n, struct err *e);

/* Each enrollment that was finished since then, oldest first: when, and how long it took. Anything but 0 ends it. */
typedef int roster_finished_fn(void *arg, time_t ended, int64_t took_ms);
int store_roster_finished(struct store *s, int64_t roster, time_t since, roster_finished_fn *fn, void *arg,
			  struct err *e);

/* ---- the way of a person */

/* A token is being enrolled. serial, model and label are read of it. ERR_BUSY for who is done, or runs already. */
int store_roster_begin(struct store *s, int64_t id, const struct store_token *t, const char *reader, struct err *e);

/* It is, with this certificate (serial in uppercase hex), after so long. The token is what it is called now: some have
 * a serial number and a label only once they are initialized. ERR_STORE if it is not running. */
int store_roster_done(struct store *s, int64_t id, const struct store_token *t, const char *cert_serial,
		      int64_t took_ms, struct err *e);

/* It has failed, by why. keeps: the token is half done, so this person waits for that one from now on, unless the file
 * names one. ERR_STORE if it is not running. */
int store_roster_failed(struct store *s, int64_t id, bool keeps, const struct err *why, struct err *e);

/* Held or skipped, with a word why, which may be "". ERR_STORE for who is running or done. */
int store_roster_put_back(struct store *s, int64_t id, enum roster_state st, const char *why, struct err *e);

/* What was made for who is done is to be taken back: failed until store_roster_retry says that it is over, with the
 * certificate, and waiting for that token, also in later runs. ERR_STORE for who is not done. */
int store_roster_undo(struct store *s, int64_t id, struct err *e);

/* In line again, before the others, for any token or the one that the file names: also a token that a crash has left
 * half done is not waited for any more. Of who was done what was made is forgotten here; that it is undone is up to
 * the caller. */
int store_roster_retry(struct store *s, int64_t id, struct err *e);

#endif
