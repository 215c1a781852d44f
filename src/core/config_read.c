#include "core/config.h"
#include "core/file.h"

#include <errno.h>

#define CONFIG_BYTES_MAX ((size_t)1 << 20)

int config_read(struct config **ret, const char *path, struct err *e)
{
	struct blob text = BLOB_INIT;
	if (file_read(path, CONFIG_BYTES_MAX, &text, e) != 0) {
		bool denied = errno == EACCES;
		e->code = ERR_CONFIG;
		err_prefix(e, "no configuration");
		if (denied)
			return err_next(e, "run it as root or as the user whom %s belongs to", path);
		return err_next(e, "write %s, or name another file with -c or TOKENROLL_CONFIG", path);
	}
	return config_parse(ret, path, &text, e);
}

const char *config_platform_name(enum config_platform p)
{
	static const char *const names[PLATFORM_COUNT] = {"linux", "windows", "macos"};
	return p < PLATFORM_COUNT ? names[p] : "unknown";
}
