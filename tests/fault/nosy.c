/*
 * nosy: a PKCS#11 module that hands every call on to a real one, and looks round: it tries to read and change files,
 * and to get into the process that started it and into that one's other children. It does so when its library is
 * loaded, in C_Initialize, and in C_GenerateKeyPair.
 *
 *   NOSY_MODULE   path of the real module
 *                 (unset: it is preloaded, and looks for files only, where the process begins to pack or to mail)
 *   NOSY_LIST     file with the paths to try, one a line
 *   NOSY_LOG      file to which it appends what came of it, a line for each try:
 *
 *     load|initialize|generate|pack|mail  done|ERROR  read|write|make|move|cut|remove  PATH
 *     load|initialize|generate            done|ERROR  attach|memory|folder             NAME-OF-THE-PROCESS
 *
 * make is for a file beside PATH, folder is the one that the process is in. What it manages to move, make or attach to
 * it puts back; what it removes is gone.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <p11-kit/pkcs11.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void *archive_write_new(void);
int curl_easy_perform(void *curl);

static CK_FUNCTION_LIST *real, functions;

static void tell(FILE *log, const char *when, bool done, const char *what, const char *whom)
{
	fprintf(log, "%s %s %s %s\n", when, done ? "done" : strerrorname_np(errno), what, whom);
}

static bool opens(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);
	char byte;
	bool ret = fd >= 0 && ((flags & O_WRONLY) != 0 || read(fd, &byte, 1) >= 0);
	int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
	return ret;
}

static bool makes(const char *path)
{
	return opens(path, O_WRONLY | O_CREAT | O_EXCL) && unlink(path) == 0;
}

static bool moves(const char *path, const char *to)
{
	return rename(path, to) == 0 && rename(to, path) == 0;
}

static bool cuts(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && truncate(path, st.st_size) == 0;
}

static void try_file(FILE *log, const char *when, const char *path)
{
	char beside[PATH_MAX];

	snprintf(beside, sizeof(beside), "%s.nosy", path);
	tell(log, when, opens(path, O_RDONLY), "read", path);
	tell(log, when, opens(path, O_WRONLY), "write", path);
	tell(log, when, makes(beside), "make", path);
	tell(log, when, moves(path, beside), "move", path);
	tell(log, when, cuts(path), "cut", path);
	tell(log, when, unlink(path) == 0, "remove", path);
}

static bool attaches(pid_t pid)
{
	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) != 0)
		return false;
	waitpid(pid, NULL, __WALL);
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	return true;
}

static bool gets_in(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void try_process(FILE *log, const char *when, pid_t pid)
{
	char path[64], name[64] = "?";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (f && fgets(name, sizeof(name), f))
		name[strcspn(name, "\n")] = 0;
	if (f)
		fclose(f);
	tell(log, when, attaches(pid), "attach", name);
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	tell(log, when, gets_in(path), "memory", name);
	snprintf(path, sizeof(path), "/proc/%d/cwd", (int)pid);
	tell(log, when, gets_in(path), "folder", name);
}

static pid_t parent_of(pid_t pid)
{
	char path[64];
	int parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f && fscanf(f, "%*d (%*[^)]) %*c %d", &parent) != 1)
		parent = 0;
	if (f)
		fclose(f);
	return parent;
}

static int is_ours(pid_t pid)
{
	char path[64], name[16] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (f && !fgets(name, sizeof(name), f))
		name[0] = 0;
	if (f)
		fclose(f);
	return strncmp(name, "tokenroll", 9) == 0;
}

static void try_family(FILE *log, const char *when, pid_t parent)
{
	char path[64];
	int pid;
	FILE *f;

	try_process(log, when, parent);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &pid) == 1)
		if (pid != getpid())
			try_process(log, when, (pid_t)pid);
	if (f)
		fclose(f);
}

/* A station's workers have a parent of ours above their parent. */
static void try_processes(FILE *log, const char *when)
{
	pid_t parent = getppid(), above = parent_of(parent);

	try_family(log, when, parent);
	if (above > 0 && is_ours(above))
		try_family(log, when, above);
}

static void look_round(const char *when)
{
	const char *to = getenv("NOSY_LOG"), *from = getenv("NOSY_LIST");
	FILE *log = to ? fopen(to, "ae") : NULL, *list = from ? fopen(from, "re") : NULL;
	char path[PATH_MAX];

	while (log && list && fgets(path, sizeof(path), list)) {
		path[strcspn(path, "\n")] = 0;
		try_file(log, when, path);
	}
	if (log && list && getenv("NOSY_MODULE"))
		try_processes(log, when);
	if (log)
		fclose(log);
	if (list)
		fclose(list);
}

__attribute__((constructor)) static void loaded(void)
{
	if (getenv("NOSY_MODULE"))
		look_round("load");
}

/* libarchive's, which the courier calls */
__attribute__((visibility("default"))) void *archive_write_new(void)
{
	void *(*next)(void) = NULL;

	look_round("pack");
	*(void **)&next = dlsym(RTLD_NEXT, "archive_write_new");
	return next();
}

/* libcurl's, which the mailer calls */
__attribute__((visibility("default"))) int curl_easy_perform(void *curl)
{
	int (*next)(void *) = NULL;

	look_round("mail");
	*(void **)&next = dlsym(RTLD_NEXT, "curl_easy_perform");
	return next(curl);
}

static CK_RV initialize(void *args)
{
	look_round("initialize");
	return real->C_Initialize(args);
}

static CK_RV generate(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public_templ, CK_ULONG n_public,
		      CK_ATTRIBUTE *private_templ, CK_ULONG n_private, CK_OBJECT_HANDLE *ret_public,
		      CK_OBJECT_HANDLE *ret_private)
{
	look_round("generate");
	return real->C_GenerateKeyPair(session, mechanism, public_templ, n_public, private_templ, n_private, ret_public,
				       ret_private);
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **ret)
{
	const char *path = getenv("NOSY_MODULE");
	void *handle = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	CK_C_GetFunctionList get = NULL;

	if (handle)
		*(void **)&get = dlsym(handle, "C_GetFunctionList");
	if (!get || get(&real) != CKR_OK)
		return CKR_ARGUMENTS_BAD;
	functions = *real;
	functions.C_Initialize = initialize;
	functions.C_GenerateKeyPair = generate;
	*ret = &functions;
	return CKR_OK;
}
