#include "core/xalloc.h"
#include "pkcs11/profile.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
#define TRIPLET "x86_64-linux-gnu"
#elif defined(__aarch64__)
#define TRIPLET "aarch64-linux-gnu"
#elif defined(__arm__)
#define TRIPLET "arm-linux-gnueabihf"
#elif defined(__i386__)
#define TRIPLET "i386-linux-gnu"
#elif defined(__riscv)
#define TRIPLET "riscv64-linux-gnu"
#else
#define TRIPLET "."
#endif

/* Where distributions and vendors put modules; a library for another machine is in none of the first ones. */
static const char *const folders[] = {
    "/usr/lib/" TRIPLET, "/usr/lib/" TRIPLET "/pkcs11", "/usr/lib/" TRIPLET "/softhsm",
#if defined(__LP64__)
    "/usr/lib64",        "/usr/lib64/pkcs11",
#endif
    "/usr/local/lib",    "/usr/local/lib/pkcs11",       "/usr/local/lib/softhsm",       "/usr/lib", "/usr/lib/pkcs11",
    "/usr/lib/softhsm",
};

char *profile_module_path(const char *name)
{
	if (strchr(name, '/') != NULL)
		return access(name, F_OK) == 0 ? xstrdup(name) : NULL;
	for (size_t i = 0; strstr(name, ".so") != NULL && i < sizeof folders / sizeof *folders; i++) {
		char *path = xasprintf("%s/%s", folders[i], name);
		if (access(path, F_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}
