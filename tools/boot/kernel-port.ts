// The machine as the kernel wants it: clock, deadlines, the interrupt controller.

import { pageSize } from '../../hw/engine/layout.ts';
import type { Machine } from '../../hw/machine/machine.ts';
import type { KernelPort } from '../../microvisor/ports.ts';
import { createPlic, isInterrupting, type PlicState, plic, setSource } from '../../vdev/plic.ts';

const supervisorExternal = 1 << 9;
/** What a kernel entry has in the place of a trap's cause in the trace hash. */
const kernelEntry = 0x4000_0000;
/** Interrupts go to hart 0, as seL4's do on this platform: context 1 is its S-mode. */
const plicContext = 1;
const sources = 95;
const map = { priority: 0, enable: 0x2000 + plicContext * 0x80, claim: 0x20_0000 + plicContext * 0x1000 + 4 };

const unwired = {
  nowNs: () => 0,
  setInterrupt: () => {},
  readMemory: () => undefined,
  writeMemory: () => false,
  emit: () => {},
  wakeAt: () => {},
};

export interface PortEvents {
  putChar(byte: number): void;
  log(line: string): void;
  halt(reason: string): void;
}

/** The PLIC of a machine that a kernel owns, and the port over both. */
export class Platform {
  /** Its state is part of what is saved. */
  plic: PlicState = createPlic(2, sources, []);
  private raised = false;

  constructor(
    readonly machine: Machine,
    private readonly events: PortEvents,
  ) {
    for (let irq = 1; irq <= sources; irq++) this.write(map.priority + 4 * irq, 1);
  }

  private write(offset: number, value: number): void {
    plic.write(this.plic, unwired, offset, 4, value);
  }
  private read(offset: number): number {
    return plic.read(this.plic, unwired, offset, 4);
  }

  /** Drives a device's interrupt line. */
  setInterrupt(irq: number, raised: boolean): void {
    setSource(this.plic, irq, raised);
    this.follow();
  }

  private follow(): void {
    const raised = isInterrupting(this.plic, plicContext);
    if (raised === this.raised) return;
    this.raised = raised;
    this.machine.setLines(this.machine.harts[0]!, supervisorExternal, raised);
  }

  readonly port: KernelPort = {
    now: (hart) => this.machine.cycles(this.hart(hart)),
    charge: (hart, cycles) => this.machine.charge(this.hart(hart), cycles),
    setDeadline: (hart, cycles) => this.machine.setDeadline(this.hart(hart), cycles),
    sendReschedule: (hart) => this.machine.sendReschedule(this.hart(hart)),
    interruptPending: (hart) =>
      (this.hart(hart).lines & supervisorExternal) !== 0 || this.machine.deadlineReached(this.hart(hart)),
    claimInterrupt: () => {
      const irq = this.read(map.claim);
      this.follow();
      return irq;
    },
    completeInterrupt: (irq) => {
      this.write(map.claim, irq);
      this.follow();
    },
    maskInterrupt: (irq, masked) => {
      const word = map.enable + 4 * (irq >>> 5);
      const bit = 1 << (irq & 31);
      const enabled = this.read(word);
      this.write(word, (masked ? enabled & ~bit : enabled | bit) >>> 0);
      this.follow();
    },
    setInterruptTrigger: (irq, edge) => {
      const others = this.plic.edges.filter((each) => each !== irq);
      this.plic.edges = edge ? [...others, irq] : others;
    },
    traceEntry: (hart) => this.machine.traceEvent(this.hart(hart), kernelEntry),
    codeWritten: (physical, length) => {
      for (let at = physical; at < physical + length; at += pageSize) {
        this.machine.engine.written(this.machine.memory.hostAddress(at), Math.min(pageSize, physical + length - at));
      }
    },
    loadDevice: (_hart, physical, size) => {
      const { bus } = this.machine;
      if (!bus.load(physical, size)) return undefined;
      return size === 8 ? (BigInt(bus.high >>> 0) << 32n) | BigInt(bus.low >>> 0) : BigInt(bus.low >>> 0);
    },
    storeDevice: (_hart, physical, size, value) =>
      this.machine.bus.store(physical, size, Number(value & 0xffff_ffffn), Number((value >> 32n) & 0xffff_ffffn)),
    putChar: (byte) => this.events.putChar(byte),
    halt: (reason) => this.events.halt(reason),
    log: (line) => this.events.log(line),
  };

  private hart(id: number): Machine['harts'][number] {
    return this.machine.harts[id]!;
  }

  save(): unknown {
    return structuredClone({ plic: this.plic, raised: this.raised });
  }
  load(saved: unknown): void {
    const { plic: state, raised } = structuredClone(saved) as { plic: PlicState; raised: boolean };
    this.plic = state;
    this.raised = raised;
  }
}
