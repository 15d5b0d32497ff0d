// QEMU's `virt` board: the machine with its devices at their places, wired to the interrupt controllers.

import type { DeviceModel } from '../../hw/device.ts';
import type { Hart, Supervisor } from '../../hw/hart/hart.ts';
import type { Attachment } from '../../hw/machine/bus.ts';
import { Machine } from '../../hw/machine/machine.ts';
import { goldfishRtc, goldfishRtcState } from '../../vdev/goldfish-rtc.ts';
import { createPlic, isInterrupting, type PlicState, plic, setSource } from '../../vdev/plic.ts';
import { type Outcome, testFinisher, testFinisherState } from '../../vdev/test-finisher.ts';
import { uart16550, uart16550State } from '../../vdev/uart16550.ts';
import { virtioSlot, virtMap } from '../../vdev/virt-map.ts';

export interface BoardOptions {
  harts: number;
  ramSize: number;
  /** Cycles per second of virtual time; default 1 GHz. */
  clockHz?: number;
  supervisor?: Supervisor;
  /** Unix time at boot, in seconds. */
  epochSeconds?: number;
  /** What the UART sends. */
  onConsole: (bytes: Uint8Array) => void;
  /** The guest has ended the run by itself. */
  onOutcome: (outcome: Outcome) => void;
}

const seip = 1 << 9;
const meip = 1 << 11;

export class Board {
  readonly machine: Machine;
  readonly uart: Attachment;
  /** Slots of the virtio transports that hold a device. */
  readonly virtioSlots: number[] = [];
  private readonly plic: Attachment<PlicState>;

  constructor(options: BoardOptions) {
    const { harts, ramSize, clockHz, supervisor, epochSeconds = 0 } = options;
    this.machine = new Machine({ harts, ramSize, ...(clockHz && { clockHz }), ...(supervisor && { supervisor }) });
    const { machine } = this;
    machine.attachAclint();
    const write: typeof plic.write = (...access) => {
      plic.write(...access);
      this.followPlic();
    };
    const read: typeof plic.read = (...access) => {
      const value = plic.read(...access);
      this.followPlic();
      return value;
    };
    this.plic = machine.attach('plic', virtMap.plic.base, { ...plic, read, write }, createPlic(2 * harts));
    this.uart = this.wire('uart', virtMap.uart, uart16550, uart16550State(), (_port, bytes) =>
      options.onConsole(bytes),
    );
    this.wire('rtc', virtMap.rtc, goldfishRtc, goldfishRtcState(epochSeconds));
    const finisher = this.wire('finisher', virtMap.finisher, testFinisher, testFinisherState(), () => {
      if (finisher.state.outcome) options.onOutcome(finisher.state.outcome);
    });
  }

  private wire<S>(
    name: string,
    { base, irq }: { base: number; irq?: number },
    model: DeviceModel<S>,
    state: S,
    emit: (port: number, bytes: Uint8Array) => void = () => {},
  ): Attachment<S> {
    const setInterrupt = (raised: boolean): void => {
      if (irq === undefined) return;
      setSource(this.plic.state, irq, raised);
      this.followPlic();
    };
    return this.machine.attach(name, base, model, state, { setInterrupt, emit });
  }

  /** Puts a device behind the next free virtio transport. Throws a RangeError when all eight are taken. */
  addVirtio<S>(
    name: string,
    model: DeviceModel<S>,
    state: S,
    emit: (port: number, bytes: Uint8Array) => void = () => {},
  ): Attachment<S> {
    const slot = this.virtioSlots.length;
    if (slot >= 8) throw new RangeError('the board has eight virtio slots, and all are taken');
    this.virtioSlots.push(slot);
    return this.wire(name, virtioSlot(slot), model, state, emit);
  }

  /** Bytes that the UART has received and the guest has not read, for firmware's console. */
  takeConsoleInput(limit: number): Uint8Array {
    const bytes: number[] = [];
    const { model, state, bus } = this.uart;
    const [data, lineStatus, dataReady] = [0, 5, 1];
    while (bytes.length < limit && model.read(state, bus, lineStatus, 1) & dataReady)
      bytes.push(model.read(state, bus, data, 1));
    return Uint8Array.from(bytes);
  }

  /** Passes the PLIC's outputs on to the harts. */
  private followPlic(): void {
    const { machine } = this;
    machine.harts.forEach((hart, index) => {
      this.drive(hart, meip, isInterrupting(this.plic.state, 2 * index));
      this.drive(hart, seip, isInterrupting(this.plic.state, 2 * index + 1));
    });
  }

  private readonly driven = new Map<Hart, number>();

  /** After the machine was loaded: its harts have the lines that the PLIC drove when it was saved. */
  loaded(): void {
    this.machine.harts.forEach((hart, index) => {
      const lines =
        (isInterrupting(this.plic.state, 2 * index) ? meip : 0) |
        (isInterrupting(this.plic.state, 2 * index + 1) ? seip : 0);
      this.driven.set(hart, lines);
    });
  }

  private drive(hart: Hart, line: number, raised: boolean): void {
    const driven = this.driven.get(hart) ?? 0;
    if (((driven & line) !== 0) === raised) return;
    this.driven.set(hart, driven ^ line);
    this.machine.setLines(hart, line, raised);
  }
}
