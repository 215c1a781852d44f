/*
 * doctor_impl: what the files doctor*.c share: doctor.c (the frame),
 * doctor_versions.c, doctor_process.c (this machine), doctor_tokens.c (readers
 * and modules), doctor_ca.c, doctor_place.c (templates, bundles, database and
 * mail).
 */
#ifndef LIFE_DOCTOR_IMPL_H
#define LIFE_DOCTOR_IMPL_H

#include "core/config.h"
#include "life/doctor.h"

struct doctor_run {
	struct doctor *d;
	const struct doctor_request *req;
	const struct config *cfg; /* NULL: it cannot be read */
};

/* Adds what was found. */
void doctor_say(struct doctor_run *r, enum doctor_part part, enum doctor_level level, const char *name, const char *fmt,
		...) __attribute__((format(printf, 5, 6)));

/* Adds a failure in its own words, with its advice. */
void doctor_trouble(struct doctor_run *r, enum doctor_part part, enum doctor_level level, const char *name,
		    const struct err *e);

/* What to do about the one that was added last, "" for nothing; and by which code it is wrong. */
void doctor_next(struct doctor_run *r, const char *next);
void doctor_code(struct doctor_run *r, enum err_code code);

/* That this user can make files in a folder, or make the folder. what and key are for the message: "the folder of
 * bundles", "dir in section [bundle]". ERR_SYSTEM. */
int doctor_check_folder(const char *path, const char *what, const char *key, struct err *e);

void doctor_versions(struct doctor_run *r);
void doctor_process(struct doctor_run *r);
/* Adds readers and modules. */
void doctor_tokens(struct doctor_run *r);

/* These need the configuration. */
void doctor_ca(struct doctor_run *r);
void doctor_handover(struct doctor_run *r);
void doctor_database(struct doctor_run *r);
void doctor_mail(struct doctor_run *r);

#endif
