// The shape of a region's graph: an order, dominators, loops. Structured control flow is emitted from it
// (Ramsey, "Beyond Relooper", ICFP 2022).

import type { Node, Region } from './region.ts';

export class ControlFlow {
  /** Nodes that control can reach, in reverse postorder. `Node.number` is the index. */
  readonly order: readonly Node[];
  /** The node that dominates each one immediately. */
  private readonly above: readonly number[];
  private readonly loopHeads: boolean[];
  /** How many ways lead forward to each. */
  private readonly arrivals: number[];
  private readonly lengths: number[];
  private readonly joins: readonly Node[][];

  /** Analyses a region. Edges that would make its graph irreducible are turned into ways out of it, in place. */
  constructor({ head, nodes }: Region) {
    do {
      this.order = reversePostorder(head, nodes);
      this.above = dominators(this.order);
    } while (this.cutIrreducible());
    const { length } = this.order;
    this.loopHeads = new Array(length).fill(false);
    this.arrivals = new Array(length).fill(0);
    this.lengths = new Array(length).fill(0);
    for (const from of this.order) {
      for (const { to } of from.ways) {
        if (!to) continue;
        if (this.isBack(from, to)) this.loopHeads[to.number] = true;
        else this.arrivals[to.number]!++;
      }
    }
    this.joins = this.order.map(() => []);
    for (const node of this.order) if (this.isMerge(node)) this.joins[this.above[node.number]!]!.push(node);
    for (let number = length - 1; number >= 0; number--) this.measure(this.order[number]!);
  }

  get head(): Node {
    return this.order[0]!;
  }

  /** The target of a jump back: a loop begins there. */
  isLoopHead(node: Node): boolean {
    return this.loopHeads[node.number]!;
  }

  /** More than one way leads forward to it. */
  isMerge(node: Node): boolean {
    return this.arrivals[node.number]! > 1;
  }

  /** Whether an edge goes back to the head of a loop around it. */
  isBack(from: Node, to: Node): boolean {
    return to.number <= from.number;
  }

  /** The nodes from the head of a loop to one that goes back to it, if there is only one way between the two. */
  onlyWay(head: Node, last: Node): readonly Node[] | undefined {
    const nodes = [last];
    for (let node = last; node !== head; nodes.push(node)) {
      if (this.isMerge(node) || this.isLoopHead(node)) return undefined;
      node = this.order[this.above[node.number]!]!;
    }
    return nodes.reverse();
  }

  /** The merges that a node dominates immediately, in reverse postorder. */
  mergesBelow(node: Node): readonly Node[] {
    return this.joins[node.number]!;
  }

  /** Instructions on the longest way from a node, itself included, to the next loop head or out. */
  longest(node: Node): number {
    return this.lengths[node.number]!;
  }

  private measure({ number, steps, ways }: Node): void {
    let onward = 0;
    for (const { to } of ways) if (to && !this.isLoopHead(to)) onward = Math.max(onward, this.longest(to));
    this.lengths[number] = steps.length + onward;
  }

  private dominates(a: Node, b: Node): boolean {
    let { number } = b;
    while (number > a.number) number = this.above[number]!;
    return number === a.number;
  }

  /** Cuts edges that go back to a node which does not dominate them; false: there is none. */
  private cutIrreducible(): boolean {
    let found = false;
    for (const from of this.order) {
      for (const way of from.ways) {
        if (!way.to || !this.isBack(from, way.to) || this.dominates(way.to, from)) continue;
        way.to = undefined;
        found = true;
      }
    }
    return found;
  }
}

function reversePostorder(head: Node, nodes: readonly Node[]): Node[] {
  for (const node of nodes) node.number = -1;
  const order: Node[] = [];
  const path = [head];
  /** How many ways from each node of the path have been gone. */
  const gone = [0];
  head.number = 0;
  while (path.length > 0) {
    const node = path.at(-1)!;
    const way = node.ways[gone[path.length - 1]!++];
    if (!way) {
      order.push(node);
      path.pop();
      gone.pop();
    } else if (way.to && way.to.number < 0) {
      way.to.number = 0;
      path.push(way.to);
      gone.push(0);
    }
  }
  order.reverse();
  for (let number = 0; number < order.length; number++) order[number]!.number = number;
  return order;
}

/**
 * Immediate dominators, by number; the head's is itself (Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm"). Each is first
 * taken for the node from which it was reached, and moves up to what it has in common with the others that lead to it.
 */
function dominators(order: readonly Node[]): number[] {
  const unknown = -1;
  const above: number[] = new Array(order.length).fill(unknown);
  above[0] = 0;
  for (let changed = true; changed; ) {
    changed = false;
    for (const from of order) {
      for (const { to } of from.ways) {
        if (!to) continue;
        let common = above[to.number]!;
        if (common === unknown) common = from.number;
        for (let other = from.number; other !== common; ) {
          if (other > common) other = above[other]!;
          else common = above[common]!;
        }
        if (common === above[to.number]) continue;
        above[to.number] = common;
        changed = true;
      }
    }
  }
  return above;
}
