#include "station/roster_impl.h"

#include "core/clean.h"
#include "core/xalloc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is wrong */

void roster_fault_add(struct roster_faults *f, long line, const char *fmt, ...)
{
	struct roster_fault new = {.line = line};
	char text[sizeof new.text];
	size_t at = f->n;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	clean_text(new.text, sizeof new.text, text);
	f->n_all++;
	while (at > 0 && f->list[at - 1].line > line)
		at--;
	if (at == ROSTER_FAULTS_KEPT)
		return;
	f->n -= f->n == ROSTER_FAULTS_KEPT;
	memmove(&f->list[at + 1], &f->list[at], (f->n - at) * sizeof f->list[0]);
	f->list[at] = new;
	f->n++;
}

const char *roster_shown(char ret[ROSTER_SHOWN_MAX], const char *value)
{
	char text[ROSTER_SHOWN_MAX - 3];
	clean_text(text, sizeof text, value);
	/* a character that is not fit is shown as one byte: the text never gets longer */
	snprintf(ret, ROSTER_SHOWN_MAX, "%s%s", text, strlen(value) >= sizeof text ? "..." : "");
	return ret;
}

static const char *name_of(const char *path)
{
	return strcmp(path, "-") == 0 ? "standard input" : path;
}

int roster_refuse(const char *path, const struct roster_faults *f, struct err *e)
{
	err_set(e, ERR_ROSTER, "the roster %s cannot be used: %zu fault%s, the first in line %ld: %s", name_of(path),
		f->n_all, f->n_all == 1 ? "" : "s", f->list[0].line, f->list[0].text);
	return err_next(e, "Correct %s and run the same command again; nothing was begun.",
			f->n_all == 1 ? "this line" : "these lines");
}

/* ---- reading */

static bool is_full(const struct roster_reading *x)
{
	return x->r->n >= ROSTER_PEOPLE_MAX;
}

static int read_lines(struct roster_reading *x, struct csvread *csv, struct err *e)
{
	struct csvread_record rec = {.line = 0};
	bool there = true;
	while (!is_full(x)) {
		if (csvread_next(csv, &there, &rec, e) != 0)
			return -1;
		if (!there)
			return 0;
		if (rec.fault != NULL)
			roster_fault_add(x->faults, rec.line, "%s", rec.fault);
		else
			roster_take_line(x, &rec);
	}
	err_set(e, ERR_ROSTER, "the roster has more than %d people", ROSTER_PEOPLE_MAX);
	return err_next(e, "divide it into several files");
}

static int read_header(struct roster_reading *x, struct csvread *csv, const char *path, struct err *e)
{
	struct csvread_record rec = {.line = 0};
	bool there = false;
	if (csvread_next(csv, &there, &rec, e) != 0)
		return -1;
	if (!there) {
		err_set(e, ERR_ROSTER, "there is nothing in the roster %s", name_of(path));
		return err_next(e, "name the file with the people who are to get tokens");
	}
	if (rec.fault != NULL)
		roster_fault_add(x->faults, rec.line, "%s", rec.fault);
	else
		roster_take_header(x, &rec);
	/* without a header no line says anything */
	return x->faults->n_all == 0 ? 0 : roster_refuse(path, x->faults, e);
}

static int read_all(struct roster_reading *x, struct csvread *csv, const char *path, struct err *e)
{
	x->r->separator = csvread_separator(csv);
	x->r->bom = csvread_has_bom(csv);
	if (read_header(x, csv, path, e) != 0 || read_lines(x, csv, e) != 0)
		return -1;
	roster_find_twins(x->r, x->faults);
	if (x->faults->n_all != 0)
		return roster_refuse(path, x->faults, e);
	if (x->r->n != 0)
		return 0;
	err_set(e, ERR_ROSTER, "the roster %s names its columns, but no people", name_of(path));
	return err_next(e, "give it a line for each person who is to get a token");
}

static int find_source(struct roster *r, const char *path, struct err *e)
{
	r->source = strcmp(path, "-") == 0 ? xstrdup("-") : realpath(path, NULL);
	if (r->source != NULL)
		return 0;
	err_errno(e, ERR_ROSTER, "cannot open the roster %s", path);
	return err_next(e, "name the CSV file with the people who are to get tokens, or - for standard input");
}

int roster_read(struct roster **ret, const char *path, unsigned key_types, struct roster_faults *faults, struct err *e)
{
	struct roster *r = xcalloc(1, sizeof *r);
	struct roster_reading x = {.r = r, .faults = faults, .key_types = key_types};
	struct csvread *csv = NULL;
	faults->n = faults->n_all = 0;
	int got = find_source(r, path, e);
	if (got == 0)
		got = csvread_open(&csv, path, e);
	if (got == 0)
		got = read_all(&x, csv, path, e);
	csvread_close(&csv);
	if (got == 0) {
		*ret = r;
		r = NULL;
	}
	roster_free(&r);
	return got;
}

void roster_forget_people(struct roster *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++)
		free(r->texts[i]);
	free(r->people);
	free(r->texts);
	r->people = NULL;
	r->texts = NULL;
	r->n = 0;
}

void roster_free(struct roster **r)
{
	if (r == NULL || *r == NULL)
		return;
	roster_forget_people(*r);
	for (size_t i = 0; i < (*r)->n_further; i++)
		free((*r)->further[i]);
	free((*r)->further);
	free((*r)->source);
	free(*r);
	*r = NULL;
}
