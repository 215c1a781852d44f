#include "core/clean.h"
#include "core/file.h"
#include "core/xalloc.h"
#include "trailcheck.h"
#include "unlock.h"

#include <inttypes.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is there is replaced only by a later checkpoint of the same trail: one that tells of a trail that was written
 * anew must not get lost because of the next. */
static int check_place(struct trailcheck *t, const char *file, struct err *e)
{
	if (file == NULL || access(file, F_OK) != 0 || trailcheck_file(t, file, e) == 0)
		return 0;
	if (e->code != ERR_USAGE)
		return -1;
	e->code = ERR_FOREIGN;
	return err_next(e, "it is not replaced; name another file, or move this one away");
}

static int nothing_to_sign(const struct trailcheck *t, struct err *e)
{
	err_set(e, ERR_FAILED, "there is nothing to sign: the audit trail in %s has no records yet",
		trail_path(t->store));
	return err_next(e, "make a checkpoint when somebody was enrolled");
}

/* "ca1:/var/lib/tokenroll/tokenroll.db" */
static void name_database(const struct trailcheck *t, char ret[CA_DATABASE_MAX])
{
	char host[256] = "", name[CA_DATABASE_MAX];
	if (gethostname(host, sizeof host - 1) != 0)
		host[0] = '\0';
	snprintf(name, sizeof name, "%s:%s", host, trail_path(t->store));
	clean_text(ret, CA_DATABASE_MAX, name);
}

static int sign_and_keep(struct trailcheck *t, struct blob *ret_cms, struct err *e)
{
	struct ca_checkpoint *c = &t->made;
	c->record = (uint64_t)t->report.last;
	memcpy(c->hash, t->report.hash, sizeof c->hash);
	name_database(t, c->database);
	if (signer_checkpoint(t->signer, c, ret_cms, e) != 0)
		return -1;
	struct trail_checkpoint row = {.at = c->time, .record = t->report.last, .cms = *ret_cms};
	memcpy(row.hash, c->hash, sizeof row.hash);
	return trail_checkpoint_add(t->store, &row, e);
}

static int to_pem(const struct blob *cms, struct blob *ret, struct err *e)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len = 0;
	int got = 0;
	if (PEM_write_bio(out, "CMS", "", cms->data, (long)cms->len) > 0)
		len = BIO_get_mem_data(out, &text);
	else
		got = err_openssl(e, ERR_SYSTEM, "cannot write the checkpoint in PEM form");
	if (got == 0)
		blob_set(ret, text, (size_t)len);
	BIO_free(out);
	return got;
}

static int write_out(struct trailcheck *t, const char *file, struct err *e)
{
	if (file == NULL || file_replace(file, t->pem.data, t->pem.len, 0644, e) == 0)
		return 0;
	err_prefix(e, "the checkpoint is made and in the database, but not where it was wanted");
	return err_next(e, "make another one, and name a file that can be written");
}

int trailcheck_sign(struct trailcheck *t, const char *file, struct err *e)
{
	struct blob cms = BLOB_INIT;
	if (trailcheck_need_signer(t, e) != 0 || check_place(t, file, e) != 0 || trailcheck_verify(t, e) != 0)
		return -1;
	if (t->report.records == 0)
		return nothing_to_sign(t, e);
	int got = unlock_signer(t->signer, &t->ca, t->o, NULL, trailcheck_note, NULL, e);
	if (got == 0)
		got = sign_and_keep(t, &cms, e);
	if (got == 0)
		got = to_pem(&cms, &t->pem, e);
	blob_free(&cms);
	return got == 0 ? write_out(t, file, e) : -1;
}
