import { expect, test } from 'vitest';
import { ConsoleBackend } from '../../../../../emulator/xen/backends/console/backend.ts';
import { fakeHypervisor, GuestRing } from '../fake-hypervisor.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array): string => new TextDecoder().decode(data);

function connect() {
  const fake = fakeHypervisor();
  // public/io/console.h: in[1024] 0, out[2048] 1024, in_cons 3072, in_prod 3076, out_cons 3080, out_prod 3084.
  const input = new GuestRing(fake.page, 0, 1024, 3072, 3076);
  const output = new GuestRing(fake.page, 1024, 2048, 3080, 3084);
  const printed: string[] = [];
  const backend = new ConsoleBackend(fake.hypervisor, fake.domain, fake.mfn, fake.port, (data) =>
    printed.push(text(data)),
  );
  return { ...fake, input, output, printed, backend };
}

test('what the guest prints arrives in its own notification, and is consumed', () => {
  const { output, kick, printed, page, calls } = connect();
  output.put(bytes('hello'));
  expect(printed).toEqual([]);
  kick();
  expect(printed).toEqual(['hello']);
  expect(page.getUint32(3080, true)).toBe(5);
  expect(calls).toEqual(['notify']);
  kick();
  expect(calls).toEqual(['notify']);
});

test('indexes run past 2^32', () => {
  const { output, kick, printed, page } = connect();
  for (const index of [3080, 3084]) page.setUint32(index, 0xfffffffe, true);
  output.put(bytes('abcdef'));
  kick();
  expect(printed).toEqual(['abcdef']);
  expect(page.getUint32(3080, true)).toBe(4);
});

test('typing more than the ring holds waits for the guest to read', () => {
  const { backend, input, kick } = connect();
  const long = Array.from({ length: 2500 }, (_, index) => String.fromCharCode(97 + (index % 26))).join('');
  backend.sendInput(bytes(long));
  expect(backend.pendingInput).toBe(2500);
  let read = '';
  for (let round = 0; round < 5; round++) {
    read += text(input.take(700));
    kick();
  }
  expect(read).toBe(long);
  expect(backend.pendingInput).toBe(0);
});

test('a listener that types at once is served in the same notification', () => {
  const fake = fakeHypervisor();
  const input = new GuestRing(fake.page, 0, 1024, 3072, 3076);
  const output = new GuestRing(fake.page, 1024, 2048, 3080, 3084);
  const backend: ConsoleBackend = new ConsoleBackend(fake.hypervisor, fake.domain, fake.mfn, fake.port, () =>
    backend.sendInput(bytes('yes\n')),
  );
  output.put(bytes('sure? '));
  fake.kick();
  expect(text(input.take())).toBe('yes\n');
});

test('broken indexes give nothing and break nothing', () => {
  const { page, kick, printed, backend } = connect();
  page.setUint32(3084, 5000, true);
  kick();
  page.setUint32(3072, 5000, true);
  backend.sendInput(bytes('x'));
  expect(printed).toEqual([]);
});

test('the view: indices, what waits, latest messages', () => {
  const { backend, output, kick } = connect();
  output.put(bytes('line\r\n\x1b[H'));
  kick();
  output.put(bytes('more'));
  backend.sendInput(bytes('ls\n'));
  const description = backend.describe();
  expect(description).toMatchObject({
    name: 'console',
    unit: 'bytes',
    mfn: '0x104',
    port: 1,
    indices: [
      { name: 'out_cons', value: 13 },
      { name: 'out_prod', value: 13 },
      { name: 'in_cons', value: 0 },
      { name: 'in_prod', value: 3 },
    ],
  });
  expect(description.directions[0]).toMatchObject({ name: 'out', size: 2048, pending: '' });
  expect(description.directions[0]!.messages.map(({ summary, state }) => [summary, state])).toEqual([
    ['line\\r\\n\\x1b[H', 'consumed'],
    ['more', 'consumed'],
  ]);
  expect(description.directions[1]).toMatchObject({
    name: 'in',
    size: 1024,
    pending: 'ls\\n',
    messages: [{ summary: 'ls\\n', state: 'pending', instructions: 42 }],
  });
});
