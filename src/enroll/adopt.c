#include "enroll/adopt.h"

#include "core/xalloc.h"
#include "enroll/run.h"

#include <stdlib.h>
#include <string.h>

/* A failure is no reason to leave the token out. */
static void name_by_client(struct enroll_run *r)
{
	struct err e = ERR_INIT;
	char text[1400];
	char *here = enroll_client_here(r);
	if (here == NULL && enroll_client_differs(r))
		snprintf(text, sizeof text, "the laptops' module %s is not on this machine",
			 enroll_client_module(r, PLATFORM_LINUX));
	else if (here == NULL)
		text[0] = '\0';
	else if (enroll_name_with(r, here, &e) == 0) {
		snprintf(r->cred.client_module, sizeof r->cred.client_module, "%s", here);
		text[0] = '\0';
	} else {
		snprintf(text, sizeof text, "%s", e.what);
	}
	free(here);
	if (text[0] == '\0')
		return;
	size_t n = strlen(text);
	snprintf(text + n, sizeof text - n, ": the pkcs11-id of %s was computed with %s instead", r->cred.user,
		 r->module);
	r->ui->note(r->ui->arg, text);
}

int enroll_adopt_name(const struct enroll_ports *ports, const struct config *cfg, const struct worker_token *t,
		      const struct profile *profile, void (*note)(void *arg, const char *text), void *note_arg,
		      struct store_credential *c, struct err *e)
{
	const struct enroll_options opt = {.user = c->user};
	const struct enroll_ui ui = {.arg = note_arg, .note = note};
	struct enroll_run *r = xcalloc(1, sizeof *r);
	*r = (struct enroll_run){.ports = ports, .cfg = cfg, .opt = &opt, .ui = &ui, .token = *t, .profile = profile};
	r->cred = *c; /* borrowed: only its texts are changed */
	snprintf(r->module, sizeof r->module, "%s", c->module);
	int ret = enroll_id_name(r, &c->cka_id, r->cred.enroll_id, sizeof r->cred.enroll_id);
	if (ret == 0) {
		memcpy(r->cred.pkcs11_id, r->cred.enroll_id, sizeof r->cred.pkcs11_id);
		memcpy(r->cred.client_module, r->module, sizeof r->cred.client_module);
		name_by_client(r);
		memcpy(c->pkcs11_id, r->cred.pkcs11_id, sizeof c->pkcs11_id);
		memcpy(c->enroll_id, r->cred.enroll_id, sizeof c->enroll_id);
		memcpy(c->client_module, r->cred.client_module, sizeof c->client_module);
	}
	ports->token.stop(&r->leaving);
	ports->token.stop(&r->prover);
	free(r);
	return ret == 0
		   ? 0
		   : err_set(e, ERR_UNSUPPORTED, "the id of the key on token %s is too long for OpenVPN", t->serial);
}
