// QEMU's `virt` board: the machine with its devices at their places, wired to the interrupt controllers.

import type { Hart, Supervisor } from '../../hw/hart/hart.ts';
import type { Attachment } from '../../hw/machine/bus.ts';
import { Machine } from '../../hw/machine/machine.ts';
import { createPlic, isInterrupting, type PlicState, plic, setSource } from '../../vdev/plic.ts';
import type { Uart16550State } from '../../vdev/uart16550.ts';
import { virtioSlot, virtMap } from '../../vdev/virt-map.ts';
import { attachDevice, attachVirtDevices, type BoardDevice, type VirtEvents } from '../board/devices.ts';

export interface BoardOptions extends VirtEvents {
  harts: number;
  ramSize: number;
  /** Cycles per second of virtual time; default 1 GHz. */
  clockHz?: number;
  supervisor?: Supervisor;
  /** Unix time at boot, in seconds. */
  epochSeconds?: number;
}

const seip = 1 << 9;
const meip = 1 << 11;

export class Board {
  readonly machine: Machine;
  readonly uart: Attachment<Uart16550State>;
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
    this.uart = attachVirtDevices(this, epochSeconds, options);
  }

  /** Drives an input of the PLIC. */
  readonly setInterrupt = (irq: number, raised: boolean): void => {
    setSource(this.plic.state, irq, raised);
    this.followPlic();
  };

  /** Puts a device behind the next free virtio transport. Throws a RangeError when all eight are taken. */
  addVirtio<S>(name: string, device: BoardDevice<S>): Attachment<S> {
    const slot = this.virtioSlots.length;
    if (slot >= 8) throw new RangeError('the board has eight virtio slots, and all are taken');
    this.virtioSlots.push(slot);
    return attachDevice(this, name, virtioSlot(slot), device);
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
