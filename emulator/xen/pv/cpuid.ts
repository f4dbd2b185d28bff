/**
 * CPUID as guests see it: an x86-64-v2 class processor without AVX, XSAVE, FSGSBASE, PCID, SMEP or SMAP, cut down to
 * what Xen shows PV guests (no PSE, PGE, VME, MTRR, APIC features).
 *
 * It calls itself an Intel family 6 model 0x1C stepping 10. Linux lists that model (Atom "Bonnell", in-order) in
 * cpu_vuln_whitelist as NO_SPECULATION: none of the speculation bugs is assumed, so no retpolines, VERW or PTE
 * inversion slow an emulated kernel down. Family 6 also sets REP_GOOD (with MISC_ENABLE bit 0, see msr.ts), and leaf 7
 * advertises ERMS, so that copies and clears become REP MOVSB and REP STOSB.
 */
import { TSC_KHZ } from '../../machine/clock.ts';
import type { AbiVersion } from '../common/domain.ts';

const FEATURES_1_EDX = bits(
  0 /* FPU */,
  2 /* DE */,
  4 /* TSC */,
  5 /* MSR */,
  6 /* PAE */,
  8 /* CX8 */,
  15 /* CMOV */,
  16 /* PAT */,
  19 /* CLFSH */,
  23 /* MMX */,
  24 /* FXSR */,
  25 /* SSE */,
  26 /* SSE2 */,
);
const FEATURES_1_ECX = bits(
  0 /* SSE3 */,
  9 /* SSSE3 */,
  13 /* CX16 */,
  19 /* SSE4.1 */,
  20 /* SSE4.2 */,
  23 /* POPCNT */,
  31 /* hypervisor */,
);
/** Without long mode there is no CMPXCHG16B, and no LAHF "in 64-bit mode" (deep dependencies of LM in Xen's policy). */
const CX16 = 1 << 13;
const FEATURES_7_EBX = bits(9 /* ERMS */);
const FEATURES_EXT_EDX = bits(11 /* SYSCALL */, 20 /* NX */, 29 /* LM */);
const FEATURES_EXT_ECX = bits(0 /* LAHF in 64-bit mode */);
/** Leaf 0x80000007: TSC runs at a constant rate in all states. */
const INVARIANT_TSC = 1 << 8;

/** Family 6, model 0x1C, stepping 10. */
const SIGNATURE = 0x000106ca;
const BRAND = 'Xenoscope virtual CPU';
const MAX_BASIC = 7;
const MAX_EXTENDED = 0x80000008;
const HYPERVISOR_BASE = 0x40000000;
const HYPERVISOR_LEAVES = 5;

export interface CpuidSubject {
  readonly vcpuIndex: number;
  readonly width: 64 | 32;
  readonly abiVersion: AbiVersion;
}

/** Fills eax, ebx, ecx, edx. */
export function guestCpuid(leaf: number, subleaf: number, subject: CpuidSubject, out: Uint32Array): void {
  const unsignedLeaf = leaf >>> 0;
  out.fill(0);
  if (subject.abiVersion !== '4') {
    oldLeaf(unsignedLeaf, subleaf, subject, out);
    return;
  }
  if (unsignedLeaf >= HYPERVISOR_BASE && unsignedLeaf <= HYPERVISOR_BASE + 0xff) {
    hypervisorLeaf(unsignedLeaf - HYPERVISOR_BASE, subleaf, out);
  } else if (unsignedLeaf >= 0x80000000) {
    extendedLeaf(unsignedLeaf, subject, out);
  } else {
    // Beyond the highest basic leaf, Intel processors answer with that leaf; ours holds ERMS only in its subleaf 0.
    basicLeaf(Math.min(unsignedLeaf, MAX_BASIC), subleaf, subject, out);
  }
}

/**
 * Before Xen 3, guests see the processor as it is, with features whose registers that Xen does not emulate: those are
 * left out (DE, MSR, PAE, PAT), and with them all that came after its time.
 */
const OLD_FEATURES_EDX = FEATURES_1_EDX & ~bits(2, 5, 6, 16);
const OLD_FEATURES_ECX = bits(0 /* SSE3 */);

function oldLeaf(leaf: number, subleaf: number, subject: CpuidSubject, out: Uint32Array): void {
  if (leaf >= 0x80000000) {
    extendedLeaf(leaf, subject, out);
    if (leaf === 0x80000000) out[0] = 0x80000006;
    if (leaf === 0x80000001 || leaf > 0x80000006) out.fill(0);
    return;
  }
  basicLeaf(Math.min(leaf, OLD_MAX_BASIC), subleaf, subject, out);
  if (leaf === 0) out[0] = OLD_MAX_BASIC;
  if (leaf !== 1) return;
  out[2] = OLD_FEATURES_ECX;
  out[3] = OLD_FEATURES_EDX;
}

/** Leaf 2, the caches, is the last that a Linux of 2004 knows. */
const OLD_MAX_BASIC = 2;

function basicLeaf(leaf: number, subleaf: number, subject: CpuidSubject, out: Uint32Array): void {
  switch (leaf) {
    case 0:
      out[0] = MAX_BASIC;
      putText('Genu', out, 1);
      putText('ineI', out, 3);
      putText('ntel', out, 2);
      break;
    case 1:
      out[0] = SIGNATURE;
      // CLFLUSH line of 64 bytes (in units of 8), one logical processor, initial APIC id: 2 per vCPU as in Xen.
      out[1] = (8 << 8) | (1 << 16) | ((subject.vcpuIndex * 2) << 24);
      out[2] = subject.width === 64 ? FEATURES_1_ECX : FEATURES_1_ECX & ~CX16;
      out[3] = FEATURES_1_EDX;
      break;
    case 7:
      if (subleaf === 0) out[1] = FEATURES_7_EBX;
      break;
    default:
      break;
  }
}

function extendedLeaf(leaf: number, subject: CpuidSubject, out: Uint32Array): void {
  switch (leaf) {
    case 0x80000000:
      out[0] = MAX_EXTENDED;
      break;
    case 0x80000001:
      out[2] = subject.width === 64 ? FEATURES_EXT_ECX : 0;
      out[3] = subject.width === 64 ? FEATURES_EXT_EDX : bits(20);
      break;
    case 0x80000002:
    case 0x80000003:
    case 0x80000004: {
      const text = BRAND.padEnd(48, '\0').slice((leaf - 0x80000002) * 16);
      for (let word = 0; word < 4; word++) putText(text.slice(word * 4, word * 4 + 4), out, word);
      break;
    }
    case 0x80000006:
      // L2: 64-byte lines, 8-way, 1024 KiB.
      out[2] = 0x04006040;
      break;
    case 0x80000007:
      out[3] = INVARIANT_TSC;
      break;
    case 0x80000008:
      // Physical and linear address bits.
      out[0] = 40 | (48 << 8);
      break;
    default:
      break;
  }
}

function hypervisorLeaf(leaf: number, subleaf: number, out: Uint32Array): void {
  switch (leaf) {
    case 0:
      out[0] = HYPERVISOR_BASE + HYPERVISOR_LEAVES;
      putText('XenV', out, 1);
      putText('MMXe', out, 2);
      putText('nVMM', out, 3);
      break;
    case 1:
      out[0] = (4 << 16) | 17;
      break;
    case 2:
      // One hypercall page, installed through MSR 0x40000000; bit 0: MMU_PT_UPDATE_PRESERVE_AD.
      out[0] = 1;
      out[1] = 0x40000000;
      out[2] = 1;
      break;
    case 3:
      if (subleaf === 0) {
        // TSC mode 0 (default), not emulated but safe to use.
        out[0] = 1 << 1;
        out[2] = TSC_KHZ;
      } else if (subleaf === 1) {
        out[2] = 0x80000000;
        out[3] = 1;
      } else if (subleaf === 2) out[0] = TSC_KHZ;
      break;
    case 5:
      // Machine addresses fit in 40 bits.
      out[1] = 40;
      break;
    default:
      break;
  }
}

function bits(...numbers: readonly number[]): number {
  return numbers.reduce((all, bit) => all | (1 << bit), 0) >>> 0;
}

function putText(text: string, out: Uint32Array, word: number): void {
  let value = 0;
  for (let index = 0; index < 4; index++) value |= (text.charCodeAt(index) || 0) << (index * 8);
  out[word] = value;
}
