// A 16550A UART with byte-wide registers (National Semiconductor PC16550D), as QEMU's `virt` has it.

import type { DeviceBus, DeviceModel } from '../hw/device.ts';

export interface Uart16550State {
  /** Received bytes that the guest has not read, oldest first. */
  receiveFifo: number[];
  ier: number;
  lcr: number;
  mcr: number;
  scr: number;
  /** FCR as far as it is state: FIFO enable and the receive trigger. */
  fcr: number;
  /** LSR's overrun bit; the other bits follow from the rest of the state. */
  overrun: boolean;
  /** MSR's delta bits (0 to 3); its upper half follows from MCR's loopback. */
  msrDelta: number;
  divisor: number;
  /** The transmitter's interrupt: raised when THR empties, cleared when IIR reports it. */
  thrEmptyPending: boolean;
  /** Four character times have passed with bytes in the FIFO and nobody touching it. */
  timedOut: boolean;
}

const fifoDepth = 16;
const clockHz = 3_686_400;

const register = { data: 0, ier: 1, iirFcr: 2, lcr: 3, mcr: 4, lsr: 5, msr: 6, scr: 7 };
const ierBit = { received: 1, thrEmpty: 2, lineStatus: 4, modemStatus: 8 };
const fcrBit = { enable: 1, clearReceive: 2 };
const lcrBit = { dlab: 0x80 };
const mcrBit = { dtr: 1, rts: 2, out1: 4, out2: 8, loop: 0x10 };
const lsrBit = { dataReady: 1, overrun: 2, thrEmpty: 0x20, transmitterEmpty: 0x40 };
const msrBit = { cts: 0x10, dsr: 0x20, ri: 0x40, dcd: 0x80, riTrailingEdge: 4 };
const interruptId = { modemStatus: 0, none: 1, thrEmpty: 2, received: 4, lineStatus: 6, timeout: 0xc };
const iirFifosEnabled = 0xc0;
const triggerLevels = [1, 4, 8, 14];

/** Divisor latch after power-on: 115200 baud. */
const initialDivisor = clockHz / 16 / 115_200;

export function uart16550State(): Uart16550State {
  return {
    receiveFifo: [],
    ier: 0,
    lcr: 3,
    mcr: mcrBit.out2,
    scr: 0,
    fcr: 0,
    overrun: false,
    msrDelta: 0,
    divisor: initialDivisor,
    thrEmptyPending: false,
    timedOut: false,
  };
}

/**
 * Bytes go out on port 0 the moment they are written to THR, so the transmitter is always empty. `input` takes what fits
 * in the FIFO (16 bytes, or 1 with the FIFO off); offer the rest again later.
 */
export const uart16550: DeviceModel<Uart16550State> = {
  name: 'uart16550',
  size: 0x100,

  read(state, bus, offset) {
    const dlab = (state.lcr & lcrBit.dlab) !== 0;
    switch (offset) {
      case register.data:
        return dlab ? state.divisor & 0xff : readData(state, bus);
      case register.ier:
        return dlab ? state.divisor >>> 8 : state.ier;
      case register.iirFcr: {
        const id = pendingInterrupt(state);
        if (id === interruptId.thrEmpty) {
          state.thrEmptyPending = false;
          updateInterrupt(state, bus);
        }
        return id | (fifoEnabled(state) ? iirFifosEnabled : 0);
      }
      case register.lcr:
        return state.lcr;
      case register.mcr:
        return state.mcr;
      case register.lsr: {
        const value = lineStatus(state);
        // Only what changes the cause tells the interrupt controller anew.
        if (state.overrun) {
          state.overrun = false;
          updateInterrupt(state, bus);
        }
        return value;
      }
      case register.msr: {
        const value = modemLines(state) | state.msrDelta;
        state.msrDelta = 0;
        updateInterrupt(state, bus);
        return value;
      }
      case register.scr:
        return state.scr;
      default:
        return 0;
    }
  },

  write(state, bus, offset, _size, value) {
    const byte = value & 0xff;
    const dlab = (state.lcr & lcrBit.dlab) !== 0;
    switch (offset) {
      case register.data:
        if (dlab) state.divisor = (state.divisor & 0xff00) | byte;
        else transmit(state, bus, byte);
        break;
      case register.ier:
        if (dlab) {
          state.divisor = (byte << 8) | (state.divisor & 0xff);
          break;
        }
        // Enabling the interrupt while THR is empty raises it at once: drivers rely on it to start sending.
        if ((byte & ~state.ier & ierBit.thrEmpty) !== 0) state.thrEmptyPending = true;
        state.ier = byte & 0xf;
        break;
      case register.iirFcr:
        writeFifoControl(state, bus, byte);
        break;
      case register.lcr:
        state.lcr = byte;
        break;
      case register.mcr:
        writeModemControl(state, byte & 0x1f);
        break;
      case register.scr:
        state.scr = byte;
        break;
    }
    updateInterrupt(state, bus);
  },

  input(state, bus, port, bytes) {
    // In loopback the receiver is cut off from the line; the line waits.
    if (port !== 0 || (state.mcr & mcrBit.loop) !== 0) return 0;
    const room = (fifoEnabled(state) ? fifoDepth : 1) - state.receiveFifo.length;
    const taken = Math.min(Math.max(room, 0), bytes.length);
    for (let i = 0; i < taken; i++) state.receiveFifo.push(bytes[i]!);
    if (taken > 0) fifoTouched(state, bus);
    updateInterrupt(state, bus);
    return taken;
  },

  tick(state, bus) {
    state.timedOut = fifoEnabled(state) && state.receiveFifo.length > 0;
    updateInterrupt(state, bus);
  },

  reset(state, bus) {
    Object.assign(state, uart16550State());
    bus.wakeAt(Infinity);
    updateInterrupt(state, bus);
  },
};

function fifoEnabled(state: Uart16550State): boolean {
  return (state.fcr & fcrBit.enable) !== 0;
}

function readData(state: Uart16550State, bus: DeviceBus): number {
  const byte = state.receiveFifo.shift() ?? 0;
  fifoTouched(state, bus);
  updateInterrupt(state, bus);
  return byte;
}

function transmit(state: Uart16550State, bus: DeviceBus, byte: number): void {
  state.thrEmptyPending = true;
  if ((state.mcr & mcrBit.loop) === 0) {
    bus.emit(0, Uint8Array.of(byte));
  } else if (state.receiveFifo.length < (fifoEnabled(state) ? fifoDepth : 1)) {
    state.receiveFifo.push(byte);
    fifoTouched(state, bus);
  } else {
    // With the FIFO the shift register is lost; without it the unread byte is.
    if (!fifoEnabled(state)) state.receiveFifo[0] = byte;
    state.overrun = true;
  }
}

function writeFifoControl(state: Uart16550State, bus: DeviceBus, value: number): void {
  const toggled = ((value ^ state.fcr) & fcrBit.enable) !== 0;
  if (toggled || (value & fcrBit.clearReceive) !== 0) {
    state.receiveFifo = [];
    fifoTouched(state, bus);
  }
  // The other bits can be programmed only together with the enable bit.
  state.fcr = (value & fcrBit.enable) !== 0 ? value & 0xc1 : 0;
}

function writeModemControl(state: Uart16550State, value: number): void {
  const before = modemLines(state);
  state.mcr = value;
  const after = modemLines(state);
  const changed = before ^ after;
  // DCTS, DDSR and DDCD mark any change; TERI only the fall of RI.
  state.msrDelta |= (changed & (msrBit.cts | msrBit.dsr | msrBit.dcd)) >>> 4;
  if ((changed & before & msrBit.ri) !== 0) state.msrDelta |= msrBit.riTrailingEdge;
}

/** CTS, DSR, RI and DCD: a peer that is always ready, or in loopback the modem control outputs. */
function modemLines(state: Uart16550State): number {
  if ((state.mcr & mcrBit.loop) === 0) return msrBit.cts | msrBit.dsr | msrBit.dcd;
  return (
    ((state.mcr & mcrBit.rts) !== 0 ? msrBit.cts : 0) |
    ((state.mcr & mcrBit.dtr) !== 0 ? msrBit.dsr : 0) |
    ((state.mcr & mcrBit.out1) !== 0 ? msrBit.ri : 0) |
    ((state.mcr & mcrBit.out2) !== 0 ? msrBit.dcd : 0)
  );
}

function lineStatus(state: Uart16550State): number {
  return (
    lsrBit.thrEmpty |
    lsrBit.transmitterEmpty |
    (state.receiveFifo.length > 0 ? lsrBit.dataReady : 0) |
    (state.overrun ? lsrBit.overrun : 0)
  );
}

/** Restarts the character timeout: a byte came or went. */
function fifoTouched(state: Uart16550State, bus: DeviceBus): void {
  state.timedOut = false;
  const waits = fifoEnabled(state) && state.receiveFifo.length > 0;
  bus.wakeAt(waits ? bus.nowNs() + 4 * characterNs(state) : Infinity);
}

function characterNs(state: Uart16550State): number {
  const dataBits = 5 + (state.lcr & 3);
  const stopBits = (state.lcr & 4) !== 0 ? 2 : 1;
  const parityBits = (state.lcr & 8) !== 0 ? 1 : 0;
  const bits = 1 + dataBits + parityBits + stopBits;
  return Math.ceil((bits * 16 * (state.divisor || 1) * 1e9) / clockHz);
}

/** IIR's identification field: the pending interrupt of highest priority. */
function pendingInterrupt(state: Uart16550State): number {
  const { ier, receiveFifo } = state;
  if ((ier & ierBit.lineStatus) !== 0 && state.overrun) return interruptId.lineStatus;
  if ((ier & ierBit.received) !== 0 && receiveFifo.length > 0) {
    const trigger = fifoEnabled(state) ? triggerLevels[state.fcr >>> 6]! : 1;
    if (receiveFifo.length >= trigger) return interruptId.received;
    if (state.timedOut) return interruptId.timeout;
  }
  if ((ier & ierBit.thrEmpty) !== 0 && state.thrEmptyPending) return interruptId.thrEmpty;
  if ((ier & ierBit.modemStatus) !== 0 && state.msrDelta !== 0) return interruptId.modemStatus;
  return interruptId.none;
}

function updateInterrupt(state: Uart16550State, bus: DeviceBus): void {
  bus.setInterrupt(pendingInterrupt(state) !== interruptId.none);
}
