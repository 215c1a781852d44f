/*
 * doctor_versions: of what tokenroll works with. A library that tells its
 * version when it runs is asked; of the others, and of programs, the
 * distribution's list of packages is, because neither libraries nor modules
 * are to be loaded for that, nor programs run that may do more.
 */
#include "life/doctor_impl.h"

#include "core/file.h"
#include "core/process.h"
#include "core/xalloc.h"

#include <openssl/crypto.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define ASK_MS 5000
#define OS_RELEASE_MAX ((size_t)64 << 10)

/* Another name in each kind of distribution. */
struct package {
	const char *name, *deb, *rpm;
};

static const struct package packages[] = {
    {"p11_kit", "libp11-kit0", "p11-kit"},
    {"libp11", "libp11-3", "libp11"},
    {"pcsc_lite", "libpcsclite1", "pcsc-lite-libs"},
    {"pcscd", "pcscd", "pcsc-lite"},
    {"opensc", "opensc-pkcs11", "opensc"},
    {"ykcs11", "ykcs11", "yubico-piv-tool"},
    {"softhsm2", "libsofthsm2", "softhsm"},
    {"scdaemon", "scdaemon", "gnupg2-scdaemon"},
    {"easy_rsa", "easy-rsa", "easy-rsa"},
    {"openvpn", "openvpn", "openvpn"},
};

#define N_PACKAGES (sizeof packages / sizeof *packages)
#define HEAD_MAX 3 /* words before their names */

static void say(struct doctor_run *r, const char *name, const char *version)
{
	if (version[0] != '\0')
		doctor_say(r, DOCTOR_VERSIONS, DOCTOR_OK, name, "%s", version);
}

/* "name TAB version TAB ii": the last for one that is installed and not merely remembered. */
static void say_package(struct doctor_run *r, const char *name, const char *package, const char *list)
{
	size_t n = strlen(package);
	for (const char *line = list; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, package, n) != 0 || line[n] != '\t')
			continue;
		const char *version = line + n + 1;
		size_t len = strcspn(version, "\t\n");
		if (strncmp(version + len, "\tii", 3) != 0)
			continue;
		doctor_say(r, DOCTOR_VERSIONS, DOCTOR_OK, name, "%.*s", (int)len, version);
		return;
	}
}

/* Both end with a failure if only one package is not installed, and tell of the others all the same. */
static bool ask_packages(struct doctor_run *r, const char *const head[HEAD_MAX], bool deb)
{
	const char *argv[HEAD_MAX + N_PACKAGES + 1] = {NULL};
	struct blob out = BLOB_INIT;
	for (size_t i = 0; i < HEAD_MAX; i++)
		argv[i] = head[i];
	for (size_t i = 0; i < N_PACKAGES; i++)
		argv[HEAD_MAX + i] = deb ? packages[i].deb : packages[i].rpm;
	const struct process_hook hook = {.argv = argv, .in = -1, .umask = 077, .timeout_ms = ASK_MS};
	(void)process_run_hook(&hook, &out, NULL);
	bool told = out.data != NULL && strstr((const char *)out.data, "\tii") != NULL;
	for (size_t i = 0; told && i < N_PACKAGES; i++)
		say_package(r, packages[i].name, deb ? packages[i].deb : packages[i].rpm, (const char *)out.data);
	blob_free(&out);
	return told;
}

static void say_packages(struct doctor_run *r)
{
	static const char *const deb[HEAD_MAX] = {"dpkg-query", "-W",
						  "-f=${Package}\t${Version}\t${db:Status-Abbrev}\n"};
	static const char *const rpm[HEAD_MAX] = {"rpm", "-q", "--qf=%{NAME}\t%{VERSION}-%{RELEASE}\tii\n"};
	if (!ask_packages(r, deb, true))
		(void)ask_packages(r, rpm, false);
}

/* PRETTY_NAME of os-release(5), without its quotes. */
static void say_distribution(struct doctor_run *r)
{
	static const char key[] = "\nPRETTY_NAME=";
	struct blob text = BLOB_INIT;
	if (file_read("/etc/os-release", OS_RELEASE_MAX, &text, NULL) != 0)
		return;
	char *whole = xasprintf("\n%s", (const char *)text.data);
	char *value = strstr(whole, key);
	if (value != NULL) {
		value += sizeof key - 1;
		value += *value == '"' || *value == '\'';
		value[strcspn(value, "\"'\n")] = '\0';
		say(r, "distribution", value);
	}
	free(whole);
	blob_free(&text);
}

void doctor_versions(struct doctor_run *r)
{
	struct utsname u;
	say(r, "tokenroll", TOKENROLL_VERSION);
	say(r, "openssl", OpenSSL_version(OPENSSL_VERSION_STRING));
	say(r, "sqlite", sqlite3_libversion());
	say_packages(r);
	if (uname(&u) == 0)
		doctor_say(r, DOCTOR_VERSIONS, DOCTOR_OK, "kernel", "%s %s %s", u.sysname, u.release, u.machine);
	say_distribution(r);
}
