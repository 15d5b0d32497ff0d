import { describe, expect, it } from 'vitest';
import { htif, htifPort, htifState, pollHtif } from '../../vdev/htif.ts';
import { ascii, mockBus } from './mock-bus.ts';

const base = 0x8000_0000;
const [toHost, fromHost, block, text] = [base + 0x1000, base + 0x1040, base + 0x2000, base + 0x3000];

function program() {
  const bus = mockBus();
  const state = htifState();
  const put = (address: number, value: bigint) =>
    bus.view.setBigUint64(address - base, BigInt.asUintN(64, value), true);
  const get = (address: number) => bus.view.getBigUint64(address - base, true);
  const poll = () => pollHtif(state, bus, toHost, fromHost);
  const command = (value: bigint) => {
    put(toHost, value);
    return poll();
  };
  return { bus, state, put, get, poll, command };
}

describe('HTIF', () => {
  it('ends the run with the exit code above the low bit', () => {
    const passed = program();
    passed.command(1n);
    expect([passed.state.outcome, passed.get(toHost)]).toEqual([{ kind: 'pass' }, 0n]);
    expect(passed.bus.emitted).toEqual([{ port: htifPort.outcome, bytes: [] }]);
    const failed = program();
    failed.command(1337n * 2n + 1n);
    failed.command(1n);
    expect(failed.state.outcome).toEqual({ kind: 'fail', code: 1337 });
  });

  it('prints characters of device 1', () => {
    const { bus, get, command } = program();
    for (const byte of ascii('ok')) command((1n << 56n) | (1n << 48n) | BigInt(byte));
    expect([bus.text(htifPort.console), get(toHost), get(fromHost)]).toEqual(['ok', 0n, 0n]);
  });

  it('answers a read when a byte is typed and fromhost is free', () => {
    const { bus, state, put, get, poll, command } = program();
    command(1n << 56n);
    expect(get(fromHost)).toBe(0n);
    put(fromHost, 1n);
    expect(htif.input!(state, bus, htifPort.console, ascii('AB'))).toBe(2);
    poll();
    expect(get(fromHost)).toBe(1n);
    put(fromHost, 0n);
    poll();
    expect(get(fromHost)).toBe((1n << 56n) | 0x141n);
    put(fromHost, 0n);
    poll();
    expect(get(fromHost)).toBe(0n);
    command(1n << 56n);
    expect(get(fromHost)).toBe((1n << 56n) | 0x142n);
  });

  it('proxies write, and answers ENOSYS to other calls', () => {
    const { bus, put, get, command } = program();
    bus.memory.set(ascii('hello'), text - base);
    [64n, 1n, BigInt(text), 5n].forEach((word, i) => void put(block + 8 * i, word));
    command(BigInt(block));
    expect([bus.text(htifPort.console), get(block), get(fromHost)]).toEqual(['hello', 5n, 1n]);
    put(fromHost, 0n);
    put(block, 57n);
    command(BigInt(block));
    expect([get(block), get(fromHost)]).toEqual([2n ** 64n - 38n, 1n]);
  });

  it('answers EFAULT to a buffer that is not memory, and survives a block that is not', () => {
    const { put, get, command } = program();
    [64n, 1n, -1n, -1n].forEach((word, i) => void put(block + 8 * i, word));
    expect(command(BigInt(block))).toBe(true);
    expect(get(block)).toBe(2n ** 64n - 14n);
    expect(command(0x10n)).toBe(true);
  });

  it('ends the run by the exit call', () => {
    const { state, put, command } = program();
    [93n, 3n].forEach((word, i) => void put(block + 8 * i, word));
    command(BigInt(block));
    expect(state.outcome).toEqual({ kind: 'fail', code: 3 });
  });

  it('is a pair of registers too', () => {
    const bus = mockBus();
    const state = htifState();
    htif.write(state, bus, 0, 4, 0x58);
    expect(bus.emitted).toEqual([]);
    htif.write(state, bus, 4, 4, 0x0101_0000);
    expect(bus.text(htifPort.console)).toBe('X');
    expect([htif.read(state, bus, 0, 4), htif.read(state, bus, 4, 4)]).toEqual([0, 0]);
  });

  it('answers a read through its registers', () => {
    const bus = mockBus();
    const state = htifState();
    htif.write(state, bus, 0, 4, 0);
    htif.write(state, bus, 4, 4, 0x0100_0000);
    expect(htif.read(state, bus, 8, 4)).toBe(0);
    htif.input!(state, bus, htifPort.console, ascii('q'));
    expect([htif.read(state, bus, 8, 4), htif.read(state, bus, 12, 4)]).toEqual([0x171, 0x0100_0000]);
  });

  it('reports that its doublewords are not in memory', () => {
    const { bus, state } = program();
    expect(pollHtif(state, bus, 0, 8)).toBe(false);
  });
});
