/** What an error says, for people: the name of its class is no help to them. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
