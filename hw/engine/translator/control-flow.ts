// The shape of a region's graph: an order, dominators, loops. Structured control flow is emitted from it
// (Ramsey, "Beyond Relooper", ICFP 2022).

import type { Node, Region } from './region.ts';

export interface ControlFlow {
  readonly head: Node;
  /** Nodes that control can reach, in reverse postorder. */
  readonly order: readonly Node[];
  /** The target of a jump back: a loop begins there. */
  isLoopHead(node: Node): boolean;
  /** More than one way leads forward to it. */
  isMerge(node: Node): boolean;
  /** Whether an edge goes back to the head of a loop around it. */
  isBack(from: Node, to: Node): boolean;
  /** The nodes that a node dominates immediately, in reverse postorder. */
  dominated(node: Node): readonly Node[];
  /** Instructions on the longest way from a node, itself included, to the next loop head or out. */
  longest(node: Node): number;
}

const successorsOf = (node: Node): Node[] => {
  const nodes: Node[] = [];
  for (const { to } of node.ways) if (to && !nodes.includes(to)) nodes.push(to);
  return nodes;
};

function postorder(head: Node): Node[] {
  const order: Node[] = [];
  const seen = new Set([head]);
  const stack = [{ node: head, successors: successorsOf(head), next: 0 }];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const successor = top.successors[top.next++];
    if (successor === undefined) {
      order.push(top.node);
      stack.pop();
    } else if (!seen.has(successor)) {
      seen.add(successor);
      stack.push({ node: successor, successors: successorsOf(successor), next: 0 });
    }
  }
  return order;
}

/** Immediate dominators (Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm"). */
function dominators(order: readonly Node[], number: ReadonlyMap<Node, number>): Map<Node, Node> {
  const predecessors = new Map<Node, Node[]>(order.map((node) => [node, []]));
  for (const node of order) for (const next of successorsOf(node)) predecessors.get(next)!.push(node);
  const head = order[0]!;
  const above = new Map([[head, head]]);
  const common = (a: Node, b: Node): Node => {
    let [x, y] = [a, b];
    while (x !== y) {
      while (number.get(x)! > number.get(y)!) x = above.get(x)!;
      while (number.get(y)! > number.get(x)!) y = above.get(y)!;
    }
    return x;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const node of order.slice(1)) {
      const known = predecessors.get(node)!.filter((one) => above.has(one));
      const next = known.reduce(common);
      if (above.get(node) !== next) {
        above.set(node, next);
        changed = true;
      }
    }
  }
  return above;
}

/** Analyses a region. Edges that would make its graph irreducible are turned into ways out of it, in place. */
export function controlFlow({ head }: Region): ControlFlow {
  for (;;) {
    const order = postorder(head).reverse();
    const number = new Map(order.map((node, index) => [node, index]));
    const above = dominators(order, number);
    const dominates = (a: Node, b: Node): boolean => {
      let node = b;
      while (number.get(node)! > number.get(a)!) node = above.get(node)!;
      return node === a;
    };
    const isBack = (from: Node, to: Node): boolean => number.get(to)! <= number.get(from)!;
    const irreducible = order.filter((from) =>
      successorsOf(from).some((to) => isBack(from, to) && !dominates(to, from)),
    );
    if (irreducible.length === 0) return describe(order, above, isBack);
    for (const from of irreducible) {
      for (const way of from.ways) {
        if (way.to && isBack(from, way.to) && !dominates(way.to, from)) way.to = undefined;
      }
    }
  }
}

function describe(
  order: readonly Node[],
  above: ReadonlyMap<Node, Node>,
  isBack: (from: Node, to: Node) => boolean,
): ControlFlow {
  const loops = new Set<Node>();
  const ways = new Map<Node, number>();
  for (const from of order) {
    for (const { to } of from.ways) {
      if (!to) continue;
      if (isBack(from, to)) loops.add(to);
      else ways.set(to, (ways.get(to) ?? 0) + 1);
    }
  }
  const below = new Map<Node, Node[]>(order.map((node) => [node, []]));
  for (const node of order.slice(1)) below.get(above.get(node)!)!.push(node);
  const lengths = new Map<Node, number>();
  for (const node of order.toReversed()) {
    const onward = successorsOf(node).map((next) => (loops.has(next) ? 0 : lengths.get(next)!));
    lengths.set(node, node.steps.length + Math.max(0, ...onward));
  }
  return {
    head: order[0]!,
    order,
    isLoopHead: (node) => loops.has(node),
    isMerge: (node) => (ways.get(node) ?? 0) > 1,
    isBack,
    dominated: (node) => below.get(node)!,
    longest: (node) => lengths.get(node)!,
  };
}
