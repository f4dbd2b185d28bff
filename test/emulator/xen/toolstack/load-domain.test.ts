import { expect, test } from 'vitest';
import { folderOf, loadDomainFile, loadDomainKeys } from '../../../../emulator/xen/toolstack/load-domain.ts';
import { grubLike } from './synthetic-kernels.ts';

test.each<[string, string | undefined, string | undefined]>([
  ['a.cfg', undefined, undefined],
  ['a.cfg', '/work', '/work'],
  ['guests/a.cfg', undefined, 'guests'],
  ['guests/a.cfg', '/work/', '/work/guests'],
  ['/etc/xen/a.cfg', '/work', '/etc/xen'],
  ['/a.cfg', undefined, '/'],
  ['C:\\xen\\a.cfg', 'D:\\work', 'C:\\xen'],
  ['vscode-vfs://github/o/r/a.cfg', undefined, 'vscode-vfs://github/o/r'],
])('folder of %s in %s', (path, relativeTo, folder) => {
  expect(folderOf(path, relativeTo)).toBe(folder);
});

test('relative paths start from the folder of the configuration', async () => {
  const asked: string[] = [];
  const files: Record<string, Uint8Array> = {
    'guests/a.cfg': new TextEncoder().encode('kernel = "boot/k"\nramdisk = "/abs/r"\nmystery = 1'),
    'boot/k': grubLike(64),
    '/abs/r': new Uint8Array(77),
  };
  const read = (name: string, folder: string | undefined): Promise<Uint8Array> => {
    asked.push(`${folder}: ${name}`);
    return Promise.resolve(files[name]!);
  };
  const domain = await loadDomainFile(read, 'guests/a.cfg', '/home');
  expect(asked).toEqual(['/home: guests/a.cfg', '/home/guests: boot/k', '/home/guests: /abs/r']);
  expect(domain.ramdisk).toHaveLength(77);
  expect(domain.image.guestType).toBe('xen-3.0-x86_64');
  expect(domain.warnings).toEqual(['guests/a.cfg:3: unknown setting mystery is ignored']);
});

test('settings spelt out', async () => {
  const read = (): Promise<Uint8Array> => Promise.resolve(grubLike(64));
  const { config, ramdisk } = await loadDomainKeys(read, { kernel: 'k', memory: 32, cmdline: 'a b' }, '/home');
  expect(config).toMatchObject({ kernel: 'k', memory: 32, commandLine: 'a b', name: 'k' });
  expect(ramdisk).toBeUndefined();
});

test('a kernel in place of a configuration is recognized', async () => {
  const read = (): Promise<Uint8Array> => Promise.resolve(grubLike(64));
  await expect(loadDomainFile(read, 'vmlinuz', undefined)).rejects.toMatchObject({
    id: 'config.not-text',
    hint: 'To boot it, write kernel = "vmlinuz" into a file guest.cfg and name that.',
  });
});
