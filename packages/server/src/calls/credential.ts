/**
 * The credential of a caller, as it is kept in memory to be checked again later. It contains hashes instead of secrets.
 * Only a JWT is contained as text, because its signature must be verified again. It must not be stored or logged.
 */
export type Credential = (
  | {
      readonly kind: 'token';
      readonly name: string | undefined;
      readonly sha256: string;
      /** True if the token has the prefix of user tokens. Only in this case is it looked up among the user tokens. */
      readonly isUserToken: boolean;
      /** The token, if it has the form of a JWT. */
      readonly jwt?: string;
    }
  | { readonly kind: 'session'; readonly sessions: readonly string[]; readonly pageSecret: string }
  | { readonly kind: 'none' }
) & {
  /** The user for whom the call is made, from the header `Proofhouse-Actor`. Undefined if the header is missing. */
  readonly actor?: string | undefined;
};
