/*
 * tokenroll-vpn: runs a VPN for as long as its token is in, and asks for the
 * token's PIN through systemd's password agents. tokenroll-vpn@.service starts
 * it on an employee's laptop.
 */
#include "core/process.h"
#include "vpn/client.h"
#include "vpn/notify.h"
#include "vpn/wait.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char usage[] =
    "usage: tokenroll-vpn PROFILE [OPENVPN-OPTION...]\n"
    "\n"
    "PROFILE is an OpenVPN configuration; .conf or .ovpn may be left out. The options go behind it.\n"
    "The PIN is asked for through systemd's password agents, and never a second time.\n";

static bool is_file(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* The profile, with its suffix if that was left out. What belongs to it may be in a folder of that name beside it. */
static int find_profile(char ret[PATH_MAX], const char *given, struct err *e)
{
	static const char *const suffixes[] = {"", ".conf", ".ovpn"};
	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		int n = snprintf(ret, PATH_MAX, "%s%s", given, suffixes[i]);
		if (n > 0 && n < PATH_MAX && is_file(ret))
			return 0;
	}
	err_set(e, ERR_CONFIG, "there is no file %s, neither with .conf nor with .ovpn behind it", given);
	return err_next(e, "put the profile of your bundle there, the one for Linux, with all that is beside it");
}

/* The profile's name for people: without folder and suffix. */
static void name_of(char *ret, size_t size, const char *profile)
{
	const char *slash = strrchr(profile, '/');
	snprintf(ret, size, "%s", slash != NULL ? slash + 1 : profile);
	char *dot = strrchr(ret, '.');
	if (dot != NULL && dot != ret)
		*dot = '\0';
}

static int fail(const struct err *e)
{
	const char *advice = err_advice(e);
	fprintf(stderr, "tokenroll-vpn: %s%s%s%s\n", e->what, e->native[0] != '\0' ? " (" : "", e->native,
		e->native[0] != '\0' ? ")" : "");
	if (*advice != '\0')
		fprintf(stderr, "  %s\n", advice);
	char status[sizeof e->what + 16];
	snprintf(status, sizeof status, "STATUS=%s", e->what);
	notify_send(status);
	return err_exit_status(e->code);
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	char profile[PATH_MAX], name[NAME_MAX + 1];
	process_fill_descriptors();
	if (argc < 2 || argv[1][0] == '-') {
		bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
		fputs(usage, help ? stdout : stderr);
		return help ? 0 : 2;
	}
	notify_begin();
	wait_catch_signals();
	const char *const *options = (const char *const *)argv + 2;
	if (process_harden(&e) != 0 || find_profile(profile, argv[1], &e) != 0)
		return fail(&e);
	name_of(name, sizeof name, profile);
	return client_run(profile, name, options, &e) == 0 ? 0 : fail(&e);
}
