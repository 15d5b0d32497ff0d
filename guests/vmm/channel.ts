// One end of a channel that the monitor holds, as the plan numbers it.

export interface VmChannel {
  number: number;
  name: string;
  type: 'rpc' | 'notify' | 'stream' | 'queue' | 'sample';
  sends: boolean;
  receives: boolean;
  /** Of a message (queue, sample), in bytes. */
  messageBytes: number;
  /** What a full queue does to its writer. */
  full?: 'block' | 'drop' | 'drop-oldest' | 'fail' | undefined;
}
