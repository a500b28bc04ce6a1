/**
 * The credential of a caller. It contains hashes instead of secrets. So it can be stored, and it can be checked again
 * later.
 */
export type Credential =
  | { readonly kind: 'token'; readonly name: string | undefined; readonly sha256: string }
  | { readonly kind: 'session'; readonly sessions: readonly string[]; readonly pageSecret: string }
  | { readonly kind: 'none' };
