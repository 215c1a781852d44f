#include "core/xalloc.h"
#include "enroll/run.h"
#include "enroll/same.h"

#include <stdlib.h>
#include <string.h>

static int no_credential(const struct enroll_run *r, struct err *e)
{
	err_set(e, ERR_NO_TOKEN, "%s has no finished enrollment to make a bundle of", r->opt->user);
	return err_next(e, "enroll first: tokenroll %s", r->opt->user);
}

void enroll_remember_token(struct enroll_run *r)
{
	r->token_id = r->cred.token;
	same_recall(&r->token_id, &r->token);
	r->token.flags = WORKER_TOKEN_INITIALIZED;
	memcpy(r->module, r->cred.module, sizeof r->module);
}

/* By what the credential tells: the reader, and the card in it, are not known any more. */
static const struct profile *guess_profile(const struct profiles *all, const struct store_credential *c)
{
	const struct profile_token facts = {.fact = {[PROFILE_MANUFACTURER] = c->token.manufacturer,
						     [PROFILE_MODEL] = c->token.model,
						     [PROFILE_LABEL] = c->token.label,
						     [PROFILE_SERIAL] = c->token.serial,
						     [PROFILE_MODULE] = c->module}};
	return profiles_match(all, &facts);
}

/* The one that it was enrolled with, as long as there is such a file. */
static int find_profile(struct enroll_run *r, const struct profiles *all, struct err *e)
{
	struct store_holding *list = NULL;
	size_t n = 0;
	if (r->ports->store.find_by_serial(r->store, r->token_id.serial, &list, &n, e) != 0)
		return -1;
	for (size_t i = 0; i < n && r->profile == NULL; i++) {
		const struct store_token *t = &list[i].token;
		if (strcmp(t->model, r->token_id.model) == 0 && strcmp(t->manufacturer, r->token_id.manufacturer) == 0)
			r->profile = profiles_named(all, list[i].profile);
	}
	free(list);
	if (r->profile == NULL)
		r->profile = guess_profile(all, &r->cred);
	return 0;
}

static bool is_known_for(const struct enroll_run *r, const char *module)
{
	return strcmp(module, r->cred.client_module) == 0 || strcmp(module, r->cred.module) == 0;
}

/* The id by a module that has named this key before. */
static void take_known(struct enroll_run *r, const char *module)
{
	struct store_credential *c = &r->cred;
	if (strcmp(module, c->client_module) != 0 && c->enroll_id[0] != '\0')
		memcpy(c->pkcs11_id, c->enroll_id, sizeof c->pkcs11_id);
	snprintf(c->client_module, sizeof c->client_module, "%s", module);
}

static int not_seen(const struct enroll_run *r, const char *module, struct err *e)
{
	err_set(e, ERR_NO_TOKEN, "%s shows no token with the certificate of %s", module, r->opt->user);
	return err_next(e, "put the token of %s (%s) in: only it can tell how that module names its key", r->opt->user,
			r->token.serial);
}

/* By another module only the token itself can tell; that needs no PIN. */
static int ask_token(struct enroll_run *r, const char *module, struct err *e)
{
	char *here = profile_module_path(module);
	int ret = 0;
	if (here == NULL) {
		err_set(e, ERR_MODULE, "the module %s is not on this machine, so the key's id for it is not known",
			module);
		ret = err_next(e, "install it here, too; or run this where it is");
	}
	if (ret == 0)
		ret = enroll_name_with(r, here, e);
	if (ret != 0 && (e->code == ERR_REMOVED || e->code == ERR_PROOF))
		ret = not_seen(r, module, e);
	if (ret == 0)
		snprintf(r->cred.client_module, sizeof r->cred.client_module, "%s", module);
	free(here);
	return ret;
}

/* One id is in all three profiles. */
static void note_others(struct enroll_run *r)
{
	if (r->cfg->vpn.client_module[PLATFORM_WINDOWS] == NULL || r->cfg->vpn.client_module[PLATFORM_MACOS] == NULL)
		r->ui->note(r->ui->arg, "the profiles for Windows and macOS name the key in the same way: set [vpn] "
					"client-module-windows and -macos to where that module is there");
}

static int rebundle(struct enroll_run *r, const struct profiles *all, struct err *e)
{
	const char *client_module = r->opt->client_module;
	bool found = false;
	if (r->ports->ca.start(&r->signer, &r->cfg->ca, r->opt->verbose, r->ui->note, r->ui->arg, e) != 0 ||
	    r->ports->handover.start(&r->courier, r->cfg, r->opt->user, r->opt->verbose, e) != 0 ||
	    r->ports->store.open(&r->store, r->cfg, e) != 0 ||
	    r->ports->store.claim_user(r->store, r->opt->user, e) != 0 ||
	    r->ports->store.find_user(r->store, r->opt->user, &found, &r->cred, e) != 0)
		return -1;
	if (!found)
		return no_credential(r, e);
	enroll_remember_token(r);
	if (find_profile(r, all, e) != 0 || r->ports->ca.open(r->signer, &r->ca, e) != 0 ||
	    r->ports->handover.check(r->courier, e) != 0)
		return -1;
	if (client_module != NULL && is_known_for(r, client_module))
		take_known(r, client_module);
	else if (client_module != NULL && ask_token(r, client_module, e) != 0)
		return -1;
	if (client_module != NULL)
		note_others(r);
	if (enroll_deliver(r, e) != 0)
		return -1;
	/* so that the next check of this token knows what the profiles say */
	return r->ports->store.advance(r->store, &r->cred, r->cred.state, e);
}

int enroll_bundle(const struct enroll_ports *ports, const struct config *cfg, const struct enroll_options *opt,
		  const struct enroll_ui *ui, struct enroll_result *ret, struct err *e)
{
	struct enroll_run *r = xcalloc(1, sizeof *r);
	struct profiles *all = NULL;
	*r = (struct enroll_run){.ports = ports, .cfg = cfg, .opt = opt, .ui = ui, .result = ret};
	guard_init(&r->guard, &cfg->ca);
	int got = profiles_load_usual(&all, cfg->token.profiles, e) == 0 ? rebundle(r, all, e) : -1;
	ports->token.stop(&r->leaving);
	ports->token.stop(&r->prover);
	ports->handover.stop(&r->courier);
	ports->ca.stop(&r->signer);
	ports->store.close(&r->store);
	ca_info_free(&r->ca);
	guard_free(&r->guard);
	ret->cred = r->cred; /* handed over with what it owns */
	free(r);
	profiles_free(&all);
	return got;
}
