// What a rule about the meaning of a manifest sees: the values that could be read, and a way to complain about a place.

import type { Diagnostic, DocumentPath } from '../diagnostic.ts';
import type { DiagnosticCode } from '../diagnostic-codes.ts';
import type { Places } from '../reader.ts';
import type { CellDraft, ChannelDraft, ManifestDraft } from '../schema.ts';

export interface Complaint {
  code: DiagnosticCode;
  path: DocumentPath;
  /** Whether the key is meant rather than its value. */
  at?: 'key' | 'value';
  message: string;
  hint: string;
  related?: readonly { path: DocumentPath; at?: 'key' | 'value'; message: string }[];
}

export class RuleContext {
  readonly problems: Diagnostic[] = [];

  constructor(
    readonly draft: ManifestDraft,
    readonly places: Places,
  ) {}

  report({ code, path, at, message, hint, related = [] }: Complaint): void {
    this.problems.push({
      code,
      place: this.places.of(path, at),
      message,
      hint,
      related: related.map((each) => ({ place: this.places.of(each.path, each.at), message: each.message })),
    });
  }

  /** The cells that could be read, by name. */
  cells(): [string, CellDraft][] {
    return [...(this.draft.cells ?? [])].filter((entry): entry is [string, CellDraft] => entry[1] !== undefined);
  }

  cell(name: string | undefined): CellDraft | undefined {
    return name === undefined ? undefined : this.draft.cells?.get(name);
  }

  /** The channels that could be read, with their path. */
  channels(): { channel: ChannelDraft; path: DocumentPath }[] {
    return (this.draft.channels ?? []).flatMap((channel, index) =>
      channel === undefined ? [] : [{ channel, path: ['channels', index] }],
    );
  }

  /** Harts that a cell has threads on. */
  hartsOf(cell: CellDraft): number[] {
    const harts = cell.kind === 'vm' ? (cell.vcpus ?? []).map((vcpu) => vcpu?.hart) : [cell.hart];
    return harts.filter((hart) => hart !== undefined);
  }
}

/** One end-to-end pair of a channel. */
export interface Pair {
  from: string;
  to: string;
  /** Where each end is named. */
  fromPath: DocumentPath;
  toPath: DocumentPath;
}

/** The pairs of cells that a channel joins, as far as they are written. */
export function pairsOf(channel: ChannelDraft, path: DocumentPath): Pair[] {
  if (channel.ends !== undefined) {
    const [from, to] = channel.ends;
    if (from === undefined || to === undefined || channel.ends.length !== 2) return [];
    return [{ from, to, fromPath: [...path, 'ends', 0], toPath: [...path, 'ends', 1] }];
  }
  return (channel.from ?? []).flatMap((from, i) =>
    (channel.to ?? []).flatMap((to, j) =>
      from === undefined || to === undefined
        ? []
        : [{ from, to, fromPath: [...path, 'from', i], toPath: [...path, 'to', j] }],
    ),
  );
}

/** The first circle in a graph, as the path that closes it, from its smallest node; or undefined. */
export function findCycle(edges: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  for (const start of [...edges.keys()].sort()) {
    const stack: { node: string; next: number }[] = [{ node: start, next: 0 }];
    const onPath = new Map<string, number>([[start, 0]]);
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const target = edges.get(top.node)?.[top.next++];
      if (target === undefined || done.has(top.node)) {
        done.add(top.node);
        onPath.delete(top.node);
        stack.pop();
      } else if (onPath.has(target)) {
        const circle = stack.slice(onPath.get(target)).map((each) => each.node);
        return [...circle, target];
      } else if (!done.has(target)) {
        onPath.set(target, stack.length);
        stack.push({ node: target, next: 0 });
      }
    }
  }
  return undefined;
}
