/*
 * A power cut for one process: what it wrote and did not sync is taken back when it ends.
 *
 * Preloaded into a program, this library keeps, for every file below POWERCUT_DIR, what each write
 * since the file's last fsync replaced. On SIGUSR2 it puts all of that back, newest first, and
 * ends the process at once, so that the files are as a disk may show them after the power was cut:
 * synced data is there, everything else is gone. Files that were made, removed or renamed and not
 * synced since are taken back as well.
 *
 *   POWERCUT_DIR          the directory; nothing outside of it is touched
 *   POWERCUT_SEED         a number: each unsynced write is lost or kept by a coin, as a disk does
 *                         that had begun to write; without it all of them are lost
 *   POWERCUT_IGNORE_SYNC  set: fsync says yes and does nothing, which is what SQLite's
 *                         synchronous=OFF means to a disk; the test must then go red
 *   POWERCUT_FULL_WHILE   a path: while that file exists the disk is full, so that writes which
 *                         would make a file longer end with ENOSPC
 *
 * Shared-memory files of SQLite (-shm) are left alone: they are mapped, not written, and SQLite
 * makes them anew when the first process opens the database.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* What one write or change of size replaced. */
struct replaced {
    struct replaced *older;
    unsigned long number; /* in the order of the writes */
    off_t size;   /* of the file before */
    off_t offset; /* of the bytes */
    size_t length;
    unsigned char bytes[];
};

/* A file below the directory. It is never forgotten, and its descriptor is never closed: that would
 * drop the locks which the program holds on the same file. */
struct file {
    struct file *next;
    dev_t device;
    ino_t inode;
    int descriptor;
    struct replaced *newest;
};

/* A change of the directory that was not synced: a name that was made or taken away. */
struct renaming {
    struct renaming *older;
    char *made; /* a name that was not there before */
    char *kept; /* a link to the file that had the name `was` */
    char *was;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct file *files;
static struct renaming *renamings;
static unsigned long kept_count, replaced_count;
static const char *directory;
static const char *full_while;
static int ignore_sync;
static unsigned long long coin_state;

static void must(int right, const char *what) {
    if (!right) {
        dprintf(2, "powercut: %s: %s\n", what, strerror(errno));
        _exit(99);
    }
}

/* Whether a path lies below the directory and is one that this library looks after. */
static int is_ours(const char *path) {
    size_t length = strlen(directory), all = strlen(path);
    if (strncmp(path, directory, length) != 0 || path[length] != '/') return 0;
    if (all > 4 && strcmp(path + all - 4, "-shm") == 0) return 0;
    return strstr(path, "/.powercut-") == NULL;
}

/* The path of a descriptor; 0 if it is none of ours. */
static int path_of(int descriptor, char *path, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, size - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    char *deleted = strstr(path, " (deleted)");
    if (deleted) *deleted = 0;
    return is_ours(path);
}

/* The absolute path of a name; 0 if it is none of ours. */
static int path_at(int at, const char *name, char *path, size_t size) {
    if (name[0] == '/') {
        snprintf(path, size, "%s", name);
    } else {
        char link[64], base[4096];
        if (at == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        ssize_t length = readlink(link, base, sizeof base - 1);
        if (length <= 0) return 0;
        base[length] = 0;
        if ((size_t)snprintf(path, size, "%s/%s", base, name) >= size) return 0;
    }
    return is_ours(path);
}

static off_t size_of(int descriptor) {
    struct stat status;
    must(fstat(descriptor, &status) == 0, "fstat");
    return status.st_size;
}

/* The file behind a descriptor, if it is one of ours. The lock is held. */
static struct file *file_of(int descriptor) {
    struct stat status;
    if (!directory || fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return NULL;
    for (struct file *file = files; file; file = file->next)
        if (file->inode == status.st_ino && file->device == status.st_dev) return file;
    char path[4096], link[64];
    if (!path_of(descriptor, path, sizeof path)) return NULL;
    struct file *file = calloc(1, sizeof *file);
    must(file != NULL, "calloc");
    file->device = status.st_dev;
    file->inode = status.st_ino;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    file->descriptor = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDWR | O_CLOEXEC, 0);
    must(file->descriptor >= 0, "open");
    file->next = files;
    files = file;
    return file;
}

/* Remembers what stands in a range that is about to change, and how long the file is. */
static void remember(struct file *file, off_t offset, off_t length) {
    off_t size = size_of(file->descriptor);
    size_t there = offset >= size ? 0 : (size_t)(length < size - offset ? length : size - offset);
    struct replaced *replaced = malloc(sizeof *replaced + there);
    must(replaced != NULL, "malloc");
    replaced->number = ++replaced_count;
    replaced->size = size;
    replaced->offset = offset;
    replaced->length = there;
    for (size_t done = 0; done < there;) {
        ssize_t n = syscall(SYS_pread64, file->descriptor, replaced->bytes + done, there - done, offset + (off_t)done);
        must(n > 0, "pread");
        done += (size_t)n;
    }
    replaced->older = file->newest;
    file->newest = replaced;
}

/* Whether the disk has no room for a file that ends there. */
static int is_full(struct file *file, off_t end) {
    return full_while && access(full_while, F_OK) == 0 && end > size_of(file->descriptor);
}

static int coin_says_lost(void) {
    if (!coin_state) return 1;
    coin_state ^= coin_state << 13;
    coin_state ^= coin_state >> 7;
    coin_state ^= coin_state << 17;
    return coin_state >> 33 & 1;
}

static void forget(struct replaced *replaced) {
    while (replaced) {
        struct replaced *older = replaced->older;
        free(replaced);
        replaced = older;
    }
}

static void forget_renamings(const char *path, int below) {
    size_t length = strlen(path);
    for (struct renaming **at = &renamings; *at;) {
        struct renaming *renaming = *at;
        const char *name = renaming->made ? renaming->made : renaming->was;
        int same = below ? strncmp(name, path, length) == 0 && name[length] == '/' : strcmp(name, path) == 0;
        if (!same) {
            at = &renaming->older;
            continue;
        }
        if (renaming->kept) syscall(SYS_unlinkat, AT_FDCWD, renaming->kept, 0);
        *at = renaming->older;
        free(renaming->made);
        free(renaming->kept);
        free(renaming->was);
        free(renaming);
    }
}

static void remember_made(const char *path) {
    struct renaming *renaming = calloc(1, sizeof *renaming);
    must(renaming && (renaming->made = strdup(path)), "calloc");
    renaming->older = renamings;
    renamings = renaming;
}

/* Keeps the file of a name that is about to lose it. */
static void remember_was(const char *path) {
    char kept[4200];
    struct stat status;
    if (lstat(path, &status) != 0 || !S_ISREG(status.st_mode)) return;
    snprintf(kept, sizeof kept, "%s/.powercut-%d-%lu", directory, getpid(), kept_count++);
    must(syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, kept, 0) == 0, "link");
    struct renaming *renaming = calloc(1, sizeof *renaming);
    must(renaming && (renaming->kept = strdup(kept)) && (renaming->was = strdup(path)), "calloc");
    renaming->older = renamings;
    renamings = renaming;
}

/* The cut: everything that was not synced is taken back, newest first. The lock is never given
 * back, so nothing is written or synced any more. */
static void cut(void) {
    unsigned long lost = 0, kept = 0;
    pthread_mutex_lock(&lock);
    for (struct file *file = files; file; file = file->next) {
        for (struct replaced *replaced = file->newest; replaced; replaced = replaced->older) {
            if (!coin_says_lost()) {
                kept++;
                continue;
            }
            lost++;
            for (size_t done = 0; done < replaced->length;) {
                ssize_t n = syscall(SYS_pwrite64, file->descriptor, replaced->bytes + done, replaced->length - done,
                                    replaced->offset + (off_t)done);
                must(n > 0, "pwrite");
                done += (size_t)n;
            }
            must(syscall(SYS_ftruncate, file->descriptor, replaced->size) == 0, "ftruncate");
        }
    }
    for (struct renaming *renaming = renamings; renaming; renaming = renaming->older) {
        if (renaming->made) syscall(SYS_unlinkat, AT_FDCWD, renaming->made, 0);
        else {
            /* Of two names of one file the first would stay. */
            syscall(SYS_renameat2, AT_FDCWD, renaming->kept, AT_FDCWD, renaming->was, 0);
            syscall(SYS_unlinkat, AT_FDCWD, renaming->kept, 0);
        }
    }
    dprintf(2, "powercut: %lu unsynced writes lost, %lu kept\n", lost, kept);
    _exit(137);
}

/* Waits for the signal in a thread of its own: a handler could interrupt whoever holds the lock. */
static void *wait_for_cut(void *unused) {
    sigset_t signals;
    int got;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR2);
    while (sigwait(&signals, &got) != 0 || got != SIGUSR2) {
    }
    cut();
    return unused;
}

__attribute__((constructor)) static void begin(void) {
    const char *seed = getenv("POWERCUT_SEED");
    char real[4096];
    pthread_t thread;
    sigset_t signals;
    if (!getenv("POWERCUT_DIR") || !realpath(getenv("POWERCUT_DIR"), real)) return;
    directory = strdup(real);
    full_while = getenv("POWERCUT_FULL_WHILE");
    ignore_sync = getenv("POWERCUT_IGNORE_SYNC") != NULL;
    coin_state = seed ? strtoull(seed, NULL, 10) * 2654435769ULL + 1 : 0;
    /* Threads inherit the mask, so only the one that waits gets the signal. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR2);
    must(pthread_sigmask(SIG_BLOCK, &signals, NULL) == 0, "sigmask");
    must(pthread_create(&thread, NULL, wait_for_cut, NULL) == 0, "thread");
}

/* Writes at a place. The room is asked for first, as a file system does. */
static ssize_t write_at(int descriptor, const void *bytes, size_t length, off_t offset) {
    pthread_mutex_lock(&lock);
    struct file *file = file_of(descriptor);
    ssize_t n;
    if (file && is_full(file, offset + (off_t)length)) {
        errno = ENOSPC;
        n = -1;
    } else {
        if (file) remember(file, offset, (off_t)length);
        n = syscall(SYS_pwrite64, descriptor, bytes, length, offset);
    }
    pthread_mutex_unlock(&lock);
    return n;
}

/* Where a write without a place goes. */
static off_t place_of(int descriptor) {
    return fcntl(descriptor, F_GETFL) & O_APPEND ? size_of(descriptor) : lseek(descriptor, 0, SEEK_CUR);
}

static off_t length_of(const struct iovec *parts, int count) {
    off_t length = 0;
    for (int part = 0; part < count; part++) length += (off_t)parts[part].iov_len;
    return length;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t offset) {
    return write_at(descriptor, bytes, length, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off_t offset) {
    return write_at(descriptor, bytes, length, offset);
}

ssize_t write(int descriptor, const void *bytes, size_t length) {
    pthread_mutex_lock(&lock);
    struct file *file = file_of(descriptor);
    ssize_t n;
    if (file && is_full(file, place_of(descriptor) + (off_t)length)) {
        errno = ENOSPC;
        n = -1;
    } else if (file) {
        remember(file, place_of(descriptor), (off_t)length);
        n = syscall(SYS_write, descriptor, bytes, length);
    } else {
        /* A pipe or socket may keep the caller waiting: not under the lock. */
        pthread_mutex_unlock(&lock);
        return syscall(SYS_write, descriptor, bytes, length);
    }
    pthread_mutex_unlock(&lock);
    return n;
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    pthread_mutex_lock(&lock);
    struct file *file = file_of(descriptor);
    if (!file) {
        pthread_mutex_unlock(&lock);
        return syscall(SYS_writev, descriptor, parts, count);
    }
    ssize_t n;
    if (is_full(file, place_of(descriptor) + length_of(parts, count))) {
        errno = ENOSPC;
        n = -1;
    } else {
        remember(file, place_of(descriptor), length_of(parts, count));
        n = syscall(SYS_writev, descriptor, parts, count);
    }
    pthread_mutex_unlock(&lock);
    return n;
}

static ssize_t writev_at(int descriptor, const struct iovec *parts, int count, off_t offset) {
    ssize_t all = 0;
    for (int part = 0; part < count; part++) {
        ssize_t n = write_at(descriptor, parts[part].iov_base, parts[part].iov_len, offset + all);
        if (n < 0) return all ? all : n;
        all += n;
        if ((size_t)n < parts[part].iov_len) break;
    }
    return all;
}

ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t offset) {
    return writev_at(descriptor, parts, count, offset);
}

ssize_t pwritev64(int descriptor, const struct iovec *parts, int count, off_t offset) {
    return writev_at(descriptor, parts, count, offset);
}

static int change_size(int descriptor, off_t size) {
    pthread_mutex_lock(&lock);
    struct file *file = file_of(descriptor);
    int result;
    if (file && is_full(file, size)) {
        errno = ENOSPC;
        result = -1;
    } else {
        if (file) {
            off_t now = size_of(descriptor);
            remember(file, size < now ? size : now, size < now ? now - size : 0);
        }
        result = (int)syscall(SYS_ftruncate, descriptor, size);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate(int descriptor, off_t size) { return change_size(descriptor, size); }

int ftruncate64(int descriptor, off_t size) { return change_size(descriptor, size); }

static int give_room(int descriptor, off_t offset, off_t length) {
    pthread_mutex_lock(&lock);
    struct file *file = file_of(descriptor);
    int result = 0;
    if (file && is_full(file, offset + length)) result = ENOSPC;
    else {
        if (file) remember(file, size_of(descriptor), 0);
        if (syscall(SYS_fallocate, descriptor, 0, offset, length) != 0) result = errno;
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int posix_fallocate(int descriptor, off_t offset, off_t length) { return give_room(descriptor, offset, length); }

int posix_fallocate64(int descriptor, off_t offset, off_t length) { return give_room(descriptor, offset, length); }

/* Copying in the kernel would pass by what is kept here: whoever asks writes instead. */
ssize_t copy_file_range(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t length, unsigned flags) {
    (void)in, (void)in_offset, (void)out, (void)out_offset, (void)length, (void)flags;
    errno = ENOSYS;
    return -1;
}

static int sync_file(int descriptor, long call) {
    char path[4096];
    struct stat status;
    if (ignore_sync && directory) return 0;
    pthread_mutex_lock(&lock);
    struct file *file = file_of(descriptor);
    unsigned long newest = replaced_count;
    pthread_mutex_unlock(&lock);
    /* Without the lock: the power may be cut in the middle of it, and then it is as if it had not
     * begun. What others write meanwhile is not covered by it. */
    int result = (int)syscall(call, descriptor);
    if (result != 0 || !directory) return result;
    pthread_mutex_lock(&lock);
    if (file) {
        struct replaced **at = &file->newest;
        while (*at && (*at)->number > newest) at = &(*at)->older;
        forget(*at);
        *at = NULL;
        if (path_of(descriptor, path, sizeof path)) forget_renamings(path, 0);
    } else if (fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
        ssize_t length = readlink(link, path, sizeof path - 1);
        if (length > 0) {
            path[length] = 0;
            forget_renamings(path, 1);
        }
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int fsync(int descriptor) { return sync_file(descriptor, SYS_fsync); }

int fdatasync(int descriptor) { return sync_file(descriptor, SYS_fdatasync); }

static int open_at(int at, const char *name, int flags, mode_t mode) {
    char path[4096];
    if (!directory || !(flags & (O_CREAT | O_TRUNC)) || !path_at(at, name, path, sizeof path))
        return (int)syscall(SYS_openat, at, name, flags, mode);
    pthread_mutex_lock(&lock);
    struct stat status;
    int there = stat(path, &status) == 0;
    /* What is cut off is remembered by cutting it off here. */
    int descriptor = (int)syscall(SYS_openat, at, name, there ? flags & ~O_TRUNC : flags, mode);
    int seen = errno;
    if (descriptor >= 0 && !there) remember_made(path);
    pthread_mutex_unlock(&lock);
    if (descriptor >= 0 && there && flags & O_TRUNC && change_size(descriptor, 0) != 0) {
        seen = errno;
        close(descriptor);
        descriptor = -1;
    }
    errno = seen;
    return descriptor;
}

static mode_t mode_of(int flags, va_list *rest) {
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? (mode_t)va_arg(*rest, int) : 0;
}

#define OPEN(name)                                        \
    int name(const char *path, int flags, ...) {          \
        va_list rest;                                     \
        va_start(rest, flags);                            \
        mode_t mode = mode_of(flags, &rest);              \
        va_end(rest);                                     \
        return open_at(AT_FDCWD, path, flags, mode);      \
    }
#define OPEN_AT(name)                                     \
    int name(int at, const char *path, int flags, ...) {  \
        va_list rest;                                     \
        va_start(rest, flags);                            \
        mode_t mode = mode_of(flags, &rest);              \
        va_end(rest);                                     \
        return open_at(at, path, flags, mode);            \
    }

OPEN(open)
OPEN(open64)
OPEN_AT(openat)
OPEN_AT(openat64)

static int take_away(int at, const char *name, int flags) {
    char path[4096];
    pthread_mutex_lock(&lock);
    if (directory && !(flags & AT_REMOVEDIR) && path_at(at, name, path, sizeof path)) remember_was(path);
    int result = (int)syscall(SYS_unlinkat, at, name, flags);
    pthread_mutex_unlock(&lock);
    return result;
}

int unlink(const char *name) { return take_away(AT_FDCWD, name, 0); }

int unlinkat(int at, const char *name, int flags) { return take_away(at, name, flags); }

static int change_name(int from_at, const char *from, int to_at, const char *to) {
    char from_path[4096], to_path[4096];
    struct stat status;
    pthread_mutex_lock(&lock);
    int ours = directory && path_at(from_at, from, from_path, sizeof from_path) &&
               path_at(to_at, to, to_path, sizeof to_path) && lstat(from_path, &status) == 0 && S_ISREG(status.st_mode);
    if (ours) {
        remember_was(from_path);
        remember_was(to_path);
    }
    int result = (int)syscall(SYS_renameat2, from_at, from, to_at, to, 0);
    if (ours && result == 0) remember_made(to_path);
    pthread_mutex_unlock(&lock);
    return result;
}

int rename(const char *from, const char *to) { return change_name(AT_FDCWD, from, AT_FDCWD, to); }

int renameat(int from_at, const char *from, int to_at, const char *to) {
    return change_name(from_at, from, to_at, to);
}
