/** Returns the message of an error for people, without the name of its class. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
