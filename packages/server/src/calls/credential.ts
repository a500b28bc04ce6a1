/** How a caller proves who it is, as hashes: can be kept, and asked again later. */
export type Credential =
  | { readonly kind: 'token'; readonly name: string | undefined; readonly sha256: string }
  | { readonly kind: 'session'; readonly sessions: readonly string[]; readonly pageSecret: string }
  | { readonly kind: 'none' };
