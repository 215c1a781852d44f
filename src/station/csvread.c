#include "station/csvread.h"

#include "core/process.h"
#include "core/utf8.h"
#include "core/xalloc.h"
#include "station/csvread_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum state {
	BEGIN,  /* of a field, also blanks before a quote */
	PLAIN,  /* in a field without quotes */
	QUOTED, /* in a field with quotes */
	CLOSED, /* behind a quote in one: the closing one, or the first of two */
	AFTER,  /* blanks behind the closing one */
	SKIP    /* what is left of a line that cannot be used */
};

/* ---- bytes */

int csvread_fill(struct csvread *r, struct err *e)
{
	ssize_t n;
	if (r->at == r->len)
		r->at = r->len = 0;
	while ((n = read(r->fd, r->buf + r->len, sizeof r->buf - r->len)) == -1 && errno == EINTR) {
		if (process_stop_signal() != 0)
			return err_set(e, ERR_INTERRUPTED, "interrupted while %s was read", r->name);
	}
	if (n == -1)
		return err_errno(e, ERR_SYSTEM, "cannot read %s", r->name);
	r->len += (size_t)n;
	r->ended = n == 0;
	return 0;
}

/* The next byte without taking it, -1 at the end. What goes wrong is kept for csvread_next. */
static int peek(struct csvread *r)
{
	if (r->at == r->len && !r->ended && csvread_fill(r, &r->e) == -1) {
		r->failed = true;
		r->ended = true;
	}
	return r->at < r->len ? r->buf[r->at] : -1;
}

/* A line end in whatever form is one LF. */
static int take(struct csvread *r)
{
	int c = peek(r);
	if (c == -1)
		return -1;
	r->at++;
	if (c == '\r') {
		if (peek(r) == '\n')
			r->at++;
		c = '\n';
	}
	if (c == '\n')
		r->line++;
	return c;
}

/* ---- fields */

static void find_fault(struct csvread *r, const char *fault)
{
	if (r->fault[0] == '\0')
		snprintf(r->fault, sizeof r->fault, "%s", fault);
}

static void field_begin(struct csvread *r)
{
	r->begun = r->used;
}

/* Empty fields without a place are the columns behind the last that a spreadsheet has touched. */
static void field_end(struct csvread *r)
{
	size_t len = r->used - r->begun;
	if (r->n < CSVREAD_COLUMNS_MAX) {
		r->fields[r->n++] = r->text + r->begun;
		r->text[r->used++] = '\0';
	} else if (len != 0) {
		find_fault(r, "it has more columns than can be read");
	}
}

static bool is_blank(int c)
{
	return c == ' ' || c == '\t';
}

static void put(struct csvread *r, int c)
{
	if (c == '\0')
		find_fault(r, "there is a NUL byte in it: the file is damaged, or no text");
	r->high = r->high || c >= 0x80;
	r->filled = r->filled || !(is_blank(c) || c == '\n');
	if (r->used - r->begun >= CSVREAD_FIELD_MAX)
		find_fault(r, "a field is too long for a roster; is its closing quote missing?");
	else if (r->used + CSVREAD_COLUMNS_MAX + 1 >= CSVREAD_RECORD_MAX)
		find_fault(r, "it is too long for a roster");
	else
		r->text[r->used++] = (char)c;
}

/* ---- one byte in each state */

static enum state separate(struct csvread *r)
{
	field_end(r);
	field_begin(r);
	return BEGIN;
}

static enum state at_begin(struct csvread *r, int c)
{
	if (c == r->separator)
		return separate(r);
	if (c == '"') {
		r->used = r->begun; /* blanks before it are no part of the field */
		return QUOTED;
	}
	put(r, c);
	return is_blank(c) ? BEGIN : PLAIN;
}

static enum state in_plain(struct csvread *r, int c)
{
	if (c == r->separator)
		return separate(r);
	if (c == '"') {
		find_fault(r, "there is a quote in the middle of a field: such a field has to stand in quotes as a "
			      "whole, with each quote in it doubled");
		return SKIP;
	}
	put(r, c);
	return PLAIN;
}

static enum state behind_quote(struct csvread *r, enum state state, int c)
{
	if (c == r->separator)
		return separate(r);
	if (c == '"' && state == CLOSED) {
		put(r, c);
		return QUOTED;
	}
	if (is_blank(c))
		return AFTER;
	find_fault(r, "there is text behind a closing quote: is a quote missing, or one in the field not doubled?");
	return SKIP;
}

static enum state step(struct csvread *r, enum state state, int c)
{
	switch (state) {
	case BEGIN:
		return at_begin(r, c);
	case PLAIN:
		return in_plain(r, c);
	case QUOTED:
		if (c == '"')
			return CLOSED;
		put(r, c);
		return QUOTED;
	case CLOSED:
	case AFTER:
		return behind_quote(r, state, c);
	default:
		return SKIP;
	}
}

/* ---- records */

static void check_encoding(struct csvread *r)
{
	char text[sizeof r->fault];
	for (size_t i = 0; r->high && i < r->n; i++) {
		unsigned char c = (unsigned char)r->fields[i][utf8_span(r->fields[i])];
		if (c == 0)
			continue;
		snprintf(text, sizeof text,
			 "it is not UTF-8 (byte 0x%02X in column %zu): have the spreadsheet save the file as CSV UTF-8",
			 c, i + 1);
		find_fault(r, text);
	}
}

/* Returns whether there was anything before the end of the file. */
static bool read_record(struct csvread *r)
{
	enum state state = BEGIN;
	int c = -1;
	bool any = false;
	r->used = r->n = 0;
	r->fault[0] = '\0';
	r->high = r->filled = false;
	field_begin(r);
	while ((c = take(r)) != -1 && (c != '\n' || state == QUOTED)) {
		any = true;
		state = step(r, state, c);
	}
	any = any || c == '\n';
	if (state == QUOTED) {
		r->fault[0] = '\0'; /* whatever else was found comes from that */
		find_fault(r, "a quote is opened in it and never closed");
	}
	field_end(r);
	check_encoding(r);
	return any;
}

int csvread_next(struct csvread *r, bool *ret_there, struct csvread_record *ret, struct err *e)
{
	bool any = true;
	long line = 0;
	do {
		line = r->line;
		any = read_record(r);
	} while (any && !r->filled && r->fault[0] == '\0' && !r->failed);
	if (r->failed) {
		*e = r->e;
		return -1;
	}
	if (process_stop_signal() != 0)
		return err_set(e, ERR_INTERRUPTED, "interrupted while %s was read", r->name);
	*ret_there = any;
	*ret = (struct csvread_record){.line = line, .fields = r->fields, .n = r->n};
	if (r->fault[0] != '\0') {
		ret->fault = r->fault;
		ret->n = 0;
	}
	return 0;
}

char csvread_separator(const struct csvread *r)
{
	return r->separator;
}

bool csvread_has_bom(const struct csvread *r)
{
	return r->bom;
}

void csvread_close(struct csvread **r)
{
	if (r == NULL || *r == NULL)
		return;
	if ((*r)->own_fd)
		close((*r)->fd);
	free((*r)->name);
	free(*r);
	*r = NULL;
}
