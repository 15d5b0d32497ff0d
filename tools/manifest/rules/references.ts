// Every name resolves: cells, regions, devices, channels, modes, harts.

import type { DocumentPath } from '../diagnostic.ts';
import type { DiagnosticCode } from '../diagnostic-codes.ts';
import type { Action, ReferenceTarget, Shape } from '../field.ts';
import { suggest } from '../nearest.ts';
import { manifestType } from '../schema.ts';
import { quote } from '../wording.ts';
import type { RuleContext } from './context.ts';

export function checkReferences(context: RuleContext): void {
  const { draft } = context;
  const known: Record<ReferenceTarget, readonly string[] | undefined> = {
    cell: draft.cells && [...draft.cells.keys()],
    region: draft.regions && [...draft.regions.keys()],
    device: draft.devices && [...draft.devices.keys()],
    channel: draft.channels?.flatMap((channel) => channel?.name ?? []),
    mode: draft.schedule === undefined ? [] : draft.schedule.modes && [...draft.schedule.modes.keys()],
  };
  if (draft.cells?.size === 0) {
    context.report({
      code: 'no-cells',
      path: ['cells'],
      message: 'the system has no cells',
      hint: 'add one: cells: { hello: { kind: native, … } }',
    });
  }

  const check = (target: ReferenceTarget, name: string, path: DocumentPath) => {
    const names = known[target];
    // A section that could not be read has been complained about already.
    if (names === undefined || names.includes(name)) return;
    const code: DiagnosticCode = `unknown-${target}`;
    context.report({
      code,
      path,
      message: `no ${target} is named ${quote(name)}`,
      hint: suggest(name, [...new Set(names)], `${target}s`),
    });
  };
  const checkHart = (hart: number, path: DocumentPath, at: 'key' | 'value') => {
    const harts = draft.machine?.harts;
    if (harts === undefined || hart < harts) return;
    const related = [{ path: ['machine', 'harts'], message: `the machine has ${harts}` }];
    const hint = harts === 1 ? 'give the machine more: machine: { harts: 2 }' : `harts are numbered 0 to ${harts - 1}`;
    context.report({ code: 'unknown-hart', path, at, message: `there is no hart ${hart}`, hint, related });
  };

  const walk = (shape: Shape, value: unknown, path: DocumentPath): void => {
    if (value === undefined) return;
    switch (shape.kind) {
      case 'reference':
        check(shape.to, value as string, path);
        return;
      case 'action': {
        const action = value as Action;
        if (action.do === 'mode') check('mode', action.mode, path);
        return;
      }
      case 'integer':
        if (shape.names === 'hart') checkHart(value as number, path, 'value');
        return;
      case 'list':
        for (const [index, item] of (value as unknown[]).entries()) walk(shape.of, item, [...path, index]);
        return;
      case 'map':
        for (const [key, item] of value as Map<string, unknown>) {
          if (shape.keys === 'hart') checkHart(Number(key), [...path, key], 'key');
          walk(shape.of, item, [...path, key]);
        }
        return;
      case 'record':
        for (const [key, field] of Object.entries(shape.fields))
          walk(field.type.shape, (value as Record<string, unknown>)[key], [...path, key]);
        return;
      case 'variants': {
        const record = value as Record<string, unknown>;
        const fields = { ...shape.common, ...shape.of[record[shape.tag] as string]?.fields };
        for (const [key, field] of Object.entries(fields)) walk(field.type.shape, record[key], [...path, key]);
        return;
      }
      default:
        return;
    }
  };
  walk(manifestType.shape, draft, []);
}
