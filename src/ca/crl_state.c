/*
 * crl_state: ca_crl_state, what monitoring asks: whether a VPN server can work
 * with the CRL that it reads. Nothing but the CA's certificate and the CRLs is
 * needed, so that it can be told when all else is broken; index.txt and the CAs
 * above are looked at where they can be read.
 */
#include "ca/certificate.h"
#include "ca/chain.h"
#include "ca/crlserved.h"
#include "ca/pki.h"
#include "ca/published.h"
#include "core/xalloc.h"

#include <errno.h>
#include <stdlib.h>

static enum ca_crl_fault fault_of(const struct crls *c, const struct ca *ca, const struct ca_crl_state *st)
{
	time_t now = time(NULL);
	const struct ca_crl_served *s = &st->served;
	if (st->crl.this_update > now)
		return CA_CRL_NOT_YET;
	if (st->crl.next_update <= now)
		return CA_CRL_EXPIRED;
	if (s->above[0] != '\0' && s->above_until <= now)
		return CA_CRL_ABOVE;
	if (ca->crl_file != NULL && crls_outdated(c))
		return CA_CRL_OUTDATED;
	if (s->lacking != 0)
		return CA_CRL_LACKING;
	return s->closed[0] != '\0' ? CA_CRL_CLOSED : CA_CRL_FINE;
}

/* One that is missing, or damaged, says nothing here. */
static void open_index(struct ca *ca)
{
	char *path = pki_path(ca, "index.txt");
	if (index_map(&ca->index, path, NULL) != 0)
		ca->index = NULL;
	free(path);
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
	crlserved_look(ca, c, list, &ret->served);
	ret->fault = fault_of(c, ca, ret);
	return 0;
}

int ca_crl_state(const struct config_ca *cfg, struct ca_crl_state *ret, struct err *e)
{
	struct ca ca = {.pki = cfg->pki, .crl_file = cfg->crl, .cert_file = cfg->cert};
	struct crls c = CRLS_INIT;
	*ret = (struct ca_crl_state){.fault = CA_CRL_FINE};
	ca.cert = certificate_read(cfg->cert, e);
	if (ca.cert == NULL) {
		err_prefix(e, "the CA certificate cannot be read");
		return err_next(e, "run it as the user whom the PKI belongs to, or correct [ca] pki and cert");
	}
	chain_read_above(&ca, cfg);
	open_index(&ca);
	c.made_path = pki_path(&ca, "crl.pem");
	int status = look(&c, &ca, ret, e);
	if (status != 0 && errno == EACCES)
		err_next(e, "run it as the user whom the PKI belongs to");
	crls_free(&c);
	index_close(&ca.index);
	sk_X509_pop_free(ca.above, X509_free);
	X509_free(ca.cert);
	return status;
}
