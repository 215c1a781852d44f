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

/* The same as a document, to be part of another one. */
struct json_t *report_enrollment_json(const struct options *o, const struct enroll_result *r,
				      const struct report_secrets *s, const struct err *error);

/* For other files of results. Prints the document, or its error; what is written may hold PINs. */
struct json_t;
int report_json(struct json_t *doc, struct err *e);
struct json_t *report_json_text(const char *s);
struct json_t *report_json_error(const struct err *e);
/* From the locked page to a descriptor, with a name before it. */
int report_secret(int fd, const char *name, const struct secret *s);

/* An error as a JSON document of its own, for verbs that have nothing else to say. */
void report_error_json(const struct err *e);
/* In a line: of station, which prints an object a line. */
void report_error_json_line(const struct err *e);

#endif
