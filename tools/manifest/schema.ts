// The manifest, field by field: the one description from which it is read, defaulted, documented and published as
// JSON Schema.

import { defaultCosts } from '../../microvisor/costs.ts';
import {
  action,
  address,
  boolean,
  type Checked,
  choice,
  type Draft,
  defaulted,
  hart,
  hash,
  image,
  integer,
  limit,
  list,
  map,
  name,
  optional,
  path,
  perms,
  plain,
  rate,
  record,
  reference,
  required,
  size,
  string,
  time,
  variants,
  version,
} from './field.ts';

const page = 4096;
const GiB = 2 ** 30;

/** RAM that a machine has at most. */
export const maxRam = 3 * GiB;

/** Errors that the health table can name (ARINC 653's health monitoring, seL4's faults). */
export const healthErrors = [
  'any',
  'memory-fault',
  'illegal-instruction',
  'capability-fault',
  'unknown-system-call',
  'user-exception',
  'budget-overrun',
  'deadline',
  'hang',
  'exit',
  'supervisor-fault',
] as const;

/** One field per row of the kernel's cost table. */
const costs = record(
  'cost table',
  Object.fromEntries(
    Object.entries(defaultCosts).map(([operation, cycles]) => [
      operation,
      optional(integer(0, 1_000_000), `Cycles; ${cycles} when absent.`),
    ]),
  ),
);

const restart = record('restart', {
  when: required(list(choice('fault', 'hang', 'deadline', 'exit'), { min: 1 }), 'What makes the supervisor act.'),
  policy: required(
    choice('immediate', 'backoff', 'resume'),
    'Restart at once, after a growing delay, or go on after the event that failed.',
  ),
  min: optional(time(1), 'First delay of policy backoff; it doubles.'),
  max: optional(time(1), 'Longest delay of policy backoff.'),
  limit: optional(limit, 'How many restarts in which time; `then` says what comes after.'),
  // biome-ignore lint/suspicious/noThenProperty: the manifest's word; never a function.
  then: optional(action, 'What to do when the limit is exceeded; stop when absent.'),
});

const heartbeat = record('heartbeat', {
  every: required(time(1), 'The cell signals its supervisor at least this often.'),
  missed: defaulted(integer(1, 1000), '3', 'This many missed signals count as a hang.'),
});

const budget = record('budget', {
  cpu: required(time(1), 'CPU time in each period.'),
  period: required(time(1), 'The period (a sporadic server: seL4 MCS).'),
});

const mapping = record('mapping', {
  region: required(reference('region'), 'The region.'),
  at: required(address, 'Virtual address in the cell (guest physical in a VM); a multiple of the page size.'),
  perms: required(perms, 'Letters of `rwx`; `w` and `x` exclude each other.'),
});

const priority = integer(0, 255, 'seL4 has 256 priorities');

const commonFields = {
  priority: required(priority, 'seL4 priority: 0 to 255, higher is more urgent.'),
  budget: optional(budget, 'CPU time per period; without it the cell runs whenever nothing more urgent does.'),
  owns: defaulted(list(reference('device')), '[]', 'Devices whose registers and interrupts belong to this cell alone.'),
  maps: defaulted(list(mapping), '[]', 'Regions mapped into the cell.'),
  restart: optional(restart, 'When and how the supervisor restarts the cell.'),
  heartbeat: optional(heartbeat, 'A sign of life that the supervisor expects.'),
  config: optional(map('text', 'setting', plain), 'Plain data handed to the cell as it is.'),
} as const;

const hartField = { hart: defaulted(hart, '0', 'The hart that it runs on.') } as const;

const vcpu = record('vcpu', {
  hart: defaulted(hart, '0', 'The hart that the vCPU runs on.'),
  budget: optional(budget, "CPU time of this vCPU per period; the cell's `budget` when absent."),
});

const virtioDevice = record('virtio device', {
  virtio: required(choice('blk', 'console', 'net', 'rng'), 'The virtio device type.'),
  channel: optional(reference('channel'), 'The channel to its back end; `rng` has none.'),
});

const cell = variants('cell', 'kind', 'What runs in the cell.', commonFields, {
  native: {
    doc: 'A server: TypeScript in a realm, or an RV64 ELF. The program is found beside the manifest or among the servers that microvisor brings.',
    fields: {
      ...hartField,
      program: required(image, 'A declared image or a file; `.ts`, `.js` and `.elf` may be left out.'),
      memory: defaulted(
        size(page, GiB),
        '1M',
        'Private memory: the heap of a realm, or beyond the segments of an ELF.',
      ),
      stack: defaulted(size(page, 2 ** 24), '64K', 'Stack of an ELF, with a guard page below.'),
      passive: defaulted(boolean, 'false', "Runs only on its callers' time once `init` is over."),
      supervises: defaulted(
        list(reference('cell')),
        '[]',
        'Cells whose faults it gets, and that it may stop, resume and restart.',
      ),
    },
  },
  vm: {
    doc: 'A virtual machine with an unmodified operating system. Its monitor is a server of its own, one priority above the vCPUs, and runs on their time.',
    fields: {
      kernel: required(image, 'A Linux Image or an ELF.'),
      initrd: optional(image, 'Initial RAM disk.'),
      bootargs: defaulted(string, "''", 'Kernel command line.'),
      memory: required(size(2 ** 21, 3 * GiB), 'Guest RAM, at guest physical 0x80000000; a multiple of 2M.'),
      vcpus: defaulted(list(vcpu, { min: 1, max: 8 }), '[{ hart: 0 }]', 'The virtual CPUs.'),
      devices: defaulted(
        list(virtioDevice),
        '[]',
        'Virtio devices; a channel that no device names is a port of the console.',
      ),
    },
  },
  posix: {
    doc: 'A Unix personality and its processes. This version checks and plans such a cell; `run` refuses it.',
    fields: {
      ...hartField,
      rootfs: required(image, 'Root file system (tar).'),
      argv: required(list(string, { min: 1 }), 'The first process and its arguments.'),
      env: defaulted(map('text', 'variable', string), '{}', 'Environment of the first process.'),
      memory: required(size(2 ** 20, 3 * GiB), 'Memory for all processes.'),
      limits: optional(
        record('limits', {
          processes: defaulted(integer(1, 4096), '64', 'Most processes at once.'),
          files: defaulted(integer(1, 65536), '256', 'Most open files of one process.'),
        }),
        'Limits of the personality.',
      ),
    },
  },
  rtos: {
    doc: 'A hard real-time image in VS-mode. This version checks and plans such a cell; `run` refuses it.',
    fields: {
      ...hartField,
      image: required(image, 'An RV64 ELF.'),
      memory: required(size(page, GiB), 'RAM of the image.'),
    },
  },
});

const cells = list(reference('cell'), { min: 1, orOne: true });
const ends = {
  ends: optional(list(reference('cell'), { min: 2, max: 2 }), 'The two cells, when direction does not matter.'),
  from: optional(cells, 'Who calls, signals or writes.'),
  to: optional(cells, 'Who answers, is signalled or reads. Several: one channel per pair.'),
} as const;
const channelCommon = { name: required(name, 'Name of the channel, known to both ends.'), ...ends } as const;

const channel = variants('channel', 'type', 'How the two ends talk.', channelCommon, {
  rpc: {
    doc: 'Protected call: `from` calls, `to` answers on the time of the caller and must be more urgent.',
    fields: { deadline: optional(time(1), 'Longest virtual time a call may take; then error `deadline`.') },
  },
  notify: { doc: 'A bare signal: signals merge, none is lost, the sender never blocks.', fields: {} },
  stream: {
    doc: 'Bytes in order, without boundaries.',
    fields: { buffer: defaulted(size(64, 2 ** 24), '4K', 'Bytes in flight in each direction; a power of two.') },
  },
  queue: {
    doc: 'Bounded messages.',
    fields: {
      depth: defaulted(integer(1, 65536), '64', 'Messages in flight; a power of two.'),
      message: defaulted(size(8, 2 ** 20), '2K', 'Longest message.'),
      full: defaulted(choice('block', 'drop', 'drop-oldest', 'fail'), 'block', 'What a full queue does to its sender.'),
    },
  },
  sample: {
    doc: 'The last value wins (ARINC 653 sampling port).',
    fields: {
      message: required(size(1, 2 ** 20), 'Longest value.'),
      refresh: optional(time(1), 'An older value is marked stale.'),
    },
  },
});

const window = record('window', {
  at: required(time(), 'Offset from the start of the frame.'),
  for: required(time(1), 'Length.'),
  cells: required(list(reference('cell'), { min: 1 }), 'Who may run.'),
});

const frame = record('frame', {
  frame: required(time(1), 'Length of the repeating frame.'),
  windows: required(list(window, { min: 1 }), 'The windows, in order and apart; between them the hart idles.'),
});

export const manifestType = record('manifest', {
  schema: required(version(1), 'Version of this schema.'),
  system: required(
    record('system', {
      name: required(name, 'Name of the system.'),
      about: optional(string, 'What the system shows; `run` prints it first.'),
      seed: defaulted(
        integer(0, Number.MAX_SAFE_INTEGER),
        '0',
        'The only entropy: everything random is derived from it.',
      ),
    }),
    'The system as a whole.',
  ),
  machine: defaulted(
    record('machine', {
      harts: defaulted(integer(1, 8, 'a machine has at most 8 harts'), '1', 'Number of harts.'),
      ram: defaulted(
        size(2 ** 24, maxRam, 'contexts, TLBs and page records share 4 GiB of machine memory with it'),
        '256M',
        'RAM, at physical 0x80000000; at most 3G.',
      ),
      clock: defaulted(rate, '1GHz', 'Cycles per second of virtual time.'),
      timebase: defaulted(rate, '10MHz', "Rate of `time`; divides the clock's."),
      lookahead: defaulted(
        time(100),
        '50us',
        'Delay of every effect on another hart, and the longest quantum: at least 100ns, for a reservation of LR ends with it.',
      ),
      costs: defaulted(costs, '{}', 'Cycles of kernel operations, where they differ from the published table.'),
    }),
    '{}',
    'The machine.',
  ),
  images: defaulted(
    map(
      'name',
      'image',
      record('image', {
        path: required(path, 'File, relative to the manifest.'),
        sha256: optional(hash, 'Expected hash, 64 hexadecimal digits.'),
      }),
    ),
    '{}',
    'Files that cells are made of. Every one is hashed; the hash stands in the header of a run.',
  ),
  regions: defaulted(
    map(
      'name',
      'region',
      record('region', {
        size: required(size(page, 3 * GiB), 'A multiple of 4K.'),
        prefill: optional(path, 'File with the first content; the rest is zero.'),
        writable: defaulted(boolean, 'true', 'Whether any cell may map it with `w`.'),
        owner: optional(reference('cell'), 'With its restart the region is zeroed, unless `persist`.'),
        persist: defaulted(boolean, 'false', 'Survives the restart of its owner.'),
      }),
    ),
    '{}',
    'Memory that outlives cells or is shared by them.',
  ),
  devices: defaulted(
    map(
      'name',
      'device',
      record('device', {
        model: required(choice('block-file', 'pendulum', 'uart', 'rtc', 'rng', 'nic'), 'The device model.'),
        backing: optional(path, 'File behind a `block-file`.'),
        mode: defaulted(
          choice('snapshot', 'read-only', 'write'),
          'snapshot',
          "Writes are kept in memory, refused, or change the host's file.",
        ),
        irq: optional(integer(1, 95, 'the PLIC has interrupts 1 to 95'), 'PLIC interrupt; chosen when absent.'),
      }),
    ),
    '{}',
    'Device models on the machine; each belongs to the one cell that owns it.',
  ),
  cells: required(map('name', 'cell', cell), 'The cells.'),
  channels: defaulted(list(channel), '[]', 'Nothing talks unless it is listed here.'),
  schedule: optional(
    record('schedule', {
      initial: optional(reference('mode'), 'Mode at boot; the first one when absent.'),
      modes: required(
        map('name', 'mode', map('hart', 'hart', frame)),
        'Windows per mode and hart. Harts not named run on priority and budget alone.',
      ),
    }),
    'Time partitions.',
  ),
  health: defaulted(
    list(
      record('health rule', {
        error: required(choice(...healthErrors), 'The error.'),
        in: optional(reference('cell'), 'Where; everywhere when absent.'),
        action: required(action, 'What to do.'),
      }),
    ),
    '[]',
    'Error and cell to action; the first match wins.',
  ),
  faults: optional(
    record('faults', {
      plan: required(path, 'Fault injection plan.'),
      armed: defaulted(boolean, 'false', 'Whether it is injected.'),
    }),
    'Fault injection.',
  ),
});

export type ManifestDraft = Draft<typeof manifestType>;
export type ManifestChecked = Checked<typeof manifestType>;
export type FrameDraft = Draft<typeof frame>;
export type CellDraft = Draft<typeof cell>;
export type CellChecked = Checked<typeof cell>;
export type ChannelDraft = Draft<typeof channel>;
export type ChannelChecked = Checked<typeof channel>;
export type BudgetChecked = Checked<typeof budget>;
export type RestartChecked = Checked<typeof restart>;
export type ChannelType = ChannelChecked['type'];
