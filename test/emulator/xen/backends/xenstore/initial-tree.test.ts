import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { writeDomainEntries, writeHostEntries } from '../../../../../emulator/xen/backends/xenstore/initial-tree.ts';
import { latin1 } from '../../../../../emulator/xen/backends/xenstore/protocol.ts';
import { XenStore } from '../../../../../emulator/xen/backends/xenstore/store.ts';
import { findNode, walkTree } from '../../../../../emulator/xen/backends/xenstore/tree.ts';

const UUID = 'b640d22e-e7d7-11f1-80e1-0333e0bb6852';

function storeOfTheTranscript(): XenStore {
  const store = new XenStore();
  writeHostEntries(store);
  writeDomainEntries(store, {
    domid: 1,
    name: 'deb',
    uuid: UUID,
    memoryKilobytes: 262144,
    vcpus: 1,
    kernel: '/g/vmlinuz',
    ramdisk: '/g/initrd',
    commandLine: 'console=hvc0',
    xenstore: { port: 1, mfn: 345089 },
    console: { port: 2, mfn: 345090 },
    startTime: '1795504908.82',
  });
  return store;
}

/** Lines like `/local/domain/1/name = "deb"` of a real `xenstore-ls -f`. */
function transcript(): string[] {
  const file = new URL('../../../../fixtures/traces/xen-4.17-domU-linux-6.1.create.txt', import.meta.url);
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('/'));
}

test('the tree is that of a real xl create, node by node, in order', () => {
  const lines = [...walkTree(storeOfTheTranscript().root)]
    .filter(({ path }) => path !== '/')
    .map(({ path, node }) => `${path} = "${latin1(node.value)}"`);
  const expected = transcript();
  expect(expected.length).toBeGreaterThan(80);
  expect(lines).toEqual(expected);
});

test('permissions: what the guest may write and read', () => {
  const { root } = storeOfTheTranscript();
  const permissions = (path: string): string =>
    findNode(root, path)!
      .permissions.map(({ access, domid }) => access + domid)
      .join(' ');
  expect(permissions('/local/domain/1')).toBe('n0 r1');
  expect(permissions('/local/domain/1/name')).toBe('n0 r1');
  expect(permissions('/local/domain/1/control/shutdown')).toBe('n1');
  expect(permissions('/local/domain/1/data')).toBe('n1');
  expect(permissions('/libxl/1/type')).toBe('n0');
});
