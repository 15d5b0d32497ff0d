// The public face of the kernel for those who embed it.

export { type BootOptions, boot, type InitialThread, type Region } from './boot.ts';
export { type CostTable, defaultCosts } from './costs.ts';
export { defaultConfig, Kernel, type KernelConfig, type Machine } from './kernel.ts';
export type { KernelPort, RealmDirectory } from './ports.ts';
export type { Realm, RealmThread } from './realm.ts';
export { loadKernel, type SavedKernel, saveKernel } from './save.ts';
export { Microvisor } from './supervisor.ts';
