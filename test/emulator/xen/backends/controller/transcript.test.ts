import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { BLK_PFN, FakeXenU, type Message, RX_PFN, TX_PFN } from './fake-xenu.ts';

interface Line {
  readonly from: 'controller' | 'domU';
  readonly message: Message;
}

/** What a real controller and a real Linux domU said to each other on Xen 2.0.6, back ends' messages left out. */
function transcript(): Line[] {
  const file = new URL('../../../../fixtures/traces/xen-2.0.6-control-messages.txt', import.meta.url);
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line): Line[] => {
      const match = /^\[ctl (req from|send to) domU type=(\d+) sub=(\d+) id=(\d+) len=(\d+): (.*)\]$/.exec(line);
      if (match === null) return [];
      const [, direction, type, subtype, id, length, digits] = match as unknown as [string, ...string[]];
      const payload = Uint8Array.from((digits as string).replaceAll(' ', '').match(/../g) as string[], (pair) =>
        Number.parseInt(pair, 16),
      );
      expect(payload.length).toBe(Number(length));
      const message = { type: Number(type), subtype: Number(subtype), id: Number(id), payload };
      return [{ from: direction === 'send to' ? 'controller' : 'domU', message }];
    });
}

/** The fields that are the machine's own affair: frames in a CONNECT, the port in an INTERFACE_STATUS. */
function leaveOut({ type, subtype, id, payload }: Message): Message {
  const bytes = payload.slice();
  if (subtype === 33) for (const at of [8, 16]) bytes.fill(0, at, Math.min(at + 4, bytes.length));
  if (subtype === 0) bytes.fill(0, 8, 10);
  return { type, subtype, id, payload: bytes };
}

test('the messages to a domU with a blkif and a netif are those of real Xen 2.0.6, in their order', () => {
  const lines = transcript();
  expect(lines).toHaveLength(8);
  const domU = new FakeXenU();
  domU.addDisk(0x301);
  domU.addVif(0);
  const { machine } = domU.guest;
  const inbox: Message[] = [];
  for (const { from, message } of lines) {
    if (from === 'controller') {
      inbox.push(...domU.takeAll());
      const next = inbox.shift();
      expect(next && leaveOut(next)).toEqual(leaveOut(message));
      // A port where there is one in the transcript, and none where there is none.
      expect(next?.payload.slice(8, 10).some((byte) => byte !== 0)).toBe(message.payload[8] !== 0);
      continue;
    }
    const payload = message.payload.slice();
    const view = new DataView(payload.buffer);
    if (message.subtype === 33) {
      view.setUint32(8, machine.mfn(message.type === 2 ? BLK_PFN : TX_PFN), true);
      if (message.type === 4) view.setUint32(16, machine.mfn(RX_PFN), true);
    }
    const response = domU.send(message.type, message.subtype, payload, message.id);
    expect(response).toEqual({ ...message, payload });
  }
  // The real controller left it at that; xend itself, and Linux waits for it, says how many interfaces there were.
  inbox.push(...domU.takeAll());
  const [last, ...more] = inbox;
  expect(more).toEqual([]);
  expect(last).toMatchObject({ type: 4, subtype: 32, payload: Uint8Array.of(1, 0, 0, 0, 1, 0, 0, 0) });
});
