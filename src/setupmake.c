#include "core/file.h"
#include "core/xalloc.h"
#include "enroll/ports.h"
#include "handover/tlskey.h"
#include "setupui.h"
#include "unlock.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int make_ca(struct setup *s, struct err *e)
{
	const struct ca_plan order = {s->ca_name, s->key_type, s->days, s->o->last_try};
	int got = -1;
	for (unsigned attempt = 0;; attempt++) {
		if (setupui_passphrase(s, attempt, e) != 0)
			return -1;
		screen_step_begin(&s->screen, "CA");
		got = signer_create(s->creator, &order, s->ground.needs_passphrase ? s->passphrase : NULL, e);
		screen_step_end(&s->screen, got == 0, s->ground.pki);
		if (got == 0 || e->code != ERR_CA_PASSPHRASE)
			break;
		setup_note(s, e->what);
	}
	signer_stop(&s->creator);
	s->made_ca = got == 0;
	return got;
}

static int write_configuration(struct setup *s, struct err *e)
{
	char *folder = xstrdup(s->conf_path), *slash = strrchr(folder, '/');
	int got = 0;
	if (slash != NULL && slash != folder) {
		*slash = '\0';
		got = file_mkdir(folder, 0755, e);
	}
	if (got == 0)
		got = file_write(s->conf_path, s->conf_text, strlen(s->conf_text), 0600, e);
	free(folder);
	s->conf.made = got == 0;
	return got;
}

static int unlock(struct setup *s, struct err *e)
{
	if (s->unlocked)
		return 0;
	if (unlock_signer(s->signer, &s->ca, s->o, s->made_ca ? s->passphrase : NULL, setup_note, s, e) != 0)
		return -1;
	s->unlocked = true;
	return 0;
}

/* The valid one that ends last. */
static int find_server(struct setup *s, struct err *e)
{
	struct ca_known *list = NULL;
	size_t n = 0;
	if (signer_known(s->signer, s->server, NULL, &list, &n, e) != 0)
		return -1;
	snprintf(s->server_cert.name, sizeof s->server_cert.name, "%s", s->server);
	for (size_t i = 0; i < n; i++) {
		if (list[i].kind != CA_SERVER || list[i].revoked || list[i].not_after <= time(NULL))
			continue;
		s->server_cert.there = true;
		if (list[i].not_after > s->server_cert.not_after)
			s->server_cert.not_after = list[i].not_after;
	}
	free(list);
	return 0;
}

static int make_server(struct setup *s, struct err *e)
{
	struct ca_issued issued = {.replaced = ""};
	if (s->server == NULL || !s->ca.has_key)
		return 0;
	if (find_server(s, e) != 0)
		return -1;
	if (s->server_cert.there || (!s->young && s->o->server == NULL && !s->o->yes))
		return 0;
	if (unlock(s, e) != 0)
		return -1;
	screen_step_begin(&s->screen, "server");
	int got = signer_server(s->signer, s->server, &issued, e);
	screen_step_end(&s->screen, got == 0, s->server);
	if (got == 0) {
		s->server_cert.there = s->server_cert.made = true;
		s->server_cert.not_after = issued.cert.not_after;
	}
	ca_certificate_free(&issued.cert);
	return got;
}

/* Only where there is none: an old one is the business of `tokenroll crl`. */
static int make_crl(struct setup *s, struct err *e)
{
	struct ca_crl_state state;
	struct ca_crl crl;
	/* one that was there before is the business of whoever has looked after it */
	if (!s->young && !s->configured)
		return 0;
	if (!s->ca.has_key || signer_crl_state(&s->cfg->ca, s->o->verbose, &state, e) != 0)
		return s->ca.has_key ? -1 : 0;
	snprintf(s->published.name, sizeof s->published.name, "%s", state.crl.path);
	s->published.not_after = state.crl.next_update;
	s->published.there = state.fault != CA_CRL_MISSING;
	if (s->published.there)
		return 0;
	if (unlock(s, e) != 0)
		return -1;
	screen_step_begin(&s->screen, "CRL");
	int got = signer_crl(s->signer, &crl, e);
	if (got == 0)
		got = signer_publish_fresh(s->signer, e);
	screen_step_end(&s->screen, got == 0, s->published.name);
	if (got == 0) {
		s->published.there = s->published.made = true;
		s->published.not_after = crl.next_update;
	}
	return got;
}

/* The key file that the configuration names, relative to its folder, to be freed. */
static char *tls_path(const struct config *c)
{
	static const char *const names[] = {"tls_crypt", "tls_auth", "tls_crypt_v2"};
	const char *value = NULL, *slash = strrchr(c->path, '/');
	for (size_t i = 0; value == NULL && i < sizeof names / sizeof *names; i++)
		value = setup_from_template(c, names[i]);
	if (value == NULL || value[0] != '@')
		return NULL;
	int folder = value[1] != '/' && slash != NULL ? (int)(slash - c->path + 1) : 0;
	return xasprintf("%.*s%s", folder, c->path, value + 1);
}

/* One that is not there is made only for a server that has none yet. */
static int make_tls(struct setup *s, struct err *e)
{
	char *path = tls_path(s->cfg);
	if (path == NULL)
		return 0;
	snprintf(s->tls.name, sizeof s->tls.name, "%s", path);
	s->tls.there = access(path, F_OK) == 0;
	free(path);
	if (s->tls.there || setup_from_template(s->cfg, "tls_crypt") == NULL || s->vpn.file != NULL)
		return 0;
	screen_step_begin(&s->screen, "tls-crypt key");
	int got = tlskey_make(s->tls.name, e);
	screen_step_end(&s->screen, got == 0, s->tls.name);
	s->tls.there = s->tls.made = got == 0;
	return got;
}

/* The first record of a new audit trail, or one more. */
static int record(struct setup *s, struct err *e)
{
	struct store *store = NULL;
	char text[1024];
	if (!s->made_ca && !s->server_cert.made && !s->conf.made)
		return 0;
	snprintf(text, sizeof text, "%s%s%s%s%s%s", s->made_ca ? "a CA was made: " : "",
		 s->made_ca ? s->ca.subject : "", s->server_cert.made ? "; a certificate for the server " : "",
		 s->server_cert.made ? s->server_cert.name : "", s->conf.made ? "; configuration " : "",
		 s->conf.made ? s->conf_path : "");
	int got = enroll_ports_real.store.open(&store, s->cfg, e);
	if (got == 0)
		got = store_audit(store, "setup", NULL, NULL, text[0] == ';' ? text + 2 : text, e);
	enroll_ports_real.store.close(&store);
	return got;
}

int setup_make(struct setup *s, struct err *e)
{
	if (!s->ground.has_ca && make_ca(s, e) != 0)
		return -1;
	if (!s->configured && write_configuration(s, e) != 0)
		return -1;
	/* one that was there was opened before there was this configuration */
	if (!s->configured)
		signer_stop(&s->signer);
	if ((s->signer == NULL && setup_open_ca(s, e) != 0) || make_server(s, e) != 0 || make_crl(s, e) != 0 ||
	    make_tls(s, e) != 0)
		return -1;
	return record(s, e);
}
