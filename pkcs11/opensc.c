#include "pkcs11/opensc.h"
#include "core/file.h"
#include "core/xalloc.h"
#include "pkcs11/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SYSTEM_CONF "/etc/opensc/opensc.conf"
#define CONF_MAX ((size_t)1 << 20)

/* OpenSC has 16 of these by default, four for a card, and leaves out the readers that come after. */
#define VIRTUAL_SLOTS 256

/* OpenSC ignores a reader whose name has the given text anywhere in it, and has no way to write a quote. */
static bool can_ignore(const char *name, const char *only)
{
	return strcmp(name, only) != 0 && strstr(only, name) == NULL && strpbrk(name, "\"\r\n") == NULL;
}

static void write_ignored(FILE *f, const char *only)
{
	struct reader *list = NULL;
	size_t n = 0, written = 0;
	if (only == NULL || reader_list(&list, &n, NULL) != 0)
		return;
	for (size_t i = 0; i < n; i++) {
		if (can_ignore(list[i].name, only))
			fprintf(f, "%s\"%s\"", written++ == 0 ? "\tignored_readers = " : ", ", list[i].name);
	}
	if (written != 0)
		fputs(";\n", f);
	free(list);
}

static void write_settings(FILE *f, const struct profile_list *settings)
{
	for (size_t i = 0; i < settings->n; i++)
		fprintf(f, "\t\t%s;\n", settings->v[i]);
}

/* OpenSC takes the first block of a name, and those of its program's own "app" before those of "app default". */
static void write_app(FILE *f, const char *app, const char *only, const struct profile *p)
{
	fprintf(f, "app %s {\n", app);
	write_ignored(f, only);
	fprintf(f, "\tpkcs11 {\n\t\tmax_virtual_slots = %d;\n", VIRTUAL_SLOTS);
	if (p != NULL)
		write_settings(f, &p->module.opensc_pkcs11);
	fputs("\t}\n", f);
	if (p != NULL && p->module.opensc_pkcs15.n != 0) {
		fputs("\tframework pkcs15 {\n", f);
		write_settings(f, &p->module.opensc_pkcs15);
		fputs("\t}\n", f);
	}
	fputs("}\n", f);
}

static void write_systems(FILE *f)
{
	const char *path = getenv("OPENSC_CONF");
	struct blob text = BLOB_INIT;
	/* that it could not be written shows when f is closed */
	if (file_read(path != NULL ? path : SYSTEM_CONF, CONF_MAX, &text, NULL) == 0)
		(void)fwrite(text.data, 1, text.len, f);
	blob_free(&text);
}

int opensc_configure(const char *only_reader, const struct profile *p, struct err *e)
{
	char *text = NULL, path[64];
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	if (f == NULL)
		return err_errno(e, ERR_SYSTEM, "cannot put a configuration for OpenSC together");
	write_app(f, "opensc-pkcs11", only_reader, p);
	write_app(f, "onepin-opensc-pkcs11", only_reader, p);
	write_systems(f);
	bool whole = fclose(f) == 0;
	int fd = whole ? memfd_create("opensc.conf", MFD_CLOEXEC) : -1;
	int ret = fd >= 0 ? file_write_all(fd, text, len) : -1;
	if (ret == 0) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		ret = setenv("OPENSC_CONF", path, 1);
	}
	free(text);
	return ret == 0 ? 0 : err_errno(e, ERR_SYSTEM, "cannot hand a configuration to OpenSC");
}
