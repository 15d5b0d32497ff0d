// The version of microvisor.

import { ownPackage } from '../manifest/package-root.ts';

export const version = (): string => ownPackage().version;
