#include "ca/pki.h"

#include "ca/lock.h"
#include "core/xalloc.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *pki_path(const struct ca *ca, const char *fmt, ...)
{
	char rest[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(rest, sizeof rest, fmt, ap); /* folder, name and ending have bounds far below */
	va_end(ap);
	return xasprintf("%s/%s", ca->pki, rest);
}

void pki_note(const struct ca *ca, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	if (ca->note == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	ca->note(ca->note_arg, text);
}

static int fault(struct err *e)
{
	if (e != NULL)
		e->code = ERR_CA_FAILED;
	return -1;
}

int pki_add(struct file_batch *b, const char *path, const void *data, size_t len, struct err *e)
{
	return file_batch_replace(b, path, data, len, 0600, e) == 0 ? 0 : fault(e);
}

int pki_commit(struct file_batch *b, struct err *e)
{
	return file_batch_commit(b, e) == 0 ? 0 : fault(e);
}

int pki_write(const char *path, const void *data, size_t len, struct err *e)
{
	return file_replace(path, data, len, 0600, e) == 0 ? 0 : fault(e);
}

int pki_mkdir(const struct ca *ca, const char *name, struct err *e)
{
	struct stat st;
	char *path = pki_path(ca, "%s", name);
	bool is_new = !pki_exists(path);
	int ret = file_mkdir(path, 0700, e);
	/* easy-rsa of the PKI's owner has to be able to go on with it */
	if (ret == 0 && is_new && geteuid() == 0 && stat(ca->pki, &st) == 0 && chown(path, st.st_uid, st.st_gid) != 0)
		ret = err_errno(e, ERR_CA_FAILED, "cannot give %s to the owner of the PKI", path);
	free(path);
	return ret;
}

bool pki_exists(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0;
}

const char *pki_temp_dir(const struct ca *ca)
{
	const char *temp = ca->vars->value[VAR_TEMP_DIR];
	return temp[0] != '\0' ? temp : ca->pki;
}

static bool is_folder(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int pki_find_ext_dir(char **ret, const struct config_ca *cfg, const struct vars *vars, const char *pki, struct err *e)
{
	static const char *const system_dirs[] = {"/etc/easy-rsa/x509-types", "/usr/share/easy-rsa/x509-types",
						  "/usr/local/share/easy-rsa/x509-types"};
	static const char *const beside[] = {"x509-types", "../x509-types"};
	const char *named = cfg->x509_types != NULL ? cfg->x509_types : vars->value[VAR_EXT_DIR];
	if (named[0] != '\0') {
		if (!is_folder(named)) {
			err_errno(e, ERR_CA_PKI, "the folder of certificate types %s cannot be opened", named);
			return err_next(e, "correct %s",
					cfg->x509_types != NULL ? "[ca] x509-types" : "EASYRSA_EXT_DIR");
		}
		*ret = xstrdup(named);
		return 0;
	}
	for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
		char *path = xasprintf("%s/%s", pki, beside[i]);
		if (is_folder(path)) {
			*ret = path;
			return 0;
		}
		free(path);
	}
	for (size_t i = 0; i < sizeof system_dirs / sizeof *system_dirs; i++) {
		if (is_folder(system_dirs[i])) {
			*ret = xstrdup(system_dirs[i]);
			return 0;
		}
	}
	*ret = NULL;
	return 0;
}

int pki_check_folders(const struct ca *ca, struct err *e)
{
	static const char *const folders[] = {"issued", "certs_by_serial", "reqs"};
	struct stat st;
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		char *path = pki_path(ca, "%s", folders[i]);
		bool good = is_folder(path);
		free(path);
		if (!good) {
			err_set(e, ERR_CA_PKI, "the PKI %s is incomplete: its folder %s is missing", ca->pki,
				folders[i]);
			return err_next(e,
					"was `easyrsa build-ca` run to its end? Else restore the folder from a backup");
		}
	}
	char *serial = pki_path(ca, "serial");
	bool good = stat(serial, &st) == 0 && S_ISREG(st.st_mode);
	free(serial);
	if (good)
		return 0;
	/* with random numbers nothing here reads it, but every easyrsa command wants it */
	err_set(e, ERR_CA_PKI, "the PKI %s is incomplete: its file serial is missing", ca->pki);
	return err_next(e, "restore the file, or write the next serial number, in hex, into it");
}

int pki_check_replace(const struct ca *ca, const char *name, struct err *e)
{
	char *path = pki_path(ca, "%s", name);
	int ret = file_check_replace(path, e);
	if (ret != 0 && e != NULL) {
		e->code = ERR_CA_PKI;
		err_prefix(e, "the PKI cannot be changed");
		err_next(e,
			 "run tokenroll as the owner of that file and a member of its group, or let the group have no "
			 "right: chmod g= %s",
			 path);
	}
	free(path);
	return ret;
}

int pki_check_rights(const struct ca *ca, struct err *e)
{
	static const char *const parts[] = {"", "/index.txt", "/issued", "/certs_by_serial", "/reqs"};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		char *path = xasprintf("%s%s", ca->pki, parts[i]);
		bool good = access(path, W_OK) == 0;
		if (!good)
			err_errno(e, ERR_CA_PKI, "the PKI cannot be changed: no right to write %s", path);
		free(path);
		if (!good)
			return err_next(e, "run tokenroll as the owner of the PKI, where it is not mounted read-only");
	}
	return 0;
}

int pki_check_writable(const struct ca *ca, struct err *e)
{
	if (pki_check_rights(ca, e) != 0)
		return -1;
	if (!ca->vars->random_serials &&
	    (pki_check_replace(ca, "serial", e) != 0 || pki_check_replace(ca, "serial.old", e) != 0))
		return -1;
	return pki_lock_wait(ca->pki, ca->lock_wait, ca->note, ca->note_arg, e);
}
