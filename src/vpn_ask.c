/*
 * tokenroll-vpn-ask: asks for the PIN of a VPN's token in a dialog. The
 * desktop starts it for each session (XDG autostart), and it ends at once on a
 * computer where no VPN starts with a token.
 *
 * usage: tokenroll-vpn-ask [FOLDER]   where systemd puts its questions
 */
#include "core/process.h"
#include "vpn/desktop.h"
#include "vpn/question.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* As process_harden, but for new privileges: pkexec needs them. */
static void harden(void)
{
	static const struct rlimit no_core = {0, 0};
	(void)setrlimit(RLIMIT_CORE, &no_core);
#ifndef __SANITIZE_ADDRESS__ /* as there */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
	signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	process_fill_descriptors();
	harden();
	if (argc < 2 && access(SYSCONF_DIR "/vpn.env", F_OK) != 0)
		return 0;
	desktop_serve(argc > 1 ? argv[1] : QUESTION_FOLDER, &e);
	fprintf(stderr, "tokenroll-vpn-ask: %s (%s)\n", e.what, e.native);
	return 1;
}
