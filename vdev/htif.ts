// HTIF, the host-target interface of the RISC-V simulators: two doublewords in memory, tohost and fromhost.

import type { DeviceBus, DeviceModel } from '../hw/device.ts';
import type { Outcome } from './test-finisher.ts';

export interface HtifState {
  /** null: the guest still runs. */
  outcome: Outcome | null;
  /** The registers, low and high halves. */
  toHost: number[];
  fromHost: number[];
  /** Typed bytes that the guest has not read. */
  typed: number[];
  /** A read waits for a byte. */
  reading: boolean;
}

/** Ports of `emit`: the outcome's (without bytes), and the console's. */
export const htifPort = { outcome: 0, console: 1 } as const;

/** A command: device in bits 63 to 56, command in bits 55 to 48, payload below. */
const device = { system: 0, console: 1 };
const consoleCommand = { read: 0, write: 1 };
/** Linux's numbers on riscv64, as the proxy kernel interface has them. */
const systemCall = { write: 64, exit: 93 };
const enosys = -38;
const efault = -14;
/** A system call's block: number, arguments; the first word becomes the result. */
const callWords = 8;
const writeLimit = 0x1_0000;
/** Bytes typed ahead. */
const typedLimit = 256;

export function htifState(): HtifState {
  return { outcome: null, toHost: [0, 0], fromHost: [0, 0], typed: [], reading: false };
}

/**
 * Both doublewords as registers: tohost at 0, fromhost at 8. A command is complete when its high half is written. For
 * programs that keep them in memory, see `pollHtif`.
 */
export const htif: DeviceModel<HtifState> = {
  name: 'htif',
  size: 16,
  read(state, _bus, offset, size) {
    if (size !== 4 || offset % 4 !== 0) return 0;
    // Both halves of fromhost must be of one answer.
    if (offset === 8) deliverTyped(state);
    return (offset < 8 ? state.toHost : state.fromHost)[(offset >>> 2) & 1]!;
  },
  write(state, bus, offset, size, value) {
    if (size !== 4 || offset % 4 !== 0) return;
    const half = (offset >>> 2) & 1;
    (offset < 8 ? state.toHost : state.fromHost)[half] = value;
    if (offset === 4) execute(state, bus);
  },
  input(state, _bus, port, bytes) {
    if (port !== htifPort.console) return 0;
    const taken = Math.min(bytes.length, typedLimit - state.typed.length);
    for (let i = 0; i < taken; i++) state.typed.push(bytes[i]!);
    return taken;
  },
  reset(state) {
    Object.assign(state, htifState());
  },
};

/**
 * Serves tohost and fromhost where a program keeps them: physical addresses, 8-byte aligned. To be called when tohost or
 * fromhost may have been written, and after `input`. false: they are not in memory.
 */
export function pollHtif(state: HtifState, bus: DeviceBus, toHost: number, fromHost: number): boolean {
  const command = readHalves(bus, toHost);
  const answer = readHalves(bus, fromHost);
  if (command === undefined || answer === undefined) return false;
  state.toHost = command;
  state.fromHost = [...answer];
  execute(state, bus);
  deliverTyped(state);
  const answered = state.fromHost[0] !== answer[0] || state.fromHost[1] !== answer[1];
  if (isSet(command) && !writeHalves(bus, toHost, state.toHost)) return false;
  return !answered || writeHalves(bus, fromHost, state.fromHost);
}

/** Takes the command in tohost. */
function execute(state: HtifState, bus: DeviceBus): void {
  const [low, high] = state.toHost as [number, number];
  if (!isSet(state.toHost)) return;
  state.toHost = [0, 0];
  const target = high >>> 24;
  const command = (high >>> 16) & 0xff;
  const payload = low + 2 ** 32 * (high & 0xffff);
  if (target === device.system && command === 0) {
    // An odd payload ends the run, with the code above the low bit; an even one is the address of a system call.
    if (payload % 2 === 1) finish(state, bus, Math.floor(payload / 2));
    else {
      proxySystemCall(state, bus, payload);
      state.fromHost = [1, 0];
    }
  } else if (target === device.console && command === consoleCommand.write) {
    bus.emit(htifPort.console, Uint8Array.of(payload & 0xff));
  } else if (target === device.console && command === consoleCommand.read) {
    state.reading = true;
  }
}

function finish(state: HtifState, bus: DeviceBus, code: number): void {
  if (state.outcome !== null) return;
  state.outcome = code === 0 ? { kind: 'pass' } : { kind: 'fail', code };
  bus.emit(htifPort.outcome, new Uint8Array());
}

/** Answers a waiting read when a byte is there and fromhost is free. */
function deliverTyped(state: HtifState): void {
  if (!state.reading || state.typed.length === 0 || isSet(state.fromHost)) return;
  state.reading = false;
  // Bit 8 tells a byte from none.
  state.fromHost = [0x100 | state.typed.shift()!, device.console << 24];
}

function proxySystemCall(state: HtifState, bus: DeviceBus, block: number): void {
  const bytes = bus.readMemory(block, 8 * callWords);
  if (bytes === undefined) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const word = (index: number): number => Number(view.getBigUint64(8 * index, true));
  let result = enosys;
  if (word(0) === systemCall.write) {
    const length = Math.min(word(3), writeLimit);
    const output = word(2) <= Number.MAX_SAFE_INTEGER - writeLimit ? bus.readMemory(word(2), length) : undefined;
    result = output === undefined ? efault : length;
    if (output !== undefined) bus.emit(htifPort.console, output.slice());
  } else if (word(0) === systemCall.exit) {
    finish(state, bus, word(1));
    result = 0;
  }
  const answer = new DataView(new ArrayBuffer(8));
  answer.setBigInt64(0, BigInt(result), true);
  bus.writeMemory(block, new Uint8Array(answer.buffer));
}

function isSet([low, high]: readonly number[]): boolean {
  return low !== 0 || high !== 0;
}

function readHalves(bus: DeviceBus, address: number): number[] | undefined {
  const bytes = bus.readMemory(address, 8);
  if (bytes === undefined) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  return [view.getUint32(0, true), view.getUint32(4, true)];
}

function writeHalves(bus: DeviceBus, address: number, [low, high]: readonly number[]): boolean {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint32(0, low!, true);
  view.setUint32(4, high!, true);
  return bus.writeMemory(address, new Uint8Array(view.buffer));
}
