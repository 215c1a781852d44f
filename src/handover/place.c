#include "handover/place.h"
#include "core/xalloc.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *suffix, *what;
	enum place_use use;
} own_files[] = {
    {".tar.gz", "archive", PLACE_BUNDLE},
    {".zip", "archive", PLACE_BUNDLE},
    {".req", "request", PLACE_REQUEST},
};

#define N_OWN_FILES (sizeof own_files / sizeof *own_files)

/* Cuts the last part off; false if there is nothing above it. */
static bool go_up(char *path)
{
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	char *slash = strrchr(path, '/');
	if (strcmp(path, "/") == 0 || strcmp(path, ".") == 0)
		return false;
	if (slash == NULL)
		memcpy(path, ".", 2); /* a name has at least one letter */
	else
		slash[slash == path] = '\0';
	return true;
}

/* The folder, or the one in which it would be made. */
static int check_dir(const char *dir, struct err *e)
{
	struct stat st;
	char *path = xasprintf("%s", *dir != '\0' ? dir : ".");
	int got;
	while ((got = stat(path, &st)) != 0 && errno == ENOENT && go_up(path))
		;
	if (got == 0 && !S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		got = -1;
	}
	if (got == 0)
		got = access(path, W_OK | X_OK);
	int saved = errno;
	free(path);
	if (got == 0)
		return 0;
	errno = saved;
	err_errno(e, ERR_CONFIG, "the folder for bundles, %s, can't be written to", dir);
	return err_next(e, "let this user write to the folder, or set dir under [bundle] in the configuration");
}

static int refuse(struct err *e)
{
	return err_next(e, "move it away if it is no longer needed, take another user name, or set another dir under "
			   "[bundle] in the configuration; nothing was changed");
}

/* Which of a user's files has this name, as a number in own_files; N_OWN_FILES if none. */
static size_t own_file_of(const char *name, size_t *ret_user_len)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < N_OWN_FILES; i++) {
		size_t n = strlen(own_files[i].suffix);
		*ret_user_len = len > n ? len - n : 0;
		if (*ret_user_len != 0 && strcmp(name + len - n, own_files[i].suffix) == 0)
			return i;
	}
	return N_OWN_FILES;
}

size_t place_other_user(const char *user)
{
	size_t len;
	return own_file_of(user, &len) != N_OWN_FILES ? len : 0;
}

/* Something that is not a folder is where the user's folder belongs: whose it may be, its name says. */
static int refuse_folder(const char *path, const char *user, struct err *e)
{
	size_t len, i = own_file_of(user, &len);
	if (i != N_OWN_FILES) {
		err_set(e, ERR_FOREIGN, "%s, where the folder of %s belongs, is the %s of the user %.*s", path, user,
			own_files[i].what, (int)len, user);
		return refuse(e);
	}
	err_set(e, ERR_FOREIGN, "%s, where the folder of %s belongs, is not a folder", path, user);
	return refuse(e);
}

static int check_folder(const char *dir, const char *user, struct err *e)
{
	struct stat st;
	char *path = xasprintf("%s/%s", dir, user);
	int ret = lstat(path, &st) == 0 && !S_ISDIR(st.st_mode) ? refuse_folder(path, user, e) : 0;
	free(path);
	return ret;
}

static bool is_request_of(const char *path, const char *user)
{
	char cn[128] = "";
	BIO *b = BIO_new_file(path, "r");
	X509_REQ *req = b != NULL ? PEM_read_bio_X509_REQ(b, NULL, NULL, NULL) : NULL;
	if (req != NULL)
		X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(req), NID_commonName, cn, sizeof cn);
	ERR_clear_error();
	X509_REQ_free(req);
	BIO_free(b);
	return strcmp(cn, user) == 0;
}

/* An earlier request is replaced, but nothing else that somebody keeps under that name. */
static int check_request(const char *dir, const char *user, struct err *e)
{
	struct stat st;
	char *path = xasprintf("%s/%s.req", dir, user);
	int ret = 0;
	if (lstat(path, &st) == 0 && !(S_ISREG(st.st_mode) && is_request_of(path, user))) {
		err_set(e, ERR_FOREIGN, "%s is not a request of %s, and one would take its place", path, user);
		ret = refuse(e);
	}
	free(path);
	return ret;
}

static int check_file(const char *dir, const char *user, const char *suffix, const char *what, struct err *e)
{
	struct stat st;
	char *path = xasprintf("%s/%s%s", dir, user, suffix);
	int ret = 0;
	if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		err_set(e, ERR_FOREIGN, "%s, where the %s of %s belongs, is the folder of the user %s%s", path, what,
			user, user, suffix);
		ret = refuse(e);
	}
	free(path);
	return ret;
}

int place_check(const char *dir, const char *user, enum place_use use, struct err *e)
{
	if (check_dir(dir, e) != 0 || (use == PLACE_BUNDLE && check_folder(dir, user, e) != 0))
		return -1;
	for (size_t i = 0; i < N_OWN_FILES; i++) {
		if (own_files[i].use == use && check_file(dir, user, own_files[i].suffix, own_files[i].what, e) != 0)
			return -1;
	}
	return use == PLACE_REQUEST ? check_request(dir, user, e) : 0;
}
