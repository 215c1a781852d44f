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

/* of a row with a short name; only a guess at how many there are hangs on it */
#define ROW_BYTES 64

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

struct span index_number_of(struct span serial)
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
	*ret = index_number_of(row->serial);
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
				   "neither revokes nor makes a CRL with both. " INDEX_OLD_ADVICE);
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
	return err_next(
	    e, "correct that line by a backup of index.txt, or by the certificate in issued/. " INDEX_OLD_ADVICE);
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

/* What is compared between rows, NULL for nothing. */
struct compared {
	struct index_keys *serials, *subjects;
};

static void note_row(struct index *ix, const struct index_row *row, const struct compared *c)
{
	struct span key;
	if (take_serial(row, &key)) {
		uint64_t number = index_key_of(key.p, key.len);
		if (c->serials != NULL)
			index_keys_add(c->serials, number);
		else
			index_set_add(&ix->serials, number);
	}
	if (c->subjects != NULL && take_subject(row, &key))
		index_keys_add(c->subjects, index_key_of(key.p, key.len));
}

static int check_rows(struct index *ix, size_t from, const struct compared *c, struct err *e)
{
	const char *end = ix->map + ix->len;
	for (const char *p = ix->map + from; p < end;) {
		struct index_row row;
		bool is_row = true;
		size_t plain = index_plain_row(p, end, &row);
		const char *lf = plain > 0 ? p + plain - 1 : index_line_end(p, end);
		const char *fault = plain > 0 ? NULL : fault_of_row(p, lf, &row, &is_row);
		if (fault != NULL)
			return bad_line(ix, p, fault, e);
		if (is_row)
			note_row(ix, &row, c);
		p = lf + 1;
	}
	return 0;
}

/* What is appended has a serial that was looked for before, and openssl makes a new file. */
static int check_new(struct index *ix, size_t from, struct err *e)
{
	const struct compared nothing = {NULL, NULL};
	return check_rows(ix, from, &nothing, e);
}

static int check_whole(struct index *ix, struct err *e)
{
	struct index_keys serials = INDEX_KEYS_INIT, subjects = INDEX_KEYS_INIT;
	struct index_set any = INDEX_SET_INIT;
	bool unique = index_unique_subjects(ix->path);
	const struct compared c = {&serials, unique ? &subjects : NULL};
	index_keys_begin(&serials, ix->len / ROW_BYTES);
	int ret = check_rows(ix, 0, &c, e);
	index_keys_end(&serials, &ix->serials);
	index_keys_end(&subjects, &any);
	if (ret == 0)
		ret = check_serials(ix, &serials, e);
	if (ret == 0)
		ret = check_subjects(ix, &subjects, e);
	index_set_free(&any);
	index_keys_free(&serials);
	index_keys_free(&subjects);
	return ret;
}

int index_check(struct index *ix, size_t from, struct err *e)
{
	return from == 0 ? check_whole(ix, e) : check_new(ix, from, e);
}
