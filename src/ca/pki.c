#include "ca/pki.h"

#include "core/file.h"
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

int pki_write(const char *path, const void *data, size_t len, struct err *e)
{
	if (file_write(path, data, len, 0600, e) == 0)
		return 0;
	if (e != NULL)
		e->code = ERR_CA_FAILED;
	return -1;
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
	bool counts = ca->vars->random_serials || pki_exists(serial);
	free(serial);
	if (counts)
		return 0;
	err_set(e, ERR_CA_PKI, "the PKI %s is incomplete: it counts its serial numbers, but its file serial is missing",
		ca->pki);
	return err_next(e, "restore the file, or write the next number, in hex, into it");
}
