#include "ca/publish.h"

#include "ca/lock.h"
#include "ca/published.h"
#include "ca/sweep.h"
#include "core/file.h"
#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The VPN server's user has no name here: an owner or a group that is neither root's nor ours is taken for it. */
static bool is_open(const struct stat *st)
{
	mode_t need = S_ISDIR(st->st_mode) ? S_IXOTH : S_IROTH;
	bool group = st->st_gid != 0 && st->st_gid != getegid();
	bool owner = st->st_uid != 0 && st->st_uid != geteuid();
	return (st->st_mode & need) != 0 || (group && (st->st_mode & (need << 3)) != 0) ||
	       (owner && (st->st_mode & (need << 6)) != 0);
}

/* The first part of the path, to be freed, that keeps out everybody but root and us; NULL if there is none. */
static char *closed_part(const char *path)
{
	char *part = xstrdup(path);
	size_t len = strlen(path);
	for (size_t i = 1; i <= len; i++) {
		struct stat st;
		if (path[i] != '/' && path[i] != '\0')
			continue;
		part[i] = '\0';
		if (stat(part, &st) == 0 && !is_open(&st))
			return part;
		part[i] = path[i];
	}
	free(part);
	return NULL;
}

static void warn_if_closed(const struct ca *ca)
{
	char *part = closed_part(ca->crl_file);
	if (part != NULL)
		pki_note(ca,
			 "a VPN server that does not stay root (user nobody) cannot read %.300s: %.300s is closed to "
			 "others. It would let revoked clients in; open that with chmod, or set [ca] crl to another "
			 "place",
			 ca->crl_file, part);
	free(part);
}

static int put(const struct ca *ca, const struct crls *c, struct err *e)
{
	char *text = xasprintf("%.*s%.*s", (int)c->made_text.len, (const char *)c->made_text.data, (int)c->others.len,
			       c->others.len != 0 ? (const char *)c->others.data : "");
	sweep_beside(ca->crl_file);
	int ret = file_replace(ca->crl_file, text, strlen(text), 0644, e);
	free(text);
	if (ret == 0)
		warn_if_closed(ca);
	else if (e != NULL)
		e->code = ERR_CA_FAILED;
	return ret;
}

int publish_crl(struct ca *ca, struct err *e)
{
	struct crls c = CRLS_INIT;
	if (ca->crl_file == NULL)
		return 0;
	int ret = crls_read(&c, ca, e);
	if (ret == 0 && c.made != NULL && !crls_same(&c, ca))
		ret = put(ca, &c, e);
	else if (ret == 0)
		warn_if_closed(ca);
	crls_free(&c);
	return ret;
}

/* What it means for this user that the file could not be written. */
static int unpublished(const struct ca *ca, const struct crls *c, const char *serial, const char *user,
		       const struct err *why, struct err *e)
{
	if (serial[0] == '\0') {
		pki_note(ca, "the CRL could not be published: %.400s (%s)", why->what, why->native);
		return 0;
	}
	err_set(e, ERR_CRL_UNPUBLISHED,
		"certificate %s of %s is revoked, but the VPN server still reads an old CRL and lets it in: %.400s",
		serial, user, why->what);
	err_native(e, "%s", why->native);
	return err_next(e, "%.160s; or copy %.150s to %.150s yourself. Then run the same command again",
			why->next[0] != '\0' ? why->next : "see to it that tokenroll can write there", c->made_path,
			ca->crl_file);
}

/* Under the lock. */
static int bring_up_to_date(struct ca *ca, const char *user, struct crls *c, struct err *e)
{
	struct err why = ERR_INIT;
	char serial[CA_SERIAL_HEX_MAX];
	int ret = crls_read(c, ca, &why);
	if (ret != 0 && c->made == NULL) {
		if (e != NULL)
			*e = why;
		return -1;
	}
	crls_missing(c, ca, user, serial);
	if (ret == 0 && (c->made == NULL || crls_same(c, ca) || (serial[0] == '\0' && !crls_outdated(c))))
		return 0;
	if (ret == 0)
		ret = put(ca, c, &why);
	if (ret != 0)
		return unpublished(ca, c, serial, user, &why, e);
	pki_note(ca, "the fresh CRL is published now: %.300s", ca->crl_file);
	return 0;
}

/* The usual case, without the lock and without understanding what is in the files. */
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

int ca_publish(struct ca *ca, const char *user, struct err *e)
{
	struct crls c = CRLS_INIT;
	struct pki_lock *lock = NULL;
	if (ca->crl_file == NULL || is_copy(ca))
		return 0;
	int ret = pki_lock_take(&lock, ca->pki, ca->lock_wait, ca->note, ca->note_arg, e);
	if (ret != 0)
		err_prefix(e, "the fresh CRL is not published");
	if (ret == 0 && ca->index != NULL)
		ret = index_refresh(ca->index, e);
	if (ret == 0)
		ret = bring_up_to_date(ca, user, &c, e);
	pki_lock_release(&lock);
	crls_free(&c);
	return ret;
}
