import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cells64, cellsOf, type FdtNode, type FdtTree, findNode, node, stringsOf, writeFdt } from '../../vdev/fdt.ts';
import { readFdt } from '../../vdev/fdt-reader.ts';
import { virtTree } from '../../vdev/virt-tree.ts';

const sample: FdtTree = {
  root: node('', { compatible: ['a,b', 'c'], '#address-cells': 2 }, [
    node('memory@80000000', { reg: [...cells64(0x8000_0000), ...cells64(0x1_4000_0000)] }),
    node('chosen', { bootargs: 'console=hvc0 naïve', empty: true, raw: Uint8Array.of(1, 2, 3) }),
  ]),
  bootHart: 3,
  reservations: [{ address: 0x8000_0000n, size: 0x1000n }],
};

function errorOf(bytes: Uint8Array) {
  const result = readFdt(bytes);
  if (!('error' in result)) throw new Error('the blob was accepted');
  return result.error;
}

function treeOf(bytes: Uint8Array): FdtTree {
  const result = readFdt(bytes);
  if ('error' in result) throw new Error(result.error.message);
  return result.tree;
}

function patched(offset: number, value: number): Uint8Array {
  const bytes = writeFdt(sample);
  new DataView(bytes.buffer).setUint32(offset, value);
  return bytes;
}

const bytesEqual = (tree: FdtTree) => JSON.stringify(tree, (_, v) => (typeof v === 'bigint' ? `${v}n` : v));

describe('flattened device tree', () => {
  it('reads back what it wrote', () => {
    const tree = treeOf(writeFdt(sample));
    expect(bytesEqual(tree)).toBe(bytesEqual(sample));
    const memory = findNode(tree, '/memory@80000000')!;
    expect(cellsOf(memory, 'reg')).toEqual([0, 0x8000_0000, 1, 0x4000_0000]);
    expect(stringsOf(tree.root, 'compatible')).toEqual(['a,b', 'c']);
    expect(stringsOf(findNode(tree, '/chosen')!, 'empty')).toEqual([]);
    expect(cellsOf(findNode(tree, '/chosen')!, 'raw')).toBeUndefined();
    expect(findNode(tree, '/absent/node')).toBeUndefined();
  });

  it('reads a blob that is a view in the middle of a buffer', () => {
    const bytes = writeFdt(sample);
    const wide = new Uint8Array(bytes.length + 17);
    wide.set(bytes, 9);
    expect(bytesEqual(treeOf(wide.subarray(9)))).toBe(bytesEqual(sample));
  });

  it('names offset, fault and remedy of a malformed header', () => {
    expect(errorOf(new Uint8Array(3))).toMatchObject({ offset: 3, message: expect.stringContaining('3 bytes') });
    expect(errorOf(patched(0, 0))).toMatchObject({ offset: 0, remedy: expect.stringContaining('dtc') });
    expect(errorOf(patched(4, 0x7fff_ffff))).toMatchObject({
      offset: 4,
      message: expect.stringContaining('totalsize'),
    });
    expect(errorOf(patched(8, 0xffff_fffc))).toMatchObject({
      offset: 8,
      message: expect.stringContaining('structure'),
    });
    expect(errorOf(patched(12, 0xffff_ffff)).offset).toBe(12);
    expect(errorOf(patched(16, 0x31)).offset).toBe(16);
    expect(errorOf(patched(20, 16))).toMatchObject({ offset: 20, message: expect.stringContaining('version 16') });
  });

  it('refuses a structure that is not one tree', () => {
    const begin = 40 + 32;
    expect(errorOf(patched(begin, 9)).message).toContain('no root');
    expect(errorOf(patched(begin, 2)).message).toContain('not begun');
    expect(errorOf(patched(begin, 3)).message).toContain('outside a node');
    expect(errorOf(patched(begin, 77)).message).toContain('token 77');
    expect(errorOf(patched(begin + 12, 0xffff_fff0)).message).toContain('passes the structure block');
    expect(errorOf(patched(begin + 16, 0xffff_fff0)).message).toContain('outside the strings block');
  });

  it('refuses duplicate names and trees deeper than 64 levels', () => {
    const twice = node('', {}, [node('a', {}), node('a', {})]);
    expect(errorOf(writeFdt({ ...sample, root: twice })).message).toContain("second node 'a'");
    let deep: FdtNode = node('leaf', {});
    for (let i = 0; i < 63; i++) deep = node('n', {}, [deep]);
    expect(errorOf(writeFdt({ ...sample, root: node('', {}, [deep]) })).message).toContain('64 levels');
  });

  it('never throws on random bytes behind a valid header', () => {
    const size = 256;
    fc.assert(
      fc.property(fc.uint8Array({ minLength: size, maxLength: size }), fc.nat(50), (noise, at) => {
        const bytes = writeFdt(sample);
        bytes.set(noise.subarray(0, Math.max(0, bytes.length - 72 - at)), 72 + at);
        const result = readFdt(bytes);
        if ('error' in result) expect(result.error.offset).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 4000 },
    );
  });

  it('never throws on mutated trees of the virt machine', () => {
    const original = writeFdt(
      virtTree({
        kind: 'bare',
        harts: 2,
        ramBytes: 2 ** 30,
        virtioSlots: [0, 1],
        uart: true,
        rtc: true,
        finisher: true,
      }),
    );
    const mutation = fc.record({
      at: fc.nat(original.length - 1),
      value: fc.oneof(fc.nat(255), fc.constantFrom(0, 255)),
    });
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 8 }), fc.nat(original.length), (mutations, cut) => {
        const bytes = original.slice(0, cut % 5 === 0 ? cut : original.length);
        for (const { at, value } of mutations) if (at < bytes.length) bytes[at] = value;
        const result = readFdt(bytes);
        if ('error' in result) {
          expect(result.error.message).not.toBe('');
          expect(result.error.remedy).not.toBe('');
        } else {
          expect(bytesEqual(treeOf(writeFdt(result.tree)))).toBe(bytesEqual(result.tree));
        }
      }),
      { numRuns: 8000 },
    );
  });
});
