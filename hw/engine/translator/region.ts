// Forming a region: which guest code belongs to it, as a graph of nodes.
//
// A node is a run of instructions together with the calls that were inlined on the way to it: the same function called
// from two places is two nodes. Places are offsets from the start of the page that the region's head is in, so that a
// region holds wherever its pages are mapped. Code that has never been executed stays outside.

import { type Decoded, decode } from '../../isa/decode.ts';
import { instructions, operation } from '../../isa/table.ts';
import { instructionKinds } from './instruction-kind.ts';

/** An instruction at its offset. */
export interface Step {
  readonly offset: number;
  readonly decoded: Decoded;
}

/** Where control goes: on to a node, or out of the region. */
export type Edge = { readonly node: Node } | { readonly leaveAt: number };

/** How a node ends. */
export type Terminator =
  | { readonly kind: 'jump'; readonly to: Edge }
  /** The last step is a branch. */
  | { readonly kind: 'branch'; readonly taken: Edge; readonly otherwise: Edge }
  /** The last step is a jump to an address that is known at run time only; it is compared with these. */
  | { readonly kind: 'indirect'; readonly targets: readonly { readonly offset: number; readonly to: Edge }[] }
  /** The interpreter executes the instruction at this offset. */
  | { readonly kind: 'interpret'; readonly offset: number };

export class Node {
  steps: Step[] = [];
  terminator: Terminator = { kind: 'jump', to: { leaveAt: 0 } };

  constructor(
    readonly offset: number,
    /** Offsets that inlined calls will return to, innermost last. */
    readonly calls: readonly number[],
  ) {}

  get successors(): Node[] {
    const nodes: Node[] = [];
    for (const edge of edgesOf(this.terminator))
      if ('node' in edge && !nodes.includes(edge.node)) nodes.push(edge.node);
    return nodes;
  }
}

export function edgesOf(terminator: Terminator): readonly Edge[] {
  switch (terminator.kind) {
    case 'jump':
      return [terminator.to];
    case 'branch':
      return [terminator.taken, terminator.otherwise];
    case 'indirect':
      return terminator.targets.map(({ to }) => to);
    case 'interpret':
      return [];
  }
}

export interface Region {
  readonly head: Node;
  readonly nodes: readonly Node[];
  readonly instructions: number;
}

/** Guest code as the region's head sees it. */
export interface CodeView {
  /** The instruction word at an offset; undefined if it has not been executed, or its page is out of reach. */
  word(offset: number): number | undefined;
  /** Offsets that the indirect jump at this one was seen to go to, the most recent first. */
  targetsOf(offset: number): readonly number[];
}

export interface RegionLimits {
  readonly instructions: number;
  readonly inlinedCalls: number;
}

const jal = operation('jal');
const jalr = operation('jalr');
/** ra and t0, by convention (unprivileged specification, 2.5.1: return-address prediction hints). */
const isLink = (register: number): boolean => register === 1 || register === 5;

class RegionBuilder {
  private readonly nodes: Node[] = [];
  /** Which node has the instruction at an offset, for each context of inlined calls. */
  private readonly owners = new Map<string, Map<number, Node>>();
  private readonly queue: Node[] = [];
  private count = 0;

  constructor(
    private readonly code: CodeView,
    private readonly limits: RegionLimits,
  ) {}

  build(offset: number): Region {
    const head = this.nodeAt(offset, []);
    for (let node = this.queue.shift(); node !== undefined; node = this.queue.shift()) this.fill(node);
    return { head, nodes: this.nodes, instructions: this.count };
  }

  private ownersOf(calls: readonly number[]): Map<number, Node> {
    const key = calls.join();
    let owners = this.owners.get(key);
    if (!owners) {
      owners = new Map();
      this.owners.set(key, owners);
    }
    return owners;
  }

  private edge(offset: number, calls: readonly number[]): Edge {
    const known = this.ownersOf(calls).has(offset);
    if (!known && (this.count >= this.limits.instructions || this.code.word(offset) === undefined)) {
      return { leaveAt: offset };
    }
    return { node: this.nodeAt(offset, calls) };
  }

  /** The node that begins at an offset; a node that contains it is cut in two. */
  private nodeAt(offset: number, calls: readonly number[]): Node {
    const owners = this.ownersOf(calls);
    const owner = owners.get(offset);
    if (owner?.offset === offset) return owner;
    const node = new Node(offset, calls);
    this.nodes.push(node);
    if (owner) {
      const cut = owner.steps.findIndex((step) => step.offset === offset);
      node.steps = cut < 0 ? [] : owner.steps.splice(cut); // none: the interpreter goes on there
      node.terminator = owner.terminator;
      owner.terminator = { kind: 'jump', to: { node } };
      for (const step of node.steps) owners.set(step.offset, node);
    } else {
      owners.set(offset, node);
      this.queue.push(node);
    }
    return node;
  }

  private fill(node: Node): void {
    const owners = this.ownersOf(node.calls);
    let { offset } = node;
    for (;;) {
      const owner = owners.get(offset);
      if (owner !== undefined && owner !== node) {
        node.terminator = { kind: 'jump', to: { node: this.nodeAt(offset, node.calls) } };
        return;
      }
      const word = this.count < this.limits.instructions ? this.code.word(offset) : undefined;
      if (word === undefined) {
        node.terminator = { kind: 'jump', to: { leaveAt: offset } };
        return;
      }
      const decoded = decode(word);
      if (decoded === undefined || instructionKinds[decoded.op]!.leaves) {
        owners.set(offset, node);
        node.terminator = { kind: 'interpret', offset };
        return;
      }
      owners.set(offset, node);
      node.steps.push({ offset, decoded });
      this.count++;
      const { branches, jumps } = instructionKinds[decoded.op]!;
      if (branches || jumps) {
        const terminator = branches ? this.branch(offset, decoded, node.calls) : this.jump(offset, decoded, node.calls);
        // A branch back into this node has cut it in two.
        owners.get(offset)!.terminator = terminator;
        return;
      }
      offset += decoded.length;
    }
  }

  private branch(offset: number, { imm, length }: Decoded, calls: readonly number[]): Terminator {
    const otherwise = this.edge(offset + length, calls);
    return { kind: 'branch', taken: this.edge(offset + imm, calls), otherwise };
  }

  private jump(offset: number, { op, rd, rs1, imm, length }: Decoded, calls: readonly number[]): Terminator {
    const inner = isLink(rd) ? this.entering(offset + length, calls) : calls;
    if (op === jal) return { kind: 'jump', to: inner ? this.edge(offset + imm, inner) : { leaveAt: offset + imm } };
    if (op !== jalr) throw new Error(`regions do not know how ${instructions[op]!.name} jumps`);
    const returns = rd === 0 && isLink(rs1) && calls.length > 0;
    const seen = returns ? [calls.at(-1)!] : this.code.targetsOf(offset);
    const around = returns ? calls.slice(0, -1) : inner;
    const targets = around ? seen.map((target) => ({ offset: target, to: this.edge(target, around) })) : [];
    return { kind: 'indirect', targets: targets.filter(({ to }) => 'node' in to) };
  }

  /** The calls that are open inside one that returns to `next`; undefined: it is not inlined. */
  private entering(next: number, calls: readonly number[]): readonly number[] | undefined {
    if (calls.length >= this.limits.inlinedCalls || calls.includes(next)) return undefined;
    return [...calls, next];
  }
}

/** The region whose head is at `offset`, which lies in the first page. */
export function formRegion(offset: number, code: CodeView, limits: RegionLimits): Region {
  return new RegionBuilder(code, limits).build(offset);
}
