import {
  HEAT_OFFSET,
  HEAT_SHIFT,
  JUMP_CACHE,
  JUMP_CACHE_ENTRIES,
  STATE_ADDRESS,
  STATE_BUDGET,
  STATE_ERROR_CODE,
  STATE_FETCH_TLB,
  STATE_PAGE_BASE,
  STATE_RECORD,
  STATE_REGION_STALE,
  STATE_REGIONS,
  STATE_RIP,
  STATE_SELECTORS,
  STATE_TLB,
  STATE_VECTOR,
  TLB_ADDEND,
  TLB_ENTRIES,
  TLB_ENTRY_SHIFT,
  TLB_FETCH,
} from '../cpu/layout.ts';
import { VECTOR_GP } from '../cpu/processor.ts';
import type { Imports } from '../isa/emitter.ts';
import { FunctionBody, type Label } from '../wasm/function-body.ts';
import { Int } from '../wasm/int.ts';
import { ModuleBuilder, TYPE_I32, TYPE_I64 } from '../wasm/module-builder.ts';
import type { FormTable } from './forms.ts';
import { InterpreterEmitter, type Place } from './interpreter-emitter.ts';
import type { Form } from './operands.ts';
import * as record from './record.ts';
import { addSharedFunctions, sharedNames } from './shared-functions.ts';

const zero = Int.constant(32, 0);

/** Builds the interpreter of one mode: `run(record) → RUN_*`, plus one function per routine row in its table. */
export function buildInterpreter(table: FormTable): Uint8Array<ArrayBuffer> {
  const builder = new ModuleBuilder();
  builder.importMemory('memory');
  const imports = addSharedFunctions(builder);
  for (const [name, index] of sharedNames(imports)) builder.exportFunction(name, index);
  const routineType = builder.type([TYPE_I32], [TYPE_I32]);
  const routines = table.routines.map((form) => builder.addFunction(routineType, routineBody(table, imports, form)));
  builder.addFunction(routineType, mainBody(table, imports, routineType), 'run');
  builder.setTable(routines, record.REGION_SLOTS, 'table');
  return builder.build();
}

function routineBody(table: FormTable, imports: Imports, form: Form): FunctionBody {
  const body = new FunctionBody([TYPE_I32]);
  const tlb = body.local(TYPE_I32);
  body.set(tlb, body.load(32, zero, STATE_TLB));
  const emitter = new InterpreterEmitter(table.mode, body, imports, body.parameter(0), tlb, form, { kind: 'routine' });
  form.row.run(emitter);
  body.return(Int.constant(32, record.ROUTINE_NEXT));
  body.unreachable();
  return body;
}

function mainBody(table: FormTable, imports: Imports, routineType: number): FunctionBody {
  const { mode } = table;
  const body = new FunctionBody([TYPE_I32]);
  const current = body.parameter(0);
  const budget = body.local(TYPE_I32);
  const tlb = body.local(TYPE_I32);
  const taken = body.local(TYPE_I32);
  const target = body.local(TYPE_I64);
  const field = (bits: number, offset: number): Int => body.load(bits, body.get(current), offset);
  const leave = (reason: number): void => {
    body.store(32, zero, body.get(budget), STATE_BUDGET);
    body.return(Int.constant(32, reason));
  };
  /** The page base plus an offset, wrapped to the mode, into rip. */
  const setRip = (offset: Int): void => body.store(64, zero, inPage(offset), STATE_RIP);
  const inPage = (offset: Int): Int => {
    const sum = body.load(64, zero, STATE_PAGE_BASE).add(offset.toI64S());
    return mode === 64 ? sum : sum.and(Int.constant64(-1, 0));
  };

  const refund = (): void => body.set(budget, body.get(budget).add(field(8, record.RECORD_REMAINING)));
  /** Counts the run of a block that has been charged; at zero it is hot, below zero it is a region's. */
  const enterRegion = (): void => {
    const heat = body.let(body.load(32, body.get(current).shrU(HEAT_SHIFT), HEAT_OFFSET));
    body.if(
      heat.gtS(0),
      () => body.store(32, body.get(current).shrU(HEAT_SHIFT), heat.sub(1), HEAT_OFFSET),
      () => {
        body.if(heat.eqz(), () => {
          refund();
          setRip(field(16, record.RECORD_OFFSET));
          body.store(32, zero, body.get(current), STATE_RECORD);
          leave(record.RUN_HOT);
        });
        body.if(body.load(32, zero, STATE_REGIONS), () => {
          refund();
          body.store(32, zero, body.get(budget), STATE_BUDGET);
          body.store(32, zero, zero, STATE_REGION_STALE);
          const region = heat.xor(-1);
          const left = body.let(body.callIndirect(routineType, region.shrU(6), [region.and(63)]));
          body.set(budget, body.load(32, zero, STATE_BUDGET));
          body.set(current, left.and(~record.REGION_MASK));
          leaveRegion(body.let(left.and(record.REGION_MASK)));
        });
      },
    );
  };
  /** On from where a region ended; falls through for REGION_CONTINUE. */
  const leaveRegion = (how: Int): void => {
    body.if(how.eq(record.REGION_JUMP), () => {
      body.set(target, body.load(64, zero, STATE_RIP));
      body.br(transfer);
    });
    body.brIf(enter, how.eqz());
    body.if(how.geU(record.REGION_NEXT), () => {
      body.set(taken, how.and(1));
      const links = [field(32, record.RECORD_LINK_TAKEN), field(32, record.RECORD_LINK_NEXT)] as const;
      const link = body.let(links[0].select(body.get(taken), links[1]));
      body.brIf(unlinked, link.leS(0));
      body.set(current, link);
      body.br(enter);
    });
    body.brIf(fault, how.eq(record.REGION_FAULT));
    body.if(how.eq(record.ROUTINE_AGAIN), () => {
      setRip(field(16, record.RECORD_OFFSET));
      leave(record.RUN_BUDGET);
    });
  };

  body.set(budget, body.load(32, zero, STATE_BUDGET));
  body.set(tlb, body.load(32, zero, STATE_TLB));
  const enter = body.loop();
  body.set(budget, body.get(budget).sub(field(8, record.RECORD_REMAINING)));
  body.if(body.get(budget).ltS(0), () => {
    refund();
    setRip(field(16, record.RECORD_OFFSET));
    leave(record.RUN_BUDGET);
  });
  const transfer = body.block();
  const unlinked = body.block();
  const fault = body.block();
  const place: Place = { kind: 'inline', budget, target, taken, enter, fault, transfer, unlinked };
  enterRegion();
  const next = body.loop();

  const handlers = new Map<number, () => void>();
  const forward = (): void => {
    body.set(current, body.get(current).add(record.RECORD_SIZE));
    body.br(next);
  };
  const emitterFor = (form: Form): InterpreterEmitter =>
    new InterpreterEmitter(mode, body, imports, current, tlb, form, place);
  const helperForm = table.inline[0] as Form;

  handlers.set(record.HANDLER_STALE, () => {
    refund();
    setRip(field(16, record.RECORD_OFFSET));
    leave(record.RUN_RESOLVE);
  });
  handlers.set(record.HANDLER_CONTINUE, () => emitterFor(helperForm).jumpDirectIf(zero));
  handlers.set(record.HANDLER_STOP, () => {
    setRip(field(16, record.RECORD_NEXT_OFFSET));
    leave(record.RUN_STOP);
  });
  handlers.set(record.HANDLER_BREAK, () => {
    refund();
    setRip(field(16, record.RECORD_OFFSET));
    leave(record.RUN_BREAK);
  });
  handlers.set(record.HANDLER_CROSS, () => {
    // The displacement holds the RAM offset of the following page as it was decoded.
    const page = body.let(body.load(64, zero, STATE_PAGE_BASE).add(4096));
    const wrapped = body.let(mode === 64 ? page : page.and(Int.constant64(-1, 0)));
    const entry = body.let(tlbEntry(body.load(32, zero, STATE_FETCH_TLB), wrapped));
    const same = body
      .load(32, entry, TLB_ADDEND)
      .add(wrapped.toI32())
      .eq(field(32, record.RECORD_DISPLACEMENT))
      .and(body.load(64, entry, TLB_FETCH).eq(wrapped));
    body.if(same, forward);
    refund();
    setRip(field(16, record.RECORD_OFFSET));
    leave(record.RUN_RESOLVE);
  });
  handlers.set(record.HANDLER_ADDRESS32, () => {
    const address = emitterFor(helperForm).effectiveAddress();
    body.store(64, zero, address.toI32().toI64U(), STATE_ADDRESS);
    forward();
  });
  handlers.set(record.HANDLER_ADDRESS16, () => {
    const address = emitterFor(helperForm).effectiveAddress();
    body.store(64, zero, address.toI32().and(0xffff).toI64U(), STATE_ADDRESS);
    forward();
  });
  handlers.set(record.HANDLER_NOT_NULL, () => {
    const selector = body.load(32, field(8, record.RECORD_EXTRA).shl(2), STATE_SELECTORS);
    body.if(selector.and(0xfffc), forward);
    body.store(32, zero, Int.constant(32, VECTOR_GP), STATE_VECTOR);
    body.store(32, zero, zero, STATE_ERROR_CODE);
    body.br(fault);
  });
  handlers.set(record.HANDLER_ADDRESS_ABSOLUTE, () => {
    body.store(64, zero, field(64, record.RECORD_DISPLACEMENT), STATE_ADDRESS);
    forward();
  });
  const called = (status: Int): void => {
    const answer = body.let(status);
    body.set(budget, body.load(32, zero, STATE_BUDGET));
    body.if(answer.eqz(), forward);
    body.brIf(fault, answer.eq(record.ROUTINE_FAULT));
    body.if(answer.eq(record.ROUTINE_JUMP), () => {
      body.set(target, body.load(64, zero, STATE_RIP));
      body.br(transfer);
    });
    body.if(answer.eq(record.ROUTINE_AGAIN), () => {
      setRip(field(16, record.RECORD_OFFSET));
      leave(record.RUN_BUDGET);
    });
    leave(record.RUN_EXIT);
  };
  const calling = (): void => {
    body.store(32, zero, body.get(budget), STATE_BUDGET);
    body.store(32, zero, body.get(current), STATE_RECORD);
  };
  handlers.set(record.HANDLER_ROUTINE, () => {
    calling();
    called(body.callIndirect(routineType, field(32, record.RECORD_ROUTINE), [body.get(current)]));
  });
  handlers.set(record.HANDLER_SYSTEM, () => {
    calling();
    called(body.result(imports.system, [field(32, record.RECORD_ROUTINE), body.get(current)]));
  });
  handlers.set(record.HANDLER_RAISE, () => {
    body.store(32, zero, field(32, record.RECORD_IMMEDIATE), STATE_VECTOR);
    body.store(32, zero, field(32, record.RECORD_DISPLACEMENT), STATE_ERROR_CODE);
    body.br(fault);
  });
  for (const form of table.inline) {
    handlers.set(form.handler, () => {
      form.row.run(emitterFor(form));
      forward();
    });
  }

  dispatch(body, field(16, record.RECORD_HANDLER), handlers, record.FIRST_ROW_HANDLER + table.inline.length);
  body.end(); // next
  body.unreachable();
  body.end(); // fault
  refund();
  setRip(field(16, record.RECORD_OFFSET));
  leave(record.RUN_EXCEPTION);
  body.end(); // unlinked
  const offset = body.let(
    field(32, record.RECORD_DISPLACEMENT).select(body.get(taken), field(16, record.RECORD_NEXT_OFFSET)),
  );
  body.set(target, inPage(offset));
  const link = body.let(
    field(32, record.RECORD_LINK_TAKEN).select(body.get(taken), field(32, record.RECORD_LINK_NEXT)),
  );
  body.if(link.eqz(), () => {
    body.store(64, zero, body.get(target), STATE_RIP);
    body.store(32, zero, body.get(current), STATE_RECORD);
    body.store(32, zero, body.get(budget), STATE_BUDGET);
    body.return(Int.constant(32, record.RUN_LINK_TAKEN).select(body.get(taken), record.RUN_LINK_NEXT));
  });
  body.end(); // transfer
  const page = body.let(body.get(target).and(-4096));
  const entry = body.let(tlbEntry(body.load(32, zero, STATE_FETCH_TLB), page));
  body.if(body.load(64, entry, TLB_FETCH).eq(page), () => {
    const code = body.let(body.load(32, entry, TLB_ADDEND).add(body.get(target).toI32()));
    const slot = body.let(
      code
        .xor(code.shrU(12))
        .and(JUMP_CACHE_ENTRIES - 1)
        .shl(3),
    );
    body.if(body.load(32, slot, JUMP_CACHE).eq(code), () => {
      body.store(64, zero, page, STATE_PAGE_BASE);
      body.set(current, body.load(32, slot, JUMP_CACHE + 4));
      body.br(enter);
    });
  });
  body.store(64, zero, body.get(target), STATE_RIP);
  leave(record.RUN_RESOLVE);
  body.end(); // enter
  body.unreachable();
  return body;
}

function tlbEntry(tlb: Int, address: Int): Int {
  return tlb.add(
    address
      .toI32()
      .shrU(12 - TLB_ENTRY_SHIFT)
      .and((TLB_ENTRIES - 1) << TLB_ENTRY_SHIFT),
  );
}

/** One br_table over all handlers; numbers without a handler trap. */
function dispatch(body: FunctionBody, selector: Int, handlers: ReadonlyMap<number, () => void>, count: number): void {
  const labels: Label[] = [];
  const invalid = body.block();
  for (let index = count - 1; index >= 0; index--) labels[index] = body.block();
  body.brTable(labels, invalid, selector);
  for (let index = 0; index < count; index++) {
    body.end();
    const emit = handlers.get(index);
    if (emit === undefined) body.unreachable();
    else {
      emit();
      body.unreachable();
      body.releaseTemporaries();
    }
  }
  body.end();
  body.unreachable();
}
