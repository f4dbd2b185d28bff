import {
  STATE_ERROR_CODE,
  STATE_REGION_STALE,
  STATE_SELECTORS,
  STATE_VECTOR,
  TLB_ADDEND,
  TLB_ENTRIES,
  TLB_ENTRY_SHIFT,
  TLB_FETCH,
} from '../cpu/layout.ts';
import { VECTOR_GP } from '../cpu/processor.ts';
import type { Form } from '../interpreter/operands.ts';
import * as record from '../interpreter/record.ts';
import type { Imports } from '../isa/emitter.ts';
import { FunctionBody } from '../wasm/function-body.ts';
import { Int } from '../wasm/int.ts';
import { TYPE_I32 } from '../wasm/module-builder.ts';
import type { BlockCode, Instruction } from './block-code.ts';
import { isHelper } from './block-code.ts';
import { ControlFlow } from './control-flow.ts';
import { type RecordFields, RegionEmitter } from './region-emitter.ts';

const ZERO = Int.constant(32, 0);
/** Return sites that a RET is compared with. */
const MAXIMUM_SITES = 6;

/** What a region is made of. */
export interface RegionPlan {
  readonly mode: 32 | 64;
  /** RAM offset of the page. */
  readonly page: number;
  readonly blocks: readonly BlockCode[];
  /** Indices of the blocks that the region may be entered at. */
  readonly entries: readonly number[];
}

/** Emits one region as a function: (index of the block to begin with) → REGION_* with a record. */
export class RegionCode {
  private readonly body = new FunctionBody([TYPE_I32]);
  private readonly emitter: RegionEmitter;
  private readonly flow: ControlFlow;
  private readonly indexOf: ReadonlyMap<number, number>;
  /** Blocks that follow a call to a block of this region, with their offsets in the page. */
  private readonly sites: readonly (readonly [block: number, offset: number])[];

  constructor(
    private readonly plan: RegionPlan,
    imports: Imports,
    private readonly routineType: number,
    private readonly fields: RecordFields,
  ) {
    const { body } = this;
    this.indexOf = new Map(plan.blocks.map((block, index) => [block.record, index]));
    this.sites = this.findSites();
    const exit = body.block();
    this.emitter = new RegionEmitter(plan.mode, body, imports, fields, exit);
    this.emitter.edges = {
      follow: (link) => {
        const index = this.indexOf.get(link);
        if (index === undefined) return false;
        this.flow.jump(index);
        return true;
      },
      returnTo: (target) => this.returnTo(target),
    };
    this.flow = new ControlFlow(body, this.successors(), body.parameter(0), (index) => this.emitBlock(index));
  }

  private findSites(): [block: number, offset: number][] {
    const offsets = this.plan.blocks
      .filter(({ returnOffset, links }) => returnOffset >= 0 && links.some((link) => this.indexOf.has(link)))
      .map(({ returnOffset }) => returnOffset);
    const sites: [number, number][] = [];
    for (const [index, block] of this.plan.blocks.entries()) {
      const offset = this.fields.u16(block.record + record.RECORD_OFFSET);
      if (offsets.includes(offset) && sites.length < MAXIMUM_SITES) sites.push([index, offset]);
    }
    return sites;
  }

  private successors(): number[][] {
    return this.plan.blocks.map(({ links, returns }) => {
      const next = links.flatMap((link) => this.indexOf.get(link) ?? []);
      return [...new Set([...next, ...(returns ? this.sites.map(([block]) => block) : [])])];
    });
  }

  emit(): FunctionBody {
    const { body, emitter } = this;
    this.flow.emit(this.plan.entries);
    body.unreachable();
    body.end();
    emitter.emitExit();
    body.unreachable();
    body.prepend(() => emitter.emitEntry());
    return body;
  }

  private emitBlock(index: number): void {
    const { emitter, body } = this;
    const block = this.plan.blocks[index] as BlockCode;
    emitter.regionFlags.forget();
    emitter.charge(block.count, block.record);
    for (const instruction of block.instructions) {
      if (instruction.form === undefined) {
        emitter.leave(record.REGION_CONTINUE, instruction.first);
        body.releaseTemporaries();
        return;
      }
      this.emitInstruction(instruction, instruction.form);
      body.releaseTemporaries();
    }
    emitter.fallThrough(block.closing);
  }

  private emitInstruction({ first, at }: Instruction, form: Form): void {
    const { emitter, body } = this;
    const routine = form.row.traits.routine === true;
    emitter.begin(form, first, at);
    for (let helper = first; helper < at; helper += record.RECORD_SIZE) this.emitHelper(helper, routine);
    if (!routine) {
      form.row.run(emitter);
      return;
    }
    emitter.callRoutine(this.routineType, touchesRegisters(form));
    body.if(body.load(32, ZERO, STATE_REGION_STALE), () =>
      emitter.leave(record.REGION_CONTINUE, at + record.RECORD_SIZE),
    );
  }

  private emitHelper(at: number, stored: boolean): void {
    const { emitter, fields, body, plan } = this;
    const handler = fields.u16(at);
    if (!isHelper(handler)) throw new Error(`record ${handler} is no helper`);
    if (handler === record.HANDLER_NOT_NULL) {
      const selector = emitter.state(32, STATE_SELECTORS + fields.u8(at + record.RECORD_EXTRA) * 4);
      body.if(selector.and(0xfffc).eqz(), () => {
        emitter.setState(32, STATE_VECTOR, Int.constant(32, VECTOR_GP));
        emitter.setState(32, STATE_ERROR_CODE, ZERO);
        emitter.leave(record.REGION_FAULT, at);
      });
    } else if (handler === record.HANDLER_ADDRESS_ABSOLUTE) {
      const low = fields.i32(at + record.RECORD_DISPLACEMENT);
      emitter.setAddress(Int.constant64(low, fields.i32(at + record.RECORD_IMMEDIATE)), stored);
    } else {
      const low = emitter.helperAddress(at).toI32();
      const cut = handler === record.HANDLER_ADDRESS16 ? low.and(0xffff) : low;
      emitter.setAddress(cut.toWidth(plan.mode), stored);
    }
  }

  /**
   * RET to a block that follows a call in this region. As anywhere, the fetch goes through the TLB: its tag must be
   * there, and lead to this frame.
   */
  private returnTo(target: Int): void {
    const { emitter, body, plan, sites } = this;
    if (sites.length === 0) return;
    const base = body.let(emitter.pageAddress(0).toI64U());
    const place = base
      .toI32()
      .shrU(12 - TLB_ENTRY_SHIFT)
      .and((TLB_ENTRIES - 1) << TLB_ENTRY_SHIFT);
    const entry = body.let(emitter.tlbView().add(place));
    const frame = body.load(32, entry, TLB_ADDEND).add(base.toI32());
    body.if(body.load(64, entry, TLB_FETCH).eq(base).and(frame.eq(plan.page)), () => {
      for (const [block, offset] of sites) {
        body.if(target.eq(emitter.pageAddress(offset)), () => this.flow.jump(block));
      }
    });
  }
}

/** SSE and x87 routines that neither read nor write general registers other than those of an address. */
function touchesRegisters({ row }: Form): boolean {
  const { encoding, operands, name } = row;
  if (/mask|fnstsw|stri|strm/.test(name)) return true;
  const media = operands !== '' && operands.split(' ').every((operand) => 'VWUPQNMIK'.includes(operand[0] as string));
  return !(media || /^D[89A-F] /.test(encoding)) || name.startsWith('cmpxchg');
}
