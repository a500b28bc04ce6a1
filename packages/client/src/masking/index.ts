export { appendToMaskFile, MaskFile, maxAddedBytes } from './mask-file.ts';
export { canMask, readSecretFiles, SecretMask, type ByteMask } from './secret-mask.ts';
