#include "handover/extras.h"
#include "core/file.h"
#include "core/xalloc.h"
#include "handover/text.h"
#include "handover/tlskey.h"

#include <stdlib.h>
#include <string.h>

#define VALUE_FILE_MAX ((size_t)256 << 10)

/* A relative @path counts from the folder of the configuration, wherever the command is run. */
static char *resolve_path(const char *config, const char *path)
{
	const char *slash = config != NULL ? strrchr(config, '/') : NULL;
	if (path[0] == '/' || slash == NULL)
		return xstrdup(path);
	return xasprintf("%.*s/%s", (int)(slash - config), config, path);
}

static int read_value(const char *path, char **ret, struct err *e)
{
	struct blob text = BLOB_INIT;
	if (file_read(path, VALUE_FILE_MAX, &text, e) != 0)
		return -1;
	if (memchr(text.data, '\0', text.len) != NULL) {
		blob_free(&text);
		return err_set(e, ERR_SYSTEM, "%s is not a text file", path);
	}
	while (text.len > 0 && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r'))
		text.data[--text.len] = '\0';
	*ret = (char *)text.data;
	return 0;
}

/* A fault in a value is a fault of the configuration, at its line. */
static int at_line(struct err *e, const struct config *cfg, const struct config_name *c)
{
	if (e != NULL && e->code == ERR_SYSTEM)
		e->code = ERR_CONFIG;
	return err_prefix(e, "%s:%d: [template] %s", cfg->path, c->line, c->name);
}

static int load_file(struct extra *x, const struct config *cfg, const struct config_name *c, struct err *e)
{
	char *path = resolve_path(cfg->path, c->value + 1), *text = NULL;
	int ret = read_value(path, &text, e);
	if (ret == 0 && tlskey_is_name(c->name))
		ret = tlskey_value(c->name, path, text, &x->value, e);
	else if (ret == 0) {
		x->value = text;
		text = NULL;
	}
	if (ret != 0)
		at_line(e, cfg, c);
	free(text);
	free(path);
	return ret;
}

/* Whatever it is, it becomes one line of text. */
static int load_literal(struct extra *x, const struct config *cfg, const struct config_name *c, struct err *e)
{
	if (tlskey_is_name(c->name)) {
		err_set(e, ERR_CONFIG, "a key is given for each person");
		return at_line(e, cfg, c);
	}
	x->value = text_one_line(c->value);
	return 0;
}

static int load_text(struct extra *x, const struct config *cfg, const struct config_name *c, struct err *e)
{
	if (!text_is_one_line(c->value)) {
		err_set(e, ERR_CONFIG, "the value has a control character");
		return at_line(e, cfg, c);
	}
	if (tlskey_is_name(c->name) && c->value[0] != '\0') {
		err_set(e, ERR_CONFIG, "the value has to be @ and the path of a key file");
		return at_line(e, cfg, c);
	}
	x->value = xstrdup(c->value);
	return 0;
}

/* OpenVPN takes one of the three; two in a profile are an error on the employee's computer. */
static int check_one_tls_key(const struct extras *x, struct err *e)
{
	const struct extra *first = NULL;
	for (size_t i = 0; i < x->n; i++) {
		if (!tlskey_is_name(x->v[i].name) || x->v[i].value == NULL || x->v[i].value[0] == '\0')
			continue;
		if (first != NULL) {
			err_set(e, ERR_CONFIG, "%s:%d: [template] %s stands beside %s of line %d", x->file,
				x->v[i].line, x->v[i].name, first->name, first->line);
			return err_next(e, "keep the one that the VPN server uses; OpenVPN refuses two of them");
		}
		first = &x->v[i];
	}
	return 0;
}

int extras_load(struct extras *ret, const struct config *cfg, struct err *e)
{
	struct extras x = {.file = cfg->path != NULL ? cfg->path : "configuration"};
	x.v = xcalloc(cfg->n_names + 1, sizeof *x.v);
	for (size_t i = 0; i < cfg->n_names; i++) {
		const struct config_name *c = &cfg->names[i];
		struct extra *slot = &x.v[x.n++];
		slot->name = c->name;
		slot->line = c->line;
		slot->literal = c->literal;
		int (*load)(struct extra *, const struct config *, const struct config_name *, struct err *) =
		    c->literal           ? load_literal
		    : c->value[0] == '@' ? load_file
					 : load_text;
		if (load(slot, cfg, c, e) != 0)
			goto out;
	}
	if (check_one_tls_key(&x, e) != 0)
		goto out;
	*ret = x;
	return 0;
out:
	extras_free(&x);
	return -1;
}

void extras_free(struct extras *x)
{
	for (size_t i = 0; i < x->n; i++)
		free(x->v[i].value);
	free(x->v);
	*x = (struct extras){.v = NULL};
}

const struct extra *extras_find(const struct extras *x, const char *name, size_t len)
{
	for (size_t i = x->n; i-- > 0;) {
		if (strlen(x->v[i].name) == len && memcmp(x->v[i].name, name, len) == 0)
			return &x->v[i];
	}
	return NULL;
}
