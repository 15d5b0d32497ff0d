// Where what surrounds a random program lies in memory.

export const ram = 0x8000_0000n;
export const ramSize = 0x20_0000;
export const supervisorPage = ram + 0x3000n;
export const programStart = ram + 0x4000n;
/** Pages of the program; what does not fit is refused. */
export const programPages = 56;
export const dataStart = ram + 0x4_0000n;
export const dataPages = 8;
export const hartPages = ram + 0x5_0000n;
export const tablesStart = ram + 0x6_0000n;

/** Where the program appears besides its physical address: its pages in another order, and all of RAM as one large page. */
export const shuffled = 0x10_0000_0000n;
export const large = 0x20_0000_0000n;
export const top = 0xffff_ffc0_0000_0000n;
export const dataAlias = 0x30_0000_0000n;
/** Two physical pages of the program, and where one of them appears; which one, is an entry's lowest PPN bit. */
export const windowPages = [programPages - 2, programPages - 1] as const;
export const windowStart = programStart + 0x100_0000n;

export const aclintPages = [0x200_0000n, 0x200_4000n, 0x200_b000n];
export const uartPage = 0x1000_0000n;
