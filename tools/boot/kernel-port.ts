// The machine as the kernel wants it: clock, deadlines, the interrupt controller.

import type { Machine } from '../../hw/machine/machine.ts';
import type { KernelPort } from '../../microvisor/ports.ts';
import { createPlic, type PlicState, plic, setSource } from '../../vdev/plic.ts';
import { PlicLines, supervisorContext, supervisorExternal } from '../board/plic-lines.ts';

/** What a kernel entry has in the place of a trap's cause in the trace hash. */
const kernelEntry = 0x4000_0000;
const sources = 95;
const priority = 0;
const enable = (hart: number, irq: number): number => 0x2000 + supervisorContext(hart) * 0x80 + 4 * (irq >>> 5);
const claim = (hart: number): number => 0x20_0000 + supervisorContext(hart) * 0x1000 + 4;

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
  /** What is saved. */
  private state: {
    plic: PlicState;
    /** By interrupt: the hart that it goes to (hart 0, as on seL4, until the kernel says otherwise), whether the kernel wants none of it, */
    home: number[];
    masked: boolean[];
    /** or wants it to stay pending. */
    latched: boolean[];
  };
  private readonly lines: PlicLines;
  readonly port: KernelPort;

  constructor(
    readonly machine: Machine,
    private readonly events: PortEvents,
  ) {
    this.lines = new PlicLines(machine, () => this.plic, ['supervisor']);
    this.port = this.portOf(machine);
    const perInterrupt = <T>(value: T): T[] => new Array<T>(sources + 1).fill(value);
    this.state = {
      plic: createPlic(2 * machine.harts.length, sources, []),
      home: perInterrupt(0),
      masked: perInterrupt(true),
      latched: perInterrupt(false),
    };
    for (let irq = 1; irq <= sources; irq++) this.write(priority + 4 * irq, 1);
  }

  get plic(): PlicState {
    return this.state.plic;
  }
  private write(offset: number, value: number): void {
    plic.write(this.plic, unwired, offset, 4, value);
  }
  private read(offset: number): number {
    return plic.read(this.plic, unwired, offset, 4);
  }

  /** Drives a device's interrupt line. */
  readonly setInterrupt = (irq: number, raised: boolean): void => {
    setSource(this.plic, irq, raised);
    this.lines.follow();
  };

  /** Whether somebody has asked for an interrupt. */
  isWanted(irq: number): boolean {
    return !this.state.masked[irq]!;
  }

  /** Enables an interrupt for a hart, or doesn't. */
  private enable(hart: number, irq: number, enabled: boolean): void {
    const at = enable(hart, irq);
    const bit = 1 << (irq & 31);
    const others = this.read(at) & ~bit;
    this.write(at, (enabled ? others | bit : others) >>> 0);
  }
  private followMask(irq: number): void {
    const { home, masked, latched } = this.state;
    this.enable(home[irq]!, irq, !masked[irq] && !latched[irq]);
    this.lines.follow();
  }

  private portOf(machine: Machine): KernelPort {
    return {
      clocks: machine.clocks,
      deadlines: machine.deadlines,
      sendReschedule: (hart) => machine.sendReschedule(this.hart(hart)),
      interruptPending: (hart) =>
        (this.hart(hart).lines & supervisorExternal) !== 0 || machine.deadlineReached(this.hart(hart)),
      claimInterrupt: (hart) => {
        const irq = this.read(claim(hart));
        this.lines.follow();
        return irq;
      },
      completeInterrupt: (irq) => {
        const { home, latched } = this.state;
        const hart = home[irq] ?? 0;
        // A controller takes completions of enabled interrupts only; whoever served this one may be late.
        if (latched[irq]) this.enable(hart, irq, true);
        this.write(claim(hart), irq);
        if (latched[irq]) this.enable(hart, irq, false);
        this.lines.follow();
      },
      maskInterrupt: (irq, masked) => {
        if (irq > sources) return;
        this.state.masked[irq] = masked;
        this.followMask(irq);
      },
      placeInterrupt: (irq, hart, latched) => {
        const { state } = this;
        const before = state.home[irq]!;
        if (before === hart && state.latched[irq] === latched) return;
        this.enable(before, irq, false);
        state.home[irq] = hart;
        state.latched[irq] = latched;
        this.followMask(irq);
      },
      setInterruptTrigger: (irq, edge) => {
        const others = this.plic.edges.filter((each) => each !== irq);
        this.plic.edges = edge ? [...others, irq] : others;
      },
      traceEntry: (hart) => machine.traceEvent(this.hart(hart), kernelEntry),
      codeWritten: (physical, length) => machine.engine.written(machine.memory.hostAddress(physical, length), length),
      loadDevice: (_hart, physical, size) => {
        const { bus } = machine;
        if (!bus.load(physical, size)) return undefined;
        return size === 8 ? (BigInt(bus.high >>> 0) << 32n) | BigInt(bus.low >>> 0) : BigInt(bus.low >>> 0);
      },
      storeDevice: (_hart, physical, size, value) =>
        machine.bus.store(physical, size, Number(value & 0xffff_ffffn), Number((value >> 32n) & 0xffff_ffffn)),
      putChar: (byte) => this.events.putChar(byte),
      halt: (reason) => this.events.halt(reason),
      log: (line) => this.events.log(line),
    };
  }

  private hart(id: number): Machine['harts'][number] {
    return this.machine.harts[id]!;
  }

  save(): unknown {
    return structuredClone(this.state);
  }
  load(saved: unknown): void {
    this.state = structuredClone(saved) as typeof this.state;
    this.lines.loaded();
  }
}
