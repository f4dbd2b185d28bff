import { describe, expect, test } from 'vitest';
import { UserError } from '../../../../emulator/base/user-error.ts';
import { planDomain } from '../../../../emulator/xen/toolstack/domain-layout.ts';
import { readKernelImage } from '../../../../emulator/xen/toolstack/image/kernel-image.ts';
import { layoutAccount } from '../../../../emulator/xen/toolstack/layout-account.ts';
import { buildElf, text, u64 } from '../../elf/build-elf.ts';
import { builderTranscript } from './builder-transcript.ts';
import { grubLike, linuxLike, machLike } from './synthetic-kernels.ts';

describe('the layout is that of the real builder, line by line', () => {
  test.each([
    ['linux-6.1', linuxLike(), 256, 0x231eec],
    ['grub-x86_64', grubLike(64), 64, undefined],
    ['gnumach-x86_64', machLike(), 64, undefined],
    ['grub-i386', grubLike(32), 64, undefined],
  ])('%s', (guest, kernel, megabytes, ramdiskSize) => {
    const layout = planDomain(readKernelImage(kernel), megabytes * 256, ramdiskSize);
    const transcript = builderTranscript(guest);
    expect(transcript.length).toBeGreaterThan(9);
    expect(layoutAccount(layout)).toEqual(transcript);
  });
});

describe('the guest of the transcripts', () => {
  test('Linux: P2M outside the kernel mapping, ramdisk unmapped', () => {
    const layout = planDomain(readKernelImage(linuxLike()), 65536, 0x231eec);
    expect(layout.p2mAddress).toBe(0x8000000000);
    expect(layout.p2mOutside).toBe(true);
    expect(layout.ramdiskUnmapped).toBe(true);
    expect(layout.ramdisk).toMatchObject({ pfn: 0x4c00, pages: 0x232 });
  });

  test('a ramdisk for a kernel without MOD_START_PFN comes right after the kernel, mapped', () => {
    const layout = planDomain(readKernelImage(grubLike(64)), 16384, 5000);
    expect(layout.ramdisk).toMatchObject({ pfn: 0x614, pages: 2, virtualStart: 0x614000, virtualEnd: 0x614000 + 5000 });
    expect(layout.p2m.pfn).toBe(0x616);
    expect(layout.ramdiskUnmapped).toBe(false);
  });
});

describe('refusals', () => {
  const idOf = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      if (error instanceof UserError) return error.id;
      throw error;
    }
    return 'accepted';
  };

  test('too little memory, with what was needed', () => {
    expect(() => planDomain(readKernelImage(linuxLike()), 16384, undefined)).toThrow(
      /kernel needs 74 MB.*memory is 64 MB/,
    );
    expect(idOf(() => planDomain(readKernelImage(linuxLike()), 0x4c00 + 0x100, 0x231eec))).toBe(
      'domain.not-enough-memory',
    );
  });

  const notes = [
    { type: 8, description: text('generic') },
    { type: 5, description: text('xen-3.0') },
  ];

  test('a kernel that does not start on a page', () => {
    const kernel = buildElf({ segments: [{ paddr: 0x1010, bytes: new Uint8Array(16) }], notes });
    expect(idOf(() => planDomain(readKernelImage(kernel), 4096, undefined))).toBe('domain.segment-not-aligned');
  });

  test('a P2M inside the initial mapping', () => {
    const kernel = buildElf({
      segments: [{ paddr: 0x40000000, bytes: new Uint8Array(16) }],
      notes: [
        ...notes,
        { type: 3, description: u64(0x40000000n) },
        { type: 4, description: u64(0x40000000n) },
        { type: 15, description: u64(0x3ffff000n) },
      ],
    });
    expect(idOf(() => planDomain(readKernelImage(kernel), 4096, undefined))).toBe('domain.overlapping-mappings');
  });
});
