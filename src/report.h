/*
 * report: results on stdout, for people or as one JSON document.
 */
#ifndef REPORT_H
#define REPORT_H

#include "enroll/enroll.h"
#include "options.h"

/* PINs that were made at random in this run; NULL where there are none. */
struct report_secrets {
	struct secret *so_pin, *pin;
};

/* Shows new PINs at once, on stdout, with --json on stderr (they are in the document, too). Fails if they could not be
 * shown: then they must not be set. */
int report_new_pins(const struct options *o, const struct report_secrets *s, struct err *e);

/* What an enrollment has led to; error is NULL after success. Fails if that could not be written to stdout. */
int report_enrollment(const struct options *o, const struct enroll_result *r, const struct report_secrets *s,
		      const struct err *error, struct err *e);

/* An error as a JSON document of its own, for verbs that have nothing else to say. */
void report_error_json(const struct err *e);

#endif
