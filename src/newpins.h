/*
 * newpins: SO PIN and PIN that a token is to get: out of a file, typed twice,
 * or made at random and then shown once, just before they are set.
 */
#ifndef NEWPINS_H
#define NEWPINS_H

#include "core/config.h"
#include "enroll/worker.h"
#include "options.h"
#include "report.h"
#include "screen.h"

struct newpins {
	const struct options *o;
	const struct config *cfg;
	struct screen *screen;
	struct report_secrets made; /* at random; with --json kept for the document after they were shown */
};

/*
 * Both for a token that is blank. One that is initialized but has no user PIN has an SO PIN, which is asked for. What
 * either has already is kept. ERR_PIN_RULES, ERR_SECRET_NEEDED when there is no way to get one.
 */
int newpins_get(struct newpins *n, const struct worker_token *t, const struct profile *p, struct secret *ret_so_pin,
		struct secret *ret_pin, struct err *e);

/* A user PIN for a token that has another one, by the rules of its profile; from --new-pin-file, at random, or asked.
 */
int newpins_replacement(struct newpins *n, const struct worker_token *t, const struct profile *p, struct secret *ret,
			struct err *e);

/* Shows what was made. Fails if it could not be shown: then it must not be set. */
int newpins_show(struct newpins *n, struct err *e);

void newpins_free(struct newpins *n);

#endif
