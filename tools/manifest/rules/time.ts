// Time adds up: budgets fit into periods and harts.

import { completionBudget } from '../../plan/conventions.ts';
import type { DocumentPath } from '../diagnostic.ts';
import { formatRate, formatTime } from '../units.ts';
import type { RuleContext } from './context.ts';
import { type Budget, percent, ratio, type Share } from './share.ts';
import { checkWindows } from './windows.ts';

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
