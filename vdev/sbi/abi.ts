// Numbers of the RISC-V Supervisor Binary Interface, version 2.0: extension ids and error codes.

/** Extension ids (EID, in a7). */
export const extensionId = {
  legacySetTimer: 0x00n,
  legacyConsolePutchar: 0x01n,
  legacyConsoleGetchar: 0x02n,
  legacyClearIpi: 0x03n,
  legacySendIpi: 0x04n,
  legacyRemoteFenceI: 0x05n,
  legacyRemoteSfenceVma: 0x06n,
  legacyRemoteSfenceVmaAsid: 0x07n,
  legacyShutdown: 0x08n,
  base: 0x10n,
  time: 0x54494d45n,
  ipi: 0x735049n,
  rfence: 0x52464e43n,
  hsm: 0x48534dn,
  systemReset: 0x53525354n,
  debugConsole: 0x4442434en,
} as const;

/** Standard SBI errors (SBI spec, Binary Encoding). */
export const sbiError = {
  success: 0,
  failed: -1,
  notSupported: -2,
  invalidParam: -3,
  denied: -4,
  invalidAddress: -5,
  alreadyAvailable: -6,
} as const;

export type SbiError = (typeof sbiError)[keyof typeof sbiError];

/** Version 2.0, as sbi_get_spec_version encodes it: major in bits 30 to 24, minor below. */
export const specVersion = 0x0200_0000n;

/** Not in the specification's list of implementations; ASCII "mvis". */
export const implementationId = 0x6d76_6973n;
export const implementationVersion = 1n;
