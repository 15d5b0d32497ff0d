// What a budget takes of its hart.

import type { DocumentPath } from '../diagnostic.ts';

export interface Budget {
  cpu: number;
  period: number;
}

export interface Share extends Budget {
  cell: string;
  hart: number;
  path: DocumentPath;
}

export const percent = (part: number): string => `${Math.round(part * 1000) / 10} %`;
export const ratio = (share: Budget): string => percent(share.cpu / share.period);
