import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LocalTarget } from '../../../../emulator/debug/local-target.ts';
import type { StopEvent } from '../../../../emulator/debug/target.ts';
import type { Machine } from '../../../../emulator/xen/toolstack/machine-boot.ts';
import { bootSample, debugged, stopAfter } from '../xen-events/sample-machine.ts';

let machine: Machine;
let target: LocalTarget;
let stop: StopEvent;

beforeAll(async () => {
  machine = await bootSample();
  target = debugged(machine);
  await target.setXenBreakpoints([{ id: 'prompt', name: 'console:sample> ' }]);
  stop = await stopAfter(target, () => target.resume());
});
afterAll(() => target.dispose());

const read = async (space: 'virtual' | 'machine', address: string, length: number): Promise<Buffer> =>
  Buffer.from(await target.readMemory(space, address, length));
const word = async (address: string): Promise<string> =>
  `0x${(await read('machine', address, 8)).readBigUInt64LE().toString(16)}`;

describe('page tables', () => {
  it('every entry is what lies in memory, on every level below an address', async () => {
    const { rsp } = (await target.registers(stop.vcpu)).general;
    const found = await target.inspect('translate', { domain: 1, space: 'virtual', address: rsp as string });
    expect(found?.walk.map(({ level }) => level)).toEqual([4, 3, 2, 1]);
    // The walk by hand: 9 bits of the address a level, bits 51:12 of each entry (SDM vol. 3, 4.5.4).
    const address = BigInt(rsp as string);
    const { cr3 } = (await target.registers(stop.vcpu)).control;
    let table = BigInt(cr3 as string) & 0xffffffffff000n;
    let base: string | undefined;
    for (const [at, level] of [4, 3, 2, 1].entries()) {
      const index = Number((address >> BigInt(12 + 9 * (level - 1))) & 511n);
      const raw = await word(`0x${(table + BigInt(index * 8)).toString(16)}`);
      expect(found?.walk[at]).toMatchObject({ level, index, entry: raw, table: `0x${(table >> 12n).toString(16)}` });
      const shown = await target.inspect('page-table', {
        domain: 1,
        table: `0x${(table >> 12n).toString(16)}`,
        level,
        base,
      });
      const entry = shown?.entries.find((one) => one.index === index);
      expect(entry).toMatchObject({ entry: raw, present: true, isTable: level > 1 });
      const all = await read('machine', `0x${table.toString(16)}`, 4096);
      const used = Array.from({ length: 512 }, (_, one) => one).filter((one) => all.readBigUInt64LE(one * 8) !== 0n);
      expect(shown?.entries.map((one) => one.index)).toEqual(used);
      base = entry?.virtual;
      table = BigInt(raw) & 0xffffffffff000n;
    }
    expect(base).toBe(`0x${(address & ~0xfffn).toString(16)}`);
    expect(found?.machine).toBe(`0x${(table + (address & 0xfffn)).toString(16)}`);
    expect(await read('machine', found?.machine as string, 16)).toEqual(await read('virtual', rsp as string, 16));
  });

  it('an address is found from each of its spaces', async () => {
    const { rip } = stop;
    const forth = await target.inspect('translate', { domain: 1, space: 'virtual', address: rip });
    const back = await target.inspect('translate', { domain: 1, space: 'machine', address: forth?.machine as string });
    expect(back?.virtual).toContain(rip);
    expect(back?.pseudoPhysical).toBe(forth?.pseudoPhysical);
    const page = await target.inspect('translate', {
      ...{ domain: 1, space: 'pseudo-physical' as const, address: forth?.pseudoPhysical as string },
    });
    expect(page?.machine).toBe(forth?.machine);
    expect(forth?.pseudoPhysical).not.toBe(forth?.machine);
  });

  it('an address that nothing maps says where the walk ends', async () => {
    const found = await target.inspect('translate', { domain: 1, space: 'virtual', address: '0xdead000' });
    expect(found).toMatchObject({ machine: undefined, virtual: ['0xdead000'] });
    expect(found?.problem).toMatch(/^the walk ends at the L\d entry \d+, which is 0x0$/);
  });

  it('types, owners and counts are those that Xen’s rules give', async () => {
    const root = await target.inspect('page-table', { domain: 1 });
    // The builder pins the root, and the vCPU uses it (arch_set_info_guest).
    expect(root?.frame).toMatchObject({ owner: 1, type: 'l4_page_table', pinned: true, validated: true, typeCount: 2 });
    const own = root?.entries.filter(({ xen }) => !xen) ?? [];
    expect(own.length).toBeGreaterThan(0);
    for (const { frame } of own) expect(frame).toMatchObject({ owner: 1, type: 'l3_page_table' });
  });
});

describe('what Xen would say to an entry', () => {
  it('is what it says when it is asked', async () => {
    const { rsp } = (await target.registers(stop.vcpu)).general;
    const found = await target.inspect('translate', { domain: 1, space: 'virtual', address: rsp as string });
    const last = found?.walk[3];
    const before = machine.memoryHash();
    const frames = JSON.stringify(machine.hypervisor.frames.save());
    const ask = (entry: string) =>
      target.inspect('check-entry', { domain: 1, table: last?.table as string, index: last?.index as number, entry });
    const root = found?.walk[0]?.table as string;
    expect(await ask(`${root}067`)).toMatchObject({ accepted: false, errno: 'EBUSY' });
    expect((await ask(`${root}067`))?.reason).toMatch(/is in use as l4_page_table \(count 2\), so it cannot become/);
    expect(await ask(`${root}065`)).toMatchObject({ accepted: true });
    expect(await ask(last?.entry as string)).toMatchObject({ accepted: true });
    expect(await ask('0xffffff067')).toMatchObject({ accepted: false, errno: 'EPERM' });
    expect(await ask('0x0')).toMatchObject({ accepted: true });
    expect(await ask(`${found?.frame?.mfn ?? ''}0e7`)).toMatchObject({ accepted: false, errno: 'EINVAL' });
    expect(machine.memoryHash()).toBe(before);
    expect(JSON.stringify(machine.hypervisor.frames.save())).toBe(frames);
  });
});

describe('event channels and grants', () => {
  it('pending and masked bits are those of the shared info page', async () => {
    const info = await target.inspect('event-channels', { domain: 1 });
    // start_info: store_evtchn is port 1, console_evtchn port 2; the timer is the sample's own.
    expect(info?.channels.map(({ port, kind, peer }) => [port, kind, peer])).toEqual([
      [1, 'interdomain', 'the host'],
      [2, 'interdomain', 'the host'],
      [3, 'virq', 'VIRQ_TIMER'],
    ]);
    const page = machine.domains[0]?.domain.sharedInfoMfn as number;
    // struct shared_info of x86_64: 32 vcpu_info of 64 bytes, then evtchn_pending and evtchn_mask of 64 words each.
    const bits = await read('machine', `0x${(page * 4096 + 2048).toString(16)}`, 1024);
    for (const { port, pending, masked } of info?.channels ?? []) {
      expect(pending).toBe((bits.readUInt8(port >> 3) & (1 << (port & 7))) !== 0);
      expect(masked).toBe((bits.readUInt8(512 + (port >> 3)) & (1 << (port & 7))) !== 0);
    }
  });

  it('entries are those of the shared frames', async () => {
    const info = await target.inspect('grants', { domain: 1 });
    expect(info).toMatchObject({ version: 1, frames: 1, size: 512 });
    for (const { ref, at, mfn, domain, frame } of info?.entries ?? []) {
      // struct grant_entry_v1: flags, domid, frame.
      const raw = await read('machine', at, 8);
      expect(raw.readUInt16LE(0) & 3).toBe(1);
      expect(domain).toBe(raw.readUInt16LE(2));
      expect(mfn).toBe(`0x${raw.readUInt32LE(4).toString(16)}`);
      expect(frame?.owner).toBe(1);
      expect([0, 1]).toContain(ref);
    }
    expect(info?.entries).toHaveLength(2);
  });

  it('there is nothing of a domain that does not exist', async () => {
    expect(await target.inspect('grants', { domain: 9 })).toBeUndefined();
    expect(await target.inspect('page-table', { domain: 9 })).toBeUndefined();
  });
});

describe('domain state', () => {
  it('is what lies in the structures', async () => {
    const state = await target.inspect('domain-state', { domain: 1 });
    const section = (title: string) => state?.sections.find((one) => one.title === title);
    const start = section('start_info');
    // struct start_info: magic[32], nr_pages, shared_info.
    const raw = await read('machine', start?.at as string, 48);
    const value = (name: string): string | undefined => start?.fields.find((one) => one.name === name)?.value;
    expect(value('magic')).toBe('"xen-3.0-x86_64"');
    expect(value('nr_pages')).toBe(String(raw.readBigUInt64LE(32)));
    expect(value('shared_info')).toBe(`0x${raw.readBigUInt64LE(40).toString(16)}`);
    expect(section('shared_info')?.at).toBe(value('shared_info'));
    const vcpu = state?.vcpus[0]?.sections;
    const traps = vcpu?.find((one) => one.title === 'Trap table')?.fields ?? [];
    expect(traps.map(({ name }) => name)).toContain('14 page_fault');
    const runstate = vcpu?.find((one) => one.title === 'Runstate')?.fields ?? [];
    const times = runstate.slice(2).map(({ value: time }) => Number.parseInt(time, 10));
    // Since it was made, the vCPU has been in one of the states at any time.
    expect(times.reduce((sum, time) => sum + time, 0)).toBe(machine.clock.now());
  });
});

describe('histories', () => {
  it('hypercalls with arguments, result and reason, as a trace has them', async () => {
    await target.setHistoryLimits({ hypercalls: 100, xenstore: 100 });
    await target.setXenBreakpoints([{ id: 'answer', name: 'console:Xen answered' }]);
    await target.sendConsole(1, new TextEncoder().encode('refuse\n'));
    await stopAfter(target, () => target.resume());
    const { entries } = await target.inspect('hypercall-history', { since: 0, count: 100 });
    const refused = entries.find(({ name }) => name === 'update_va_mapping');
    expect(refused?.reason).toMatch(/is in use as l4_page_table \(count 2\)/);
    expect(Number(refused?.result)).toBeLessThan(0);
    const behind = BigInt(refused?.rip as string);
    expect(await read('virtual', `0x${(behind - 2n).toString(16)}`, 2)).toEqual(Buffer.from([0x0f, 0x05]));
    expect(entries.at(-1)).toMatchObject({ name: 'event_channel_op', suboperation: 'send', result: '0' });
    await target.setHistoryLimits({ hypercalls: 0, xenstore: 0 });
    expect((await target.inspect('hypercall-history', { since: 0, count: 100 })).entries).toEqual([]);
  });

  it('xenstore: what is written is there, and in the history', async () => {
    await target.setHistoryLimits({ hypercalls: 0, xenstore: 100 });
    expect(await target.changeXenstore('/local/domain/1/name', 'renamed')).toBeUndefined();
    expect(await target.changeXenstore('/local/domain/1/a b', 'x')).toMatch(/is no xenstore path/);
    expect(await target.changeXenstore('/', undefined)).toMatch(/root/);
    expect(await target.changeXenstore('/local/x', '€')).toMatch(/bytes/);
    const node = await target.inspect('xenstore-node', { path: '/local/domain/1/name' });
    expect(node).toMatchObject({ value: 'renamed', permissions: ['n0', 'r1'], children: [] });
    const { entries } = await target.inspect('xenstore-history', { since: 0, count: 10 });
    expect(entries).toMatchObject([{ domain: 0, operation: 'write', path: '/local/domain/1/name', value: 'renamed' }]);
    expect(await target.inspect('xenstore-node', { path: '/local/nowhere' })).toBeUndefined();
    const [connection] = await target.inspect('xenstore-connections', undefined);
    expect(connection).toMatchObject({ domain: 1, watches: [] });
  });
});
