import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * A simulated network between a Proofhouse server and its database. It forwards connections until `fallSilent` is
 * called.
 */
export class TestNetwork {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets: ReadonlySet<Socket>;

  private constructor(url: string, server: Server, sockets: ReadonlySet<Socket>) {
    this.url = url;
    this.#server = server;
    this.#sockets = sockets;
  }

  static async before(databaseUrl: string): Promise<TestNetwork> {
    const url = new URL(databaseUrl);
    const port = Number(url.port);
    const sockets = new Set<Socket>();
    const server = createServer((near) => {
      const far = connect(port, url.hostname);
      near.pipe(far).pipe(near);
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
      }
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    url.port = String((server.address() as AddressInfo).port);
    return new TestNetwork(url.href, server, sockets);
  }

  /** After this call, existing connections stay open but forward nothing. New connections work. */
  fallSilent(): void {
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
