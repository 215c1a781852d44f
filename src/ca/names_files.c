#include "ca/certificate.h"
#include "ca/names.h"
#include "ca/subject.h"
#include "core/xalloc.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const folders[] = {"issued", "renewed/issued"};

/* A record (record.h) holds it in a line, and it is a file's. */
static bool is_file_name(const char *name)
{
	return name[0] != '\0' && strlen(name) < CA_NAME_MAX && strpbrk(name, "/\n") == NULL;
}

static bool has_serial(const char *path, const char *serial)
{
	X509 *cert = certificate_read(path, NULL);
	char *own = cert != NULL ? certificate_serial(cert) : NULL;
	bool same = own != NULL && strcmp(own, serial) == 0;
	free(own);
	X509_free(cert);
	return same;
}

static bool is_in(const struct ca *ca, const char *folder, const char *name, const char *serial)
{
	char *path = pki_path(ca, "%s/%s.crt", folder, name);
	bool ret = is_file_name(name) && has_serial(path, serial);
	free(path);
	return ret;
}

/* easy-rsa writes the same bytes to both places, so only files of that size are read; there may be a million. A size of
 * 0 is any. */
static bool search(const struct ca *ca, const char *folder, const char *serial, off_t size, char ret[CA_NAME_MAX])
{
	char *path = pki_path(ca, "%s", folder);
	DIR *d = opendir(path);
	const struct dirent *entry;
	bool found = false;
	while (d != NULL && !found && (entry = readdir(d)) != NULL) {
		struct stat st;
		size_t n = strlen(entry->d_name);
		if (n <= 4 || n - 4 >= CA_NAME_MAX || strcmp(entry->d_name + n - 4, ".crt") != 0 ||
		    fstatat(dirfd(d), entry->d_name, &st, 0) != 0 || (size != 0 && st.st_size != size))
			continue;
		char name[CA_NAME_MAX];
		snprintf(name, sizeof name, "%.*s", (int)(n - 4), entry->d_name);
		found = is_in(ca, folder, name, serial);
		if (found)
			memcpy(ret, name, sizeof name);
	}
	if (d != NULL)
		closedir(d);
	free(path);
	return found;
}

void names_of_files(const struct ca *ca, const X509 *cert, const char *serial, char ret[CA_NAME_MAX])
{
	char *cn = cert != NULL ? subject_cn(X509_get_subject_name(cert)) : NULL;
	char *copy = pki_path(ca, "certs_by_serial/%s.pem", serial);
	struct stat st;
	bool found = false;
	ret[0] = '\0';
	for (size_t i = 0; cn != NULL && !found && i < 2; i++)
		found = is_in(ca, folders[i], cn, serial);
	if (found)
		snprintf(ret, CA_NAME_MAX, "%s", cn);
	for (size_t i = 0; !found && i < 2 && stat(copy, &st) == 0; i++)
		found = search(ca, folders[i], serial, st.st_size, ret);
	free(copy);
	free(cn);
}

X509 *names_renewed(const struct ca *ca, const char *serial)
{
	char name[CA_NAME_MAX];
	return search(ca, "renewed/issued", serial, 0, name) ? names_certificate(ca, name, serial) : NULL;
}
