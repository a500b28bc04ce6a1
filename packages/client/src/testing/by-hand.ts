import type { ServerResponse } from 'node:http';

/** An answer that is not JSON. The fake server calls `send`, which writes the response itself. */
export class ByHand {
  readonly send: (response: ServerResponse) => void;

  constructor(send: (response: ServerResponse) => void) {
    this.send = send;
  }
}
