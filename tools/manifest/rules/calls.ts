// Protected calls go upwards in priority and never round in a circle.

import { findCycle, type Pair, pairsOf, type RuleContext } from './context.ts';

export function checkCalls(context: RuleContext): void {
  const calls = context
    .channels()
    .filter(({ channel }) => channel.type === 'rpc')
    .flatMap(({ channel, path }) => pairsOf(channel, path))
    .filter((pair) => pair.from !== pair.to);
  const edges = new Map<string, string[]>();
  for (const { from, to } of calls) edges.set(from, [...(edges.get(from) ?? []), to]);

  const circle = findCycle(edges);
  const inCircle = (pair: Pair) => circle?.some((cell, i) => cell === pair.from && circle[i + 1] === pair.to) ?? false;
  if (circle !== undefined) {
    const links = calls.filter(inCircle);
    context.report({
      code: 'call-cycle',
      path: links[0]!.fromPath,
      message: `calls go round: ${circle.join(' -> ')}`,
      hint: 'replace one of these calls by a notify or a queue',
      related: links.slice(1).map((link) => ({ path: link.fromPath, message: `'${link.from}' calls '${link.to}'` })),
    });
  }
  for (const pair of calls) {
    const caller = context.cell(pair.from)?.priority;
    const callee = context.cell(pair.to)?.priority;
    // In a circle somebody must call downwards: the circle is the error.
    if (caller === undefined || callee === undefined || callee > caller || inCircle(pair)) continue;
    context.report({
      code: 'callee-not-more-urgent',
      path: pair.toPath,
      message: `'${pair.to}' (priority ${callee}) answers '${pair.from}' (priority ${caller}) and is not more urgent`,
      hint: `give '${pair.to}' a priority above ${caller}`,
      related: [
        { path: ['cells', pair.to, 'priority'], message: `'${pair.to}'` },
        { path: ['cells', pair.from, 'priority'], message: `'${pair.from}'` },
      ],
    });
  }
  for (const [name, cell] of context.cells()) {
    if ((cell.kind !== 'vm' && cell.kind !== 'rtos') || cell.priority !== 255) continue;
    context.report({
      code: 'priority-reserved',
      path: ['cells', name, 'priority'],
      message: `the monitor of '${name}' would need priority 256`,
      hint: `a ${cell.kind} cell has a priority of at most 254`,
    });
  }
}
