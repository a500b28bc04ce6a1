export { spooled } from './archives/spool.ts';
export { contentOfBytes } from './content-of-bytes.ts';
export { environmentMask, type MaskSources } from './environment-mask.ts';
export { maskContent, type MaskedContent } from './mask-content.ts';
export { appendToMaskFile, maxAddedBytes } from './mask-file.ts';
export type { Content } from './scan-content.ts';
export { canMask, type SecretMask } from './secret-mask.ts';
