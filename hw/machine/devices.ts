// The devices of a machine: where they are, when they want to be woken, and what comes to them from outside.

import type { DeviceBus, DeviceModel } from '../device.ts';
import { type Attachment, Bus } from './bus.ts';

/** An event from outside, stamped with the cycle at which it entered. */
export interface InputEvent {
  cycle: number;
  device: string;
  port: number;
  /** One character, 0 to 255, for each byte. */
  bytes: string;
}
type PendingInput = Omit<InputEvent, 'cycle'>;

export interface SavedDevices {
  states: Record<string, unknown>;
  wakes: [name: string, cycle: number][];
  pendingInput: PendingInput[];
}

/** Where a device's lines and output lead; absent: nowhere. */
export interface Wires {
  setInterrupt?: (raised: boolean) => void;
  emit?: (port: number, bytes: Uint8Array) => void;
}

/** What devices share: the clock and memory. */
export type DeviceWorld = Pick<DeviceBus, 'nowNs' | 'readMemory' | 'writeMemory'>;

const nothing: readonly InputEvent[] = [];

export class Devices {
  readonly bus = new Bus();
  /** In the order of attachment: those on the bus, and those that programs reach otherwise. */
  readonly attachments: Attachment[] = [];
  /** Told of everything that comes in, in order: with the machine's beginning, the log of it is the whole execution. */
  onInput: ((event: InputEvent) => void) | undefined;
  /** What is to come in again, from another run's log. */
  private recorded: InputEvent[] = [];
  private readonly wakes = new Map<string, number>();
  private readonly pendingInput: PendingInput[] = [];

  constructor(
    private readonly world: DeviceWorld,
    private readonly cyclesPerNs: number,
  ) {}

  /** Puts a device on the bus, or beside it (`base` undefined); throws a RangeError if another one is there. */
  attach<S>(name: string, base: number | undefined, model: DeviceModel<S>, state: S, wires: Wires): Attachment<S> {
    const bus: DeviceBus = {
      ...this.world,
      setInterrupt: wires.setInterrupt ?? (() => {}),
      emit: wires.emit ?? (() => {}),
      wakeAt: (timeNs) => {
        if (timeNs === Infinity) this.wakes.delete(name);
        else this.wakes.set(name, Math.ceil(timeNs * this.cyclesPerNs));
      },
    };
    const attachment: Attachment<S> = { name, base: base ?? -1, model, state, bus };
    if (base !== undefined) this.bus.attach(attachment as Attachment);
    this.attachments.push(attachment as Attachment);
    return attachment;
  }

  private of(name: string): Attachment {
    const found = this.attachments.find((one) => one.name === name);
    if (!found) throw new Error(`there is no device ${name}`);
    return found;
  }

  /** The next cycle at which a device wants to be woken, or gets recorded input; Infinity: none. */
  get nextWake(): number {
    let next = this.recorded[0]?.cycle ?? Infinity;
    for (const cycle of this.wakes.values()) if (cycle < next) next = cycle;
    return next;
  }

  /** Wakes the devices whose time has come. */
  wake(now: number): void {
    if (this.nextWake > now) return;
    for (const [name, cycle] of [...this.wakes]) {
      if (cycle > now) continue;
      this.wakes.delete(name);
      const { model, state, bus } = this.of(name);
      model.tick?.(state, bus);
    }
  }

  /** Bytes from outside, for `takeInput`. */
  input(device: string, port: number, bytes: Uint8Array): void {
    this.pendingInput.push({ device, port, bytes: String.fromCharCode(...bytes) });
  }

  /** Lets the inputs of another run come in again, at their cycles; the rest of the run gets no others. */
  replay(log: readonly InputEvent[]): void {
    this.recorded = log.map((event) => ({ ...event }));
  }

  /** Hands over what has come in; what a device has no room for waits, and so does what comes behind it. */
  takeInput(now: number): readonly InputEvent[] {
    if (this.pendingInput.length === 0 && !(this.recorded[0] && this.recorded[0].cycle <= now)) return nothing;
    const due = this.recorded.filter(({ cycle }) => cycle <= now);
    this.recorded.splice(0, due.length);
    const waiting = [...due, ...this.pendingInput.splice(0)];
    const entered: InputEvent[] = [];
    const full = new Set<string>();
    for (const { device, port, bytes } of waiting) {
      const { model, state, bus } = this.of(device);
      const place = `${device}:${port}`;
      const array = Uint8Array.from(bytes, (character) => character.charCodeAt(0));
      // A device without an input swallows everything.
      const taken = full.has(place) ? 0 : (model.input?.(state, bus, port, array) ?? bytes.length);
      if (taken > 0) entered.push({ cycle: now, device, port, bytes: bytes.slice(0, taken) });
      if (taken === bytes.length) continue;
      full.add(place);
      this.pendingInput.push({ device, port, bytes: bytes.slice(taken) });
    }
    if (this.onInput) for (const event of entered) this.onInput(event);
    return entered;
  }

  /** Names in the order of attachment: what tells one kind of machine from another. */
  get names(): string {
    return this.attachments.map(({ name }) => name).join();
  }

  save(): SavedDevices {
    const states = this.attachments.map(({ name, state }) => [name, structuredClone(state)]);
    return {
      states: Object.fromEntries(states),
      wakes: [...this.wakes],
      pendingInput: structuredClone(this.pendingInput),
    };
  }
  load({ states, wakes, pendingInput }: SavedDevices): void {
    for (const attachment of this.attachments) attachment.state = structuredClone(states[attachment.name]);
    this.wakes.clear();
    for (const [name, cycle] of wakes) this.wakes.set(name, cycle);
    this.pendingInput.splice(0, Infinity, ...structuredClone(pendingInput));
  }
}
