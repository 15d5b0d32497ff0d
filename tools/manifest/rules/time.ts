// Time adds up: budgets fit into periods, harts and windows; windows are in order, apart, and inside their frame.

import { completionBudget } from '../../plan/conventions.ts';
import type { DocumentPath } from '../diagnostic.ts';
import type { FrameDraft } from '../schema.ts';
import { formatRate, formatTime } from '../units.ts';
import type { RuleContext } from './context.ts';

interface Budget {
  cpu: number;
  period: number;
}

interface Share extends Budget {
  cell: string;
  hart: number;
  path: DocumentPath;
}

export function checkTime(context: RuleContext): void {
  const { machine } = context.draft;
  if (machine?.clock !== undefined && machine.timebase !== undefined && machine.clock % machine.timebase !== 0) {
    context.report({
      code: 'timebase-over-clock',
      path: ['machine', 'timebase'],
      message: `a clock of ${formatRate(machine.clock)} is not a multiple of ${formatRate(machine.timebase)}`,
      hint: 'choose a timebase that divides the clock',
      related: [{ path: ['machine', 'clock'], message: 'the clock' }],
    });
  }
  const shares = budgetShares(context);
  const byHart = groupByHart(shares);
  for (const [hart, onHart] of [...byHart].sort(([a], [b]) => a - b)) {
    const sum = onHart.reduce((total, share) => total + share.cpu / share.period, 0);
    if (sum <= 1 + 1e-9) continue;
    const terms = onHart.map((share) => `${share.cell} ${ratio(share)}`).join(' + ');
    context.report({
      code: 'hart-overcommitted',
      path: onHart.at(-1)!.path,
      at: 'key',
      message: `the budgets on hart ${hart} add up to ${percent(sum)}: ${terms}`,
      hint: 'make budgets smaller, periods longer, or move a cell to another hart',
      related: onHart
        .slice(0, -1)
        .map((share) => ({ path: share.path, at: 'key' as const, message: `'${share.cell}': ${ratio(share)}` })),
    });
  }
  checkWindows(context, shares);
}

function groupByHart(shares: readonly Share[]): Map<number, Share[]> {
  const groups = new Map<number, Share[]>();
  for (const share of shares) groups.set(share.hart, [...(groups.get(share.hart) ?? []), share]);
  return groups;
}

const percent = (ratio: number): string => `${Math.round(ratio * 1000) / 10} %`;
const ratio = (share: Share): string => percent(share.cpu / share.period);

type BudgetDraft = { cpu: number | undefined; period: number | undefined };

/** The budget, if it is whole and fits into its period. */
function validBudget(context: RuleContext, budget: BudgetDraft | undefined, path: DocumentPath): Budget | undefined {
  if (budget?.cpu === undefined || budget.period === undefined) return undefined;
  if (budget.cpu <= budget.period) return { cpu: budget.cpu, period: budget.period };
  context.report({
    code: 'budget-over-period',
    path: [...path, 'cpu'],
    message: `${formatTime(budget.cpu)} of CPU time do not fit into a period of ${formatTime(budget.period)}`,
    hint: 'a budget is at most its period',
    related: [{ path: [...path, 'period'], message: 'the period' }],
  });
  return undefined;
}

/** What each budget takes of its hart. Passive servers and monitors run on their callers' time. */
function budgetShares(context: RuleContext): Share[] {
  const shares: Share[] = [];
  const add = (cell: string, hart: number | undefined, budget: Budget | undefined, path: DocumentPath) => {
    if (budget !== undefined && hart !== undefined) shares.push({ cell, hart, ...budget, path });
  };
  for (const [name, cell] of context.cells()) {
    const path = ['cells', name, 'budget'];
    const own = validBudget(context, cell.budget, path);
    if (cell.kind === 'vm') {
      for (const [index, vcpu] of (cell.vcpus ?? []).entries()) {
        if (vcpu === undefined) continue;
        const vcpuPath = ['cells', name, 'vcpus', index, 'budget'];
        if (vcpu.budget === undefined) add(name, vcpu.hart, own, path);
        else add(name, vcpu.hart, validBudget(context, vcpu.budget, vcpuPath), vcpuPath);
      }
      add(`monitor of ${name}`, cell.vcpus?.[0]?.hart, completionBudget, ['cells', name]);
    } else if (cell.kind === 'rtos') {
      add(name, cell.hart, own, path);
      add(`monitor of ${name}`, cell.hart, completionBudget, ['cells', name]);
    } else if (cell.kind === 'posix' || cell.passive !== true) add(name, cell.hart, own, path);
  }
  return shares;
}

function checkWindows(context: RuleContext, shares: readonly Share[]): void {
  const modes = [...(context.draft.schedule?.modes ?? [])].flatMap(([name, harts]) =>
    harts === undefined ? [] : [{ name, harts }],
  );
  /** Per hart and mode: which part of the frame each cell gets. */
  const given = new Map<number, Map<string, Map<string, number>>>();
  for (const mode of modes) {
    for (const [key, frame] of mode.harts) {
      if (frame === undefined) continue;
      const hart = Number(key);
      const path = ['schedule', 'modes', mode.name, key];
      const parts = new Map<string, number>();
      given.set(hart, (given.get(hart) ?? new Map()).set(mode.name, parts));
      let end = 0;
      let start = 0;
      for (const [index, window] of (frame.windows ?? []).entries()) {
        if (window === undefined) continue;
        const windowPath = [...path, 'windows', index];
        for (const [position, cell] of (window.cells ?? []).entries()) {
          if (cell === undefined) continue;
          if (window.for !== undefined && frame.frame !== undefined)
            parts.set(cell, (parts.get(cell) ?? 0) + window.for / frame.frame);
          const known = context.cell(cell);
          if (known !== undefined && context.hartsOf(known).length > 0 && !context.hartsOf(known).includes(hart)) {
            const where = context.hartsOf(known).join(', ');
            context.report({
              code: 'window-foreign-cell',
              path: [...windowPath, 'cells', position],
              message: `'${cell}' has no thread on hart ${hart}`,
              hint: `it runs on hart ${where}`,
              related: [{ path: ['cells', cell], at: 'key', message: 'the cell' }],
            });
          }
        }
        if (window.at === undefined || window.for === undefined) continue;
        const previous = index === 0 ? [] : [{ path: [...path, 'windows', index - 1], message: 'the window before' }];
        if (window.at < start) {
          context.report({
            code: 'window-order',
            path: [...windowPath, 'at'],
            message: `the window at ${formatTime(window.at)} comes after one at ${formatTime(start)}`,
            hint: 'list windows by their start',
            related: previous,
          });
        } else if (window.at < end) {
          context.report({
            code: 'window-overlap',
            path: [...windowPath, 'at'],
            message: `the window begins at ${formatTime(window.at)}, before the one before it ends at ${formatTime(end)}`,
            hint: `begin it at ${formatTime(end)}`,
            related: previous,
          });
        }
        if (frame.frame !== undefined && window.at + window.for > frame.frame) {
          context.report({
            code: 'window-outside-frame',
            path: windowPath,
            message: `the window ends at ${formatTime(window.at + window.for)}, after the frame of ${formatTime(frame.frame)}`,
            hint: 'make the window shorter or the frame longer',
            related: [{ path: [...path, 'frame'], message: 'the frame' }],
          });
        }
        start = Math.max(start, window.at);
        end = Math.max(end, window.at + window.for);
      }
    }
  }
  checkWindowSets(context, modes);
  for (const [hart, byMode] of given) {
    // A mode that leaves the hart alone runs everybody on it by priority.
    if (byMode.size < modes.length) continue;
    const mostOf = (cell: string) => Math.max(...[...byMode.values()].map((parts) => parts.get(cell) ?? 0));
    for (const [name, cell] of context.cells()) {
      if (
        !context.hartsOf(cell).includes(hart) ||
        (cell.kind === 'native' && cell.passive === true) ||
        mostOf(name) > 0
      )
        continue;
      if ([...byMode.values()].some((parts) => parts.has(name))) continue;
      context.report({
        code: 'never-runs',
        path: ['cells', name],
        at: 'key',
        message: `'${name}' is on hart ${hart}, which has windows, and no mode gives it one`,
        hint: `add it to a window of hart ${hart}`,
        related: modes.map((mode) => ({
          path: ['schedule', 'modes', mode.name, String(hart)],
          at: 'key' as const,
          message: `mode ${mode.name}`,
        })),
      });
    }
    for (const share of shares.filter((each) => each.hart === hart)) {
      const most = mostOf(share.cell);
      if (most === 0 || share.cpu / share.period <= most + 1e-9) continue;
      context.report({
        code: 'budget-over-window',
        path: share.path,
        at: 'key',
        message: `the budget of '${share.cell}' is ${ratio(share)} of hart ${hart}, and its windows give it at most ${percent(most)}`,
        hint: 'make the budget smaller or the windows longer',
      });
    }
  }
}

type ModeDrafts = readonly { name: string; harts: ReadonlyMap<string, FrameDraft | undefined> }[];

/** A thread is in one domain at a time, and a window runs one domain. */
function checkWindowSets(context: RuleContext, modes: ModeDrafts): void {
  for (const mode of modes) {
    for (const [hart, frame] of mode.harts) {
      const companions = new Map<string, { set: string; path: DocumentPath }>();
      for (const [index, window] of (frame?.windows ?? []).entries()) {
        const path = ['schedule', 'modes', mode.name, hart, 'windows', index, 'cells'];
        const names = [...new Set((window?.cells ?? []).filter((cell) => cell !== undefined))].sort();
        const set = names.join(', ');
        const clash = names.find((cell) => companions.has(cell) && companions.get(cell)!.set !== set);
        if (clash !== undefined) {
          const first = companions.get(clash)!;
          context.report({
            code: 'window-sets-overlap',
            path,
            message: `'${clash}' runs with [${set}] here and with [${first.set}] in another window`,
            hint: 'give both windows the same cells',
            related: [{ path: first.path, message: 'the other window' }],
          });
        }
        for (const cell of names) if (!companions.has(cell)) companions.set(cell, { set, path });
      }
    }
  }
}
