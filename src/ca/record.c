#include "ca/record.h"

#include "ca/pki.h"
#include "core/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORD_MAX 65536

static const char header[] = "tokenroll 1\n";

static char *record_path(const char *pki)
{
	return xasprintf("%s/index.txt.tokenroll", pki);
}

/* Takes "key value" if the line is one; each key may come once. */
static bool take(char **slot, const char *key, const char *line)
{
	size_t n = strlen(key);
	if (*slot != NULL || strncmp(line, key, n) != 0 || line[n] != ' ')
		return false;
	*slot = xstrdup(line + n + 1);
	return true;
}

static bool parse(char *text, struct record *r)
{
	bool good = strncmp(text, header, sizeof header - 1) == 0;
	char *rest = text + (good ? sizeof header - 1 : 0);
	while (good && *rest != '\0') {
		char *line = strsep(&rest, "\n");
		good = rest != NULL &&
		       (take(&r->name, "name", line) || take(&r->row, "row", line) || take(&r->aside, "aside", line) ||
			take(&r->revoke, "revoke", line) || take(&r->revoked, "revoked", line));
	}
	return good && r->name != NULL && (r->revoke == NULL) == (r->revoked == NULL);
}

int record_read(const char *pki, bool *ret_found, struct record *ret, struct err *e)
{
	char *path = record_path(pki);
	struct blob text = BLOB_INIT;
	struct record r = RECORD_INIT;
	int status = file_read(path, RECORD_MAX, &text, e);
	if (status != 0 && errno == ENOENT) {
		err_clear(e);
		*ret_found = false;
		free(path);
		return 0;
	}
	if (status != 0 && e != NULL)
		e->code = ERR_CA_PKI;
	if (status == 0 && !parse((char *)text.data, &r)) {
		status = err_set(e, ERR_CA_PKI, "%s is not a record that this version of tokenroll knows", path);
		err_next(e, "compare index.txt with the certificates in issued/, then remove that file");
	}
	if (status == 0) {
		*ret = r;
		*ret_found = true;
	} else {
		record_free(&r);
	}
	blob_free(&text);
	free(path);
	return status;
}

/* It becomes one in issued/ and elsewhere; and here a line. A certificate that is revoked, or gets its row back,
 * without touching the files of its name has none. */
static int check_name(const struct record *r, struct err *e)
{
	const char *name = r->name;
	bool good = (name[0] != '\0' || r->aside == NULL) && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
	for (const char *c = name; good && *c != '\0'; c++)
		good = *c != '/' && (unsigned char)*c >= 0x20 && *c != 0x7F;
	if (good)
		return 0;
	err_set(e, ERR_CA_REFUSED,
		"\"%.100s\" is no name for a file, so nothing is done with the certificate of that name", name);
	return err_next(e, "see who has issued it; easyrsa can revoke it by the name of its file in issued/");
}

int record_add(struct file_batch *b, const char *pki, const struct record *r, struct err *e)
{
	if (check_name(r, e) != 0)
		return -1;
	char *path = record_path(pki);
	char *row = r->row != NULL ? xasprintf("row %s\n", r->row) : xstrdup("");
	char *aside = r->aside != NULL ? xasprintf("aside %s\n", r->aside) : xstrdup("");
	char *revoke = r->revoke != NULL ? xasprintf("revoke %s\nrevoked %s\n", r->revoke, r->revoked) : xstrdup("");
	char *text = xasprintf("%sname %s\n%s%s%s", header, r->name, row, aside, revoke);
	int ret = pki_add(b, path, text, strlen(text), e);
	free(text);
	free(revoke);
	free(aside);
	free(row);
	free(path);
	return ret;
}

int record_write(const char *pki, const struct record *r, struct err *e)
{
	struct file_batch b = FILE_BATCH_INIT;
	return record_add(&b, pki, r, e) == 0 ? pki_commit(&b, e) : -1;
}

int record_remove(const char *pki, struct err *e)
{
	char *path = record_path(pki);
	int ret = 0;
	if (unlink(path) != 0 && errno != ENOENT)
		ret = err_errno(e, ERR_CA_FAILED, "cannot remove %s", path);
	if (ret == 0)
		ret = file_sync_dir(pki, e);
	free(path);
	return ret;
}

void record_free(struct record *r)
{
	free(r->name);
	free(r->row);
	free(r->aside);
	free(r->revoke);
	free(r->revoked);
	*r = (struct record)RECORD_INIT;
}
