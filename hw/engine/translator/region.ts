// Forming a region: which guest code belongs to it, as a graph of nodes.
//
// A node is a run of instructions together with the calls that were inlined on the way to it: the same function called
// from two places is two nodes. Places are offsets from the start of the page that the region's head is in, so that a
// region holds wherever its pages are mapped. A region grows where control leaves it most often. Code that has never
// been executed stays outside.

import { type Decoded, decode } from '../../isa/decode.ts';
import { instructionKinds } from '../../isa/instruction-kind.ts';
import { instructions, operation } from '../../isa/table.ts';

/** The calls that were inlined on the way to some code. */
export class Inlining {
  private readonly inner: Inlining[] = [];
  /** Which node has the instruction at an offset. */
  readonly owners = new Map<number, Node>();

  constructor(
    /** Without the innermost call; undefined: there is none. */
    readonly outer: Inlining | undefined,
    /** The offset that the innermost call returns to. */
    readonly returnTo: number,
    readonly depth: number,
  ) {}

  /** With one more call. */
  entering(returnTo: number): Inlining {
    for (const one of this.inner) if (one.returnTo === returnTo) return one;
    const made = new Inlining(this, returnTo, this.depth + 1);
    this.inner.push(made);
    return made;
  }

  returnsTo(offset: number): boolean {
    for (let one: Inlining = this; one.outer; one = one.outer) if (one.returnTo === offset) return true;
    return false;
  }

  /** Whether these calls are `other`, or within it. */
  isWithin(other: Inlining): boolean {
    let one: Inlining | undefined = this;
    while (one && one.depth > other.depth) one = one.outer;
    return one === other;
  }
}

/** Where control may go at the end of a node. */
export interface Way {
  readonly offset: number;
  /** The node there; undefined: out of the region. */
  to: Node | undefined;
  /** How likely control goes there, of all the times that it comes to the node's end. */
  readonly share: number;
  /** The calls that are open there; undefined: the region can't grow this way. */
  readonly calls: Inlining | undefined;
}

export class Node {
  /** Its instructions, which follow one another. */
  steps: Readonly<Decoded>[] = [];
  /** Offset of the instruction after the last. */
  next: number;
  /**
   * How the node ends: with the first way; with a branch that takes the first way or goes on with the second; with an
   * indirect jump, whose target is compared with those of the ways; with the return from an inlined call, which may have changed its
   * return address; or before an instruction that the interpreter executes.
   */
  end: 'jump' | 'branch' | 'indirect' | 'return' | 'interpret' = 'jump';
  ways: Way[] = [];
  /** How often control comes here for each time that it enters the region; an estimate. */
  frequency = 0;
  /** Of that, what has not gone on yet. */
  arriving = 0;
  /** Its place in the order of `ControlFlow`; negative: control does not come here. */
  number = -1;

  constructor(
    readonly offset: number,
    readonly calls: Inlining,
  ) {
    this.next = offset;
  }
}

export interface Region {
  readonly head: Node;
  readonly nodes: readonly Node[];
  readonly instructions: number;
  /** Offsets of the first byte of each run of its instructions and of the byte after the last, in turn. */
  readonly extents: readonly number[];
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

class RegionBuilder {
  private readonly nodes: Node[] = [];
  private count = 0;

  constructor(
    private readonly code: CodeView,
    private readonly limits: RegionLimits,
  ) {}

  build(offset: number): Region {
    const head = this.nodeAt(offset, new Inlining(undefined, 0, 0));
    head.frequency = 1;
    for (let grew = true; grew && this.count < this.limits.instructions; ) {
      this.link(head);
      this.estimate(head);
      grew = this.grow();
    }
    this.link(head);
    this.trustReturns();
    const extents: number[] = [];
    for (const { offset, next } of this.nodes) extents.push(offset, next);
    return { head, nodes: this.nodes, instructions: this.count, extents };
  }

  /** Joins ways to what has become part of the region. */
  private link(head: Node): void {
    for (let index = 0; index < this.nodes.length; index++) {
      for (const way of this.nodes[index]!.ways) {
        if (way.to || !way.calls) continue;
        // The head itself is never inlined: it would be the whole region once more.
        if (way.offset === head.offset) way.to = head;
        else if (way.calls.owners.has(way.offset)) way.to = this.nodeAt(way.offset, way.calls);
      }
    }
  }

  /** Estimates frequencies: control enters once at the head, and spreads along the ways. */
  private estimate(head: Node): void {
    for (const node of this.nodes) {
      node.frequency = 0;
      node.arriving = 0;
    }
    head.arriving = 1;
    for (let sweep = 0, spreads = true; spreads && sweep < sweeps; sweep++) {
      spreads = false;
      for (const node of this.nodes) {
        const { arriving } = node;
        if (arriving === 0) continue;
        spreads = true;
        node.arriving = 0;
        node.frequency += arriving;
        for (const { to, share } of node.ways) if (to) to.arriving += arriving * share;
      }
    }
  }

  /** Follows the likeliest ways out; false: none is worth it. */
  private grow(): boolean {
    const out: { way: Way; frequency: number }[] = [];
    let best = 0;
    for (const { ways, frequency } of this.nodes) {
      for (const way of ways) {
        if (way.to || !way.calls) continue;
        out.push({ way, frequency: frequency * way.share });
        best = Math.max(best, frequency * way.share);
      }
    }
    const least = Math.max(this.limits.frequency, best * followed);
    let grew = false;
    for (const { way, frequency } of out.sort((a, b) => b.frequency - a.frequency)) {
      if (frequency < least || this.count >= this.limits.instructions) break;
      if (this.code.word(way.offset) === undefined) continue;
      if (!this.limits.overlaps && way.calls!.depth === 0 && this.code.isHead(way.offset)) continue;
      way.to = this.nodeAt(way.offset, way.calls!);
      grew = true;
    }
    return grew;
  }

  /** The node that begins at an offset; a node that contains it is cut in two. */
  private nodeAt(offset: number, calls: Inlining): Node {
    const owner = calls.owners.get(offset);
    if (owner?.offset === offset) return owner;
    const node = new Node(offset, calls);
    this.nodes.push(node);
    if (owner) this.cut(owner, node);
    else this.fill(node);
    return node;
  }

  /** Gives a new node what an older one has from its offset on; that may be nothing but its end. */
  private cut(owner: Node, node: Node): void {
    const { offset, calls } = node;
    let kept = 0;
    for (let at = owner.offset; at < offset; kept++) at += owner.steps[kept]!.length;
    node.steps = owner.steps.splice(kept);
    node.next = owner.next;
    node.end = owner.end;
    node.ways = owner.ways;
    node.frequency = owner.frequency;
    owner.next = offset;
    owner.end = 'jump';
    owner.ways = [{ offset, to: node, share: 1, calls }];
    let at = offset;
    for (const { length } of node.steps) {
      calls.owners.set(at, node);
      at += length;
    }
    calls.owners.set(offset, node);
  }

  private fill(node: Node): void {
    const { calls, steps } = node;
    const { owners } = calls;
    for (let { offset } = node; ; offset = node.next) {
      if (owners.has(offset)) {
        node.ways = [{ offset, to: undefined, share: 1, calls }];
        return;
      }
      const word = this.count < this.limits.instructions ? this.code.word(offset) : undefined;
      if (word === undefined) {
        node.ways = [{ offset, to: undefined, share: 1, calls: undefined }];
        if (steps.length === 0) owners.set(offset, node);
        return;
      }
      owners.set(offset, node);
      const decoded = decode(word);
      const kind = decoded && instructionKinds[decoded.op]!;
      if (!kind || kind.leaves) {
        node.end = 'interpret';
        return;
      }
      steps.push(decoded);
      node.next = offset + decoded.length;
      this.count++;
      if (kind.branches) this.branch(node, offset, decoded);
      else if (kind.jumps) this.jump(node, offset, decoded);
      if (kind.branches || kind.jumps) return;
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
    const { outer } = calls;
    const returns = rd === 0 && rs1 === ra && outer !== undefined;
    const targets = returns ? [calls.returnTo] : this.code.targetsOf(offset);
    const around = returns ? outer : inner;
    node.end = returns ? 'return' : 'indirect';
    node.ways = targets.map((target) => ({ offset: target, to: undefined, share: 1 / targets.length, calls: around }));
  }

  /** A return whose address nothing inside of its call has written goes where the call said. */
  private trustReturns(): void {
    for (const node of this.nodes) {
      if (node.end !== 'return') continue;
      const { imm } = node.steps.at(-1)!;
      const written = this.nodes.some(
        ({ calls, steps }) =>
          calls.isWithin(node.calls) && steps.some(({ op, rd }) => rd === ra && instructions[op]!.operands.rd === 'x'),
      );
      node.end = written || imm !== 0 ? 'indirect' : 'jump';
    }
  }

  /** The calls that are open inside one that returns to `next`; undefined: it is not inlined. */
  private entering(next: number, calls: Inlining): Inlining | undefined {
    return calls.depth >= this.limits.inlinedCalls || calls.returnsTo(next) ? undefined : calls.entering(next);
  }
}

/** The region whose head is at `offset`, which lies in the first page. */
export function formRegion(offset: number, code: CodeView, limits: RegionLimits): Region {
  return new RegionBuilder(code, limits).build(offset);
}
