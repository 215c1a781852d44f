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

/* All that a configuration is made of. */
struct facts {
	struct reader *readers;
	size_t n_readers;
	const char *only;  /* NULL: all readers */
	const char *cards; /* as opensc.h has it */
	const struct profile *profile;
};

/* OpenSC ignores a reader whose name has the given text anywhere in it, and has no way to write a quote. */
static bool can_ignore(const struct facts *k, const char *name)
{
	if (strpbrk(name, "\"\r\n") != NULL)
		return false;
	if (k->only != NULL)
		return strstr(k->only, name) == NULL;
	for (size_t i = 0; i < k->n_readers; i++) {
		if (strcmp(k->readers[i].name, name) != 0 && strstr(k->readers[i].name, name) != NULL)
			return false;
	}
	return true;
}

static bool is_ignored(const struct facts *k, const char *name)
{
	size_t n = strlen(name);
	if (k->only != NULL && strcmp(k->only, name) != 0)
		return true;
	for (const char *at = k->cards; (at = strstr(at, OPENSC_IGNORE)) != NULL; at++) {
		bool starts = at == k->cards || at[-1] == '\n';
		const char *value = at + strlen(OPENSC_IGNORE);
		if (starts && strncmp(value, name, n) == 0 && value[n] == '\n')
			return true;
	}
	return false;
}

static void write_ignored(FILE *f, const struct facts *k)
{
	size_t written = 0;
	for (size_t i = 0; i < k->n_readers; i++) {
		const char *name = k->readers[i].name;
		if (is_ignored(k, name) && can_ignore(k, name))
			fprintf(f, "%s\"%s\"", written++ == 0 ? "\tignored_readers = " : ", ", name);
	}
	if (written != 0)
		fputs(";\n", f);
}

/* OpenSC wants colons between the bytes. */
static void write_driver(FILE *f, const char *atr, size_t len, const char *driver)
{
	if (len == 0 || len % 2 != 0)
		return;
	fputs("\tcard_atr ", f);
	for (size_t i = 0; i < len; i += 2)
		fprintf(f, "%s%.2s", i != 0 ? ":" : "", atr + i);
	fprintf(f, " {\n\t\tdriver = \"%.*s\";\n\t}\n", (int)strcspn(driver, "\"\r\n"), driver);
}

static void write_drivers(FILE *f, const struct facts *k)
{
	const struct reader *r = k->only != NULL ? reader_find(k->readers, k->n_readers, k->only) : NULL;
	if (r != NULL && k->profile != NULL && k->profile->module.opensc_driver != NULL)
		write_driver(f, r->atr, strlen(r->atr), k->profile->module.opensc_driver);
	for (const char *at = k->cards; (at = strstr(at, OPENSC_DRIVER)) != NULL; at++) {
		const char *atr = at + strlen(OPENSC_DRIVER);
		size_t len = strspn(atr, "0123456789ABCDEF");
		if ((at == k->cards || at[-1] == '\n') && atr[len] == ' ')
			write_driver(f, atr, len, atr + len + 1);
	}
}

static void write_settings(FILE *f, const struct profile_list *settings)
{
	for (size_t i = 0; i < settings->n; i++)
		fprintf(f, "\t\t%s;\n", settings->v[i]);
}

/* OpenSC takes the first block of a name, and those of its program's own "app" before those of "app default". */
static void write_app(FILE *f, const char *app, const struct facts *k)
{
	const struct profile *p = k->profile;
	fprintf(f, "app %s {\n", app);
	write_ignored(f, k);
	write_drivers(f, k);
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

bool opensc_is_module(const char *path)
{
	static const char name[] = "opensc-pkcs11", onepin[] = "onepin-opensc-pkcs11";
	const char *slash = strrchr(path, '/');
	const char *file = slash != NULL ? slash + 1 : path;
	return strncmp(file, name, sizeof name - 1) == 0 || strncmp(file, onepin, sizeof onepin - 1) == 0;
}

int opensc_configure(const char *only_reader, const char *cards, const struct profile *p, struct err *e)
{
	struct facts k = {.only = only_reader, .cards = cards, .profile = p};
	char *text = NULL, path[64];
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	if (f == NULL)
		return err_errno(e, ERR_SYSTEM, "cannot put a configuration for OpenSC together");
	if ((only_reader == NULL && cards[0] == '\0') || reader_list(&k.readers, &k.n_readers, NULL) != 0)
		k.n_readers = 0;
	write_app(f, "opensc-pkcs11", &k);
	write_app(f, "onepin-opensc-pkcs11", &k);
	write_systems(f);
	free(k.readers);
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
