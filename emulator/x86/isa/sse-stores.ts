import { Int } from '../wasm/int.ts';
import { Vec } from '../wasm/vec.ts';
import type { Emitter } from './emitter.ts';
import type { Semantics, Traits } from './row.ts';
import { enterMmx, requireX87 } from './sse-operands.ts';

export const RARE: Traits = { routine: true };

export const zero64 = Int.constant(64, 0);

/** Operand 0 is a general register of 32 or 64 bits; the value has 32. */
export function writeGeneral(e: Emitter, value: Int): void {
  e.setRegisterOperand(0, e.size, value.toWidth(e.size === 64 ? 64 : 32));
}

/**
 * MASKMOVDQU, MASKMOVQ: bytes whose mask has its sign set go to DS:rDI. The whole operand must be writable unless no
 * byte is chosen.
 */
export function maskedStore(bytes: 8 | 16): Semantics {
  return (e) => {
    if (bytes === 16) e.requireFpu();
    else requireX87(e);
    const load = (address: Int): Vec => (bytes === 16 ? Vec.load(address) : Vec.loadLow(64, address));
    const mask = Vec.constant([])
      .binary('gtS8', load(e.registerAddress(1)))
      .hold(e.body);
    e.body.if(mask.bits('anyTrue'), () => {
      // MMX state is entered even when the store then faults.
      if (bytes === 8) enterMmx(e);
      const address = e.let(e.maskedDestination());
      const pointer = e.let(e.writePointer(8 * bytes, address));
      const value = load(e.registerAddress(0)).select(mask, load(pointer));
      if (bytes === 16) value.store(e.body, pointer);
      else value.storeLow(e.body, pointer);
      e.commit(8 * bytes, address, pointer);
    });
    if (bytes === 8) enterMmx(e);
  };
}
