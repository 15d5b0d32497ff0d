// Writes docs/instructions.md from the instruction table: `node dist/tools/docs/instructions.js`, from the project's root.

import { writeFileSync } from 'node:fs';
import { instructionReference } from '../../hw/isa/reference.ts';

writeFileSync('docs/instructions.md', instructionReference());
