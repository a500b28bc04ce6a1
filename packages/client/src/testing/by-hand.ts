import type { ServerResponse } from 'node:http';

/** An answer that the test writes itself, not as JSON. */
export class ByHand {
  readonly send: (response: ServerResponse) => void;

  constructor(send: (response: ServerResponse) => void) {
    this.send = send;
  }
}
