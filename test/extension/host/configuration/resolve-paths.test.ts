import { expect, test } from 'vitest';
import { isAbsolute, resolvePaths } from '../../../../extension/host/configuration/resolve-paths.ts';

const join = (relative: string): string => `memfs:/folder/${relative}`;

test('relative names and ${workspaceFolder} get the folder with its scheme; absolute names and URIs stay', () => {
  const resolved = resolvePaths(
    {
      name: 'boot',
      kernel: '${workspaceFolder}/boot/vmlinuz',
      ramdisk: 'initrd.gz',
      symbols: ['/usr/lib/debug/vmlinux', 'out\\kernel.elf'],
      config: 'memfs:/other/guest.cfg',
      cmdline: 'root=/dev/xvda',
      memory: 256,
    },
    join,
  );
  expect(resolved).toEqual({
    name: 'boot',
    kernel: 'memfs:/folder/boot/vmlinuz',
    ramdisk: 'memfs:/folder/initrd.gz',
    symbols: ['/usr/lib/debug/vmlinux', 'memfs:/folder/out/kernel.elf'],
    config: 'memfs:/other/guest.cfg',
    cmdline: 'root=/dev/xvda',
    memory: 256,
  });
});

test('domains are resolved each, and other variables are left to VS Code', () => {
  const resolved = resolvePaths(
    { domains: ['a.cfg', { kernel: '${workspaceFolder:two}/k' }], kernel: '${env:KERNEL}' },
    join,
  );
  expect(resolved).toEqual({
    domains: ['memfs:/folder/a.cfg', { kernel: 'memfs:/folder/k' }],
    kernel: '${env:KERNEL}',
  });
});

test('paths of every platform count as absolute', () => {
  const names = [
    '/boot/vmlinuz',
    'C:\\boot\\vmlinuz',
    'c:/boot',
    '\\\\server\\share',
    'file:///boot',
    'vscode-vfs://github/x',
  ];
  expect(names.filter(isAbsolute)).toEqual(names);
  expect(['vmlinuz', './vmlinuz', '../x', 'a b:c'].filter(isAbsolute)).toEqual([]);
});
