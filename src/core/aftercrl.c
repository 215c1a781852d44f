#include "core/aftercrl.h"

#include "core/words.h"
#include "core/xalloc.h"

#include <stdlib.h>

#define TIME_MS 30000

static int not_told(const char *done, const struct err *why, struct err *e)
{
	err_set(e, why->code == ERR_INTERRUPTED ? ERR_INTERRUPTED : ERR_HOOK,
		"%s; but the VPN server was not told: [ca] after-crl: %s", done, why->what);
	if (why->code == ERR_INTERRUPTED)
		err_next(e, "run `tokenroll crl`, which runs it again");
	return err_native(e, "%s", why->native);
}

static char *crl_of(const struct config *cfg)
{
	return cfg->ca.crl != NULL ? xstrdup(cfg->ca.crl) : xasprintf("%s/crl.pem", cfg->ca.pki);
}

int aftercrl_begin(struct process_job **ret, const struct config *cfg, const char *done, struct err *e)
{
	struct words w = WORDS_INIT;
	struct err why = ERR_INIT;
	*ret = NULL;
	if (cfg->ca.after_crl == NULL || words_split(&w, cfg->ca.after_crl, e) != 0 || w.n == 0)
		return 0;
	char *path = crl_of(cfg), *crl = xasprintf("TOKENROLL_CRL=%s", path);
	const char *const env[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", crl, NULL};
	const struct process_hook h = {
	    .argv = (const char *const *)w.list, .env = env, .in = -1, .umask = 022, .timeout_ms = TIME_MS};
	int got = process_job_begin(ret, &h, &why);
	free(crl);
	free(path);
	words_free(&w);
	return got == 0 ? 0 : not_told(done, &why, e);
}

int aftercrl_end(struct process_job **job, const char *done, struct blob *ret_output, struct err *e)
{
	struct err why = ERR_INIT;
	return process_job_end(job, ret_output, &why) == 0 ? 0 : not_told(done, &why, e);
}
