/**
 * Conditions of a request on the newest artifact of a name (RFC 9110 section 13.1). A condition has entity tags, or `*`
 * for any artifact.
 */
export interface EntityConditions {
  /** The newest artifact must have one of these tags. */
  readonly ifMatch?: '*' | readonly string[] | undefined;
  /** The newest artifact must have none of these tags. */
  readonly ifNoneMatch?: '*' | readonly string[] | undefined;
}

/**
 * Returns true if both conditions hold. `tag` is the tag of the newest artifact, or undefined if there is no artifact.
 */
export function meetsConditions({ ifMatch, ifNoneMatch }: EntityConditions, tag: string | undefined): boolean {
  const isNamed = (tags: '*' | readonly string[]): boolean => tag !== undefined && (tags === '*' || tags.includes(tag));
  if (ifMatch !== undefined && !isNamed(ifMatch)) return false;
  return ifNoneMatch === undefined || !isNamed(ifNoneMatch);
}
