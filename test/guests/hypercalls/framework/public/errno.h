/* The errnos of all interfaces of Xen (public/errno.h; Xen 2.0 has those of Linux, which are the same). */
#ifndef HYPERCALLS_ERRNO_H
#define HYPERCALLS_ERRNO_H

enum {
    EPERM = 1,
    ENOENT = 2,
    ESRCH = 3,
    EIO = 5,
    E2BIG = 7,
    EAGAIN = 11,
    ENOMEM = 12,
    EACCES = 13,
    EFAULT = 14,
    EBUSY = 16,
    EEXIST = 17,
    ENODEV = 19,
    EINVAL = 22,
    ENOSPC = 28,
    ERANGE = 34,
    ENOSYS = 38,
    ENODATA = 61,
    ETIME = 62,
    EOPNOTSUPP = 95,
};

#endif
