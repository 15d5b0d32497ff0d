// Forming a region: which guest code belongs to it, as a graph of nodes.
//
// A node is a run of instructions together with the calls that were inlined on the way to it: the same function called
// from two places is two nodes. Places are offsets from the start of the page that the region's head is in, so that a
// region holds wherever its pages are mapped. A region grows where control leaves it most often. Code that has never
// been executed stays outside.

import { type Decoded, decode } from '../../isa/decode.ts';
import { instructionKinds } from '../../isa/instruction-kind.ts';
import { instructions, operation } from '../../isa/table.ts';

/** An instruction at its offset. */
export interface Step {
  readonly offset: number;
  readonly decoded: Decoded;
}

/** Where control may go at the end of a node. */
export interface Way {
  readonly offset: number;
  /** The node there; undefined: out of the region. */
  to: Node | undefined;
  /** How likely control goes there, of all the times that it comes to the node's end. */
  readonly share: number;
  /** The calls that are open there; undefined: the region can't grow this way. */
  readonly calls: readonly number[] | undefined;
}

export class Node {
  steps: Step[] = [];
  /**
   * How the node ends: with the first way; with a branch that takes the first way or goes on with the second; with an
   * indirect jump, whose target is compared with those of the ways; with the return from an inlined call, which may have changed its
   * return address; or before an instruction that the interpreter executes.
   */
  end: 'jump' | 'branch' | 'indirect' | 'return' | 'interpret' = 'jump';
  ways: Way[] = [];
  /** How often control comes here for each time that it enters the region; an estimate. */
  frequency = 0;

  constructor(
    readonly offset: number,
    /** Offsets that inlined calls will return to, innermost last. */
    readonly calls: readonly number[],
  ) {}

  /** Offset of the instruction after the last. */
  get next(): number {
    const last = this.steps.at(-1);
    return last ? last.offset + last.decoded.length : this.offset;
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
  /** Whether another region begins there. */
  isHead(offset: number): boolean;
  /** How likely the branch at this offset is taken, 0 to 1, from what the interpreter saw. */
  likelihood(offset: number): number;
}

export interface RegionLimits {
  readonly instructions: number;
  readonly inlinedCalls: number;
  /** The region does not grow where control leaves it less often than this, for each time that it enters. */
  readonly frequency: number;
  /** Whether it may hold code that other regions begin with. */
  readonly overlaps: boolean;
}

const jal = operation('jal');
const jalr = operation('jalr');
/** By convention. Calls that leave their return address in t0, which is rarer, are jumps like others. */
const ra = 1;

/** How often the estimate of frequencies goes through the nodes; what is in a long loop by then is taken to stay there. */
const sweeps = 12;
/** Of the ways out, those are followed at once that are at least this likely compared to the likeliest. */
const followed = 0.3;

const noCalls: readonly number[] = [];

class RegionBuilder {
  private readonly nodes: Node[] = [];
  /** Which node has the instruction at an offset, for each context of inlined calls. */
  private readonly owners = new Map<string, Map<number, Node>>();
  private count = 0;

  constructor(
    private readonly code: CodeView,
    private readonly limits: RegionLimits,
  ) {}

  build(offset: number): Region {
    const head = this.nodeAt(offset, noCalls);
    head.frequency = 1;
    for (let grew = true; grew && this.count < this.limits.instructions; ) {
      this.link(head);
      this.estimate(head);
      grew = this.grow();
    }
    this.link(head);
    this.trustReturns();
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

  /** Joins ways to what has become part of the region. */
  private link(head: Node): void {
    for (let index = 0; index < this.nodes.length; index++) {
      for (const way of this.nodes[index]!.ways) {
        if (way.to || !way.calls) continue;
        // The head itself is never inlined: it would be the whole region once more.
        if (way.offset === head.offset) way.to = head;
        else if (this.ownersOf(way.calls).has(way.offset)) way.to = this.nodeAt(way.offset, way.calls);
      }
    }
  }

  /** Estimates frequencies: control enters once at the head, and spreads along the ways. */
  private estimate(head: Node): void {
    const arrived = new Map<Node, number>([[head, 1]]);
    for (const node of this.nodes) node.frequency = 0;
    for (let sweep = 0; sweep < sweeps; sweep++) {
      for (const node of this.nodes) {
        const arriving = arrived.get(node) ?? 0;
        if (arriving === 0) continue;
        arrived.set(node, 0);
        node.frequency += arriving;
        for (const { to, share } of node.ways) {
          if (to) arrived.set(to, (arrived.get(to) ?? 0) + arriving * share);
        }
      }
    }
  }

  /** Follows the likeliest ways out; false: none is worth it. */
  private grow(): boolean {
    const out: { way: Way; frequency: number }[] = [];
    for (const { ways, frequency } of this.nodes) {
      for (const way of ways) {
        if (!way.to && way.calls) out.push({ way, frequency: frequency * way.share });
      }
    }
    const best = Math.max(0, ...out.map(({ frequency }) => frequency));
    const least = Math.max(this.limits.frequency, best * followed);
    let grew = false;
    for (const { way, frequency } of out.sort((a, b) => b.frequency - a.frequency)) {
      if (frequency < least || this.count >= this.limits.instructions) break;
      if (this.code.word(way.offset) === undefined) continue;
      if (!this.limits.overlaps && way.calls!.length === 0 && this.code.isHead(way.offset)) continue;
      way.to = this.nodeAt(way.offset, way.calls!);
      grew = true;
    }
    return grew;
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
      node.end = owner.end;
      node.ways = owner.ways;
      node.frequency = owner.frequency;
      owner.end = 'jump';
      owner.ways = [{ offset, to: node, share: 1, calls }];
      for (const step of node.steps) owners.set(step.offset, node);
      owners.set(offset, node);
    } else this.fill(node, owners);
    return node;
  }

  private fill(node: Node, owners: Map<number, Node>): void {
    let { offset } = node;
    owners.set(offset, node);
    for (;;) {
      const owner = owners.get(offset);
      if (owner !== undefined && owner !== node) {
        node.ways = [{ offset, to: undefined, share: 1, calls: node.calls }];
        return;
      }
      const word = this.count < this.limits.instructions ? this.code.word(offset) : undefined;
      if (word === undefined) {
        node.ways = [{ offset, to: undefined, share: 1, calls: undefined }];
        return;
      }
      owners.set(offset, node);
      const decoded = decode(word);
      if (decoded === undefined || instructionKinds[decoded.op]!.leaves) {
        node.end = 'interpret';
        return;
      }
      node.steps.push({ offset, decoded });
      this.count++;
      const { branches, jumps } = instructionKinds[decoded.op]!;
      if (branches) this.branch(node, offset, decoded);
      else if (jumps) this.jump(node, offset, decoded);
      if (branches || jumps) return;
      offset += decoded.length;
    }
  }

  private branch(node: Node, offset: number, { imm, length }: Decoded): void {
    const { calls } = node;
    const likelihood = this.code.likelihood(offset);
    node.end = 'branch';
    node.ways = [
      { offset: offset + imm, to: undefined, share: likelihood, calls },
      { offset: offset + length, to: undefined, share: 1 - likelihood, calls },
    ];
  }

  private jump(node: Node, offset: number, { op, rd, rs1, imm, length }: Decoded): void {
    const { calls } = node;
    const inner = rd === ra ? this.entering(offset + length, calls) : calls;
    if (op === jal) {
      node.ways = [{ offset: offset + imm, to: undefined, share: 1, calls: inner }];
      return;
    }
    if (op !== jalr) throw new Error(`regions do not know how ${instructions[op]!.name} jumps`);
    const returns = rd === 0 && rs1 === ra && calls.length > 0;
    const targets = returns ? [calls.at(-1)!] : this.code.targetsOf(offset);
    const around = returns ? calls.slice(0, -1) : inner;
    node.end = returns ? 'return' : 'indirect';
    node.ways = targets.map((target) => ({ offset: target, to: undefined, share: 1 / targets.length, calls: around }));
  }

  /** A return whose address nothing inside of its call has written goes where the call said. */
  private trustReturns(): void {
    for (const node of this.nodes) {
      if (node.end !== 'return') continue;
      const inside = this.nodes.filter(({ calls }) => node.calls.every((call, depth) => calls[depth] === call));
      const written = inside.some(({ steps }) =>
        steps.some(({ decoded: { op, rd } }) => rd === ra && instructions[op]!.operands.rd === 'x'),
      );
      node.end = written || node.steps.at(-1)!.decoded.imm !== 0 ? 'indirect' : 'jump';
    }
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
