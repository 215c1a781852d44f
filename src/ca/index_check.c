/*
 * index_check: that openssl, and so every easyrsa command, can read index.txt:
 * each row by itself, and that no two have one serial, or one subject where
 * index.txt.attr says that they must not.
 */
#include "ca/index.h"
#include "ca/index_impl.h"
#include "core/file.h"
#include "core/xalloc.h"

#include <openssl/bio.h>
#include <openssl/conf.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#define ATTR_FILE_MAX 65536

/* As openssl reads it; what the file does not say is "no" in openssl-easyrsa.cnf. */
bool index_unique_subjects(const char *path)
{
	struct blob text = BLOB_INIT;
	char *attr = xasprintf("%s.attr", path);
	CONF *conf = NCONF_new(NULL);
	BIO *b = file_read(attr, ATTR_FILE_MAX, &text, NULL) == 0 ? BIO_new_mem_buf(text.data, (int)text.len) : NULL;
	bool good = conf != NULL && b != NULL && NCONF_load_bio(conf, b, NULL) == 1;
	const char *value = good ? NCONF_get_string(conf, NULL, "unique_subject") : NULL;
	/* only the first letter counts, and all but a no is a yes */
	bool ret = value != NULL && strchr("fFnN0", *value) == NULL;
	ERR_clear_error();
	NCONF_free(conf);
	BIO_free(b);
	blob_free(&text);
	free(attr);
	return ret;
}

/* openssl compares serials as numbers. */
static struct span number_of(struct span serial)
{
	while (serial.len > 0 && *serial.p == '0') {
		serial.p++;
		serial.len--;
	}
	return serial;
}

/* What must be there once: one column of the rows, or of some. */
struct column {
	bool (*take)(const struct index_row *row, struct span *ret);
	struct index_keys *keys;
};

static bool take_serial(const struct index_row *row, struct span *ret)
{
	*ret = number_of(row->serial);
	return true;
}

static bool take_subject(const struct index_row *row, struct span *ret)
{
	*ret = row->subject;
	return row->status == 'V';
}

/* The two rows that gave one key, by their lines; false if only their keys are the same. */
static bool find_both(const struct index *ix, const struct column *c, uint64_t key, size_t ret_line[2],
		      struct index_row *ret)
{
	const char *end = ix->map + ix->len;
	struct span first = {NULL, 0}, now;
	size_t line = 0;
	for (const char *p = ix->map; p < end; p = index_line_end(p, end) + 1) {
		line++;
		if (*p == '#' || index_parse_row(p, index_line_end(p, end), ret) != NULL || !c->take(ret, &now) ||
		    index_key_of(now.p, now.len) != key)
			continue;
		ret_line[first.p != NULL] = line;
		if (first.p != NULL && first.len == now.len && memcmp(first.p, now.p, now.len) == 0)
			return true;
		first = now;
	}
	return false;
}

static int check_serials(const struct index *ix, struct index_keys *keys, struct err *e)
{
	const struct column c = {take_serial, keys};
	struct index_row row;
	size_t line[2], pos = 0;
	uint64_t key;
	while (index_keys_double(keys, &pos, &key)) {
		if (!find_both(ix, &c, key, line, &row))
			continue;
		err_set(e, ERR_CA_PKI, "index.txt lines %zu and %zu: two rows have the serial %.*s (%s)", line[0],
			line[1], (int)row.serial.len, row.serial.p, ix->path);
		return err_next(e, "compare them with the certificates in issued/ and take the wrong one out: easyrsa "
				   "neither revokes nor makes a CRL with both; index.txt.old is the state before the "
				   "last change");
	}
	return 0;
}

static int check_subjects(const struct index *ix, struct index_keys *keys, struct err *e)
{
	const struct column c = {take_subject, keys};
	struct index_row row;
	size_t line[2], pos = 0;
	uint64_t key;
	while (index_keys_double(keys, &pos, &key)) {
		if (!find_both(ix, &c, key, line, &row))
			continue;
		err_set(e, ERR_CA_PKI,
			"index.txt lines %zu and %zu: two valid rows have the subject %.*s, but index.txt.attr says "
			"unique_subject = yes (%s)",
			line[0], line[1], (int)row.subject.len, row.subject.p, ix->path);
		return err_next(e, "write unique_subject = no into index.txt.attr, as `easyrsa init-pki` does: with "
				   "yes, easyrsa neither revokes nor makes a CRL as long as both are valid");
	}
	return 0;
}

static int bad_line(const struct index *ix, const char *at, const char *fault, struct err *e)
{
	const char *end = ix->map + ix->len;
	size_t line = 0;
	for (const char *p = ix->map; p <= at; p = index_line_end(p, end) + 1)
		line++;
	err_set(e, ERR_CA_PKI, "index.txt line %zu: the row %s (%s)", line, fault, ix->path);
	return err_next(e, "correct that line; index.txt.old is the state before the last change");
}

/* The rows that are not easy-rsa's usual ones. */
static const char *fault_of_row(const char *p, const char *lf, struct index_row *row, bool *ret_is_row)
{
	*ret_is_row = p == lf || *p != '#';
	if (*ret_is_row)
		return index_parse_row(p, lf, row);
	/* openssl passes over a remark, too, but not over the end of the text that a NUL is to it */
	return memchr(p, '\0', (size_t)(lf - p)) != NULL ? "has a NUL byte in it" : NULL;
}

/* Each row. Fills in what has to be compared between them; NULL for nothing. */
static int check_rows(const struct index *ix, size_t from, struct index_keys *serials, struct index_keys *subjects,
		      struct err *e)
{
	const char *end = ix->map + ix->len;
	struct span key;
	for (const char *p = ix->map + from; p < end;) {
		struct index_row row;
		bool is_row = true;
		size_t plain = index_plain_row(p, end, &row);
		const char *lf = plain > 0 ? p + plain - 1 : index_line_end(p, end);
		const char *fault = plain > 0 ? NULL : fault_of_row(p, lf, &row, &is_row);
		if (fault != NULL)
			return bad_line(ix, p, fault, e);
		if (serials != NULL && is_row && take_serial(&row, &key))
			index_keys_add(serials, index_key_of(key.p, key.len));
		if (subjects != NULL && is_row && take_subject(&row, &key))
			index_keys_add(subjects, index_key_of(key.p, key.len));
		p = lf + 1;
	}
	return 0;
}

int index_check(const struct index *ix, size_t from, struct err *e)
{
	struct index_keys serials = INDEX_KEYS_INIT, subjects = INDEX_KEYS_INIT;
	/* what is appended has a serial that was looked for before, and openssl makes a new file */
	bool whole = from == 0, unique = whole && index_unique_subjects(ix->path);
	int ret = check_rows(ix, from, whole ? &serials : NULL, unique ? &subjects : NULL, e);
	if (ret == 0)
		ret = check_serials(ix, &serials, e);
	if (ret == 0)
		ret = check_subjects(ix, &subjects, e);
	index_keys_free(&serials);
	index_keys_free(&subjects);
	return ret;
}
