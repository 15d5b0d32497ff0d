// Windows are in order, apart, inside their frame, long enough for the kernel, and every cell on their hart has one.

import { type CostTable, defaultCosts, windowGuard } from '../../../microvisor/costs.ts';
import type { DocumentPath } from '../diagnostic.ts';
import type { FrameDraft } from '../schema.ts';
import { formatTime } from '../units.ts';
import { pairsOf, type RuleContext } from './context.ts';
import { percent, ratio, type Share } from './share.ts';

export function checkWindows(context: RuleContext, shares: readonly Share[]): void {
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
  for (const mode of modes) {
    checkLengths(context, mode);
    checkPassive(context, mode);
  }
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

/** Every window is left early by the longest that the kernel may be busy. */
function guardNs({ draft: { machine } }: RuleContext): number {
  const given = Object.entries(machine?.costs ?? {}).filter(([, cycles]) => cycles !== undefined);
  const costs: CostTable = { ...defaultCosts, ...Object.fromEntries(given) };
  return Math.ceil((windowGuard(costs) * 1e9) / (machine?.clock ?? 1e9));
}

/** Windows are whole ticks, longer than the guard, and leave hart 0 to the boot task now and then. */
function checkLengths(context: RuleContext, mode: ModeDrafts[number]): void {
  const guard = guardNs(context);
  const tick = 1e9 / (context.draft.machine?.timebase ?? 1e7);
  for (const [hart, frame] of mode.harts) {
    if (frame === undefined) continue;
    const path = ['schedule', 'modes', mode.name, hart];
    const whole = (at: DocumentPath, value: number | undefined): void => {
      if (value === undefined || value % tick === 0) return;
      context.report({
        code: 'window-ticks',
        path: at,
        message: `${formatTime(value)} are not a whole number of the timer's ticks of ${formatTime(tick)}`,
        hint: `${formatTime(Math.max(1, Math.round(value / tick)) * tick)} are`,
      });
    };
    whole([...path, 'frame'], frame.frame);
    let taken = 0;
    let gap = 0;
    for (const [index, window] of (frame.windows ?? []).entries()) {
      if (window?.at === undefined || window.for === undefined) return;
      whole([...path, 'windows', index, 'at'], window.at);
      whole([...path, 'windows', index, 'for'], window.for);
      gap = Math.max(gap, window.at - taken);
      taken = Math.max(taken, window.at + window.for);
      if (window.for > guard) continue;
      context.report({
        code: 'window-too-short',
        path: [...path, 'windows', index, 'for'],
        message: `a window of ${formatTime(window.for)} has no time for its cells: the longest operation of the kernel and a switch take ${formatTime(guard)}`,
        hint: `make it longer than ${formatTime(guard)}; each window ends that much early`,
      });
    }
    if (hart !== '0' || frame.frame === undefined || Math.max(gap, frame.frame - taken) > guard) continue;
    context.report({
      code: 'window-gap',
      path: [...path, 'windows'],
      message: `the windows leave the boot task no time on hart 0, which takes the faults of cells without a supervisor`,
      hint: `leave a gap of more than ${formatTime(guard)} somewhere in the frame`,
      related: [{ path: [...path, 'frame'], message: 'the frame' }],
    });
  }
}

/** A passive server runs on its callers' time, and in one domain: theirs, so that has to be one. */
function checkPassive(context: RuleContext, mode: ModeDrafts[number]): void {
  const windowOf = (name: string): string | undefined => {
    const cell = context.cell(name);
    if (cell === undefined) return undefined;
    for (const [hart, frame] of mode.harts) {
      if (!context.hartsOf(cell).includes(Number(hart))) continue;
      const window = frame?.windows?.find((each) => each?.cells?.includes(name));
      const cells = (window?.cells ?? []).filter((each) => each !== undefined);
      return window === undefined ? undefined : `hart ${hart} [${[...new Set(cells)].sort().join(', ')}]`;
    }
    return 'no windows';
  };
  for (const [name, cell] of context.cells()) {
    if (cell.kind !== 'native' || cell.passive !== true) continue;
    const ends = context
      .channels()
      .filter(({ channel }) => channel.type === 'rpc')
      .flatMap(({ channel, path }) => pairsOf(channel, path))
      .filter(({ to }) => to === name);
    const places = new Map<string, DocumentPath>();
    const own = windowOf(name);
    if (own !== undefined && own !== 'no windows') places.set(own, ['cells', name]);
    for (const { from, fromPath } of ends) {
      const theirs = windowOf(from);
      if (theirs !== undefined && !places.has(theirs)) places.set(theirs, fromPath);
    }
    if (places.size < 2) continue;
    context.report({
      code: 'passive-across-windows',
      path: ['cells', name],
      at: 'key',
      message: `'${name}' is passive, and its callers run in different windows: ${[...places.keys()].join(' and ')}`,
      hint: 'give it a budget and a window of its own, or one such server to each window',
      related: [...places.values()].map((path) => ({ path, message: 'runs there' })),
    });
  }
}
