// What follows from a manifest, for people: cells, channels, access matrix, harts, memory.

import type { Cell, Manifest } from '../manifest/model.ts';
import { hartsOf } from '../manifest/model.ts';
import { formatRate, formatSize, formatTime } from '../manifest/units.ts';
import { type Access, accessMatrix } from '../plan/access.ts';
import { hartAccounts, hostAccount, memoryAccount } from '../plan/account.ts';
import type { Plan } from '../plan/plan.ts';
import { type Style, table } from './output.ts';

const percent = (share: number): string => `${Math.round(share * 1000) / 10} %`;
const mega = (bytes: number): string =>
  bytes < 2 ** 20 ? `${Math.ceil(bytes / 1024)}K` : `${Math.round((bytes / 2 ** 20) * 10) / 10}M`;

/** Kinds that this version checks and plans, and does not run. */
export const plannedOnly: readonly Cell['kind'][] = ['posix', 'rtos'];

export function checkReport(manifest: Manifest, plan: Plan, style: Style, width: number): string {
  const { system, machine } = manifest;
  const sections: string[] = [];
  const section = (title: string, body: string) => {
    if (body !== '') sections.push(`${style.bold(title)}\n${body}`);
  };
  const harts = machine.harts === 1 ? '1 hart' : `${machine.harts} harts`;
  sections.push(
    `${style.bold(system.name)}: ${harts}, ${formatSize(machine.ram)} RAM, clock ${formatRate(machine.clock)}, timebase ${formatRate(machine.timebase)}, lookahead ${formatTime(machine.lookahead)}, seed ${system.seed}`,
  );
  section(
    'Cells',
    table([['name', 'kind', 'priority', 'hart', 'budget', 'memory', 'runs'], ...manifest.cells.map(cellRow)], width),
  );
  section(
    'Channels',
    table(
      manifest.channels.map((channel) => [
        channel.id,
        channel.type,
        `${channel.from} ${channel.duplex ? '<->' : '->'} ${channel.to}`,
      ]),
      width,
    ),
  );
  const accesses = accessMatrix(plan);
  section('Access: what each cell (row) can do to another (column)', accessGrid(plan, accesses, width));
  section('Capabilities behind it', accessChains(accesses, style, width));
  section(
    'Harts: what budgets and windows reserve',
    hartAccounts(plan)
      .map((account) => hartLines(account, width))
      .join('\n'),
  );
  section('Objects', table(objectRows(plan), width));
  const memory = memoryAccount(plan);
  const host = hostAccount(plan);
  section(
    'Memory',
    table(
      [
        ...memory.byOwner.map(({ owner, bytes }) => [owner, mega(bytes)]),
        ['kernel and boot', mega(memory.reservedBytes)],
        ['sum', `${mega(memory.usedBytes)} of ${mega(memory.ramBytes)}`],
        [
          'host',
          `${mega(host.machineBytes)} of address space for the machine, at most ${mega(host.realmBytes)} for servers in TypeScript`,
        ],
      ],
      width,
    ),
  );
  section(
    'Images',
    table(
      manifest.images.map((image) => [image.name, mega(image.bytes), image.format, image.sha256]),
      width,
    ),
  );
  const later = manifest.cells
    .filter((cell) => plannedOnly.includes(cell.kind))
    .map((cell) => `${cell.name} (${cell.kind})`);
  if (later.length > 0) sections.push(style.yellow(`Planned, but not runnable in this version: ${later.join(', ')}`));
  return `${sections.join('\n\n')}\n`;
}

const letters: Record<Access['kind'], string> = {
  call: 'c',
  signal: 's',
  read: 'r',
  write: 'w',
  stop: 'x',
  fault: 'f',
  device: 'd',
};

/** One letter per kind of access; left out where the terminal is too narrow for a column per cell. */
function accessGrid(plan: Plan, accesses: readonly Access[], width: number): string {
  const cells = plan.servers.map((server) => server.cell);
  const row = (subject: string) =>
    cells.map((object) => {
      const kinds = new Set(
        accesses.filter((each) => each.subject === subject && each.object === object).map((each) => letters[each.kind]),
      );
      return [...kinds].join('') || (subject === object ? '' : '-');
    });
  const rows = [['', ...cells], ...cells.map((subject) => [subject, ...row(subject)])];
  const widest = cells.reduce(
    (sum, cell) => sum + Math.max(cell.length, 6) + 2,
    Math.max(...cells.map((cell) => cell.length)) + 2,
  );
  const key = `  ${Object.entries(letters)
    .filter(([kind]) => kind !== 'device')
    .map(([kind, letter]) => `${letter} ${kind}`)
    .join(', ')}`;
  return accesses.length === 0 ? '' : widest > width ? key : `${table(rows, width)}\n${key}`;
}

/** Grouped by pair; the chain from the subject's capability to what it acts on. */
function accessChains(accesses: readonly Access[], style: Style, width: number): string {
  const pairs = new Map<string, Access[]>();
  for (const access of accesses) {
    const pair = `${access.subject} -> ${access.object}`;
    pairs.set(pair, [...(pairs.get(pair) ?? []), access]);
  }
  return [...pairs]
    .map(
      ([pair, all]) =>
        `  ${style.cyan(pair)}\n${table(
          all.map((each) => [each.kind, each.chain.join(' -> ')]),
          width,
          '    ',
        )}`,
    )
    .join('\n');
}

function cellRow(cell: Cell): string[] {
  const budget = cell.budget === undefined ? '-' : `${formatTime(cell.budget.cpu)}/${formatTime(cell.budget.period)}`;
  return [
    cell.name,
    cell.kind,
    String(cell.priority),
    hartsOf(cell).join(','),
    budget,
    formatSize(cell.memory),
    programOf(cell),
  ];
}

function programOf(cell: Cell): string {
  switch (cell.kind) {
    case 'native':
      return cell.program.name;
    case 'vm':
      return cell.kernel.name;
    case 'posix':
      return cell.argv.join(' ');
    case 'rtos':
      return cell.image.name;
    default:
      return cell satisfies never;
  }
}

function hartLines(account: ReturnType<typeof hartAccounts>[number], width: number): string {
  const rows = [
    ...account.budgets.map((each) => [
      each.object,
      `${formatTime(each.budgetNs)} every ${formatTime(each.periodNs)}`,
      percent(each.utilisation),
    ]),
    ...account.windows.map((each) => [each.cell, `windows in mode ${each.mode}`, percent(each.share)]),
    ...account.unbudgeted.map((each) => [each.tcb, `priority ${each.priority}`, 'the rest']),
  ];
  const body = table(rows, width, '    ');
  return `  hart ${account.hart}: ${percent(account.utilisation)}${body === '' ? '' : `\n${body}`}`;
}

function objectRows(plan: Plan): string[][] {
  const totals = new Map<string, { count: number; bytes: number }>();
  for (const { type, sizeBits, count } of plan.objects) {
    const total = totals.get(type) ?? { count: 0, bytes: 0 };
    total.count += count;
    total.bytes += sizeBits > 0 ? count * 2 ** sizeBits : 0;
    totals.set(type, total);
  }
  return [...totals].map(([type, { count, bytes }]) => [type, String(count), mega(bytes)]);
}

/** The same as plain data, for programs. */
export function checkJson(manifest: Manifest, plan: Plan): unknown {
  return {
    ok: true,
    manifest,
    plan,
    access: accessMatrix(plan),
    harts: hartAccounts(plan),
    memory: memoryAccount(plan),
    host: hostAccount(plan),
  };
}
