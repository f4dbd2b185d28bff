import { truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { BOOT_MARKER, grub } from '../support/guests.ts';
import { orSkip } from '../support/skip.ts';
import { checkExt4, ext4Image, fileInImage, scratchFolder } from './disks/images.ts';
import { bootInProcess, debianWithBlkfront } from './disks/machine.ts';
import { configFile, run } from './xenoscope.ts';

/** Debian's kernel with its own xen-blkfront and ext4; images made and judged by e2fsprogs. */
const MINUTES = 60_000;

describe("Debian's kernel", () => {
  test(
    'mounts, writes, syncs and unmounts ext4; a second disk is read-only',
    async (context) => {
      const folder = scratchFolder();
      const image = path.join(folder, 'root disk.img');
      const file = orSkip(context, () => {
        ext4Image(image, 32, { 'etc/motd': 'from the host\n' });
        ext4Image(path.join(folder, 'data.img'), 8, { data: 'read me\n' });
        const { kernel, ramdisk, cmdline, memory } = debianWithBlkfront();
        const disk = [`format=raw,vdev=xvda,access=rw,target=${image}`, `${folder}/data.img,,xvdb,ro`];
        return configFile({ kernel, ramdisk, extra: cmdline, memory, disk });
      });
      const before = fileInImage(path.join(folder, 'data.img'), 'data');
      const commands = [
        'mkdir /a /b && mount /dev/xvda /a && mount -o ro /dev/xvdb /b && cat /a/etc/motd /b/data',
        'seq 1 60000 > /a/numbers && sync && md5sum < /a/numbers',
        'blockdev --getro /dev/xvda; blockdev --getro /dev/xvdb; mount -o remount,rw /b; echo x > /dev/xvdb',
        'cat /sys/block/xvda/size /sys/block/xvdb/size; umount /a /b && poweroff -f',
      ];
      const words = ['--after', BOOT_MARKER, '--input', `${commands.join('\\n')}\\n`, '--timeout', '280'];
      const { console, errors, report, status } = await run(file, ...words);
      expect(console).toContain('from the host\r\nread me');
      expect(console).toContain('0\r\n1\r\n');
      expect(console).toContain('mounting /dev/xvdb on /b failed: Permission denied');
      expect(console).toContain('write error: Operation not permitted');
      expect(console).toContain('65536\r\n16384\r\n');
      expect(errors).toBe('xenoscope: domain 1 (guest) ended: the guest powered itself off\n');
      expect(report.exit).toBe('shutdown');
      expect(status).toBe(0);
      expect(checkExt4(image)).toMatchObject({ clean: true });
      const numbers = Array.from({ length: 60000 }, (_, index) => `${index + 1}\n`).join('');
      expect(fileInImage(image, 'numbers').toString()).toBe(numbers);
      expect(fileInImage(path.join(folder, 'data.img'), 'data')).toEqual(before);
    },
    5 * MINUTES,
  );

  test(
    'sees disks that are plugged, grow and are unplugged while it runs',
    async (context) => {
      const folder = scratchFolder();
      const keys = orSkip(context, () => debianWithBlkfront());
      ext4Image(path.join(folder, 'first.img'), 4);
      ext4Image(path.join(folder, 'second.img'), 4, { hello: 'plugged\n' });
      const guest = await bootInProcess(keys, ['first.img,,xvda'], folder);
      const { machine } = guest;
      guest.wait(BOOT_MARKER);
      guest.wait('# ');
      const names = (): string => guest.run('ls /sys/block | tr "\\n" " "').trim();
      expect(names()).toBe('xvda');

      expect(await machine.plugDisk(1, 'second.img,,xvdb', folder)).toBeUndefined();
      expect(await machine.plugDisk(1, 'second.img,,xvdc', folder)).toMatchObject({ errno: 16 });
      guest.run('sleep 1');
      expect(names()).toBe('xvda xvdb');
      expect(guest.run('mkdir -p /b && mount /dev/xvdb /b && cat /b/hello')).toContain('plugged');

      guest.run('echo kept > /b/kept && umount /b');
      expect(machine.unplugDisk(1, 'xvdb')).toBeUndefined();
      guest.run('sleep 1');
      expect(names()).toBe('xvda');
      expect(checkExt4(path.join(folder, 'second.img'))).toMatchObject({ clean: true });
      expect(fileInImage(path.join(folder, 'second.img'), 'kept').toString()).toBe('kept\n');
      expect(machine.disks.statistics().map(({ vdev }) => vdev)).toEqual(['xvda']);
      expect(machine.store.read(`/local/domain/1/device/vbd/51728/state`)).toBeUndefined();

      truncateSync(path.join(folder, 'first.img'), 6 << 20);
      expect(machine.resizeDisk(1, 'xvda')).toBeUndefined();
      guest.run('sleep 1');
      expect(guest.run('cat /sys/block/xvda/size').trim()).toBe('12288');

      // Surprise removal: whatever the guest thinks of it, the host survives, and the guest too.
      expect(machine.unplugDisk(1, 'xvda', true)).toBeUndefined();
      expect(guest.run('sleep 1; echo still here')).toContain('still here');
      machine.dispose();
    },
    5 * MINUTES,
  );
});

/** grub-x86_64-xen.bin and grub-i386-xen.bin have a driver of their own, which polls and knows no persistent grants. */
describe.each([64, 32] as const)('GRUB of %d bits', (width) => {
  test('lists a disk and reads a file from it', async (context) => {
    const folder = scratchFolder();
    const file = orSkip(context, () => {
      const kernel = grub(width);
      ext4Image(path.join(folder, 'disk.img'), 4, { 'hello.txt': 'read by GRUB\n' });
      return configFile({ kernel, memory: 64, disk: [`${folder}/disk.img,,xvda,ro`] });
    });
    const words = [
      ...['--after', 'grub>', '--input', 'ls (xen/xvda)/\\n'],
      ...['--after', 'hello.txt', '--input', 'cat (xen/xvda)/hello.txt\\n'],
      ...['--after', 'read by GRUB', '--input', 'halt\\n', '--timeout', '120'],
    ];
    const { report, errors } = await run(file, ...words);
    expect(report.exit).toBe('shutdown');
    expect(errors).toBe('xenoscope: domain 1 (guest) ended: the guest powered itself off\n');
  });
});

describe('a disk that cannot be', () => {
  test.each([
    ['missing.img,,xvda', 'there is no such file'],
    ['odd.img,,xvda', 'not a multiple of 512'],
    ['odd.img,qcow2,xvda', 'only raw images can be used'],
    ['even.img,,xvda', 'even.img is xvdb of domain 1 already'],
  ])('%s ends with status 2 and a reason', async (disk, reason) => {
    const kernel = grub();
    const folder = path.dirname(configFile({ kernel }));
    writeFileSync(path.join(folder, 'odd.img'), 'x'.repeat(1000));
    writeFileSync(path.join(folder, 'even.img'), 'x'.repeat(1024));
    const lines = `kernel = "${kernel}"\ndisk = ["even.img,,xvdb", "${disk}"]\n`;
    writeFileSync(path.join(folder, 'bad.cfg'), lines);
    const { status, errors } = await run(path.join(folder, 'bad.cfg'), '--timeout', '20');
    expect(errors).toContain(reason);
    expect(status).toBe(2);
  });
});
