/*
 * The test stand: a pcscd of one's own with virtual readers, which nobody else sees or is disturbed by.
 *
 *     stand start DIR READERS [--watch PID] [--quick LIBRARY] [NAME...]
 *     stand stop DIR
 *
 * start returns when clients can connect to DIR/run/pcscd.comm (PCSCLITE_CSOCK_NAME for them) and says the stand's
 * process id, which card --stand wants. Readers come in pairs, because each entry of vpcd's is a reader with two
 * slots; the pairs are called NAME..., and pairs without one of their own by the last one and a number. The stand ends,
 * and pcscd and all cards with it, when it is stopped or the process PID ends; stop waits for the
 * cards whose files are in DIR. Exit status 77: this machine does not
 * let us, or something is not installed.
 *
 * pcscd runs in mount and network namespaces of its own: the folder it insists on (/run/pcscd) is DIR/run, the
 * ports on which vpcd listens are on a loopback device of their own, and drivers of USB readers are hidden from it, so
 * that it does not take the readers of this machine from its proper pcscd.
 */
#include "background.h"
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glob.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CANNOT_HERE 77
#define NOT_FOUND 127  /* exit status of a child that could not run pcscd */
#define READERS_MAX 16 /* PCSCLITE_MAX_READERS_CONTEXTS */
#define FIRST_PORT 0x8C7B
#define PATIENCE_MS 20000
#define LOCK "stand"

/* Where pcscd keeps its socket, and where it looks for the drivers of USB readers: both are compiled in. */
#define IPC_PARENT "/run"
#define IPC_DIR "/run/pcscd"
#define DROP_DIR "/usr/lib/pcsc/drivers"
#define DRIVER "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"

struct stand {
	const char *dir;
	unsigned readers;
	pid_t watched;
	const char *quick;
	char **names;
	int n_names;
	pid_t pcscd;
	char complaint[1024];
};

static int __attribute__((format(printf, 2, 3))) complain(struct stand *s, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(s->complaint, sizeof(s->complaint), format, args);
	va_end(args);
	if (errno && n > 0 && (size_t)n < sizeof(s->complaint))
		snprintf(s->complaint + n, sizeof(s->complaint) - (size_t)n, ": %s", strerror(errno));
	return -1;
}

/* A path inside the stand's folder; it was checked once that it fits. */
static const char *inside(const struct stand *s, char path[PATH_MAX], const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", s->dir, name);
	return path;
}

static int copy_file(const char *from, const char *to)
{
	char block[16384];
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	ssize_t n = -1;

	if (in != -1 && out != -1)
		while ((n = read(in, block, sizeof(block))) > 0 && write(out, block, (size_t)n) == n)
			;
	if (in != -1)
		close(in);
	if (out != -1 && close(out) == -1)
		n = -1;
	return n == 0 ? 0 : -1;
}

/* The name of pair number i. Each has to have another one: pcscd numbers readers of one name only if they share a
 * driver's file. */
static void pair_name(const struct stand *s, unsigned i, char *name, size_t size)
{
	unsigned given = s->n_names > 0 ? (unsigned)s->n_names : 1;
	const char *base = s->n_names > 0 ? s->names[(i < given ? i : given - 1)] : "Virtual Reader";

	if (i < given)
		snprintf(name, size, "%s", base);
	else
		snprintf(name, size, "%s %u", base, i - given + 2);
}

/* One entry for each pair of readers, each with a copy of vpcd's driver, which holds its slots in static variables. */
static int write_configuration(struct stand *s)
{
	char path[PATH_MAX], copy[PATH_MAX], name[128], file[32];
	FILE *conf = fopen(inside(s, path, "run/conf/readers"), "we");

	if (!conf)
		return complain(s, "cannot write %s", path);
	for (unsigned i = 0; i < (s->readers + 1) / 2; i++) {
		snprintf(file, sizeof(file), "run/vpcd%u.so", i);
		if (copy_file(DRIVER, inside(s, copy, file)) == -1) {
			fclose(conf);
			return complain(s, "cannot copy " DRIVER " to %s", copy);
		}
		pair_name(s, i, name, sizeof(name));
		fprintf(conf,
			"FRIENDLYNAME \"%s\"\nDEVICENAME /dev/null:%u\nLIBPATH " IPC_DIR "/vpcd%u.so\nCHANNELID %u\n\n",
			name, FIRST_PORT + 2 * i, i, FIRST_PORT + 2 * i);
	}
	return fclose(conf) == 0 ? 0 : complain(s, "cannot write %s", path);
}

static int make_folders(struct stand *s)
{
	static const char *const folders[] = {"run", "run/conf"};
	struct sockaddr_un name;
	char path[PATH_MAX];

	errno = 0;
	if (strlen(s->dir) + strlen("/run/pcscd.comm") >= sizeof(name.sun_path))
		return complain(s, "%s is too long a path for a socket in it", s->dir);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (mkdir(inside(s, path, folders[i]), 0700) == -1 && errno != EEXIST)
			return complain(s, "cannot make %s", path);
	return 0;
}

/* stop learns from this lock who we are. */
static int take_lock(struct stand *s)
{
	char path[PATH_MAX];

	return background_lock(inside(s, path, LOCK)) == 0 ? 0 : complain(s, "cannot lock %s", path);
}

/* The view of the file system that pcscd gets. IPC_DIR need not exist on this machine, so its parent is covered. */
static int arrange_mounts(struct stand *s)
{
	char path[PATH_MAX], bound[64];
	int run = open(inside(s, path, "run"), O_PATH | O_DIRECTORY | O_CLOEXEC);

	snprintf(bound, sizeof(bound), "/proc/self/fd/%d", run);
	if (run == -1 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("tmpfs", IPC_PARENT, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") == -1 ||
	    mkdir(IPC_DIR, 0755) == -1 || mount(bound, IPC_DIR, NULL, MS_BIND, NULL) == -1 ||
	    mount("tmpfs", DROP_DIR, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") == -1)
		return complain(s, "cannot arrange the mounts of pcscd");
	close(run);
	return 0;
}

/* Versions with polkit ask it who may connect; here there is none to ask. */
static bool knows_polkit(void)
{
	char line[256];
	FILE *help = popen("pcscd --help 2>&1", "re");
	bool found = false;

	while (help && fgets(line, sizeof(line), help))
		found = found || strstr(line, "--disable-polkit");
	if (help)
		pclose(help);
	return found;
}

static int start_pcscd(struct stand *s)
{
	const char *polkit = knows_polkit() ? "--disable-polkit" : NULL;
	pid_t parent = getpid();

	s->pcscd = fork();
	if (s->pcscd == -1)
		return complain(s, "cannot fork");
	if (s->pcscd > 0)
		return 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (s->quick)
		setenv("LD_PRELOAD", s->quick, 1);
	execlp("pcscd", "pcscd", "--foreground", "--config", IPC_DIR "/conf", polkit, (char *)NULL);
	fprintf(stderr, "cannot run pcscd: %s\n", strerror(errno));
	_exit(NOT_FOUND);
}

static bool can_connect(const struct stand *s)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected;

	snprintf(name.sun_path, sizeof(name.sun_path), "%s/run/pcscd.comm", s->dir);
	connected = fd != -1 && connect(fd, (const struct sockaddr *)&name, sizeof(name)) == 0;
	if (fd != -1)
		close(fd);
	return connected;
}

/* pcscd listens only when its readers are there. Returns 0, -1, or CANNOT_HERE. */
static int wait_for_pcscd(struct stand *s)
{
	const struct timespec moment = {.tv_nsec = 5000000};
	int status;

	for (unsigned waited = 0; waited < PATIENCE_MS; waited += 5) {
		if (can_connect(s))
			return 0;
		if (waitpid(s->pcscd, &status, WNOHANG) == s->pcscd) {
			errno = 0;
			if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND) {
				complain(s, "pcscd is not installed, or may not be run");
				return CANNOT_HERE;
			}
			return complain(s, "pcscd has ended; see %s/log", s->dir);
		}
		nanosleep(&moment, NULL);
	}
	errno = 0;
	return complain(s, "pcscd does not listen; see %s/log", s->dir);
}

/* Returns 0, -1, or CANNOT_HERE. */
static int set_up(struct stand *s)
{
	if (access(DRIVER, R_OK) == -1) {
		complain(s, "vsmartcard-vpcd is not installed: " DRIVER);
		return CANNOT_HERE;
	}
	if (make_folders(s) == -1 || take_lock(s) == -1 || write_configuration(s) == -1)
		return -1;
	if (net_leave() == -1) {
		complain(s, "a network and mounts of one's own need root or user namespaces");
		return CANNOT_HERE;
	}
	if (arrange_mounts(s) == -1)
		return CANNOT_HERE;
	return start_pcscd(s) == 0 ? wait_for_pcscd(s) : -1;
}

/* Until we are told to end, or the watched process or pcscd has ended. */
static void wait_for_end(struct stand *s, int watched)
{
	struct pollfd fds[] = {{.fd = watched, .events = POLLIN},
			       {.fd = background_watch(s->pcscd), .events = POLLIN},
			       {.fd = -1, .events = POLLIN}};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fds[2].fd = signalfd(-1, &set, SFD_CLOEXEC);
	while (poll(fds, sizeof(fds) / sizeof(fds[0]), -1) == -1 && errno == EINTR)
		;
	if (fds[1].revents)
		fprintf(stderr, "stand: pcscd has ended by itself\n");
	kill(s->pcscd, SIGTERM);
	waitpid(s->pcscd, NULL, 0);
}

static int start(struct stand *s)
{
	char path[PATH_MAX], pid[32];
	int ready = background_start(inside(s, path, "log")), rc, watched = -1;

	if (ready == -1) {
		perror(path);
		return 1;
	}
	if (s->watched && (watched = background_watch(s->watched)) == -1)
		rc = complain(s, "cannot watch process %d", (int)s->watched);
	else
		rc = set_up(s);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	background_ready(ready, rc == -1 ? 1 : rc, rc == 0 ? pid : s->complaint);
	if (rc == 0)
		wait_for_end(s, watched);
	return rc == 0 ? 0 : 1;
}

/* Tells the process that holds a lock to end, and waits until it has. Cards end by themselves when the stand does. */
static int end_holder(const char *path, bool tell)
{
	pid_t pid = background_holder(path);
	int process = pid ? background_watch(pid) : -1, rc = 0;
	struct pollfd ended = {.fd = process, .events = POLLIN};

	/* if it has ended meanwhile, the number may be somebody else's */
	if (process != -1 && background_holder(path) == pid) {
		if (tell)
			syscall(SYS_pidfd_send_signal, process, SIGTERM, NULL, 0);
		if (poll(&ended, 1, PATIENCE_MS) != 1) {
			syscall(SYS_pidfd_send_signal, process, SIGKILL, NULL, 0);
			fprintf(stderr, "stand: process %d did not end and was killed\n", (int)pid);
			rc = 1;
		}
	}
	if (process != -1)
		close(process);
	return rc;
}

static int stop(const struct stand *s)
{
	char path[PATH_MAX];
	glob_t cards;
	int rc = end_holder(inside(s, path, LOCK), true);

	if (glob(inside(s, path, "*.lock"), 0, NULL, &cards) != 0)
		return rc;
	for (size_t i = 0; i < cards.gl_pathc; i++)
		rc |= end_holder(cards.gl_pathv[i], false);
	globfree(&cards);
	return rc;
}

static int usage(void)
{
	fprintf(stderr, "usage: stand start DIR READERS [--watch PID] [--quick LIBRARY] [NAME...]\n"
			"       stand stop DIR\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
	    {"watch", required_argument, NULL, 'w'}, {"quick", required_argument, NULL, 'q'}, {NULL, 0, NULL, 0}};
	struct stand s = {0};
	char dir[PATH_MAX];
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == '?')
			return usage();
		if (option == 'w' && (s.watched = background_pid(optarg)) == 0)
			return usage();
		if (option == 'q')
			s.quick = optarg;
	}
	if (argc - optind < 2)
		return usage();
	if (!realpath(argv[optind + 1], dir)) {
		perror(argv[optind + 1]);
		return 1;
	}
	s.dir = dir;
	if (strcmp(argv[optind], "stop") == 0 && argc - optind == 2)
		return stop(&s);
	if (strcmp(argv[optind], "start") != 0 || argc - optind < 3)
		return usage();
	s.readers = (unsigned)strtoul(argv[optind + 2], NULL, 10);
	s.names = argv + optind + 3;
	s.n_names = argc - optind - 3;
	return s.readers >= 1 && s.readers <= READERS_MAX ? start(&s) : usage();
}
