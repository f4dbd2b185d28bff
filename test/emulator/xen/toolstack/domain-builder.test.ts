import { expect, test } from 'vitest';
import type { Mfn } from '../../../../emulator/base/numbers.ts';
import { domainConfigFromKeys } from '../../../../emulator/xen/toolstack/domain-config.ts';
import { readKernelImage } from '../../../../emulator/xen/toolstack/image/kernel-image.ts';
import { bootDomains } from '../../../../emulator/xen/toolstack/machine-boot.ts';
import { createIdleMachine } from './idle-processor.ts';
import { grubLike, linuxLike, machLike } from './synthetic-kernels.ts';

interface Settings {
  readonly memory: number;
  readonly cmdline?: string;
  readonly seed?: number;
  readonly ramdisk?: Uint8Array;
}

async function boot(kernel: Uint8Array, { memory, cmdline, seed, ramdisk }: Settings) {
  const { config } = domainConfigFromKeys({ kernel: '/g/kernel', name: 'demo', memory, cmdline });
  const machine = await bootDomains({
    domains: [{ config, image: readKernelImage(kernel), ramdisk, warnings: [] }],
    createMachine: createIdleMachine,
    seed,
    paused: true,
  });
  const booted = machine.domains[0]!;
  const { ram } = machine.hypervisor;
  /** One pseudo-physical page. */
  const page = (pfn: number): DataView => {
    const bytes = ram.frame(booted.domain.mfnOf(pfn) as Mfn);
    return new DataView(bytes.buffer, bytes.byteOffset, 4096);
  };
  return { machine, booted, page };
}

const text = (view: DataView, offset: number, length: number): string =>
  new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + offset, length)).replace(/\0.*$/s, '');

/** Offsets of start_info as compiled from Xen's header (abi-xen-4-pv.md). */
test("start_info of Linux, at the header's own offsets", async () => {
  const ramdisk = new Uint8Array(0x231eec).fill(7);
  const { machine, booted, page } = await boot(linuxLike(), { memory: 256, cmdline: 'console=hvc0', ramdisk });
  const { domain } = booted;
  const info = page(0x4a00);
  expect(text(info, 0, 32)).toBe('xen-3.0-x86_64');
  expect(info.getBigUint64(32, true)).toBe(65536n);
  expect(info.getBigUint64(40, true)).toBe(BigInt(domain.sharedInfoMfn) * 4096n);
  // SIF_MOD_START_PFN | SIF_VIRT_P2M_4TOOLS
  expect(info.getUint32(48, true)).toBe(24);
  expect(info.getBigUint64(56, true)).toBe(BigInt(domain.p2m[0x4a01]!));
  expect(info.getUint32(64, true)).toBe(1);
  expect(info.getBigUint64(72, true)).toBe(BigInt(domain.p2m[0x4a02]!));
  expect(info.getUint32(80, true)).toBe(2);
  expect(info.getBigUint64(88, true)).toBe(0xffffffff84a03000n);
  expect(info.getBigUint64(96, true)).toBe(0x29n);
  expect(info.getBigUint64(104, true)).toBe(0x8000000000n);
  expect(info.getBigUint64(112, true)).toBe(0x4c00n);
  expect(info.getBigUint64(120, true)).toBe(0x232n * 4096n);
  expect(text(info, 128, 1024)).toBe('console=hvc0');
  expect(info.getBigUint64(1152, true)).toBe(0x4e32n);
  expect(info.getBigUint64(1160, true)).toBe(0x83n);
  expect(page(0x4c00).getUint8(5)).toBe(7);
  expect(page(0x4c00 + 0x231).getUint8(0xeeb)).toBe(7);
  expect(page(0x4c00 + 0x231).getUint8(0xeec)).toBe(0);
  machine.dispose();
});

test('the P2M names the frames, which are scattered', async () => {
  const { machine, booted, page } = await boot(grubLike(64), { memory: 64 });
  const { p2m } = booted.domain;
  const entry = (pfn: number): bigint => page(0x614 + (pfn >> 9)).getBigUint64((pfn & 511) * 8, true);
  expect(Array.from(p2m, (_, pfn) => pfn).filter((pfn) => entry(pfn) !== BigInt(p2m[pfn]!))).toEqual([]);
  expect(new Set(p2m).size).toBe(16384);
  let neighbours = 0;
  for (let pfn = 1; pfn < 16384; pfn++) if (p2m[pfn]! - p2m[pfn - 1]! === 1) neighbours++;
  expect(neighbours).toBeLessThan(20);
  machine.dispose();
});

test('the hypervisor accepts the page tables: root pinned as L4, tables typed, everything else writable', async () => {
  const { machine, booted } = await boot(linuxLike(), { memory: 256 });
  const { frames } = machine.hypervisor;
  const describe = (pfn: number) => frames.describe(booted.domain.mfnOf(pfn) as Mfn);
  expect(describe(0x4a03)).toMatchObject({ type: 'l4_page_table', pinned: true, validated: true });
  expect(describe(0x4a04).type).toBe('l3_page_table');
  expect(describe(0x4a05).type).toBe('l2_page_table');
  for (let pfn = 0x4a06; pfn < 0x4a2c; pfn++) expect(describe(pfn).type).toBe('l1_page_table');
  expect(describe(0x4a2c)).toMatchObject({ type: 'writable_page', typeCount: 1 });
  machine.dispose();
});

test("GNU Mach's hypercall page is filled in", async () => {
  const { machine, page } = await boot(machLike(), { memory: 64 });
  const stub = (number: number): number[] => Array.from({ length: 14 }, (_, at) => page(2).getUint8(number * 32 + at));
  expect(stub(29)).toEqual([0x51, 0x41, 0x53, 0xb8, 29, 0, 0, 0, 0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3]);
  expect(stub(23).slice(0, 11)).toEqual([0x51, 0x41, 0x53, 0x50, 0xb8, 23, 0, 0, 0, 0x0f, 0x05]);
  machine.dispose();
});

test('grants 0 and 1 give the console and xenstore pages to the host', async () => {
  const { machine, booted } = await boot(grubLike(64), { memory: 64 });
  const { hypervisor } = machine;
  const frame = (ref: number) => hypervisor.hostGrantFrame(booted.domain, ref as never, true);
  expect(frame(0)).toBe(booted.domain.mfnOf(0x636));
  expect(frame(1)).toBe(booted.domain.mfnOf(0x635));
  machine.dispose();
});

test('the same seed gives the same machine, another one another', async () => {
  const hashes: string[] = [];
  for (const seed of [5, 5, 6]) {
    const { machine } = await boot(grubLike(64), { memory: 16, seed });
    hashes.push(machine.memoryHash());
    machine.dispose();
  }
  expect(hashes[0]).toBe(hashes[1]);
  expect(hashes[2]).not.toBe(hashes[0]);
});

test('one changed byte changes the hash', async () => {
  const { machine, booted } = await boot(grubLike(64), { memory: 16 });
  const before = machine.memoryHash();
  machine.hypervisor.ram.write8((booted.domain.p2m[777]! * 4096 + 5) as never, 1);
  expect(machine.memoryHash()).not.toBe(before);
  machine.dispose();
});

/** Places as in traces/xen-4.17-domU-grub-i386.txt, offsets of the 32-bit start_info as compiled from Xen's header. */
test('a 32-bit domain: start_info, P2M, tables and registers', async () => {
  const { machine, booted, page } = await boot(grubLike(32), { memory: 64 });
  const { domain } = booted;
  const info = page(0x592);
  expect(text(info, 0, 32)).toBe('xen-3.0-x86_32p');
  const words = [32, 36, 40, 44, 48, 52, 56, 60, 64, 68].map((offset) => info.getUint32(offset, true));
  const [store, console] = [domain.p2m[0x593], domain.p2m[0x594]];
  const shared = domain.sharedInfoMfn * 4096;
  expect(words).toEqual([0x4000, shared, 16, store, 1, console, 2, 0x595000, 9, 0x582000]);
  expect(page(0x582).getUint32(4 * 0x123, true)).toBe(domain.p2m[0x123]);
  const describeFrame = (pfn: number) => machine.hypervisor.frames.describe(domain.mfnOf(pfn) as Mfn);
  expect(describeFrame(0x595)).toMatchObject({ type: 'l3_page_table', pinned: true, typeCount: 2 });
  expect(describeFrame(0x596)).toMatchObject({ type: 'l2_page_table', typeCount: 1 });
  const { registers, kernelSp, kernelSs } = domain.vcpus[0]!;
  expect([registers.rip, registers.low[4], registers.low[6]]).toEqual([booted.image.virtEntry, 0x59f000, 0x592000]);
  // ES, CS, SS, DS, FS, GS as vcpu_x86_32 of xg_dom_x86.c has them.
  expect([...registers.selectors]).toEqual([0xe021, 0xe019, 0xe021, 0xe021, 0xe021, 0xe021]);
  expect([kernelSs, kernelSp]).toEqual([0xe021, 0x59f000]);
  machine.dispose();
});
