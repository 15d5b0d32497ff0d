// QEMU's `virt` board: the machine with its devices at their places, wired to the interrupt controllers.

import type { Supervisor } from '../../hw/hart/hart.ts';
import type { Attachment } from '../../hw/machine/bus.ts';
import { Machine, type MachineConfig } from '../../hw/machine/machine.ts';
import { createPlic, type PlicState, plic, setSource } from '../../vdev/plic.ts';
import type { Uart16550State } from '../../vdev/uart16550.ts';
import { virtioSlot, virtMap } from '../../vdev/virt-map.ts';
import { attachDevice, attachVirtDevices, type BoardDevice, type VirtEvents } from '../board/devices.ts';
import { PlicLines } from '../board/plic-lines.ts';

export interface BoardOptions extends VirtEvents {
  harts: number;
  ramSize: number;
  /** Cycles per second of virtual time; default 1 GHz. */
  clockHz?: number;
  supervisor?: Supervisor;
  /** Unix time at boot, in seconds. */
  epochSeconds?: number;
  translator?: MachineConfig['translator'];
}

export class Board {
  readonly machine: Machine;
  readonly uart: Attachment<Uart16550State>;
  /** Slots of the virtio transports that hold a device. */
  readonly virtioSlots: number[] = [];
  private readonly plic: Attachment<PlicState>;
  private readonly lines: PlicLines;

  constructor(options: BoardOptions) {
    const { harts, ramSize, clockHz, supervisor, epochSeconds = 0, translator } = options;
    this.machine = new Machine({
      harts,
      ramSize,
      ...(clockHz && { clockHz }),
      ...(supervisor && { supervisor }),
      translator,
    });
    const { machine } = this;
    machine.attachAclint();
    this.lines = new PlicLines(machine, () => this.plic.state, ['machine', 'supervisor']);
    const write: typeof plic.write = (...access) => {
      plic.write(...access);
      this.lines.follow();
    };
    const read: typeof plic.read = (...access) => {
      const value = plic.read(...access);
      this.lines.follow();
      return value;
    };
    this.plic = machine.attach('plic', virtMap.plic.base, { ...plic, read, write }, createPlic(2 * harts));
    this.uart = attachVirtDevices(this, epochSeconds, options);
  }

  /** Drives an input of the PLIC. */
  readonly setInterrupt = (irq: number, raised: boolean): void => {
    setSource(this.plic.state, irq, raised);
    this.lines.follow();
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

  /** To be called after the machine was loaded. */
  loaded(): void {
    this.lines.loaded();
  }
}
