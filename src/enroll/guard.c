#include "enroll/guard.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void guard_init(struct guard *g, const struct config_ca *ca)
{
	static const struct p11_uri_use use = {ERR_CONFIG, "[ca] key", ""};
	*g = (struct guard){.on = false};
	if (ca == NULL || !config_key_on_hsm(ca))
		return;
	g->on = true;
	if (p11_uri_parse(&g->uri, ca->key, &use, NULL) == 0)
		g->module = p11_uri_module_path(&g->uri);
}

void guard_free(struct guard *g)
{
	free(g->module);
	p11_uri_clear(&g->uri);
	*g = (struct guard){.on = false};
}

bool guard_is_module(const struct guard *g, const char *path)
{
	struct stat a, b;
	return g->module != NULL && path != NULL && stat(g->module, &a) == 0 && stat(path, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static void add(struct worker_settings *s, enum hidden_kind kind, char *path)
{
	for (size_t i = 0; path != NULL && i < HIDDEN_PLACES_MAX; i++) {
		if (s->places[i].path != NULL)
			continue;
		s->places[i] = (struct hidden_place){kind, path};
		return;
	}
}

void guard_hide_known(const struct config *cfg, struct worker_settings *s)
{
	add(s, HIDDEN_PKI, cfg->ca.pki);
	if (!config_key_on_hsm(&cfg->ca))
		add(s, HIDDEN_KEY, cfg->ca.key);
	for (size_t i = 0; i < cfg->hidden.n; i++)
		add(s, cfg->hidden.place[i].kind, cfg->hidden.place[i].path);
}

void guard_hide(const struct guard *g, const char *module, struct worker_settings *s)
{
	add(s, HIDDEN_CA_SECRET, g->uri.pin_file);
	if (!guard_is_module(g, module))
		add(s, HIDDEN_MODULE, g->module);
}

bool guard_is_hsm(const struct guard *g, const struct worker_token *t, const char *module)
{
	return g->on && p11_uri_names_token(&g->uri) && (g->uri.serial[0] != '\0' || guard_is_module(g, module)) &&
	       p11_uri_fits(&g->uri, t->label, t->manufacturer, t->model, t->serial);
}
