#include "ca/publish.h"

#include "ca/crlabove.h"
#include "ca/crlserved.h"
#include "ca/lock.h"
#include "ca/published.h"
#include "ca/sweep.h"
#include "core/file.h"
#include "core/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define FOLDER_WAIT_S 5
#define FOLDER_POLL_MS 20

static void warn_if_closed(const struct ca *ca)
{
	char *part = crlserved_closed_part(ca->crl_file);
	if (part != NULL)
		pki_note(ca,
			 "a VPN server that does not stay root (user nobody) cannot read %.300s: %.300s is closed to "
			 "others. It would let revoked clients in; open that with chmod, or set [ca] crl to another "
			 "place",
			 ca->crl_file, part);
	free(part);
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash != NULL ? xasprintf("%.*s", (int)(slash - path) + 1, path) : xstrdup(".");
}

/*
 * Another PKI may publish in the same file: one at a time, by flock(2) on its folder, which leaves nothing behind in
 * there. A file system that has no such lock for folders goes without, and so does this if the folder stays locked:
 * whoever may read it can do that, and it must not keep a revocation from the server. Returns a descriptor to be
 * closed, or -1.
 */
static int lock_folder(const struct ca *ca)
{
	static const struct timespec pause = {0, FOLDER_POLL_MS * 1000000L};
	long left_ms = 1000 * (ca->lock_wait < FOLDER_WAIT_S ? ca->lock_wait : FOLDER_WAIT_S);
	char *folder = folder_of(ca->crl_file);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EWOULDBLOCK && left_ms > 0) {
			nanosleep(&pause, NULL);
			left_ms -= FOLDER_POLL_MS;
			continue;
		}
		if (errno == EWOULDBLOCK)
			pki_note(ca,
				 "the folder %.300s stays locked by another program; the CRL is published nevertheless",
				 folder);
		close(fd);
		fd = -1;
	}
	free(folder);
	return fd;
}

static void unlock_folder(int fd)
{
	if (fd >= 0)
		close(fd);
}

static size_t append(char *text, size_t len, const struct blob *b)
{
	if (b->len != 0)
		memcpy(text + len, b->data, b->len);
	return len + b->len;
}

/* Ours comes first, and what a server cannot read last: OpenVPN reads one CRL after the other, up to the first that is
 * damaged, and lets in whom it finds on none. */
static int put(const struct ca *ca, const struct crls *c, bool locked, struct err *e)
{
	char *text = xcalloc(1, c->made_text.len + 1 + c->others.len + c->damaged.len + 1);
	size_t len = append(text, 0, &c->made_text), line = 1;
	if (c->others.len + c->damaged.len > 0 && text[len - 1] != '\n')
		text[len++] = '\n';
	len = append(text, len, &c->others);
	for (size_t i = 0; i < len; i++)
		line += text[i] == '\n';
	len = append(text, len, &c->damaged);
	if (locked)
		sweep_beside(ca->crl_file);
	int ret = file_replace(ca->crl_file, text, len, 0644, e);
	free(text);
	if (ret != 0 && e != NULL)
		e->code = ERR_CA_FAILED;
	if (ret == 0)
		warn_if_closed(ca);
	if (ret == 0 && c->damaged.len > 0)
		pki_note(
		    ca,
		    "from line %zu on in %.300s a CRL is damaged, and the VPN server lets in whom its CA has revoked: "
		    "put a good one there, or take it out",
		    line, ca->crl_file);
	return ret;
}

int publish_crl(struct ca *ca, struct err *e)
{
	struct crls c = CRLS_INIT;
	if (ca->crl_file == NULL) {
		ca->published++;
		return 0;
	}
	int lock = lock_folder(ca);
	int ret = crls_read(&c, ca, e);
	if (ret == 0 && c.made != NULL && !crls_same(&c, ca))
		ret = put(ca, &c, lock >= 0, e);
	else if (ret == 0)
		warn_if_closed(ca);
	unlock_folder(lock);
	crls_free(&c);
	ca->published += ret == 0;
	return ret;
}

/* What the two files tell. */
struct look {
	struct crls crls;
	char serial[CA_SERIAL_HEX_MAX]; /* as crls_missing */
	bool outdated;
};

/* What it means for this user, or NULL for whoever was revoked, that the file could not be written. */
static int unpublished(const struct ca *ca, const struct look *l, const char *user, const struct err *why,
		       struct err *e)
{
	const char *reason = why->native, *advice = why->next;
	if (user != NULL && l->serial[0] == '\0') {
		pki_note(ca, "the CRL could not be published: %.400s%s%s%s%s%.300s", why->what,
			 reason[0] != '\0' ? " (" : "", reason, reason[0] != '\0' ? ")" : "",
			 advice[0] != '\0' ? "; " : "", advice);
		return 0;
	}
	if (user != NULL)
		err_set(e, ERR_CRL_UNPUBLISHED,
			"certificate %s of %s is revoked, but the VPN server still reads an old CRL and lets it in: "
			"%.400s",
			l->serial, user, why->what);
	else
		err_set(e, ERR_CRL_UNPUBLISHED,
			"the VPN server still reads an old CRL, and lets in who was revoked since: %.400s", why->what);
	err_native(e, "%s", why->native);
	return err_next(e, "%.160s; or copy %.150s to %.150s yourself. Then run the same command again",
			why->next[0] != '\0' ? why->next : "see to it that tokenroll can write there",
			l->crls.made_path, ca->crl_file);
}

/* Fails as ca_publish does. */
static int look(const struct ca *ca, const char *user, struct look *ret, struct err *e)
{
	struct err why = ERR_INIT;
	struct crls *c = &ret->crls;
	int status = crls_read(c, ca, &why);
	if (status != 0 && c->made == NULL) {
		if (e != NULL)
			*e = why;
		return -1;
	}
	if (user != NULL)
		crls_missing(c, ca, user, ret->serial);
	ret->outdated =
	    status == 0 && c->made != NULL && !crls_same(c, ca) && (ret->serial[0] != '\0' || crls_outdated(c));
	return status != 0 ? unpublished(ca, ret, user, &why, e) : 0;
}

/* Under the PKI's lock. */
static int bring_up_to_date(struct ca *ca, const char *user, struct err *e)
{
	struct look l = {.crls = CRLS_INIT};
	struct err why = ERR_INIT;
	if (ca->index != NULL && index_refresh(ca->index, e) != 0)
		return -1;
	int lock = lock_folder(ca);
	int ret = look(ca, user, &l, e);
	if (ret == 0 && l.outdated) {
		if (put(ca, &l.crls, lock >= 0, &why) != 0)
			ret = unpublished(ca, &l, user, &why, e);
		else
			pki_note(ca, "the fresh CRL is published now: %.300s", ca->crl_file);
		ca->published += ret == 0;
	}
	unlock_folder(lock);
	crls_free(&l.crls);
	return ret;
}

/* The usual case, without understanding what is in the files. */
static bool is_copy(const struct ca *ca)
{
	struct blob made = BLOB_INIT, read = BLOB_INIT;
	char *path = pki_path(ca, "crl.pem");
	bool none = !pki_exists(path);
	bool same = none || (file_read(path, CRL_FILE_MAX, &made, NULL) == 0 &&
			     file_read(ca->crl_file, CRL_FILE_MAX, &read, NULL) == 0 && blob_equal(&made, &read));
	blob_free(&read);
	blob_free(&made);
	free(path);
	return same;
}

/* Without any lock, so that nobody is waited for who does not matter. */
static int is_outdated(struct ca *ca, const char *user, bool *ret, struct err *e)
{
	struct look l = {.crls = CRLS_INIT};
	*ret = false;
	if (is_copy(ca))
		return 0;
	*ret = true;
	if (ca->index != NULL && index_refresh(ca->index, NULL) != 0)
		return 0; /* a row may be on its way into it */
	int status = look(ca, user, &l, e);
	*ret = l.outdated;
	crls_free(&l.crls);
	return status;
}

int ca_publish(struct ca *ca, const char *user, struct err *e)
{
	struct pki_lock *lock = NULL;
	bool outdated;
	if (ca->crl_file == NULL)
		return 0;
	crlabove_note(ca);
	int ret = is_outdated(ca, user, &outdated, e);
	if (ret != 0 || !outdated)
		return ret;
	ret = pki_lock_take(&lock, ca->pki, ca->lock_wait, ca->note, ca->note_arg, e);
	if (ret != 0)
		return err_prefix(e, "the fresh CRL is not published");
	ret = bring_up_to_date(ca, user, e);
	pki_lock_release(&lock);
	return ret;
}

int ca_publish_fresh(struct ca *ca, struct err *e)
{
	return ca_publish(ca, NULL, e);
}

unsigned ca_published(const struct ca *ca)
{
	return ca->published;
}
