import { describe, expect, it } from 'vitest';
import { dataRegimeOf, fetchRegimeOf, regimeOf } from '../../../hw/hart/regime.ts';
import { Bench } from './bench.ts';

const bit = (...bits: number[]): bigint => bits.reduce((all, one) => all | (1n << BigInt(one)), 0n);
const mprv = bit(17);
const mpp = (privilege: bigint): bigint => privilege << 11n;
const mpv = bit(39);
const sum = bit(18);
const mxr = bit(19);

describe('translation regimes', () => {
  it.each([
    ['M', 0n, 0n, 3, 3],
    ['M', mpp(1n), 0n, 3, 3],
    ['M', mprv | mpp(3n) | mpv, 0n, 3, 3],
    ['M', mprv | mpp(1n), 0n, 1, 3],
    ['M', mprv | mpp(0n), 0n, 0, 3],
    ['M', mprv | mpp(1n) | sum | mxr, sum, 1 | 8 | 16, 3],
    ['M', mprv | mpp(1n) | mpv, 0n, 1 | 4, 3],
    ['M', mprv | mpp(1n) | mpv | mxr, sum, 1 | 4 | 8 | 32, 3],
    ['M', mprv | mpp(0n) | mpv | sum, sum | mxr, 4 | 16, 3],
    ['HS', sum | mxr, 0n, 1 | 8 | 16, 1],
    ['U', sum, 0n, 0, 0],
    ['U', mxr, 0n, 16, 0],
    ['VS', sum, sum, 1 | 4 | 8, 5],
    ['VS', sum | mxr, mxr, 1 | 4 | 16 | 32, 5],
    ['VU', 0n, sum, 4, 4],
  ] as const)('of %s with mstatus %i and vsstatus %i', (mode, mstatus, vsstatus, data, fetch) => {
    const bench = new Bench('M');
    bench.set(0x300, mstatus);
    bench.write(0x200, vsstatus);
    bench.mode = mode;
    expect([dataRegimeOf(bench.context), fetchRegimeOf(bench.context)]).toEqual([data, fetch]);
    expect([bench.context.get('dataRegime'), bench.context.get('fetchRegime')]).toEqual([data, fetch]);
    expect(regimeOf(bench.context)).toBe(false);
  });
});
