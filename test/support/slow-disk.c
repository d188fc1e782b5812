/* Preloaded into the service, makes its disk slow or broken. Before each fsync and fdatasync, of SQLite and of
 * the runtime, it reads the file that SLOW_DISK names, and waits for as many milliseconds as the file says,
 * which may change meanwhile, or fails with EIO if the file says "fail". If the file also has a space and part
 * of a path, only files with that in their path are meant. After each sync, it adds the path of the synced file
 * as a line to the file of that name with ".done" at its end, and before it waits to ".held". */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FAIL -1
#define LOOK_US 10000

static int is_at(int fd, const char *part) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) abort();
  path[length] = 0;
  return strstr(path, part) != NULL;
}

static long told_us(const char *path, int fd) {
  char text[64] = "";
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  const char *space = strchr(text, ' ');
  if (space && !is_at(fd, space + 1)) return 0;
  return length > 0 && text[0] == 'f' ? FAIL : 1000 * atol(text);
}

static long now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void note(const char *path, const char *what, int fd) {
  char log[4096], link[64], line[4096];
  snprintf(log, sizeof log, "%s.%s", path, what);
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, line, sizeof line - 1);
  int file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (length < 0 || file < 0) abort();
  line[length++] = '\n';
  if (write(file, line, length) != length || close(file) != 0) abort();
}

static int synced(long call, int fd) {
  const char *path = getenv("SLOW_DISK");
  if (!path) return (int)syscall(call, fd);
  long begun_us = now_us();
  for (int is_held = 0;; is_held = 1) {
    long us = told_us(path, fd);
    if (us == FAIL) {
      errno = EIO;
      return -1;
    }
    long left_us = begun_us + us - now_us();
    if (left_us <= 0) {
      int result = (int)syscall(call, fd);
      note(path, "done", fd);
      return result;
    }
    if (!is_held) note(path, "held", fd);
    usleep(left_us < LOOK_US ? left_us : LOOK_US);
  }
}

int fsync(int fd) { return synced(SYS_fsync, fd); }
int fdatasync(int fd) { return synced(SYS_fdatasync, fd); }
