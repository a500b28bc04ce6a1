/** Thrown if an answer of the server violates a requirement. */
export class Mismatch extends Error {
  readonly request: string;
  readonly expected: string;
  readonly seen: string;

  constructor(finding: { request: string; what: string; expected: string; seen: string }) {
    super(`${finding.what} of ${finding.request}: expected ${finding.expected}, seen ${finding.seen}`);
    this.request = finding.request;
    this.expected = `${finding.what}: ${finding.expected}`;
    this.seen = finding.seen;
  }
}
