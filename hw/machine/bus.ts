// The physical address space outside memory: which device answers where.

import type { DeviceBus, DeviceModel } from '../device.ts';
import type { PhysicalBus } from '../engine/engine.ts';
import type { Size } from '../isa/semantics.ts';

/** A device at its place. `state` is the device's only state. */
export interface Attachment<S = unknown> {
  readonly name: string;
  readonly base: number;
  readonly model: DeviceModel<S>;
  state: S;
  readonly bus: DeviceBus;
}

export class Bus implements PhysicalBus {
  low = 0;
  high = 0;
  readonly attachments: Attachment[] = [];
  /** Tells of stores to pages that the engine watches. */
  onWatched: (address: number, size: number) => void = () => {};
  /** The device of the last access: accesses come in runs. */
  private last: Attachment | undefined;

  /** Puts a device on the bus; throws a RangeError if another one is there. */
  attach(attachment: Attachment): void {
    const { base, model, name } = attachment;
    const other = this.attachments.find((one) => base < one.base + one.model.size && one.base < base + model.size);
    if (other) throw new RangeError(`${name} at 0x${base.toString(16)} overlaps ${other.name}`);
    this.attachments.push(attachment);
  }

  private at(address: number, size: number): Attachment | undefined {
    const { last } = this;
    if (last && address >= last.base && address + size <= last.base + last.model.size) return last;
    this.last = this.attachments.find(({ base, model }) => address >= base && address + size <= base + model.size);
    return this.last;
  }

  load(address: number, size: Size): boolean {
    const device = this.at(address, size);
    if (!device) return false;
    const { model, state, bus, base } = device;
    this.low = model.read(state, bus, address - base, size === 8 ? 4 : size);
    if (size === 8) this.high = model.read(state, bus, address - base + 4, 4);
    return true;
  }

  store(address: number, size: Size, low: number, high: number): boolean {
    const device = this.at(address, size);
    if (!device) return false;
    const { model, state, bus, base } = device;
    const value = size === 1 ? low & 0xff : size === 2 ? low & 0xffff : low;
    model.write(state, bus, address - base, size === 8 ? 4 : size, value);
    if (size === 8) model.write(state, bus, address - base + 4, 4, high);
    return true;
  }

  watched(address: number, size: number): void {
    this.onWatched(address, size);
  }
}
