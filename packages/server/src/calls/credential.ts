/** The credential of a caller, as hashes: it can be stored and checked again later. */
export type Credential =
  | { readonly kind: 'token'; readonly name: string | undefined; readonly sha256: string }
  | { readonly kind: 'session'; readonly sessions: readonly string[]; readonly pageSecret: string }
  | { readonly kind: 'none' };
