import { expect, test } from 'vitest';
import { XenstoreBackend } from '../../../../../emulator/xen/backends/xenstore/backend.ts';
import { XenStore } from '../../../../../emulator/xen/backends/xenstore/store.ts';
import { concatenate, u32 } from '../../../elf/build-elf.ts';
import { fakeHypervisor, GuestRing } from '../fake-hypervisor.ts';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

function connect() {
  const fake = fakeHypervisor();
  const store = new XenStore();
  store.hostWrite('/local/domain/1', '', [{ access: 'n', domid: 1 }]);
  const backend = new XenstoreBackend(fake.hypervisor, fake.domain, fake.mfn, fake.port, store);
  store.onOutbox = () => backend.pump();
  // public/io/xs_wire.h: req[1024] 0, rsp[1024] 1024, req_cons 2048, req_prod, rsp_cons, rsp_prod.
  const requests = new GuestRing(fake.page, 0, 1024, 2048, 2052);
  const replies = new GuestRing(fake.page, 1024, 1024, 2056, 2060);
  return { ...fake, store, backend, requests, replies };
}

function message(type: number, id: number, payload: string): Uint8Array {
  return concatenate(u32(type), u32(id), u32(0), u32(payload.length), ascii(payload));
}

/** "type id payload" of each message in the stream. */
function decode(stream: Uint8Array): string[] {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  const found: string[] = [];
  for (let at = 0; at < stream.length; ) {
    const length = view.getUint32(at + 12, true);
    const payload = new TextDecoder().decode(stream.subarray(at + 16, at + 16 + length));
    found.push(`${view.getUint32(at, true)} ${view.getUint32(at + 4, true)} ${payload.replaceAll('\0', '|')}`);
    at += 16 + length;
  }
  return found;
}

test('a request in pieces, a reply in one', () => {
  const { requests, replies, kick } = connect();
  const write = message(11, 7, 'data/x\0value');
  requests.put(write.subarray(0, 10));
  kick();
  expect(replies.take()).toHaveLength(0);
  requests.put(write.subarray(10));
  requests.put(message(2, 8, 'data/x\0'));
  kick();
  expect(decode(replies.take())).toEqual(['11 7 OK|', '2 8 value']);
});

test('replies larger than the ring come as the guest makes room', () => {
  const { requests, replies, kick, store } = connect();
  store.hostWrite('/local/domain/1/big', 'y'.repeat(3000));
  requests.put(message(2, 1, 'big\0'));
  kick();
  let stream: Uint8Array = new Uint8Array(0);
  for (let round = 0; round < 20; round++) {
    stream = concatenate(stream, replies.take(300));
    kick();
  }
  expect(decode(stream)).toEqual([`2 1 ${'y'.repeat(3000)}`]);
});

test('an event that somebody else caused reaches the guest without being asked', () => {
  const { requests, replies, kick, store, calls } = connect();
  requests.put(message(4, 1, 'control\0tok\0'));
  kick();
  expect(decode(replies.take())).toEqual(['4 1 OK|', '15 0 control|tok|']);
  const before = calls.length;
  store.hostWrite('/local/domain/1/control/shutdown', 'poweroff');
  expect(decode(replies.take())).toEqual(['15 0 control/shutdown|tok|']);
  expect(calls.length).toBe(before + 1);
});

test('a message that announces too much ends the connection, with the reason in the page', () => {
  const { requests, kick, page, backend, calls } = connect();
  requests.put(concatenate(u32(2), u32(1), u32(0), u32(5000)));
  kick();
  expect(page.getUint32(2072, true)).toBe(3);
  expect(backend.problem).toBe('the guest announced a message of 5000 bytes');
  expect(calls).toContain('xenstore: the guest announced a message of 5000 bytes; the connection is closed');
});

test('broken indexes end it, too', () => {
  const { kick, page, backend } = connect();
  page.setUint32(2052, 1025, true);
  kick();
  expect(page.getUint32(2072, true)).toBe(2);
  expect(backend.problem).toMatch(/ring indexes/);
});

test('the view shows decoded requests and replies', () => {
  const { requests, kick, backend } = connect();
  requests.put(message(11, 7, 'data/x\0value'));
  kick();
  const [toHost, toGuest] = backend.describe().directions;
  expect(toHost!.messages).toMatchObject([{ summary: 'WRITE data/x value', state: 'consumed', instructions: 42 }]);
  expect(toGuest!.messages).toMatchObject([{ summary: 'WRITE OK', state: 'pending' }]);
  expect(toHost!.messages[0]!.fields.map(({ name, value }) => `${name}=${value}`)).toEqual([
    'type=WRITE (11)',
    'req_id=7',
    'tx_id=0',
    'len=12',
    'string 0=data/x',
    'string 1=value',
  ]);
});
