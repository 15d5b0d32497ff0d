import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { extensionId } from '../../../vdev/sbi/abi.ts';
import { type SbiResult, sbiCall, sbiState } from '../../../vdev/sbi/sbi.ts';
import { ramBase, ramSize, recordingPlatform } from './platform.ts';

const minusOne = -1n;
const OK = 0;
const [NOT_SUPPORTED, INVALID_PARAM, INVALID_ADDRESS, ALREADY_AVAILABLE] = [-2, -3, -5, -6];

function system(harts = 4, hypervisor = true) {
  const platform = recordingPlatform(harts, hypervisor);
  const state = sbiState(harts);
  const raw = (eid: bigint, fid: bigint, args: bigint[], hart = 0): SbiResult =>
    sbiCall(state, platform, hart, [...args, ...Array<bigint>(6 - args.length).fill(0n), fid, eid]);
  return {
    platform,
    state,
    raw,
    call(eid: bigint, fid: bigint, ...args: bigint[]): [number, bigint] {
      const result = raw(eid, fid, args);
      if (result.kind !== 'return') throw new Error(`it did not return: ${result.kind}`);
      return [result.error, result.value];
    },
    legacy(eid: bigint, ...args: bigint[]): bigint | string {
      const result = raw(eid, 99n, args);
      return result.kind === 'legacy' ? result.value : result.kind;
    },
  };
}

const { base, time, ipi, rfence, hsm, systemReset, debugConsole } = extensionId;

describe('SBI base extension', () => {
  it('reports version, implementation and machine ids', () => {
    const { call } = system();
    expect(call(base, 0n)).toEqual([OK, 0x0200_0000n]);
    expect(call(base, 5n)).toEqual([OK, 0x8000_0000_0000_002an]);
    expect(call(base, 6n)).toEqual([OK, 7n]);
  });

  it('finds by probe exactly the extensions that exist', () => {
    const { call } = system();
    for (const eid of Object.values(extensionId)) expect(call(base, 3n, eid)).toEqual([OK, 1n]);
    for (const eid of [0x09n, 0x504d55n, 0x53555350n, minusOne]) expect(call(base, 3n, eid)).toEqual([OK, 0n]);
  });

  it('answers NOT_SUPPORTED to unknown extensions and functions', () => {
    const { call } = system();
    expect(call(0x504d55n, 0n)[0]).toBe(NOT_SUPPORTED);
    expect(call(minusOne, 0n)[0]).toBe(NOT_SUPPORTED);
    expect(call(base, 7n)[0]).toBe(NOT_SUPPORTED);
    expect(call(hsm, minusOne)[0]).toBe(NOT_SUPPORTED);
    expect(call(base + (1n << 32n), 0n)[0]).toBe(NOT_SUPPORTED);
  });
});

describe('SBI timer and interprocessor interrupts', () => {
  it('sets the calling hart its timer, unsigned', () => {
    const { platform, raw } = system();
    raw(time, 0n, [minusOne], 2);
    expect(platform.log).toEqual([['setTimer', 2, 2n ** 64n - 1n]]);
  });

  it('sends to the harts of mask and base that are not stopped', () => {
    const { platform, state, call } = system();
    state.harts = ['started', 'suspended', 'stopped', 'started'];
    expect(call(ipi, 0n, 0b111n, 1n)).toEqual([OK, 0n]);
    expect([...platform.pendingIpis]).toEqual([1, 3]);
    platform.pendingIpis.clear();
    expect(call(ipi, 0n, 0n, minusOne)).toEqual([OK, 0n]);
    expect([...platform.pendingIpis]).toEqual([0, 1, 3]);
  });

  it('refuses a mask that names a hart that does not exist, and sends nothing', () => {
    const { platform, call } = system();
    for (const [mask, start] of [
      [0b1_0001n, 0n],
      [1n, 4n],
      [2n, 3n],
      [minusOne, 0n],
      [1n, -2n],
      [1n << 63n, -64n],
    ]) {
      expect(call(ipi, 0n, mask!, start!)[0]).toBe(INVALID_PARAM);
    }
    expect(platform.pendingIpis.size).toBe(0);
  });

  it('accepts an absent base when no bit lands on it', () => {
    const { call } = system();
    expect(call(ipi, 0n, 0n, 1000n)).toEqual([OK, 0n]);
  });
});

describe('SBI remote fences', () => {
  it('passes each fence with its range and id to each hart', () => {
    const { platform, call } = system(2);
    const range = { start: 0x1000n, size: 0x2000n };
    const ranged = [0x1000n, 0x2000n, 5n];
    for (let fid = 0n; fid < 7n; fid++) expect(call(rfence, fid, 2n, 0n, ...ranged)).toEqual([OK, 0n]);
    expect(platform.log.map((entry) => entry[3])).toEqual([
      { kind: 'fence.i' },
      { kind: 'sfence.vma', range, asid: undefined },
      { kind: 'sfence.vma', range, asid: 5 },
      { kind: 'hfence.gvma', range, vmid: 5 },
      { kind: 'hfence.gvma', range, vmid: undefined },
      { kind: 'hfence.vvma', range, asid: 5 },
      { kind: 'hfence.vvma', range, asid: undefined },
    ]);
    expect(platform.log.every((entry) => entry[1] === 0 && entry[2] === 1)).toBe(true);
  });

  it('takes 0 and 0, size -1 and a range past the end as the whole address space', () => {
    const { platform, call } = system(1);
    for (const [start, size] of [
      [0n, 0n],
      [0x5000n, minusOne],
      [-0x1000n, 0x1001n],
    ]) {
      call(rfence, 1n, 1n, 0n, start!, size!);
    }
    call(rfence, 1n, 1n, 0n, -0x1000n, 0x1000n);
    expect(platform.log.map((entry) => (entry[3] as { range: unknown }).range)).toEqual([
      'all',
      'all',
      'all',
      { start: 2n ** 64n - 0x1000n, size: 0x1000n },
    ]);
  });

  it('refuses an ASID or VMID beyond its field', () => {
    const { call } = system();
    expect(call(rfence, 2n, 1n, 0n, 0n, 0n, 0x1_0000n)[0]).toBe(INVALID_PARAM);
    expect(call(rfence, 3n, 1n, 0n, 0n, 0n, 0x4000n)[0]).toBe(INVALID_PARAM);
    expect(call(rfence, 5n, 1n, 0n, 0n, 0n, minusOne)[0]).toBe(INVALID_PARAM);
  });

  it('does not support hypervisor fences without the H extension', () => {
    const { call } = system(1, false);
    for (const fid of [3n, 4n, 5n, 6n]) expect(call(rfence, fid, 1n, 0n)[0]).toBe(NOT_SUPPORTED);
  });
});

describe('SBI hart state management', () => {
  it('starts a stopped hart at an address with an opaque value', () => {
    const { platform, call } = system();
    expect(call(hsm, 2n, 1n)).toEqual([OK, 1n]);
    expect(call(hsm, 0n, 1n, BigInt(ramBase), minusOne)).toEqual([OK, 0n]);
    expect(platform.log).toEqual([['start', 1, { address: ramBase, opaque: 2n ** 64n - 1n }]]);
    expect(call(hsm, 2n, 1n)).toEqual([OK, 0n]);
    expect(call(hsm, 0n, 1n, BigInt(ramBase))[0]).toBe(ALREADY_AVAILABLE);
  });

  it('refuses absent harts and addresses outside memory', () => {
    const { platform, state, call } = system();
    for (const hart of [4n, minusOne, 1n << 32n]) {
      expect(call(hsm, 0n, hart, BigInt(ramBase))[0]).toBe(INVALID_PARAM);
      expect(call(hsm, 2n, hart)[0]).toBe(INVALID_PARAM);
    }
    for (const address of [0n, minusOne, BigInt(ramBase + ramSize), BigInt(ramBase + 1), 1n << 60n]) {
      expect(call(hsm, 0n, 1n, address)[0]).toBe(INVALID_ADDRESS);
    }
    expect([platform.log, state.harts[1]]).toEqual([[], 'stopped']);
  });

  it('stops the caller, which another hart may start again', () => {
    const { platform, raw, call } = system();
    call(hsm, 0n, 1n, BigInt(ramBase));
    expect(raw(hsm, 1n, [], 1)).toEqual({ kind: 'gone' });
    expect(platform.log.at(-1)).toEqual(['stop', 1]);
    expect(call(hsm, 2n, 1n)).toEqual([OK, 1n]);
    expect(call(hsm, 0n, 1n, BigInt(ramBase))[0]).toBe(OK);
  });

  it('suspends retentively: the call returns when the hart goes on', () => {
    const { platform, state, raw, call } = system();
    expect(raw(hsm, 3n, [1n << 32n])).toEqual({ kind: 'return', error: OK, value: 0n });
    expect(platform.log).toEqual([['suspend', 0, undefined]]);
    expect(call(hsm, 2n, 0n)).toEqual([OK, 4n]);
    platform.wake(state, 0);
    expect(call(hsm, 2n, 0n)).toEqual([OK, 0n]);
  });

  it('suspends without retention: the hart goes on at the resume address', () => {
    const { platform, raw, call } = system();
    expect(call(hsm, 3n, 0x8000_0000n, 12n)[0]).toBe(INVALID_ADDRESS);
    expect(raw(hsm, 3n, [-0x8000_0000n, BigInt(ramBase + 2), 9n])).toEqual({ kind: 'gone' });
    expect(platform.log).toEqual([['suspend', 0, { address: ramBase + 2, opaque: 9n }]]);
  });

  it('refuses reserved and platform specific suspend types', () => {
    const { call } = system();
    for (const type of [1n, 0x0fff_ffffn, 0x1000_0000n, 0x8000_0001n, 0x9000_0000n, 0xffff_ffffn]) {
      expect(call(hsm, 3n, type, BigInt(ramBase))[0]).toBe(INVALID_PARAM);
    }
  });
});

describe('SBI system reset', () => {
  it('shuts down and reboots with a reason', () => {
    const { platform, raw } = system();
    for (const [type, reason] of [
      [0n, 0n],
      [1n, 1n],
      [2n, 0n],
    ]) {
      expect(raw(systemReset, 0n, [type!, reason!])).toEqual({ kind: 'gone' });
    }
    expect(platform.log).toEqual([
      ['reset', 'shutdown', 0],
      ['reset', 'cold-reboot', 1],
      ['reset', 'warm-reboot', 0],
    ]);
  });

  it('refuses reserved and vendor types and reasons', () => {
    const { platform, call } = system();
    expect(call(systemReset, 0n, 3n, 0n)[0]).toBe(INVALID_PARAM);
    expect(call(systemReset, 0n, 0xf000_0000n, 0n)[0]).toBe(INVALID_PARAM);
    expect(call(systemReset, 0n, 0n, 2n)[0]).toBe(INVALID_PARAM);
    expect(call(systemReset, 0n, 0n, 0xe000_0000n)[0]).toBe(INVALID_PARAM);
    expect(platform.log).toEqual([]);
  });
});

describe('SBI debug console', () => {
  it('writes from memory, at most a page in a call', () => {
    const { platform, call } = system();
    platform.ram.set([104, 105], 16);
    expect(call(debugConsole, 0n, 2n, BigInt(ramBase + 16), 0n)).toEqual([OK, 2n]);
    expect(platform.printed).toBe('hi');
    expect(call(debugConsole, 0n, BigInt(ramSize), BigInt(ramBase), 0n)).toEqual([OK, 4096n]);
  });

  it('reads what has been typed, and nothing when nothing was', () => {
    const { platform, call } = system();
    platform.typed = [1, 2, 3];
    expect(call(debugConsole, 1n, 2n, BigInt(ramBase), 0n)).toEqual([OK, 2n]);
    expect(call(debugConsole, 1n, 9n, BigInt(ramBase + 2), 0n)).toEqual([OK, 1n]);
    expect(call(debugConsole, 1n, 9n, BigInt(ramBase), 0n)).toEqual([OK, 0n]);
    expect([...platform.ram.subarray(0, 4)]).toEqual([1, 2, 3, 0]);
  });

  it('refuses memory that is not all there, and keeps what was typed', () => {
    const { platform, call } = system();
    platform.typed = [1];
    for (const [size, low, high] of [
      [1n, 0n, 0n],
      [1n, BigInt(ramBase), 1n],
      [minusOne, BigInt(ramBase), 0n],
      [2n, BigInt(ramBase + ramSize - 1), 0n],
      [1n, minusOne, 0n],
    ]) {
      expect(call(debugConsole, 0n, size!, low!, high!)[0]).toBe(INVALID_PARAM);
      expect(call(debugConsole, 1n, size!, low!, high!)[0]).toBe(INVALID_PARAM);
    }
    expect([platform.typed, platform.printed]).toEqual([[1], '']);
  });

  it('writes a single byte', () => {
    const { platform, call } = system();
    expect(call(debugConsole, 2n, 0x141n)).toEqual([OK, 0n]);
    expect(platform.printed).toBe('A');
  });
});

describe('SBI legacy calls', () => {
  it('return in a0 alone', () => {
    const { platform, legacy } = system();
    platform.typed = [65];
    expect(legacy(extensionId.legacySetTimer, 77n)).toBe(0n);
    expect(legacy(extensionId.legacyConsolePutchar, 90n)).toBe(0n);
    expect(legacy(extensionId.legacyConsoleGetchar)).toBe(65n);
    expect(legacy(extensionId.legacyConsoleGetchar)).toBe(-1n);
    expect(platform.printed).toBe('Z');
    expect(platform.log).toEqual([['setTimer', 0, 77n]]);
  });

  it('take hart masks from virtual memory, null meaning all', () => {
    const { platform, state, legacy } = system();
    state.harts.fill('started');
    platform.virtual.set(0x4000n, 0xff04n);
    expect(legacy(extensionId.legacySendIpi, 0x4000n)).toBe(0n);
    expect([...platform.pendingIpis]).toEqual([2]);
    expect(legacy(extensionId.legacySendIpi, 0n)).toBe(0n);
    expect(platform.pendingIpis.size).toBe(4);
    expect(legacy(extensionId.legacyClearIpi)).toBe(1n);
    expect(legacy(extensionId.legacyClearIpi)).toBe(0n);
  });

  it('leave a fault on the mask to the supervisor', () => {
    const { platform, legacy } = system();
    expect(legacy(extensionId.legacySendIpi, 0x9000n)).toBe('faulted');
    expect(legacy(extensionId.legacyRemoteSfenceVma, 0x9000n, 0n, 0n)).toBe('faulted');
    expect(platform.log).toEqual([]);
  });

  it('fence and shut down', () => {
    const { platform, legacy } = system(1);
    legacy(extensionId.legacyRemoteFenceI, 0n);
    legacy(extensionId.legacyRemoteSfenceVma, 0n, 0n, minusOne);
    legacy(extensionId.legacyRemoteSfenceVmaAsid, 0n, 0x1000n, 0x1000n, 3n);
    expect(legacy(extensionId.legacyShutdown)).toBe('gone');
    expect(platform.log).toEqual([
      ['fence', 0, 0, { kind: 'fence.i' }],
      ['fence', 0, 0, { kind: 'sfence.vma', range: 'all', asid: undefined }],
      ['fence', 0, 0, { kind: 'sfence.vma', range: { start: 0x1000n, size: 0x1000n }, asid: 3 }],
      ['reset', 'shutdown', 0],
    ]);
  });
});

describe('SBI under random calls', () => {
  it('answers every call with a defined result and keeps plain state', () => {
    const interesting = fc.constantFrom(
      ...[0n, 1n, 2n, 3n, 4n, 63n, 64n, -1n, -2n, 2n ** 31n, 2n ** 32n, 2n ** 52n, 2n ** 53n, 2n ** 63n],
      ...[BigInt(ramBase), BigInt(ramBase + ramSize - 1), BigInt(ramSize)],
    );
    const word = fc.oneof(interesting, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }));
    const eid = fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom(...Object.values(extensionId)) },
      { weight: 1, arbitrary: word },
    );
    const fid = fc.oneof({ weight: 9, arbitrary: fc.bigInt(0n, 8n) }, { weight: 1, arbitrary: word });
    const ecall = fc.tuple(fc.nat(3), eid, fid, fc.array(word, { minLength: 6, maxLength: 6 }));
    fc.assert(
      fc.property(fc.array(ecall, { minLength: 1, maxLength: 6 }), (calls) => {
        const { platform, state, raw } = system();
        for (const [hart, eid, fid, args] of calls) {
          const result = raw(eid, fid, args, hart);
          if (result.kind === 'return') {
            expect(result.error).toBeGreaterThanOrEqual(-6);
            expect(result.error).toBeLessThanOrEqual(0);
          }
        }
        expect(state.harts.length).toBe(4);
        expect(JSON.parse(JSON.stringify(state))).toEqual(state);
        expect(platform.log.length).toBeLessThanOrEqual(4 * calls.length);
      }),
      { numRuns: 10_000 },
    );
  });
});
