// The goldfish real-time clock: nanoseconds since the Unix epoch, with one alarm.

import type { DeviceBus, DeviceModel } from '../hw/device.ts';

/** An unsigned 64-bit number as its two 32-bit halves: it exceeds what a number holds exactly. */
export interface Halves {
  low: number;
  high: number;
}

export interface GoldfishRtcState {
  /** Configuration: the Unix time, in seconds, at which virtual time starts. */
  epochSeconds: number;
  /** What the guest's writes to the time registers have added to the clock, in nanoseconds, modulo 2^64. */
  adjustment: Halves;
  /** The high half that goes with the low half read last. */
  timeHigh: number;
  alarm: Halves;
  alarmArmed: boolean;
  interruptEnabled: boolean;
  interruptPending: boolean;
}

const register = {
  timeLow: 0x00,
  timeHigh: 0x04,
  alarmLow: 0x08,
  alarmHigh: 0x0c,
  irqEnabled: 0x10,
  clearAlarm: 0x14,
  alarmStatus: 0x18,
  clearInterrupt: 0x1c,
};

/** `epochSeconds`: the Unix time of boot, a non-negative integer. */
export function goldfishRtcState(epochSeconds: number): GoldfishRtcState {
  return {
    epochSeconds,
    adjustment: { low: 0, high: 0 },
    timeHigh: 0,
    alarm: { low: 0, high: 0 },
    alarmArmed: false,
    interruptEnabled: false,
    interruptPending: false,
  };
}

/** Reading TIME_LOW latches TIME_HIGH; writing ALARM_LOW arms the alarm. An alarm in the past fires at once. */
export const goldfishRtc: DeviceModel<GoldfishRtcState> = {
  name: 'goldfish-rtc',
  size: 0x1000,

  read(state, bus, offset) {
    switch (offset) {
      case register.timeLow: {
        const time = halves(clock(state, bus));
        state.timeHigh = time.high;
        return time.low;
      }
      case register.timeHigh:
        return state.timeHigh;
      case register.alarmLow:
        return state.alarm.low;
      case register.alarmHigh:
        return state.alarm.high;
      case register.irqEnabled:
        return state.interruptEnabled ? 1 : 0;
      case register.alarmStatus:
        return state.alarmArmed ? 1 : 0;
      default:
        return 0;
    }
  },

  write(state, bus, offset, _size, value) {
    switch (offset) {
      case register.timeLow:
        setClock(state, bus, { ...halves(clock(state, bus)), low: value });
        break;
      case register.timeHigh:
        setClock(state, bus, { ...halves(clock(state, bus)), high: value });
        break;
      case register.alarmLow:
        state.alarm.low = value;
        state.alarmArmed = true;
        schedule(state, bus);
        break;
      case register.alarmHigh:
        state.alarm.high = value;
        break;
      case register.irqEnabled:
        state.interruptEnabled = (value & 1) !== 0;
        break;
      case register.clearAlarm:
        state.alarmArmed = false;
        schedule(state, bus);
        break;
      case register.clearInterrupt:
        state.interruptPending = false;
        break;
    }
    updateInterrupt(state, bus);
  },

  tick(state, bus) {
    schedule(state, bus);
    updateInterrupt(state, bus);
  },

  reset(state, bus) {
    Object.assign(state, goldfishRtcState(state.epochSeconds));
    bus.wakeAt(Infinity);
    updateInterrupt(state, bus);
  },
};

function halves(value: bigint): Halves {
  return { low: Number(value & 0xffffffffn), high: Number((value >> 32n) & 0xffffffffn) };
}

function whole({ low, high }: Halves): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

function clock(state: GoldfishRtcState, bus: DeviceBus): bigint {
  const sinceEpoch = BigInt(state.epochSeconds) * 1_000_000_000n + BigInt(Math.floor(bus.nowNs()));
  return BigInt.asUintN(64, sinceEpoch + whole(state.adjustment));
}

function setClock(state: GoldfishRtcState, bus: DeviceBus, time: Halves): void {
  const change = whole(time) - clock(state, bus);
  state.adjustment = halves(BigInt.asUintN(64, whole(state.adjustment) + change));
  if (state.alarmArmed) schedule(state, bus);
}

/** Fires an alarm whose time has come, or asks to be woken then. */
function schedule(state: GoldfishRtcState, bus: DeviceBus): void {
  if (!state.alarmArmed) {
    bus.wakeAt(Infinity);
    return;
  }
  const remaining = whole(state.alarm) - clock(state, bus);
  if (remaining > 0n) {
    bus.wakeAt(Math.floor(bus.nowNs()) + Number(remaining));
    return;
  }
  state.alarmArmed = false;
  state.interruptPending = true;
  bus.wakeAt(Infinity);
}

function updateInterrupt(state: GoldfishRtcState, bus: DeviceBus): void {
  bus.setInterrupt(state.interruptPending && state.interruptEnabled);
}
