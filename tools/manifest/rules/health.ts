// Whoever is restarted or watched has a supervisor, and supervision is a forest.

import { maxChildren } from '../../plan/conventions.ts';
import type { DocumentPath } from '../diagnostic.ts';
import { formatTime } from '../units.ts';
import { findCycle, type RuleContext } from './context.ts';

export function checkHealth(context: RuleContext): void {
  const supervisors = new Map<string, { by: string; path: DocumentPath }>();
  const edges = new Map<string, string[]>();
  for (const [name, cell] of context.cells()) {
    if (cell.kind !== 'native') continue;
    for (const [index, child] of (cell.supervises ?? []).entries()) {
      if (child === undefined) continue;
      const path = ['cells', name, 'supervises', index];
      edges.set(name, [...(edges.get(name) ?? []), child]);
      const first = supervisors.get(child);
      if (first !== undefined && first.by !== name) {
        context.report({
          code: 'supervised-twice',
          path,
          message: `'${child}' is supervised by '${first.by}' and '${name}'`,
          hint: 'a cell has one supervisor',
          related: [{ path: first.path, message: `'${first.by}' supervises it` }],
        });
      }
      if (first === undefined) supervisors.set(child, { by: name, path });
    }
  }
  for (const [name, children] of edges) {
    const threads = children.reduce((sum, child) => {
      const cell = context.cell(child);
      return sum + (cell?.kind === 'vm' ? 1 + (cell.vcpus?.length ?? 1) : cell?.kind === 'rtos' ? 2 : 1);
    }, 0);
    if (threads <= maxChildren) continue;
    context.report({
      code: 'too-many-children',
      path: ['cells', name, 'supervises'],
      at: 'key',
      message: `'${name}' supervises ${threads} threads`,
      hint: `at most ${maxChildren}: let a second supervisor take some`,
    });
  }
  const circle = findCycle(edges);
  if (circle !== undefined) {
    const place = (by: string, child: string): DocumentPath => {
      const cell = context.cell(by);
      const index = cell?.kind === 'native' ? (cell.supervises ?? []).indexOf(child) : 0;
      return ['cells', by, 'supervises', index];
    };
    context.report({
      code: 'supervision-cycle',
      path: place(circle[0]!, circle[1]!),
      message: `supervision has no root: ${circle.join(' -> ')}`,
      hint: 'let one of these cells be supervised by nobody',
      related: circle
        .slice(1, -1)
        .map((by, i) => ({ path: place(by, circle[i + 2]!), message: `'${by}' supervises '${circle[i + 2]}'` })),
    });
  }
  const natives = context.cells().filter(([, cell]) => cell.kind === 'native');
  for (const [name, cell] of context.cells()) {
    const wanting = (['restart', 'heartbeat'] as const).find((key) => cell[key] !== undefined);
    if (wanting !== undefined && !supervisors.has(name)) {
      const candidate = natives.find(
        ([other, each]) => other !== name && each.kind === 'native' && (each.supervises ?? []).length > 0,
      )?.[0];
      const hint =
        candidate === undefined
          ? `let a native cell supervise it: supervises: [${name}]`
          : `add '${name}' to what '${candidate}' supervises`;
      context.report({
        code: 'unsupervised',
        path: ['cells', name, wanting],
        at: 'key',
        message: `'${name}' has a ${wanting}, and no cell supervises it`,
        hint,
      });
    }
    const { restart } = cell;
    if (restart === undefined) continue;
    const path = ['cells', name, 'restart'];
    const written = (key: string) => context.places.has([...path, key]);
    if (restart.policy === 'backoff') {
      if (!written('min') || !written('max')) {
        context.report({
          code: 'backoff-range',
          path,
          message: 'policy backoff has no min or no max',
          hint: 'add min: 5ms, max: 2s',
        });
      } else if (restart.min !== undefined && restart.max !== undefined && restart.min > restart.max) {
        context.report({
          code: 'backoff-range',
          path: [...path, 'min'],
          message: `min ${formatTime(restart.min)} is longer than max ${formatTime(restart.max)}`,
          hint: 'exchange them',
          related: [{ path: [...path, 'max'], message: 'max' }],
        });
      }
    } else if (restart.policy !== undefined && (written('min') || written('max'))) {
      context.report({
        code: 'backoff-range',
        path,
        message: `min and max belong to policy backoff, not ${restart.policy}`,
        hint: 'remove them, or write policy: backoff',
      });
    }
    if (written('then') && !written('limit')) {
      context.report({
        code: 'then-without-limit',
        path: [...path, 'then'],
        message: 'then never happens: there is no limit',
        hint: 'add limit: 5/10s',
      });
    }
  }
}
