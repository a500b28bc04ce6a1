import type { ServerResponse } from 'node:http';

/** An answer of the fake server that `send` writes to the response, for answers that are not JSON. */
export class ByHand {
  readonly send: (response: ServerResponse) => void;

  constructor(send: (response: ServerResponse) => void) {
    this.send = send;
  }
}
