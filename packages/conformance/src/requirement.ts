/** What a server of this protocol owes, as data: scenarios cite ids, and an id that no scenario cites is a failure. */
export interface Requirement {
  /** Stable, such as `queue.auth.missing`. */
  readonly id: string;
  readonly level: 'must' | 'optional' | 'latitude';
  /** The obligation, in one sentence. */
  readonly text: string;
  /** Where it comes from. */
  readonly source: string;
}

/** What a scenario is given: a server somewhere, and nothing of its insides. */
export interface Target {
  readonly url: string;
  readonly adminToken: string;
}

export interface Scenario {
  readonly name: string;
  readonly requirements: readonly string[];
  /** Throws when the server does not do what the requirements say. */
  readonly run: (target: Target) => Promise<void>;
}
