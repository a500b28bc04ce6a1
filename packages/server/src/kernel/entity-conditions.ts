/** Conditions on what a name shows now (RFC 9110 section 13.1): entity tags, or `*` for anything. */
export interface EntityConditions {
  /** What is there must have one of these tags. */
  readonly ifMatch?: '*' | readonly string[] | undefined;
  /** What is there must have none of these tags. */
  readonly ifNoneMatch?: '*' | readonly string[] | undefined;
}

/** `tag`: of what is there now; undefined when there is nothing. */
export function meetsConditions({ ifMatch, ifNoneMatch }: EntityConditions, tag: string | undefined): boolean {
  const isNamed = (tags: '*' | readonly string[]): boolean => tag !== undefined && (tags === '*' || tags.includes(tag));
  if (ifMatch !== undefined && !isNamed(ifMatch)) return false;
  return ifNoneMatch === undefined || !isNamed(ifNoneMatch);
}
