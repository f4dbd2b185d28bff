/** What a debugger changes in a machine, as input that can be recorded and replayed. */
import type { MachineAddress } from '../base/numbers.ts';
import type { Machine } from '../xen/toolstack/machine-boot.ts';
import { writeRegister } from './registers.ts';

export interface DebugInputs {
  /** `value` hexadecimal. False: no such vCPU or register, or none that may be set. */
  setRegister(input: { readonly vcpu: number; readonly name: string; readonly value: string }): boolean | undefined;
  /** Bytes within one frame. */
  writeMemory(input: { readonly address: MachineAddress; readonly bytes: Uint8Array }): void;
}

/** To be called once for each machine that a debugger may change, or whose recording one may have changed. */
export function defineDebugInputs({ hypervisor, input }: Machine): DebugInputs {
  return {
    setRegister: input.define('register', ({ vcpu, name, value }: { vcpu: number; name: string; value: string }) => {
      const found = [...hypervisor.domains.values()].flatMap(({ vcpus }) => vcpus).find(({ id }) => id === vcpu);
      return found !== undefined && writeRegister(hypervisor, found, name, BigInt(value));
    }),
    writeMemory: input.define('memory', ({ address, bytes }: { address: MachineAddress; bytes: Uint8Array }) =>
      hypervisor.ram.writeBytes(address, bytes),
    ),
  };
}
