// The resolved manifest: plain immutable data, every name known to exist, sizes in bytes, times in nanoseconds, files with
// absolute path and hash. The YAML is gone.

import type { Action, Limit, Perms, Plain } from './field.ts';
import type { ImageFormat, Segment } from './image-header.ts';
import type { BudgetChecked, CellChecked, ManifestChecked, RestartChecked } from './schema.ts';

/** A file of the host that the system is made of. */
export interface ImageFile {
  /** As the manifest names it: a declared image, or the path. */
  name: string;
  /** Absolute. */
  path: string;
  bytes: number;
  sha256: string;
  /** For images that run as machine code. */
  format: ImageFormat | 'typescript' | 'data';
  /** Of an ELF that runs in a cell; else empty. */
  segments: readonly Segment[];
}

export type Budget = BudgetChecked;
export type Restart = RestartChecked;

type Of<K extends CellChecked['kind']> = Omit<Extract<CellChecked, { kind: K }>, 'config'>;
/** What every cell has: its name, and what follows from the manifest about it. */
interface Named {
  readonly name: string;
  /** The cell whose faults go to: undefined for a root. */
  readonly supervisor: string | undefined;
  readonly config: Readonly<Record<string, Plain>> | undefined;
}

export type NativeCell = Named & Omit<Of<'native'>, 'program'> & { readonly program: ImageFile };
export type VmCell = Named &
  Omit<Of<'vm'>, 'kernel' | 'initrd'> & { readonly kernel: ImageFile; readonly initrd: ImageFile | undefined };
export type PosixCell = Named &
  Omit<Of<'posix'>, 'rootfs' | 'env'> & { readonly rootfs: ImageFile; readonly env: Readonly<Record<string, string>> };
export type RtosCell = Named & Omit<Of<'rtos'>, 'image'> & { readonly image: ImageFile };
export type Cell = NativeCell | VmCell | PosixCell | RtosCell;

interface ChannelBase {
  /** As in the manifest; several pairs of one entry share it. */
  readonly name: string;
  /** Unique: the name, or `name:from:to` when the entry names several pairs. */
  readonly id: string;
  /** Who calls, signals or writes; the first of `ends`. */
  readonly from: string;
  readonly to: string;
  /** Whether data flows both ways (`ends`), or from `from` to `to` only. */
  readonly duplex: boolean;
}
export type Channel = ChannelBase &
  (
    | { readonly type: 'rpc'; readonly deadline: number | undefined }
    | { readonly type: 'notify' }
    | { readonly type: 'stream'; readonly buffer: number }
    | {
        readonly type: 'queue';
        readonly depth: number;
        readonly message: number;
        readonly full: 'block' | 'drop' | 'drop-oldest' | 'fail';
      }
    | { readonly type: 'sample'; readonly message: number; readonly refresh: number | undefined }
  );

export interface Region {
  readonly name: string;
  readonly size: number;
  readonly prefill: ImageFile | undefined;
  readonly writable: boolean;
  readonly owner: string | undefined;
  readonly persist: boolean;
}

export interface Device {
  readonly name: string;
  readonly model: string;
  readonly backing: ImageFile | undefined;
  readonly mode: 'snapshot' | 'read-only' | 'write';
  /** PLIC interrupt: the manifest's, or the lowest free one from 12. */
  readonly irq: number;
  readonly owner: string | undefined;
}

export interface Window {
  readonly at: number;
  readonly for: number;
  readonly cells: readonly string[];
}
export interface Frame {
  readonly frame: number;
  readonly windows: readonly Window[];
}
export interface Mode {
  readonly name: string;
  readonly harts: readonly { readonly hart: number; readonly frame: Frame }[];
}

export interface HealthRule {
  readonly error: string;
  readonly in: string | undefined;
  readonly action: Action;
}

export interface Manifest {
  /** As given on the command line, and its folder. */
  readonly file: string;
  readonly system: ManifestChecked['system'];
  readonly machine: Omit<ManifestChecked['machine'], 'costs'> & { readonly costs: Readonly<Record<string, number>> };
  /** Every file that the system is made of, by path. */
  readonly images: readonly ImageFile[];
  readonly regions: readonly Region[];
  readonly devices: readonly Device[];
  readonly cells: readonly Cell[];
  readonly channels: readonly Channel[];
  readonly schedule: { readonly initial: string; readonly modes: readonly Mode[] } | undefined;
  readonly health: readonly HealthRule[];
  readonly faults: { readonly plan: ImageFile; readonly armed: boolean } | undefined;
}

export type { Action, Limit, Perms, Plain };

/** The harts that a cell has threads on, vCPUs each. */
export const hartsOf = (
  cell: Pick<CellChecked, 'kind'> & { vcpus?: readonly { hart: number }[]; hart?: number },
): number[] => (cell.kind === 'vm' ? (cell.vcpus ?? []).map((vcpu) => vcpu.hart) : [cell.hart ?? 0]);
