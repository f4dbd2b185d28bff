/** What a debugger changes in a machine, as input that can be recorded and replayed. */
import type { MachineAddress } from '../base/numbers.ts';
import { canonicalPath } from '../xen/backends/xenstore/paths.ts';
import type { Machine } from '../xen/toolstack/machine-boot.ts';
import { writeRegister } from './registers.ts';

export interface DebugInputs {
  /** As the toolstack: value undefined removes. */
  changeXenstore(input: { readonly path: string; readonly value: string | undefined }): void;
  /** `value` hexadecimal. False: no such vCPU or register, or none that may be set. */
  setRegister(input: { readonly vcpu: number; readonly name: string; readonly value: string }): boolean | undefined;
  /** Bytes within one frame. */
  writeMemory(input: { readonly address: MachineAddress; readonly bytes: Uint8Array }): void;
}

/** To be called once for each machine that a debugger may change, or whose recording one may have changed. */
export function defineDebugInputs({ hypervisor, input, store }: Machine): DebugInputs {
  return {
    changeXenstore: input.define(
      'xenstore',
      ({ path, value }: { readonly path: string; readonly value: string | undefined }) => {
        if (value === undefined) store.hostRemove(path);
        else store.hostWrite(path, value);
      },
    ),
    setRegister: input.define('register', ({ vcpu, name, value }: { vcpu: number; name: string; value: string }) => {
      const found = [...hypervisor.domains.values()].flatMap(({ vcpus }) => vcpus).find(({ id }) => id === vcpu);
      return found !== undefined && writeRegister(hypervisor, found, name, BigInt(value));
    }),
    writeMemory: input.define('memory', ({ address, bytes }: { address: MachineAddress; bytes: Uint8Array }) =>
      hypervisor.ram.writeBytes(address, bytes),
    ),
  };
}

/** Why a path or value cannot be written by anybody; undefined when it can. */
export function xenstoreProblem(path: string, value: string | undefined): string | undefined {
  if (!path.startsWith('/') || canonicalPath(path, 0) === undefined) return `"${path}" is no xenstore path.`;
  if (path === '/') return 'The root cannot be changed.';
  if (value === undefined) return undefined;
  if (Array.from(value).some((character) => (character.codePointAt(0) ?? 0) > 255))
    return 'A value is bytes: characters up to U+00FF.';
  return value.length > MAX_VALUE ? `A value has at most ${MAX_VALUE} bytes.` : undefined;
}

/** XENSTORE_PAYLOAD_MAX: what a message carries. */
const MAX_VALUE = 4096;
