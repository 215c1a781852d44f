/*
 * enrollment: enrolling as a verb does it, asking and showing its steps; for
 * `enroll`, and for what enrolls as a part of its work.
 */
#ifndef ENROLLMENT_H
#define ENROLLMENT_H

#include "enroll/enroll.h"
#include "newpins.h"
#include "options.h"

struct enrollment {
	struct enroll_result result;
	struct newpins pins;
};

#define ENROLLMENT_INIT                    \
	{                                  \
		{.already = false},        \
		{                          \
			NULL, NULL, NULL,  \
			{                  \
				NULL, NULL \
			}                  \
		}                          \
	}

/*
 * Enrolls o->args[0], or renews or rekeys. passphrase is the CA key's where it is known already; NULL: as the options
 * say. Runs [ca] after-crl if a CRL was published. *ret is filled as far as it got.
 */
int enrollment_run(struct enrollment *ret, const struct options *o, enum cred_way way, const struct config *cfg,
		   const struct secret *passphrase, struct err *e);
void enrollment_free(struct enrollment *n);

#endif
