/* io/process/pty.c - pseudo-terminals. The kernel gives the child's side by the program's
 * (TIOCGPTPEER): no look into /dev/pts, which may be another mount's. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "io/process/process.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

enum { ROWS = 24, COLUMNS = 80 };

int hob__pty_resize(int fd, unsigned short rows, unsigned short columns) {
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    return ioctl(fd, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

static int open_child_side(int fd) {
    int child = ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (child >= 0 || (errno != EINVAL && errno != ENOTTY)) return child < 0 ? -errno : child;
    char path[32]; /* before Linux 4.13 */
    int number;
    if (ioctl(fd, TIOCGPTN, &number) < 0) return -errno;
    snprintf(path, sizeof path, "/dev/pts/%d", number);
    child = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    return child < 0 ? -errno : child;
}

int hob__pty_open(unsigned short rows, unsigned short columns, int *ours, int *child) {
    int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), unlocked = 0;
    if (fd < 0) return -errno;
    int rc = ioctl(fd, TIOCSPTLCK, &unlocked) < 0 ? -errno : 0;
    if (rc == 0) rc = hob__pty_resize(fd, rows ? rows : ROWS, columns ? columns : COLUMNS);
    if (rc == 0) rc = *child = open_child_side(fd);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    *ours = fd;
    return 0;
}
