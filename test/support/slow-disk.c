/* Preloaded into the service, makes its disk slow or broken: before each fsync and fdatasync, of SQLite
 * and of the runtime, reads the file that SLOW_DISK names, and waits as many milliseconds as it says,
 * or fails with EIO if it says "fail". */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int faulty(void) {
  char text[32] = "";
  const char *path = getenv("SLOW_DISK");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return 0;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length > 0 && text[0] == 'f') return 1;
  long ms = atol(text);
  struct timespec left = {ms / 1000, ms % 1000 * 1000000};
  while (ms > 0 && nanosleep(&left, &left) != 0) continue;
  return 0;
}

static int synced(long call, int fd) {
  if (!faulty()) return (int)syscall(call, fd);
  errno = EIO;
  return -1;
}

int fsync(int fd) { return synced(SYS_fsync, fd); }
int fdatasync(int fd) { return synced(SYS_fdatasync, fd); }
