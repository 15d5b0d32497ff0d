// Reads flattened device trees, and trusts nothing in them.

import {
  type FdtNode,
  type FdtReservation,
  type FdtTree,
  fdtHeaderSize,
  fdtMagic,
  fdtToken,
  fdtVersion,
} from './fdt.ts';

/** What is wrong with a blob: where (byte offset), what, and what to do about it. */
export interface FdtError {
  offset: number;
  message: string;
  remedy: string;
}

/** Deeper than any tree in use, and shallow enough for whoever walks a tree by recursion. */
const depthLimit = 64;
const nameLimit = 255;

/** Signals an FdtError from deep inside the reader to `readFdt`, which returns it. Never leaves this file. */
class Malformed {
  readonly error: FdtError;
  constructor(error: FdtError) {
    this.error = error;
  }
}

function malformed(offset: number, message: string, remedy: string): never {
  throw new Malformed({ offset, message, remedy });
}

/**
 * Reads a blob of any origin. Takes time linear in its size; property values are views of `bytes`. An FdtError is
 * returned, never thrown.
 */
export function readFdt(bytes: Uint8Array): { tree: FdtTree } | { error: FdtError } {
  try {
    return { tree: readTree(bytes) };
  } catch (thrown) {
    if (thrown instanceof Malformed) return { error: thrown.error };
    throw thrown;
  }
}

interface Block {
  start: number;
  end: number;
}

function readTree(bytes: Uint8Array): FdtTree {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < fdtHeaderSize) {
    malformed(bytes.length, `the file ends after ${bytes.length} bytes, inside the header`, 'give a whole dtb');
  }
  const field = (index: number): number => view.getUint32(4 * index);
  if (field(0) !== fdtMagic) malformed(0, 'no device tree magic', 'give a dtb, compiled by dtc');
  const size = field(1);
  if (size < fdtHeaderSize || size > bytes.length) {
    malformed(4, `totalsize is ${size}, the file has ${bytes.length} bytes`, 'give the dtb untruncated');
  }
  if (field(5) < fdtVersion || field(6) > fdtVersion) {
    malformed(
      20,
      `version ${field(5)}, compatible with ${field(6)}`,
      `convert it to version ${fdtVersion} with dtc -V 17`,
    );
  }
  const block = (name: string, index: number, length: number, alignment: number): Block => {
    const start = field(index);
    if (start % alignment !== 0 || start < fdtHeaderSize || start + length > size) {
      malformed(4 * index, `the ${name} block at ${start}, ${length} bytes, is misplaced`, 'compile the dtb again');
    }
    return { start, end: start + length };
  };
  const structure = block('structure', 2, field(9), 4);
  const strings = block('strings', 3, field(8), 1);
  const reservations = readReservations(view, block('reservation', 4, 16, 8).start, size);
  return { root: readStructure(bytes, view, structure, strings), bootHart: field(7), reservations };
}

function readReservations(view: DataView, start: number, size: number): FdtReservation[] {
  const reservations: FdtReservation[] = [];
  for (let offset = start; offset + 16 <= size; offset += 16) {
    const reservation = { address: view.getBigUint64(offset), size: view.getBigUint64(offset + 8) };
    if (reservation.address === 0n && reservation.size === 0n) return reservations;
    reservations.push(reservation);
  }
  return malformed(start, 'the reservation block has no end', 'end it with an entry of zeros');
}

function readStructure(bytes: Uint8Array, view: DataView, structure: Block, strings: Block): FdtNode {
  let offset = structure.start;
  const word = (): number => {
    if (offset + 4 > structure.end) malformed(offset, 'the structure block ends too soon', 'compile the dtb again');
    offset += 4;
    return view.getUint32(offset - 4);
  };
  let root: FdtNode | undefined;
  const open: { node: FdtNode; names: Set<string> }[] = [];
  for (;;) {
    const at = offset;
    const kind = word();
    const parent = open.at(-1);
    if (kind === fdtToken.nop) continue;
    if (kind === fdtToken.end) {
      if (parent !== undefined) malformed(at, `node '${parent.node.name}' is not closed`, 'compile the dtb again');
      return root ?? malformed(at, 'there is no root node', 'compile the dtb again');
    }
    if (kind === fdtToken.beginNode) {
      const { text, next } = readName(bytes, offset, structure.end);
      offset = (next + 3) & ~3;
      const child: FdtNode = { name: text, properties: [], children: [] };
      if (parent === undefined) {
        if (root !== undefined) malformed(at, `a second root node '${text}'`, 'compile the dtb again');
        root = child;
      } else {
        if (open.length === depthLimit) malformed(at, `more than ${depthLimit} levels`, 'flatten the tree');
        claimName(parent.names, 'node', text, at);
        parent.node.children.push(child);
      }
      open.push({ node: child, names: new Set() });
    } else if (kind === fdtToken.endNode) {
      if (parent === undefined) malformed(at, 'the end of a node that was not begun', 'compile the dtb again');
      open.pop();
    } else if (kind === fdtToken.property) {
      if (parent === undefined) malformed(at, 'a property outside a node', 'compile the dtb again');
      const length = word();
      const nameOffset = word();
      if (nameOffset >= strings.end - strings.start) {
        malformed(at + 8, `a property name at ${nameOffset}, outside the strings block`, 'compile the dtb again');
      }
      if (length > structure.end - offset) {
        malformed(at + 4, `a property of ${length} bytes passes the structure block's end`, 'compile the dtb again');
      }
      const { text } = readName(bytes, strings.start + nameOffset, strings.end);
      claimName(parent.names, 'property', text, at);
      parent.node.properties.push({ name: text, value: bytes.subarray(offset, offset + length) });
      offset = (offset + length + 3) & ~3;
    } else {
      malformed(at, `token ${kind} is unknown`, 'compile the dtb again');
    }
  }
}

/** Siblings of one kind have names of their own. */
function claimName(names: Set<string>, kind: 'node' | 'property', name: string, offset: number): void {
  const key = `${kind} '${name}'`;
  if (names.has(key)) malformed(offset, `a second ${key} in one node`, 'rename or remove one of them');
  names.add(key);
}

/** A NUL-terminated name of printable ASCII, not beyond `end`; `next` is the offset after the NUL. */
function readName(bytes: Uint8Array, start: number, end: number): { text: string; next: number } {
  let text = '';
  for (let offset = start; offset < end && text.length <= nameLimit; offset++) {
    const byte = bytes[offset]!;
    if (byte === 0) return { text, next: offset + 1 };
    if (byte <= 0x20 || byte >= 0x7f || byte === 0x2f) {
      malformed(offset, `byte ${byte} in a name`, 'use letters, digits and , . _ + - @ # ?');
    }
    text += String.fromCharCode(byte);
  }
  return malformed(start, 'a name without an end', `end it with NUL after at most ${nameLimit} characters`);
}
