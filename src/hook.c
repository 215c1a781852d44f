#include "hook.h"
#include "core/aftercrl.h"
#include "core/clean.h"
#include "core/xalloc.h"
#include "enroll/ports.h"

#include <stdlib.h>
#include <string.h>

#define LINES_MAX 20

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

static int run(const struct config *cfg, struct screen *screen, const char *done, struct err *e)
{
	struct blob output = BLOB_INIT;
	struct process_job *job = NULL;
	int ret = aftercrl_begin(&job, cfg, done, e);
	if (job != NULL) {
		process_job_wait(job);
		ret = aftercrl_end(&job, done, &output, e);
	}
	if (ret != 0)
		show(screen, &output);
	blob_free(&output);
	return ret;
}

struct debt *hook_begin(const struct config *cfg)
{
	return cfg->ca.after_crl != NULL ? debt_open(cfg->store_path) : NULL;
}

/* Else there is nothing yet to tell it of. */
static bool server_has_it(const struct config *cfg)
{
	struct ca_crl_state state;
	struct err unsaid = ERR_INIT;
	return enroll_ports_real.ca.crl_state(&cfg->ca, false, &state, &unsaid) == 0 &&
	       (state.fault == CA_CRL_FINE || state.fault == CA_CRL_CLOSED || state.fault == CA_CRL_ABOVE);
}

int hook_end(const struct config *cfg, struct screen *screen, struct hook_end *end, int got, struct err *e)
{
	struct err why = ERR_INIT;
	bool due = end->later || (got != 0 && e->code == ERR_CRL_UNPUBLISHED);
	if (cfg->ca.after_crl == NULL)
		return got;
	if (end->published || (got == 0 && debt_is_owed(end->debt) && server_has_it(cfg))) {
		const char *done = end->done[0] != '\0' ? end->done : "a fresh CRL is published";
		debt_telling(end->debt);
		if (run(cfg, screen, done, &why) == 0)
			debt_told(end->debt);
		else
			due = due || end->published;
	}
	debt_close(&end->debt, due);
	if (why.code == ERR_NONE)
		return got;
	bool anothers = !end->published && end->done[0] == '\0';
	bool counts = !anothers || why.code == ERR_INTERRUPTED;
	if (got == 0 && counts)
		*e = why;
	else
		screen_note(screen, why.what);
	return counts ? -1 : got;
}
