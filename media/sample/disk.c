/* What the commands do with the disk. */
#include "disk.h"
#include "abi.h"
#include "print.h"

struct disk disk;
static u8 kept[PAGE_SIZE] PAGE_ALIGNED;
static u8 buffer[PAGE_SIZE] PAGE_ALIGNED;

static int transfer(int write, u64 sector, void *page, u32 sectors)
{
    if (sector + sectors > disk.sectors || (write && disk.read_only) || abi->disk_transfer(write, sector, page, sectors) != 0) {
        print("disk: sector %llu cannot be %s\n", sector, write ? "written" : "read");
        return -1;
    }
    return 0;
}

/* A page at the end of the disk, which holds again afterwards what it held before. */
void disk_check(const char *argument)
{
    u64 sector = disk.sectors - PAGE_SECTORS;
    u32 sum = 0;

    (void)argument;
    if (disk.sectors < PAGE_SECTORS) {
        print("disk: none\n");
        return;
    }
    if (transfer(0, sector, kept, PAGE_SECTORS) != 0)
        return;
    for (u32 i = 0; i < PAGE_SIZE; i++)
        sum += kept[i];
    print("disk: sectors %llu to %llu read, bytes add up to %u\n", sector, disk.sectors - 1, sum);
    if (disk.read_only) {
        print("disk: read-only; access=rw in its configuration changes that\n");
        return;
    }
    for (u32 i = 0; i < PAGE_SIZE; i++)
        buffer[i] = (u8)~kept[i];
    if (transfer(1, sector, buffer, PAGE_SECTORS) != 0)
        return;
    memset(buffer, 0, PAGE_SIZE);
    if (transfer(0, sector, buffer, PAGE_SECTORS) != 0)
        return;
    for (u32 i = 0; i < PAGE_SIZE; i++)
        kept[i] ^= buffer[i];
    sum = 0;
    for (u32 i = 0; i < PAGE_SIZE; i++)
        sum += kept[i] == 0xff;
    print("disk: written and read again, %u of %u bytes as they should be\n", sum, PAGE_SIZE);
    for (u32 i = 0; i < PAGE_SIZE; i++)
        kept[i] ^= buffer[i];
    if (transfer(1, sector, kept, PAGE_SECTORS) == 0)
        print("disk: put back\n");
}

void disk_read(const char *argument)
{
    u64 sector = read_number(&argument);

    if (transfer(0, sector, buffer, 1) != 0)
        return;
    for (u32 row = 0; row < SECTOR_BYTES; row += 32) {
        print("%03x  ", row);
        for (u32 i = row; i < row + 32; i++)
            print("%c", buffer[i] >= ' ' && buffer[i] < 127 ? buffer[i] : '.');
        print("\n");
    }
}

void disk_write(const char *argument)
{
    u64 sector = read_number(&argument);
    u32 length;

    while (*argument == ' ')
        argument++;
    length = strlen(argument);
    memset(buffer, 0, SECTOR_BYTES);
    memcpy(buffer, argument, length < SECTOR_BYTES ? length : SECTOR_BYTES);
    if (transfer(1, sector, buffer, 1) == 0)
        print("disk: %u bytes in sector %llu\n", length, sector);
}
