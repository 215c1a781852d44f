#include "ca/session.h"

#include <dirent.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define STALE_S 60
#define POLL_MS 10
#define PATIENCE_MS 300 /* that many end sooner */
#define WAIT_MS 10000

static bool is_session_name(const char *name)
{
	static const char old_prefix[] = "easy-rsa-";
	if (strncmp(name, old_prefix, sizeof old_prefix - 1) == 0)
		return true;
	return strlen(name) == 8 && strspn(name, "0123456789abcdef") == 8;
}

/* The name of one, in ret. */
static bool find(const char *temp_dir, char *ret, size_t size)
{
	DIR *d = opendir(temp_dir);
	if (d == NULL)
		return false;
	bool running = false;
	const struct dirent *entry;
	while (!running && (entry = readdir(d)) != NULL) {
		struct stat st;
		running = is_session_name(entry->d_name) && fstatat(dirfd(d), entry->d_name, &st, 0) == 0 &&
			  S_ISDIR(st.st_mode) && time(NULL) - st.st_mtime < STALE_S;
		if (running)
			snprintf(ret, size, "%s", entry->d_name);
	}
	closedir(d);
	return running;
}

bool session_running(const char *temp_dir)
{
	char name[NAME_MAX + 1];
	return find(temp_dir, name, sizeof name);
}

bool session_wait(const struct ca *ca)
{
	static const struct timespec pause = {0, POLL_MS * 1000000L};
	const char *temp_dir = pki_temp_dir(ca);
	char name[NAME_MAX + 1];
	for (int waited = 0; find(temp_dir, name, sizeof name); waited += POLL_MS) {
		if (waited >= WAIT_MS)
			return false;
		if (waited == PATIENCE_MS)
			pki_note(ca,
				 "an easyrsa is at work on the PKI, or was killed a moment ago (its folder %s/%s): it "
				 "is waited for, at most %d s",
				 temp_dir, name, WAIT_MS / 1000);
		nanosleep(&pause, NULL);
	}
	return true;
}
