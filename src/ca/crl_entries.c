#include "ca/crl_entries.h"

#include "core/xalloc.h"

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* beside the argument of a reason */
#define ENTRY_MAX 256

/* The words of `openssl ca`; those with a time or an OID behind a second comma are the last three */
static const struct {
	const char *name;
	int code; /* RFC 5280, 5.3.1; 0 is left out */
} reasons[] = {
    {"unspecified", 0},     {"keyCompromise", 1},
    {"CACompromise", 2},    {"affiliationChanged", 3},
    {"superseded", 4},      {"cessationOfOperation", 5},
    {"certificateHold", 6}, {"removeFromCRL", 8},
    {"holdInstruction", 6}, {"keyTime", 1},
    {"CAkeyTime", 2},
};

static int add_reason(X509_REVOKED *r, int code)
{
	if (code == 0)
		return 0;
	ASN1_ENUMERATED *value = ASN1_ENUMERATED_new();
	int ok = value != NULL && ASN1_ENUMERATED_set(value, code) == 1 &&
		 X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, value, 0, 0) == 1;
	ASN1_ENUMERATED_free(value);
	return ok ? 0 : -1;
}

/* What stands behind "keyTime," or "holdInstruction,". */
static int add_argument(X509_REVOKED *r, const char *reason, const char *text)
{
	int ok = 0;
	if (strcmp(reason, "holdInstruction") == 0) {
		ASN1_OBJECT *oid = OBJ_txt2obj(text, 0);
		ok = oid != NULL && X509_REVOKED_add1_ext_i2d(r, NID_hold_instruction_code, oid, 0, 0) == 1;
		ASN1_OBJECT_free(oid);
	} else {
		ASN1_GENERALIZEDTIME *t = ASN1_GENERALIZEDTIME_new();
		ok = t != NULL && ASN1_GENERALIZEDTIME_set_string(t, text) == 1 &&
		     X509_REVOKED_add1_ext_i2d(r, NID_invalidity_date, t, 0, 0) == 1;
		ASN1_GENERALIZEDTIME_free(t);
	}
	return ok ? 0 : -1;
}

/* ",reason" or ",reason,argument" */
static int add_reason_text(X509_REVOKED *r, char *text)
{
	char *reason = strsep(&text, ",");
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
		if (strcasecmp(reason, reasons[i].name) != 0)
			continue;
		if (add_reason(r, reasons[i].code) != 0)
			return -1;
		return text != NULL ? add_argument(r, reasons[i].name, text) : 0;
	}
	return -1;
}

/* The entries of one reason differ in serial number and date only: one object for each of them is filled again and
 * again. The last is for those with an argument. */
#define N_REASONS (sizeof reasons / sizeof *reasons)

struct entry {
	struct span serial, revoked;
};

struct maker {
	X509_REVOKED *by_reason[N_REASONS], *plain, *single;
	ASN1_INTEGER *serial;
	ASN1_TIME *when;
};

static X509_REVOKED *with_reason(X509_REVOKED **slot, char *text)
{
	if (*slot == NULL)
		*slot = X509_REVOKED_new();
	if (*slot != NULL && text != NULL && add_reason_text(*slot, text) != 0) {
		X509_REVOKED_free(*slot);
		*slot = NULL;
	}
	return *slot;
}

/* The one to be filled for what stands behind the date. */
static X509_REVOKED *choose(struct maker *m, const struct entry *row)
{
	const char *comma = memchr(row->revoked.p, ',', row->revoked.len);
	if (comma == NULL)
		return with_reason(&m->plain, NULL);
	size_t len = row->revoked.len - (size_t)(comma + 1 - row->revoked.p);
	for (size_t i = 0; i < N_REASONS; i++) {
		if (m->by_reason[i] != NULL && strlen(reasons[i].name) == len &&
		    strncasecmp(reasons[i].name, comma + 1, len) == 0)
			return m->by_reason[i];
	}
	char *text = span_text((struct span){comma + 1, len});
	X509_REVOKED **slot = &m->single;
	for (size_t i = 0; i < N_REASONS; i++) {
		if (strcasecmp(reasons[i].name, text) == 0)
			slot = &m->by_reason[i];
	}
	X509_REVOKED_free(*slot);
	*slot = NULL;
	X509_REVOKED *ret = with_reason(slot, text);
	free(text);
	return ret;
}

static int set_serial(struct maker *m, struct span hex)
{
	unsigned char bytes[32];
	char text[2 * sizeof bytes + 1];
	size_t n = 0, zeros = 0;
	snprintf(text, sizeof text, "%.*s", (int)hex.len, hex.p);
	if (OPENSSL_hexstr2buf_ex(bytes, sizeof bytes, &n, text, '\0') != 1)
		return 0;
	while (zeros + 1 < n && bytes[zeros] == 0)
		zeros++;
	return ASN1_STRING_set(m->serial, bytes + zeros, (int)(n - zeros));
}

/* Its DER goes behind what is in *to. */
static int put_entry(struct maker *m, const struct entry *row, struct blob *to, size_t *room)
{
	X509_REVOKED *r = choose(m, row);
	if (r == NULL || set_serial(m, row->serial) != 1 || ASN1_TIME_set(m->when, index_time(row->revoked)) == NULL ||
	    X509_REVOKED_set_serialNumber(r, m->serial) != 1 || X509_REVOKED_set_revocationDate(r, m->when) != 1)
		return -1;
	while (*room - to->len < ENTRY_MAX + row->revoked.len) {
		*room = 2 * *room + ENTRY_MAX;
		to->data = xrealloc(to->data, *room, 1);
	}
	unsigned char *p = to->data + to->len;
	int n = i2d_X509_REVOKED(r, &p);
	to->len += n > 0 ? (size_t)n : 0;
	return n > 0 ? 0 : -1;
}

/* As numbers: index.txt writes them without leading zero bytes. */
static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	if (x->serial.len != y->serial.len)
		return x->serial.len < y->serial.len ? -1 : 1;
	return memcmp(x->serial.p, y->serial.p, x->serial.len);
}

static struct entry *collect(const struct index *ix, size_t *ret_n)
{
	struct entry *list = NULL;
	struct index_row row;
	size_t n = 0, room = 0;
	for (size_t pos = 0; index_next_revoked(ix, &pos, &row);) {
		if (n == room) {
			room = 2 * room + 64;
			list = xrealloc(list, room, sizeof *list);
		}
		list[n++] = (struct entry){row.serial, row.revoked};
	}
	*ret_n = n;
	return list;
}

static void maker_free(struct maker *m)
{
	for (size_t i = 0; i < N_REASONS; i++)
		X509_REVOKED_free(m->by_reason[i]);
	X509_REVOKED_free(m->plain);
	X509_REVOKED_free(m->single);
	ASN1_INTEGER_free(m->serial);
	ASN1_TIME_free(m->when);
}

int crl_entries(struct blob *ret, const struct index *ix, struct err *e)
{
	struct maker m = {.serial = ASN1_INTEGER_new(), .when = ASN1_TIME_new()};
	struct blob made = BLOB_INIT;
	size_t n = 0, room = 0;
	struct entry *list = collect(ix, &n);
	int status = 0;
	if (n > 0) /* as `openssl ca -gencrl` does */
		qsort(list, n, sizeof *list, compare);
	for (size_t i = 0; i < n && status == 0; i++) {
		const struct entry *row = &list[i];
		if (put_entry(&m, row, &made, &room) == 0)
			continue;
		status = err_openssl(
		    e, ERR_CA_PKI, "index.txt: the row of serial %.*s has a revocation that cannot be understood: %.*s",
		    (int)row->serial.len, row->serial.p, (int)row->revoked.len, row->revoked.p);
	}
	if (status == 0)
		*ret = made;
	else
		blob_free(&made);
	maker_free(&m);
	free(list);
	return status;
}
