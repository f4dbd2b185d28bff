/* The disk: one, of 512-byte sectors. The ABI's front end fills this in. */
#ifndef SAMPLE_DISK_H
#define SAMPLE_DISK_H
#include "types.h"

#define SECTOR_BYTES 512u
#define PAGE_SECTORS (PAGE_SIZE / SECTOR_BYTES)

struct disk {
    u64 sectors; /* 0: there is no disk */
    int read_only;
};

extern struct disk disk;

/* Commands. */
void disk_check(const char *argument);
void disk_read(const char *argument);
void disk_write(const char *argument);

#endif
