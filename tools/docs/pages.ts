// The pages of docs/ that are generated from tables in the source.

import { instructionReference } from '../../hw/isa/reference.ts';
import { exitCodesPage } from '../cli/exit-codes.ts';
import { manifestJsonSchema } from '../manifest/json-schema.ts';
import { manifestPage } from '../manifest/reference-page.ts';

/** Path within the project, and the page's text. A test compares them with what is committed. */
export const generatedPages: Readonly<Record<string, () => string>> = {
  'docs/exit-codes.md': exitCodesPage,
  'docs/instructions.md': instructionReference,
  'docs/manifest.md': manifestPage,
  'docs/manifest.schema.json': () => `${JSON.stringify(manifestJsonSchema(), null, 2)}\n`,
};
