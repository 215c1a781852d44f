/*
 * revocation: ca_revoke and ca_revoke_serial. All of it is under the lock and can be repeated:
 *
 *   1 finish what an earlier run began      3 may this certificate be revoked here?
 *   2 the row of this serial                4 record, row, CRL, files, record removed (revoke.h)
 *
 * An easy-rsa before 3.2.3 takes no lock: one that was at work meanwhile may have written its older copy of index.txt
 * over the row, or a CRL without it over ours. So when it has finished, all is done once more.
 */
#include "ca/certificate.h"
#include "ca/crl.h"
#include "ca/known.h"
#include "ca/lock.h"
#include "ca/names.h"
#include "ca/pki.h"
#include "ca/policy.h"
#include "ca/reason.h"
#include "ca/record.h"
#include "ca/redo.h"
#include "ca/revoke.h"
#include "ca/session.h"
#include "ca/subject.h"
#include "ca/sweep.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS 10

struct work {
	struct ca *ca;
	const char *user; /* NULL: whoever's it is */
	const char *serial, *reason;
	bool any_kind;          /* without a user: a server's, too */
	char name[CA_NAME_MAX]; /* of its files, once the row is found */
	bool already;           /* what the first round found */
	bool again;             /* it is not the first one */
};

static int check_serial(const char *serial, struct err *e)
{
	size_t n = strspn(serial, "0123456789ABCDEF");
	if (serial[n] == '\0' && n > 0 && n % 2 == 0 && n < CA_SERIAL_HEX_MAX)
		return 0;
	err_set(e, ERR_USAGE, "\"%.64s\" is not a serial number", serial);
	return err_next(e, "write it as index.txt and `openssl x509 -serial` do, in uppercase hex");
}

static int check_ready(const struct ca *ca, struct err *e)
{
	if (ca->index != NULL && ca->has_key)
		return ca->key != NULL ? 0 : err_set(e, ERR_CA_FAILED, "the CA key has not been unlocked");
	err_set(e, ERR_CA_PKI, "the PKI %s has no %s: nothing can be revoked here", ca->pki,
		ca->index == NULL ? "index.txt" : "CA key");
	return err_next(e, "revoke the certificate where the CA is");
}

/* Whether a run was killed in the middle of this very revocation. */
static bool was_begun(const struct work *w)
{
	struct record r = RECORD_INIT;
	bool found = false;
	bool ret = record_read(w->ca->pki, &found, &r, NULL) == 0 && found && r.row == NULL && r.revoke != NULL &&
		   (w->user == NULL || strcmp(r.name, w->user) == 0) && strcmp(r.revoke, w->serial) == 0;
	record_free(&r);
	return ret;
}

/* Whether index.txt.attr forbids another one. */
static bool has_valid_row(const struct work *w, const char *user)
{
	struct index_row row;
	char *index = pki_path(w->ca, "index.txt");
	bool unique = index_unique_subjects(index);
	free(index);
	if (!unique)
		return false;
	for (size_t pos = 0; index_next_named(w->ca->index, user, &pos, &row);) {
		if (row.status == 'V')
			return true;
	}
	return false;
}

/* A certificate that this CA made is revoked although its row was lost; `openssl ca -revoke` adds it, too. The files of
 * its name stay as they are: they may be a newer one's. */
static int restore_row(const struct work *w, struct err *e)
{
	X509 *cert = known_lost(w->ca, w->user, w->serial);
	char *cn = cert != NULL ? subject_cn(X509_get_subject_name(cert)) : NULL;
	int ret = 0;
	if (cn != NULL && !has_valid_row(w, cn))
		ret = redo_add_row(w->ca, "", cert, e);
	free(cn);
	X509_free(cert);
	return ret;
}

static int find_row(const struct work *w, struct index_row *ret, struct err *e)
{
	if (!index_by_serial(w->ca->index, w->serial, ret)) {
		if (restore_row(w, e) != 0)
			return -1;
		if (!index_by_serial(w->ca->index, w->serial, ret)) {
			err_set(e, ERR_CA_REFUSED, "there is no certificate with the serial number %s in %s/index.txt",
				w->serial, w->ca->pki);
			return err_next(e,
					"compare it with the certificate's own. What another CA signed is revoked "
					"there; a row that was lost may be in a backup, or in index.txt.old: copy that "
					"one line");
		}
	}
	if (w->user == NULL || names_has(w->ca, w->user, ret))
		return 0;
	err_set(e, ERR_NAME_TAKEN, "the certificate %s is not one of %s: it is somebody else's, %.*s", w->serial,
		w->user, (int)(ret->subject.len < 200 ? ret->subject.len : 200), ret->subject.p);
	return err_next(e, "name the user whose certificate it is");
}

/* A row without a reason says as much as one with "unspecified". */
static void note_reason(const struct work *w, const struct index_row *row)
{
	char *revoked = span_text(row->revoked);
	const char *comma = strchr(revoked, ','), *reason = comma != NULL ? comma + 1 : "unspecified";
	if (strcmp(reason, w->reason) != 0)
		pki_note(w->ca, "the certificate %s has been revoked before, with the reason %.64s, and that stays so",
			 w->serial, reason);
	free(revoked);
}

/* One that has been revoked stays as it is, but the server has to know. */
static int ensure_crl(const struct work *w, const struct index_row *row, bool begun, struct err *e)
{
	if (!w->again)
		note_reason(w, row);
	if (begun) /* redo has made it */
		return 0;
	return crl_check(w->ca, e) == 0 ? crl_make(w->ca, NULL, e) : -1;
}

static void note_expired(const struct work *w, const struct index_row *row)
{
	char date[32] = "";
	time_t end = index_time(row->not_after);
	struct tm tm;
	if (end > time(NULL))
		return;
	if (gmtime_r(&end, &tm) == NULL || strftime(date, sizeof date, "%Y-%m-%d", &tm) == 0)
		snprintf(date, sizeof date, "some day");
	pki_note(w->ca, "the certificate %s expired on %s; it is revoked all the same, as easy-rsa does it", w->serial,
		 date);
}

/* May it be revoked for the one who asks? */
static int check_users(const struct work *w, X509 *cert, struct err *e)
{
	struct name_row named = {.cert = cert};
	snprintf(named.serial, sizeof named.serial, "%s", w->serial);
	return revoke_check_row(w->ca, w->user, &named, "revoked", e);
}

static int check_anybodys(const struct work *w, X509 *cert, const struct index_row *row, struct err *e)
{
	enum ca_kind kind = known_kind(cert);
	if (kind == CA_CLIENT || w->any_kind)
		return revoke_check_files(w->ca, e);
	return err_set(e, ERR_SERVER, "certificate %s (%.*s) is %s: without it nobody %s", w->serial,
		       (int)(row->subject.len < 200 ? row->subject.len : 200), row->subject.p,
		       kind == CA_SERVER ? "a server's" : "a CA's",
		       kind == CA_SERVER ? "connects to that server any more"
					 : "whose certificate that CA has signed connects any more");
}

/* One that was renewed is found by its name only. */
static X509 *read_certificate(const struct work *w, const struct index_row *row)
{
	struct ca_known known;
	known_fill(w->ca, row, &known);
	return names_certificate(w->ca, w->user != NULL ? w->user : known.name, w->serial);
}

static int revoke_valid(struct work *w, const struct index_row *row, struct err *e)
{
	X509 *cert = read_certificate(w, row);
	int ret = w->user != NULL ? check_users(w, cert, e) : check_anybodys(w, cert, row, e);
	if (w->user != NULL)
		snprintf(w->name, sizeof w->name, "%s", w->user);
	else if (ret == 0)
		names_of_files(w->ca, cert, w->serial, w->name);
	X509_free(cert);
	if (ret != 0)
		return -1;
	if (!w->again)
		note_expired(w, row);
	ret = revoke_row(w->ca, w->name, w->serial, w->reason, NULL, e);
	return ret == 0 ? record_remove(w->ca->pki, e) : ret;
}

static int revoke_locked(struct work *w, struct err *e)
{
	char replaced[CA_SERIAL_HEX_MAX];
	struct index_row row;
	bool begun = was_begun(w);
	if (redo_all(w->ca, w->user != NULL ? w->user : "", replaced, e) != 0 || find_row(w, &row, e) != 0)
		return -1;
	bool revoked = row.status == 'R';
	int ret = revoked ? ensure_crl(w, &row, begun, e) : revoke_valid(w, &row, e);
	if (!w->again)
		w->already = revoked && !begun;
	w->again = true;
	return ret;
}

static int revoke_once(struct work *w, struct err *e)
{
	struct ca *ca = w->ca;
	struct pki_lock *lock = NULL;
	if (pki_lock_take(&lock, ca->pki, ca->lock_wait, ca->note, ca->note_arg, e) != 0)
		return -1;
	sweep_pki(ca->pki, pki_lock_was_stale(lock));
	int ret = revoke_locked(w, e);
	pki_lock_release(&lock);
	return ret;
}

/* An index that cannot be read just now is one that somebody is at. */
static bool is_kept(const struct work *w)
{
	struct index_row row;
	return index_refresh(w->ca->index, NULL) == 0 && index_by_serial(w->ca->index, w->serial, &row) &&
	       row.status == 'R';
}

static int revoke_for_good(struct work *w, struct err *e)
{
	const char *temp = pki_temp_dir(w->ca);
	for (int i = 0; i < ROUNDS; i++) {
		bool beside = session_running(temp);
		if (revoke_once(w, e) != 0)
			return -1;
		beside = session_running(temp) || beside;
		bool ended = session_wait(w->ca);
		if (is_kept(w) && (!beside || !ended)) /* nobody waits longer for one that asks its user something */
			return 0;
	}
	if (is_kept(w))
		return 0;
	return err_set(e, ERR_CA_FAILED, "another program takes the revocation of %s out of index.txt again and again",
		       w->serial);
}

int ca_revoke(struct ca *ca, const char *user, const char *serial, const char *reason, bool *ret_already, struct err *e)
{
	struct work w = {.ca = ca, .user = user, .serial = serial, .reason = reason};
	if (reason_check(reason, e) != 0 || check_serial(serial, e) != 0 || policy_check_name(user, e) != 0 ||
	    check_ready(ca, e) != 0 || revoke_for_good(&w, e) != 0)
		return -1;
	*ret_already = w.already;
	return 0;
}

int ca_revoke_serial(struct ca *ca, const char *serial, const char *reason, bool any_kind, bool *ret_already,
		     struct ca_known *ret, struct err *e)
{
	struct work w = {.ca = ca, .serial = serial, .reason = reason, .any_kind = any_kind};
	struct index_row row;
	if (reason_check(reason, e) != 0 || check_serial(serial, e) != 0 || check_ready(ca, e) != 0 ||
	    revoke_for_good(&w, e) != 0)
		return -1;
	*ret_already = w.already;
	if (index_by_serial(ca->index, serial, &row))
		known_fill(ca, &row, ret);
	return 0;
}
