// The machine under the grinder: real memory, harts, page table walks and cached translations; clocks and interrupt lines that the
// grinder moves. One serves many rounds.

import { Engine } from '../../hw/engine/engine.ts';
import { context as contextFields } from '../../hw/engine/layout.ts';
import { MachineMemory } from '../../hw/engine/memory.ts';
import { interrupts } from '../../hw/hart/causes.ts';
import { Context } from '../../hw/hart/context.ts';
import { Hart, type HartPort } from '../../hw/hart/hart.ts';
import { resetContext } from '../../hw/hart/reset.ts';
import { deliver } from '../../hw/hart/trap.ts';
import type { Microvisor } from '../../microvisor/index.ts';
import type { KernelPort } from '../../microvisor/ports.ts';

/** Effects on another hart arrive this many cycles later. */
const lookahead = 50_000;

export class Rig {
  readonly memory: MachineMemory;
  readonly harts: Hart[];
  readonly engine: Engine;
  readonly port: KernelPort;
  /** Cycles. */
  readonly clocks: Float64Array;
  private readonly deadlines: Float64Array;
  /** When a request to choose again arrives. */
  private readonly reschedules: number[];
  private readonly irqs: { masked: boolean; inService: boolean; pending: boolean; hart: number; latched: boolean }[] =
    [];
  private claimable = 0;
  /** What the kernel has said: of faults without a handler, of halts. */
  log: string[] = [];

  constructor(hartCount: number, ramSize: number) {
    this.memory = new MachineMemory(ramSize, { contexts: 256, codeSlots: 64 });
    this.harts = Array.from({ length: hartCount }, (_, id) => new Hart(id, this.memory));
    const none = { load: () => false, store: () => false, low: 0, high: 0, watched: () => {} };
    this.engine = new Engine(this.memory, none, hartCount, true, false);
    for (const hart of this.harts) hart.port = this.hartPort(hart);
    this.clocks = new Float64Array(hartCount);
    this.deadlines = new Float64Array(hartCount);
    this.port = this.kernelPort();
    this.reschedules = this.harts.map(() => Infinity);
    this.reset();
  }

  /** As at power-on. */
  reset(): void {
    const { memory } = this;
    memory.fill(memory.layout.ram, 0, memory.layout.ramSize);
    this.engine.forget();
    for (const hart of this.harts) {
      hart.context = new Context(memory, memory.layout.contexts + hart.id * contextFields.size);
      resetContext(hart.context, { pc: 0n, privilege: 0 });
    }
    this.clocks.fill(0);
    this.deadlines.fill(Infinity);
    this.reschedules.fill(Infinity);
    this.irqs.length = 0;
    for (let irq = 0; irq < 100; irq++) {
      this.irqs.push({ masked: true, inService: false, pending: false, hart: 0, latched: false });
    }
    this.log = [];
  }

  private hartPort(hart: Hart): HartPort {
    return {
      cycles: () => BigInt(this.clocks[hart.id]!),
      instret: () => BigInt(this.clocks[hart.id]!),
      time: () => BigInt(Math.floor(this.clocks[hart.id]! / 100)),
      translationChanged: () => this.engine.chooseBanks(hart),
      protectionChanged: () => this.engine.flushTranslations(),
      fence: (scope) => this.engine.fence(hart, scope),
      loadAs: (regime, address, size, { executable }) => this.engine.loadAs(hart, regime, address, size, executable),
      storeAs: (regime, address, size, value) => this.engine.storeAs(hart, regime, address, size, value),
    };
  }

  private kernelPort(): KernelPort {
    return {
      clocks: this.clocks,
      deadlines: this.deadlines,
      sendReschedule: (hart) => {
        this.reschedules[hart] = Math.min(this.reschedules[hart]!, Math.max(...this.clocks) + lookahead);
      },
      interruptPending: (hart) =>
        this.deadlines[hart]! <= this.clocks[hart]! || this.irqs.some((irq) => irq.pending && this.reaches(irq, hart)),
      claimInterrupt: () => {
        const irq = this.claimable;
        this.claimable = 0;
        if (irq !== 0) {
          this.irqs[irq]!.pending = false;
          this.irqs[irq]!.inService = true;
        }
        return irq;
      },
      completeInterrupt: (irq) => {
        this.irqs[irq]!.inService = false;
      },
      maskInterrupt: (irq, masked) => {
        this.irqs[irq]!.masked = masked;
      },
      placeInterrupt: (irq, hart, latched) => {
        this.irqs[irq]!.hart = hart;
        this.irqs[irq]!.latched = latched;
      },
      setInterruptTrigger: () => {},
      traceEntry: () => {},
      codeWritten: (physical, length) => this.engine.written(this.memory.hostAddress(physical, length), length),
      loadDevice: () => undefined,
      storeDevice: () => false,
      putChar: () => {},
      halt: (reason) => this.note(reason),
      log: (line) => this.note(line),
    };
  }
  private note(line: string): void {
    this.log.push(line);
    if (this.log.length > 20) this.log.shift();
  }

  private reaches(irq: (typeof this.irqs)[number], hart: number): boolean {
    return !irq.masked && !irq.inService && !irq.latched && irq.hart === hart;
  }

  /** When something happens on a hart by itself, in cycles. */
  nextEvent(hart: number): number {
    return Math.min(this.deadlines[hart]!, this.reschedules[hart]!);
  }
  /** Enters the kernel for whatever is due on a hart. */
  enterForEvents(microvisor: Microvisor, hart: number): boolean {
    if (this.reschedules[hart]! <= this.clocks[hart]!) {
      this.reschedules[hart] = Infinity;
      microvisor.reschedule(this.harts[hart]!);
      return true;
    }
    if (this.deadlines[hart]! > this.clocks[hart]!) return false;
    this.deadlines[hart] = Infinity;
    microvisor.timer(this.harts[hart]!);
    return true;
  }

  /** Raises a line for a moment; the kernel is entered if it is let through. 0: an interrupt that nobody claims. */
  interrupt(microvisor: Microvisor, number: number): void {
    const irq = this.irqs[number]!;
    if (number !== 0) {
      if (!this.reaches(irq, irq.hart)) return;
      irq.pending = true;
    }
    this.claimable = number;
    microvisor.trap(this.harts[irq.hart]!, interrupts.sei, true);
    irq.pending = false;
    this.claimable = 0;
  }

  /** Runs one instruction of the hart's thread. */
  execute(hart: number): void {
    const { engine } = this;
    this.clocks[hart]!++;
    engine.run(this.harts[hart]!, 1);
    if (engine.trapped) deliver(this.harts[hart]!);
  }
}
