#include "events.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ASKED "asked:"
#define ALONE "alone:"

static off_t seen;

static const char *setting(void)
{
	const char *text = getenv("FAULTY_EVENTS");

	return text ? text : "";
}

bool events_are_told(void)
{
	return *setting() != '\0';
}

static bool is_kind(const char *kind)
{
	return strncmp(setting(), kind, strlen(kind)) == 0;
}

static const char *watched(void)
{
	return setting() + (is_kind(ASKED) || is_kind(ALONE) ? strlen(ASKED) : 0);
}

static off_t size_now(void)
{
	struct stat st;

	return stat(watched(), &st) == 0 ? st.st_size : 0;
}

/* While another process waits, which has it locked then; one that has just begun gets the time for that. */
static bool is_occupied(void)
{
	static const struct timespec pause = {0, 200 * 1000000L};
	int fd = open(watched(), O_RDWR | O_CLOEXEC);
	bool free;

	nanosleep(&pause, NULL);
	free = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) == 0;

	if (fd >= 0)
		close(fd);
	return !free;
}

CK_RV events_begin(void)
{
	seen = events_are_told() ? size_now() : 0;
	return events_are_told() && is_kind(ALONE) && is_occupied() ? CKR_DEVICE_ERROR : CKR_OK;
}

CK_RV events_wait(CK_FLAGS flags, CK_SLOT_ID *ret_slot, void *reserved)
{
	static const struct timespec pause = {0, 20 * 1000000L};
	bool waits = !(flags & CKF_DONT_BLOCK);

	if (!ret_slot || reserved)
		return CKR_ARGUMENTS_BAD;
	if (waits && is_kind(ASKED))
		return CKR_FUNCTION_NOT_SUPPORTED;
	if (waits && is_kind(ALONE))
		flock(open(watched(), O_RDWR | O_CLOEXEC), LOCK_EX);
	while (size_now() == seen && waits)
		nanosleep(&pause, NULL);
	if (size_now() == seen)
		return CKR_NO_EVENT;
	seen = size_now();
	*ret_slot = 0;
	return CKR_OK;
}
