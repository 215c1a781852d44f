#include "hook.h"
#include "core/clean.h"
#include "core/process.h"
#include "core/words.h"
#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define TIME_MS 30000
#define LINES_MAX 20

static char *crl_of(const struct config *cfg)
{
	return cfg->ca.crl != NULL ? xstrdup(cfg->ca.crl) : xasprintf("%s/crl.pem", cfg->ca.pki);
}

/* Its last lines: why it failed is at the end. */
static void show(struct screen *screen, struct blob *output)
{
	char *text = output->data != NULL ? (char *)output->data : NULL, *from = text;
	if (text == NULL)
		return;
	while (output->len > 0 && text[output->len - 1] == '\n')
		text[--output->len] = '\0';
	char *p = text + output->len;
	for (size_t lines = 0; p > text && lines < LINES_MAX; lines += *p == '\n')
		p--;
	if (p > text)
		from = p + 1;
	for (char *line; (line = strsep(&from, "\n")) != NULL;) {
		char *clean = clean_dup(line);
		if (clean[0] != '\0')
			screen_note(screen, clean);
		free(clean);
	}
}

int hook_after_crl(const struct config *cfg, struct screen *screen, const char *done, struct err *e)
{
	struct words w = WORDS_INIT;
	struct err why = ERR_INIT;
	struct blob output = BLOB_INIT;
	if (cfg->ca.after_crl == NULL || words_split(&w, cfg->ca.after_crl, e) != 0 || w.n == 0)
		return 0;
	char *path = crl_of(cfg), *crl = xasprintf("TOKENROLL_CRL=%s", path);
	const char *const env[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", crl, NULL};
	int ret = process_run_hook((const char *const *)w.list, env, &output, TIME_MS, &why);
	if (ret != 0) {
		show(screen, &output);
		err_set(e, ERR_HOOK, "%s; but the VPN server was not told: [ca] after-crl: %s", done, why.what);
		err_native(e, "%s", why.native);
	}
	blob_free(&output);
	free(crl);
	free(path);
	words_free(&w);
	return ret;
}
