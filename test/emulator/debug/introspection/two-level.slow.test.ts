import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LocalTarget } from '../../../../emulator/debug/local-target.ts';
import type { StopEvent } from '../../../../emulator/debug/target.ts';
import { createMachine } from '../../../../emulator/xen/toolstack/create-machine.ts';
import { domainConfigFromKeys } from '../../../../emulator/xen/toolstack/domain-config.ts';
import { readKernelImage } from '../../../../emulator/xen/toolstack/image/kernel-image.ts';
import { bootDomains, type Machine } from '../../../../emulator/xen/toolstack/machine-boot.ts';
import { debugged, stopAfter } from '../xen-events/sample-machine.ts';

/** What the views show of page tables with two levels: the sample on Xen 2.0 and 1.2. */

async function boot(abi: '2.0' | '1.2'): Promise<Machine> {
  const image = readKernelImage(new Uint8Array(readFileSync('media/sample/guest.elf')), abi);
  const { config } = domainConfigFromKeys({ kernel: 'guest.elf', name: 'sample', memory: 16, abi });
  return await bootDomains({ domains: [{ config, image, ramdisk: undefined, warnings: [] }], createMachine });
}

describe.each(['2.0', '1.2'] as const)('Xen %s', (abi) => {
  let target: LocalTarget;
  let stop: StopEvent;

  beforeAll(async () => {
    target = debugged(await boot(abi));
    await target.setXenBreakpoints([{ id: 'prompt', name: 'console:hello' }]);
    stop = await stopAfter(target, () => target.resume());
  });
  afterAll(() => target.dispose());

  const read = async (space: 'virtual' | 'machine', address: number, length: number): Promise<Buffer> =>
    Buffer.from(await target.readMemory(space, `0x${address.toString(16)}`, length));
  const hex = (value: number): string => `0x${value.toString(16)}`;

  it('every entry on the way to an address is what lies in memory', async () => {
    const address = Number((await target.registers(stop.vcpu)).general.rsp);
    const found = await target.inspect('translate', { domain: 1, space: 'virtual', address: hex(address) });
    expect(found?.walk.map(({ level }) => level)).toEqual([2, 1]);
    // The walk by hand: 10 bits of the address a level, bits 31:12 of each entry (SDM vol. 3, 4.3).
    const { cr3 } = (await target.registers(stop.vcpu)).control;
    let table = Number(cr3) & ~0xfff;
    let base: string | undefined;
    for (const [at, level] of [2, 1].entries()) {
      const index = (address >>> (level === 2 ? 22 : 12)) & 1023;
      const entry = (await read('machine', table + index * 4, 4)).readUInt32LE();
      expect(found?.walk[at]).toMatchObject({ level, index, entry: hex(entry), table: hex(table >>> 12) });
      const shown = await target.inspect('page-table', { domain: 1, table: hex(table >>> 12), level, base });
      const all = await read('machine', table, 4096);
      const used = Array.from({ length: 1024 }, (_, one) => one).filter((one) => all.readUInt32LE(one * 4) !== 0);
      expect(shown?.entries.map((one) => one.index)).toEqual(used);
      // Xen's slots are the last sixteen.
      for (const one of shown?.entries ?? []) expect(one.xen).toBe(level === 2 && one.index >= 1008);
      const own = shown?.entries.find((one) => one.index === index);
      expect(own).toMatchObject({ entry: hex(entry), present: true, isTable: level === 2, at: hex(table + index * 4) });
      base = own?.virtual;
      table = entry & ~0xfff;
    }
    expect(base).toBe(hex((address & ~0xfff) >>> 0));
    expect(found?.machine).toBe(hex(table + (address & 0xfff)));
    expect(await read('machine', table + (address & 0xfff), 16)).toEqual(await read('virtual', address, 16));
    const back = await target.inspect('translate', { domain: 1, space: 'machine', address: found?.machine as string });
    expect(back?.virtual).toContain(hex(address));
  });

  it('says what Xen would say to an entry, and changes nothing', async () => {
    const { rsp } = (await target.registers(stop.vcpu)).general;
    const found = await target.inspect('translate', { domain: 1, space: 'virtual', address: rsp as string });
    const [directory, table] = found?.walk ?? [];
    const ask = async (entry: number) =>
      await target.inspect('check-entry', {
        domain: 1,
        table: table?.table as string,
        index: table?.index as number,
        entry: hex(entry),
      });
    const before = await target.inspect('frame', { domain: 1, mfn: table?.table as string });
    expect(await ask(Number(table?.entry))).toMatchObject({ accepted: true });
    expect(await ask(0)).toMatchObject({ accepted: true });
    // The page table itself, writable; a frame that is nobody's; a global page.
    const writableTable = await ask(Number(directory?.mfn) * 4096 + 3);
    expect(writableTable).toMatchObject({ accepted: false, errno: 'EINVAL' });
    expect(writableTable?.reason).toContain('l1_page_table');
    expect(await ask(0xfffff003)).toMatchObject({ accepted: false, errno: 'EINVAL' });
    expect(await ask(Number(table?.entry) ^ 0x1000 ^ 0x100)).toMatchObject({ accepted: false, errno: 'EINVAL' });
    expect(await target.inspect('frame', { domain: 1, mfn: table?.table as string })).toEqual(before);
    const again = await target.inspect('translate', { domain: 1, space: 'virtual', address: rsp as string });
    expect(again).toEqual(found);
  });
});
