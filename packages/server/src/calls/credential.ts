/** The credential of a caller. It contains hashes instead of secrets, so it can be stored and checked again later. */
export type Credential = (
  | {
      readonly kind: 'token';
      readonly name: string | undefined;
      readonly sha256: string;
      /** True if the token has the prefix of user tokens. Only in this case is it looked up among the user tokens. */
      readonly isUserToken: boolean;
    }
  | { readonly kind: 'session'; readonly sessions: readonly string[]; readonly pageSecret: string }
  | { readonly kind: 'none' }
) & {
  /** The user for whom the call is made, from the header `Proofhouse-Actor`. Undefined if the header is missing. */
  readonly actor?: string | undefined;
};
