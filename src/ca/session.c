#include "ca/session.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define STALE_S 60
#define POLL_MS 10

static bool is_session_name(const char *name)
{
	static const char old_prefix[] = "easy-rsa-";
	if (strncmp(name, old_prefix, sizeof old_prefix - 1) == 0)
		return true;
	return strlen(name) == 8 && strspn(name, "0123456789abcdef") == 8;
}

bool session_running(const char *temp_dir)
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
	}
	closedir(d);
	return running;
}

bool session_wait(const char *temp_dir, int max_ms)
{
	static const struct timespec pause = {0, POLL_MS * 1000000L};
	for (int waited = 0; session_running(temp_dir); waited += POLL_MS) {
		if (waited >= max_ms)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}
