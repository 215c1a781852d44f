/*
 * renewal: what the CA says of a credential's certificate now. easy-rsa renews
 * by signing the request that it has kept once more: a new certificate for the
 * key that is on the token. That one belongs there then, and no new key.
 */
#include "core/day.h"
#include "enroll/run.h"

#include <stdlib.h>
#include <string.h>

/* Whether the certificate in the journal counts, apart from what may have come after it. */
static int counts_itself(struct enroll_run *r, const struct store_credential *c, bool *ret, struct err *e)
{
	bool revoked = false;
	if (r->ports->ca.revoked(r->signer, c->cert_serial, &revoked, e) != 0)
		return -1;
	*ret = !revoked && c->not_after > time(NULL);
	return 0;
}

int enroll_find_issued(struct enroll_run *r, const struct store_credential *c, bool *ret_found,
		       struct ca_certificate *ret, struct err *e)
{
	char *beside = NULL;
	if (c->state >= CRED_ISSUED && r->ports->store.serials_beside(r->store, c, &beside, e) != 0)
		return -1;
	const char *user = c->user[0] != '\0' ? c->user : r->opt->user;
	int got = r->ports->ca.find(r->signer, user, beside, ret_found, ret, e);
	free(beside);
	return got;
}

/* The CA's valid certificate for the same key, if that is another one than the journal's. */
static int find_other(struct enroll_run *r, const struct store_credential *c, bool *ret_found,
		      struct ca_certificate *ret, struct err *e)
{
	struct ca_certificate cert = {.der = BLOB_INIT};
	bool found = false;
	if (enroll_find_issued(r, c, &found, &cert, e) != 0)
		return -1;
	*ret_found = found && c->spki.len != 0 && blob_equal(&cert.spki, &c->spki) && !blob_equal(&cert.der, &c->cert);
	if (*ret_found)
		*ret = cert;
	else
		ca_certificate_free(&cert);
	return 0;
}

int enroll_is_valid(struct enroll_run *r, const struct store_credential *c, bool *ret, struct err *e)
{
	struct ca_certificate other = {.der = BLOB_INIT};
	if (counts_itself(r, c, ret, e) != 0)
		return -1;
	if (*ret)
		return 0;
	int got = find_other(r, c, ret, &other, e);
	ca_certificate_free(&other);
	return got;
}

int enroll_is_revoked(struct enroll_run *r, const struct store_credential *c, bool *ret, struct err *e)
{
	char text[160];
	*ret = false;
	if (r->ports->ca.revoked(r->signer, c->cert_serial, ret, e) != 0)
		return -1;
	snprintf(text, sizeof text, "certificate %s of %s was revoked by the CA", c->cert_serial, c->user);
	if (*ret)
		r->ui->note(r->ui->arg, text);
	return 0;
}

/* In the order of their dates, so that of two that are both valid it is never now the one and now the other. */
static bool is_later(const struct ca_certificate *cert, const struct store_credential *than)
{
	time_t from = enroll_issued_at(&than->cert);
	return cert->not_before != from ? cert->not_before > from : cert->not_after > than->not_after;
}

int enroll_renews(struct enroll_run *r, const struct ca_certificate *cert, bool *ret, struct err *e)
{
	const struct store_credential *c = &r->cred;
	bool counts;
	if (counts_itself(r, c, &counts, e) != 0)
		return -1;
	*ret = !counts || is_later(cert, c) || cert->not_after > c->not_after;
	return 0;
}

/* The one of --cert was found to be a renewal before. One that the CA's index names is checked like that one. */
static int find_renewal(struct enroll_run *r, bool counts, bool *ret_found, struct ca_certificate *ret, struct err *e)
{
	const struct store_credential *c = &r->cred;
	struct ca_certificate other = {.der = BLOB_INIT};
	if (r->opt->cert_file != NULL) {
		int got = enroll_read_certificate(r, ret, e);
		*ret_found = got == 0 && !blob_equal(&ret->der, &c->cert);
		return got;
	}
	if (find_other(r, c, ret_found, &other, e) != 0)
		return -1;
	*ret_found = *ret_found && (!counts || is_later(&other, c));
	int got = *ret_found ? r->ports->ca.check(r->signer, c->user, &c->spki, &other.der, ret, e) : 0;
	if (got != 0)
		err_prefix(e, "certificate %s was renewed, but not well", c->cert_serial);
	ca_certificate_free(&other);
	return got;
}

static void note_renewal(struct enroll_run *r, const struct ca_certificate *cert)
{
	char text[256], until[DAY_SIZE];
	day_format(until, cert->not_after);
	snprintf(text, sizeof text, "certificate %s of %s was renewed: %s, until %s, takes its place on the token",
		 r->cred.cert_serial, r->cred.user, cert->serial, until);
	r->ui->note(r->ui->arg, text);
}

void enroll_note_replaced(struct enroll_run *r, const struct store_credential *old)
{
	char text[256];
	snprintf(text, sizeof text,
		 "certificate %s of %s, which is replaced, stays valid until the CA revokes it: see to that",
		 old->cert_serial, old->user);
	r->ui->note(r->ui->arg, text);
}

static int take(struct enroll_run *r, const struct ca_certificate *cert, bool counts, struct err *e)
{
	note_renewal(r, cert);
	if (counts)
		enroll_note_replaced(r, &r->cred);
	/* one that takes over from another one does that when it is proven */
	bool pending = enroll_is_pending(&r->cred);
	enroll_take_certificate(&r->cred, cert);
	if (!pending && r->ports->store.supersede(r->store, &r->cred, e) != 0)
		return -1;
	return r->ports->store.advance(r->store, &r->cred, CRED_ISSUED, e);
}

int enroll_take_renewal(struct enroll_run *r, struct err *e)
{
	struct ca_certificate cert = {.der = BLOB_INIT};
	bool counts, found = false;
	int ret = counts_itself(r, &r->cred, &counts, e);
	if (ret == 0)
		ret = find_renewal(r, counts, &found, &cert, e);
	if (ret == 0 && found)
		ret = take(r, &cert, counts, e);
	ca_certificate_free(&cert);
	return ret;
}
