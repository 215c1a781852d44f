/*
 * crl_state: ca_crl_state, what monitoring asks: whether a VPN server can work
 * with the CRL that it reads. Only the CA's certificate and the CRLs are looked
 * at, so that it can be told when all else is broken.
 */
#include "ca/certificate.h"
#include "ca/pki.h"
#include "ca/published.h"
#include "core/xalloc.h"

#include <errno.h>
#include <stdlib.h>

static enum ca_crl_fault fault_of(const struct crls *c, const struct ca *ca, const struct ca_crl *crl)
{
	time_t now = time(NULL);
	if (crl->this_update > now)
		return CA_CRL_NOT_YET;
	if (crl->next_update <= now)
		return CA_CRL_EXPIRED;
	return ca->crl_file != NULL && crls_outdated(c) ? CA_CRL_OUTDATED : CA_CRL_FINE;
}

/* What a failure to read one says of it; -1 where that is only that we may not. */
static int unread(const struct err *e, struct ca_crl_state *ret)
{
	ret->fault = CA_CRL_NOT_OURS;
	return e->code == ERR_SYSTEM ? -1 : 0;
}

static int look(struct crls *c, const struct ca *ca, struct ca_crl_state *ret, struct err *e)
{
	bool published = ca->crl_file != NULL;
	snprintf(ret->crl.path, sizeof ret->crl.path, "%s", c->made_path);
	if (crls_read_made(c, ca, e) != 0)
		return unread(e, ret);
	if (published)
		snprintf(ret->crl.path, sizeof ret->crl.path, "%s", ca->crl_file);
	if (published && crls_read_published(c, ca, e) != 0)
		return unread(e, ret);
	const struct certlist *list = published ? c->read : c->made;
	if (list == NULL) {
		ret->fault = published && c->read_text.len > 0 ? CA_CRL_NOT_OURS : CA_CRL_MISSING;
		return 0;
	}
	if (certlist_head(list).next_update == NULL) {
		err_set(e, ERR_CA_PKI, "the CRL %s does not say until when it is good", ret->crl.path);
		return err_next(e, "make a new one: tokenroll crl");
	}
	crls_describe(list, &ret->crl);
	ret->fault = fault_of(c, ca, &ret->crl);
	return 0;
}

int ca_crl_state(const struct config_ca *cfg, struct ca_crl_state *ret, struct err *e)
{
	struct ca ca = {.pki = cfg->pki, .crl_file = cfg->crl};
	struct crls c = CRLS_INIT;
	*ret = (struct ca_crl_state){.fault = CA_CRL_FINE};
	ca.cert = certificate_read(cfg->cert, e);
	if (ca.cert == NULL) {
		err_prefix(e, "the CA certificate cannot be read");
		return err_next(e, "run it as the user whom the PKI belongs to, or correct [ca] pki and cert");
	}
	c.made_path = pki_path(&ca, "crl.pem");
	int status = look(&c, &ca, ret, e);
	if (status != 0 && errno == EACCES)
		err_next(e, "run it as the user whom the PKI belongs to");
	crls_free(&c);
	X509_free(ca.cert);
	return status;
}
