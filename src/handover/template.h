/*
 * template: the part of mustache that handing over a VPN needs.
 *
 *     {{name}}                       the value
 *     {{#name}} … {{/name}}          only if it has a value, or the flag is set
 *     {{^name}} … {{/name}}          only if not
 *     {{! remark }}                  nothing
 *
 * A section tag or remark that stands alone on its line takes the line with
 * it. Partials, delimiters and unescaped tags of mustache are refused, since
 * silence would print them. Values are never read as templates again.
 */
#ifndef HANDOVER_TEMPLATE_H
#define HANDOVER_TEMPLATE_H

#include "core/blob.h"
#include "core/err.h"
#include "handover/names.h"

#include <stdbool.h>

struct template;

/* Parses len bytes of text, of which it keeps a copy; file is for messages. ERR_TEMPLATE with file and line. */
int template_parse(struct template **ret, const char *file, const void *text, size_t len, struct err *e);
void template_free(struct template **t);

/* Every name in it is known and can stand where it stands, in sections that are left out, too. ERR_TEMPLATE. */
int template_check(const struct template *t, const struct names *n, struct err *e);

/* What a file is to whoever reads it. */
enum template_form {
	TEMPLATE_TEXT,
	TEMPLATE_MARKUP, /* HTML or XML: values are escaped */
	TEMPLATE_SCRIPT, /* it is run: what a token says of itself is made plain */
};

/* The form of a file, by the end of its name, or by a "#!" at its beginning. */
enum template_form template_form_of(const struct template *t, const char *name);

/* Renders into *ret. placeholder: text that stands for the user, too; NULL or "" for none. ERR_TEMPLATE for a name that
 * has no value. */
int template_render(const struct template *t, const struct names *n, enum template_form form, const char *placeholder,
		    struct blob *ret, struct err *e);

/* Copies len bytes to *ret with every placeholder replaced by the user. */
void template_replace(struct blob *ret, const char *text, size_t len, const char *placeholder, const char *user);

#endif
