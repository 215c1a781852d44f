/*
 * tokenroll revoke: a certificate of the PKI is good no more, whoever issued
 * it, and the VPN server hears of it. Needs no token.
 */
#include "certui.h"
#include "lifeui.h"
#include "report.h"

#include <jansson.h>

static int work(struct lifeui *u, void *result, struct err *e)
{
	struct life_revocation *r = result;
	char serial[CA_SERIAL_HEX_MAX];
	lifeui_may_publish(u);
	u->opt.user = u->o->n_args > 0 ? u->o->args[0] : NULL;
	if (u->o->cert_serial != NULL) {
		if (certui_serial(serial, u->o->cert_serial, e) != 0)
			return -1;
		u->opt.cert_serial = serial;
	}
	int got = life_revoke(&u->life, r, e);
	if (r->n == 1)
		snprintf(u->done, sizeof u->done, "certificate %s is revoked", r->certs[0].cert.serial);
	else if (r->n > 1)
		snprintf(u->done, sizeof u->done, "%zu certificates are revoked", r->n);
	u->opt.cert_serial = NULL;
	return got;
}

static json_t *document(const struct lifeui *u, const void *result, const struct err *error)
{
	static const struct life_revoked none = {.already = false};
	const struct life_revocation *r = result;
	const struct life_revoked *first = r->n > 0 ? &r->certs[0] : &none;
	json_t *doc = json_pack("{s:b, s:o, s:o}", "ok", error == NULL, "user", report_json_text(first->cert.name),
				"certificate", certui_json(first));
	if (u->o->all)
		json_object_set_new(doc, "certificates", certui_list_json(r->certs, r->n));
	if (error != NULL)
		json_object_set_new(doc, "error", report_json_error(error));
	return doc;
}

static void print(const struct lifeui *u, const void *result)
{
	const struct life_revocation *r = result;
	char text[600];
	for (size_t i = 0; i < r->n; i++) {
		certui_text(&r->certs[i], text, sizeof text);
		printf("Certificate %s.\n", text);
	}
	if (u->cfg->ca.crl != NULL)
		printf("  CRL          %s has it: the VPN server refuses the next connection\n", u->cfg->ca.crl);
}

static int check(const struct options *o, struct err *e)
{
	if (lifeui_arguments(o, 1, e) != 0)
		return -1;
	if ((o->n_args == 1) != (o->cert_serial != NULL) && (!o->all || o->n_args == 1))
		return 0;
	if (o->all && o->cert_serial != NULL)
		err_set(e, ERR_USAGE, "--all is about a user: --cert-serial names one certificate");
	else if (o->n_args == 0)
		err_set(e, ERR_USAGE, "which certificate is to be revoked? Name its user, or give --cert-serial");
	else
		err_set(e, ERR_USAGE, "a user and --cert-serial do not go together: the certificate says whose it is");
	if (o->json)
		report_error_json(e);
	return -1;
}

int cmd_revoke(const struct options *o, struct err *e)
{
	static const struct lifeui_verb verb = {work, document, print};
	struct life_revocation r = {.n = 0};
	if (check(o, e) != 0)
		return -1;
	int got = lifeui_run(&verb, o, NULL, &r, e);
	life_revocation_free(&r);
	return got;
}
