/*
 * index: index.txt, the database of `openssl ca` and so of easy-rsa.
 *
 * A row is six columns with a TAB between them and LF at the end: status
 * V, R or E; notAfter; revocation date[,reason]; serial in uppercase hex;
 * "unknown"; the subject as X509_NAME_oneline gives it.
 *
 * How it is written. A file of a million rows has 74 MB, so one row is not
 * added by a copy of the file: the row is appended in place, with one write
 * and fsync. That is safe because the whole row was put on disk before, in
 * the redo record (record.h): a torn tail, which is a last line without LF
 * that is a beginning of the recorded row, is cut off and the row appended
 * again. A last line without LF that is whole gets its LF together with the
 * row that follows. openssl does not append but renames a new file over the
 * old one, so after the append the path must still lead to the file that was
 * written to; if it does not, the row goes into the new file as well.
 *
 * All changes are made under the PKI's lock (lock.h), reading needs none.
 */
#ifndef CA_INDEX_H
#define CA_INDEX_H

#include "core/err.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct index;

struct span {
	const char *p; /* not terminated */
	size_t len;
};

struct index_row {
	char status; /* V, R or E */
	struct span line;
	struct span not_after, revoked, serial, subject;
};

/* For who has to mend the file by hand. index_append does not write index.txt.old, so it is as old as the last change
 * that made a new file: a revocation, or a command of easy-rsa's. */
#define INDEX_OLD_ADVICE \
	"Do not put index.txt.old in its place: it is older than the last revocation, and than what was issued since"

/* What index_edit makes of the row with this serial. */
struct index_edit {
	const char *serial;
	char status;         /* R or E */
	const char *revoked; /* the third column, "" for E */
};

/* Maps the file and checks each row, and that openssl can read them together: no serial twice, and no subject of valid
 * ones twice if index.txt.attr forbids that. ERR_CA_PKI "index.txt line N: ..."; errno is ENOENT if there is no file.
 */
int index_open(struct index **ret, const char *path, struct err *e);
void index_close(struct index **ix);

/* The same without any check, which takes most of the time: good for index_next and index_next_revoked only, which pass
 * over what is no row. */
int index_map(struct index **ret, const char *path, struct err *e);

/* Reads and checks again, if the file is not the one that was read last or has changed. Spans become invalid. */
int index_refresh(struct index *ix, struct err *e);

/* Gives the memory back that the file takes; what is looked at after this comes from the kernel's cache once more. */
void index_rest(const struct index *ix);

/* Goes through all rows; *pos begins at 0. */
bool index_next(const struct index *ix, size_t *pos, struct index_row *ret);

/* Where the row begins that p is in, and what is in the row that begins there; -1 if that is none. */
const char *index_row_start(const struct index *ix, const char *p);
int index_row_at(const struct index *ix, const char *start, struct index_row *ret);
/* The same, only through those of revoked certificates. */
bool index_next_revoked(const struct index *ix, size_t *pos, struct index_row *ret);

/* Goes through the rows whose subject has this common name. */
bool index_next_named(struct index *ix, const char *cn, size_t *pos, struct index_row *ret);

bool index_by_serial(const struct index *ix, const char *serial, struct index_row *ret);

/* Appends a row (without LF) as described above and refreshes. ERR_CA_FAILED, after which the file is as before. */
int index_append(struct index *ix, const char *row, struct err *e);

/* Changes one row by temp, fsync and rename; what was there is index.txt.old then, as openssl leaves it. */
int index_edit(struct index *ix, const struct index_edit *edit, struct err *e);

/* Cuts off a last line without LF that is a beginning of row. For a file that index_open would refuse. */
int index_cut_torn(const char *path, const char *row, struct err *e);

/* The V row of a certificate, without LF. */
char *index_row_of(const X509 *cert);

/* Whether index.txt.attr, beside the index at path, says unique_subject = yes. */
bool index_unique_subjects(const char *path);

/* Copies a span as text. */
char *span_text(struct span s);

/* UTCTime or GeneralizedTime in a column, as the check passed it. */
time_t index_time(struct span s);

#endif
